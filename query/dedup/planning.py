"""Which images of a folder are new, and which repeat an earlier one?"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace

from nearframe.common import Progress, ProgressOption, SourceError, as_progress
from nearframe.embeddings import Embedder, MakeEmbedder, Unreadable
from nearframe.embeddings.sources import File

from .decider import Decider
from .frames import FrameBatch
from .greedy import Decision
from .images import OrderedImage
from .job import Job, prepare
from .options import DedupOptions
from .pipeline import decide_all
from .plan import DedupPlan, DroppedFile, KeptFile, NotedFile, PlannedFile, name_in, now
from .representatives import Group, Representatives


def plan_dedup(
    source: str | os.PathLike[str],
    options: DedupOptions | None = None,
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: ProgressOption = None,
) -> DedupPlan:
    """Plan which images to drop. Changes nothing.

    Images are taken camera by camera, in the order of their times where the names tell them, and
    else in natural order of their names.

    Args:
        source: A folder, or an index, whose images are then not embedded again.
        options: How to compare them.
        embedder: An embedder or a function that makes one; by default one with the built-in
            weights. An index needs none.
        progress: Told what the plan is at.

    Raises:
        SourceError: If there are no images in `source`, or none can be decoded.
        NearframeError: If an option is out of range, or the weights have no default threshold.
    """
    with ExitStack() as stack:
        job = prepare(source, options or DedupOptions(), embedder, stack)
        return plan_job(job, as_progress(progress))


def plan_job(job: Job, progress: Progress) -> DedupPlan:
    """Plan what a job asks for.

    Raises:
        SourceError: If none of its images can be read.
    """
    decider = Decider(job.rules, job.detections, job.evidence, job.pictures)
    unchanged = _UnchangedFiles(job)
    count = len(job.images.ordered)
    with Representatives(job.rules, decider.areas, decider.admits, count) as representatives:
        sink = _PlanSink(representatives)
        decide_all(unchanged, decider, sink, progress)
        if not unchanged.files and not job.images.tiny:
            raise SourceError(
                job.images.folder, f"none of its {len(unchanged.unreadable)} images can be read"
            )
        groups = representatives.choose(sink.decisions)
    files, protected = unchanged.files, sink.protected
    dropped = tuple(_dropped(files, groups))
    return DedupPlan(
        folder=job.images.folder,
        kept=tuple(_kept(files, groups, protected)),
        dropped=dropped,
        # Absolute, because a plan may be read from another folder.
        unreadable=tuple(
            replace(entry, source=os.path.abspath(entry.source))  # noqa: PTH100
            for entry in unchanged.unreadable
        ),
        rules=job.rules,
        recall=decider.recall,
        fingerprint=job.fingerprint,
        created=now(),
        protected=tuple(file for file, is_one in zip(files, protected, strict=True) if is_one),
        protected_folders=job.protected_folders,
        planned_drops=tuple(file.file for file in dropped),
        tiny=tuple(_tiny(job)),
        uninformative=tuple(
            NotedFile(name_in(job.images.folder, path), reason)
            for path, reason in job.evidence.uninformative.items()
        ),
    )


class _UnchangedFiles:
    """The images of a job but for those that changed since they were listed: a `FrameSource`.

    Attributes:
        files: Those that were yielded, as a plan describes them.
        unreadable: The others.
    """

    def __init__(self, job: Job) -> None:
        self.path = job.source.path
        self.frame_count = job.source.frame_count
        self.files: list[PlannedFile] = []
        self.unreadable = list(job.images.problems)
        self._job = job

    def batches(self) -> Iterator[FrameBatch[OrderedImage]]:
        """Yield what is there: what is gone again must not represent anything."""
        for batch in self._job.source.batches():
            rows = []
            gone = []
            for row, image in enumerate(batch.frames):
                file = _planned_file(self._job, image)
                if isinstance(file, Unreadable):
                    gone.append(file)
                else:
                    rows.append(row)
                    self.files.append(file)
            batch = batch.only(rows, unreadable=(*batch.unreadable, *gone))
            self.unreadable += batch.unreadable
            yield batch


class _PlanSink:
    """Remembers what becomes of images: a `DecisionSink`."""

    def __init__(self, representatives: Representatives) -> None:
        self.decisions: list[Decision] = []
        self.protected: list[bool] = []
        self._representatives = representatives

    def add(self, batch: FrameBatch[OrderedImage], decisions: Sequence[Decision]) -> None:
        """Take the next images, and one decision for each."""
        self.decisions += decisions
        self.protected += [image.protected for image in batch.frames]
        self._representatives.add(batch)


def _tiny(job: Job) -> Iterator[NotedFile]:
    for image, (width, height) in job.images.tiny:
        name = name_in(job.images.folder, image.file.path)
        yield NotedFile(name, f"{width}x{height} pixels")


def _planned_file(job: Job, image: OrderedImage) -> PlannedFile | Unreadable:
    """Describe the file of an image, unless it is not any more what was looked at."""
    path = image.file.path
    try:
        file = PlannedFile.look_at(
            job.images.folder,
            path,
            camera=image.camera,
            time=None if image.time is None else image.time.isoformat(timespec="milliseconds"),
        )
    except OSError as error:
        reason = f"cannot be read any more ({error.strerror or error})"
        return Unreadable(path, image.file.number, reason)
    now_there = File.look_at(path)
    if (now_there.size, now_there.mtime_ns) != (image.file.size, image.file.mtime_ns):
        reason = "changed while it was looked at; run dedup again"
        return Unreadable(path, image.file.number, reason)
    if job.indexed is not None:
        state = job.indexed.catalog.file(path)
        if state is None or state.sha256 != file.sha256:
            reason = "changed since it was indexed; run buildIndex --rehash"
            return Unreadable(path, image.file.number, reason)
    return file


def _kept(
    files: Sequence[PlannedFile], groups: Sequence[Group], protected: Sequence[bool]
) -> Iterator[KeptFile]:
    for group in groups:
        if protected[group.representative]:
            continue
        decision = group.decision
        yield KeptFile(
            **asdict(files[group.representative]),
            nearest=None if decision.nearest is None else files[decision.nearest].file,
            similarity=_rounded(decision.similarity),
            change=_rounded(decision.change),
            reason=group.reason,
        )


def _dropped(files: Sequence[PlannedFile], groups: Sequence[Group]) -> Iterator[DroppedFile]:
    repeats = {position: why for group in groups for position, why in group.repeats.items()}
    reasons = {position: why for group in groups for position, why in group.reasons.items()}
    for position, decision in sorted(repeats.items()):
        assert decision.nearest is not None
        yield DroppedFile(
            **asdict(files[position]),
            repeats=files[decision.nearest].file,
            similarity=_rounded(decision.similarity),
            change=_rounded(decision.change),
            reason=reasons.get(position),
        )


def _rounded(value: float | None) -> float | None:
    # float32 sums of equal pictures differ from the seventh digit on.
    return None if value is None else round(value, 6)
