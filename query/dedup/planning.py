"""Which images of a folder are new, and which repeat an earlier one?"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial

from nearframe.embeddings import (
    Embedder,
    Fingerprint,
    Frame,
    MakeEmbedder,
    NearframeError,
    Progress,
    Silent,
    SourceError,
    Unreadable,
    resolve_embedder,
    shown,
)
from nearframe.embeddings.sources import File
from nearframe.index import FrameIndex

from ..cameras import Naming
from ..plans.plan import DedupPlan, DroppedFile, KeptFile, PlannedFile, now
from ..plans.rules import ANY_DISTANCE, Against, ChangeSettings, DedupRules, Keep, Method, Window
from ..threshold import require_threshold
from .decider import Decider
from .greedy import Decision
from .images import Images, Order, OrderedImage, images_of_folder, images_of_index
from .pictures import Detections, Seen, look_at
from .representatives import Group, Representatives
from .stream import Batch, embedded, indexed, looked_at


@dataclass(frozen=True, slots=True)
class DedupOptions:
    """What a user may say about a deduplication.

    Attributes:
        method: How images are compared; by default ``hybrid`` where the names tell cameras, and
            else ``embedding``.
        threshold: Cosine in [-1, 1] from which images are alike. By default, for ``embedding`` the
            one calibrated for the index, or else for the weights; any for ``hybrid``.
        change: How changes are found, for ``change`` and ``hybrid``.
        against: What an image is compared with.
        window: How far back.
        across_cameras: Whether images of different cameras are compared.
        keep: Which image of a run of repeats represents it.
        protect: Folders whose images only serve as references, and are never touched.
        recursive: Whether a folder is searched with its sub-folders.
        naming: How to read camera and time from the names of files.
    """

    method: Method | None = None
    threshold: float | None = None
    change: ChangeSettings | None = None
    against: Against = "kept"
    window: Window = ANY_DISTANCE
    across_cameras: bool = False
    keep: Keep = "first"
    protect: tuple[str | os.PathLike[str], ...] = ()
    recursive: bool = False
    naming: Naming | None = None


def plan_dedup(
    source: str | os.PathLike[str],
    options: DedupOptions | None = None,
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: Progress | None = None,
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
        return _plan(job, progress or Silent())


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a deduplication needs to know before it looks at the first image.

    Attributes:
        images: What is looked at.
        rules: How it is decided.
        detections: How changes are found; None where they are not looked for.
        fingerprint: What the vectors are made with; None where there are none.
        batches: Yields the images with what is compared of them.
        indexed: The index that vectors come from, if any.
    """

    images: Images
    rules: DedupRules
    detections: Detections | None
    fingerprint: Fingerprint | None
    batches: Callable[[], Iterator[Batch]]
    indexed: FrameIndex | None


def prepare(
    source: str | os.PathLike[str],
    options: DedupOptions,
    embedder: Embedder | MakeEmbedder | None,
    stack: ExitStack,
) -> Job:
    """Check everything and list the images.

    Args:
        source: As of `plan_dedup`, and so are `options` and `embedder`.
        options: Likewise.
        embedder: Likewise.
        stack: Closes the index at the end.

    Raises:
        SourceError: As of `plan_dedup`.
        NearframeError: As of `plan_dedup`.
    """
    index = None
    if FrameIndex.exists(source):
        index = stack.enter_context(FrameIndex.open(source))
    images = _listed(source, index, options)
    method = options.method or ("hybrid" if images.recognised else "embedding")
    made = fingerprint = used = None
    if method != "change":
        made, fingerprint = _embedder(index, embedder)
        # The pictures decide in the end, so nobody needs to know a cosine for these weights.
        if method == "embedding" or options.threshold is not None:
            used = require_threshold(options.threshold, index, fingerprint)
    elif options.threshold is not None:
        raise NearframeError(
            f"threshold {options.threshold:g} is a cosine, and method change compares no vectors; "
            "give the changed area from which a frame is new"
        )
    rules = DedupRules(
        method=method,
        threshold=None if used is None else used.value,
        threshold_origin=None if used is None else used.origin,
        change=None if method == "embedding" else options.change or ChangeSettings(),
        against=options.against,
        window=options.window,
        across_cameras=options.across_cameras,
        keep=options.keep,
    )
    detections = None if rules.change is None else Detections(rules.change, images.cameras)
    look = partial(_look, detections, options.keep)
    needs_pixels = detections is not None or options.keep != "first"
    batches: Callable[[], Iterator[Batch]]
    if method == "change":
        batches = partial(looked_at, images, look)
    elif index is not None:
        batches = partial(indexed, index, images, look if needs_pixels else None)
    else:
        assert made is not None
        batches = partial(embedded, images, made, look if needs_pixels else None)
    return Job(images, rules, detections, fingerprint, batches, index)


def _listed(
    source: str | os.PathLike[str], index: FrameIndex | None, options: DedupOptions
) -> Images:
    order = Order(
        naming=options.naming or Naming(),
        protect=options.protect,
        timed=options.window.seconds is not None,
        across_cameras=options.across_cameras,
    )
    if index is not None:
        return images_of_index(index, order)
    return images_of_folder(source, order, recursive=options.recursive)


def _embedder(
    index: FrameIndex | None, given: Embedder | MakeEmbedder | None
) -> tuple[Embedder | None, Fingerprint]:
    """Return what makes the vectors, and their fingerprint; an index has them already."""
    if index is None:
        made = resolve_embedder(given, None, holder="")
        return made, made.fingerprint
    if isinstance(given, Embedder):
        resolve_embedder(given, index.fingerprint, holder=f"the index {shown(index.path)}")
    return None, index.fingerprint


def _look(detections: Detections | None, keep: Keep, frame: Frame, image: OrderedImage) -> Seen:
    detection = None if detections is None else detections.of(image.camera)
    return look_at(frame.image, detection, keep)


def _plan(job: Job, progress: Progress) -> DedupPlan:
    progress.start(shown(job.images.folder), len(job.images.ordered))
    decider = Decider(job.rules, job.detections)
    files: list[PlannedFile] = []
    decisions: list[Decision] = []
    protected: list[bool] = []
    unreadable = list(job.images.problems)
    with Representatives(job.rules, decider.compare, len(job.images.ordered)) as representatives:
        for batch in job.batches():
            unreadable += batch.unreadable
            # Before they are compared: what is gone again must not represent anything.
            rows = []
            for row, image in enumerate(batch.images):
                file = _planned_file(job, image)
                if isinstance(file, Unreadable):
                    unreadable.append(file)
                    continue
                rows.append(row)
                files.append(file)
                protected.append(image.protected)
            images = [batch.images[row] for row in rows]
            vectors = None if batch.vectors is None else batch.vectors[rows]
            seen = None if batch.seen is None else [batch.seen[row] for row in rows]
            decisions += decider.add(images, vectors, seen)
            representatives.add(images, vectors, seen)
            progress.advance(len(batch.images) + len(batch.unreadable))
        if not files:
            raise SourceError(
                job.images.folder, f"none of its {len(unreadable)} images can be read"
            )
        groups = representatives.choose(decisions)
    return DedupPlan(
        folder=job.images.folder,
        kept=tuple(_kept(files, groups, protected)),
        dropped=tuple(_dropped(files, groups)),
        # Absolute, because a plan may be read from another folder.
        unreadable=tuple(
            replace(entry, source=os.path.abspath(entry.source))  # noqa: PTH100
            for entry in unreadable
        ),
        rules=job.rules,
        fingerprint=job.fingerprint,
        created=now(),
        protected=tuple(file for file, is_one in zip(files, protected, strict=True) if is_one),
    )


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
        )


def _dropped(files: Sequence[PlannedFile], groups: Sequence[Group]) -> Iterator[DroppedFile]:
    repeats = {position: why for group in groups for position, why in group.repeats.items()}
    for position, decision in sorted(repeats.items()):
        assert decision.nearest is not None
        yield DroppedFile(
            **asdict(files[position]),
            repeats=files[decision.nearest].file,
            similarity=_rounded(decision.similarity),
            change=_rounded(decision.change),
        )


def _rounded(value: float | None) -> float | None:
    # float32 sums of equal pictures differ from the seventh digit on.
    return None if value is None else round(value, 6)
