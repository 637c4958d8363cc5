"""What a deduplication compares, read once and kept so that it can be gone over many times."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Literal

import numpy as np

from nearframe.common import Progress, Silent, SourceError, shown, temporary_file
from nearframe.embeddings import Embedder, MakeEmbedder, Unreadable, Vectors
from nearframe.index import Recall

from ..change.light import Grey
from .decider import Decider, Measured
from .frames import FrameBatch
from .greedy import Decision
from .images import OrderedImage
from .job import Job, prepare
from .options import DedupOptions
from .pictures import Inspection, PictureSpool
from .pipeline import DecisionSink, decide_all
from .representatives import spooled_vectors
from .rules import DedupRules

ThresholdKind = Literal["similarity", "change"]

_BATCH = 256
_STEPS = 14


@contextmanager
def collected(
    source: str | os.PathLike[str],
    options: DedupOptions,
    embedder: Embedder | MakeEmbedder | None,
    progress: Progress,
) -> Iterator["CollectedFrames"]:
    """Read all images once.

    Args:
        source: A folder, or an index, whose images are then not embedded again.
        options: How to compare them.
        embedder: An embedder or a function that makes one; None for the built-in weights.
        progress: Told what this is at.

    Raises:
        SourceError: If there are no images in `source`, or none can be decoded.
        NearframeError: If an option is out of range.
    """
    with ExitStack() as stack:
        job = prepare(source, options, embedder, stack, unknown_threshold=True)
        file = stack.enter_context(temporary_file("note what is compared"))
        vectors = None
        if job.rules.cosine is not None:
            vectors = stack.enter_context(spooled_vectors(len(job.images.ordered)))
        frames = CollectedFrames(job, vectors, PictureSpool(file))
        frames.fill(progress)
        yield frames


class CollectedFrames:
    """What is compared of all images, in temporary files, to be gone over again: a `FrameSource`.

    Attributes:
        job: What was read.
        unreadable: What could not be read.
        recall: The lowest that was measured of approximate comparisons; None while all were exact.
    """

    def __init__(self, job: Job, vectors: Vectors | None, pictures: PictureSpool) -> None:
        self.job = job
        self.path = job.source.path
        self.frame_count = job.source.frame_count
        self.unreadable: tuple[Unreadable, ...] = job.images.problems
        self.recall: Recall | None = None
        self._vectors = vectors
        self._pictures = _SpooledPictures(pictures)
        self._images: list[OrderedImage] = []
        self._sharpness: list[float] = []
        self._measured: Measured = {}

    def fill(self, progress: Progress) -> None:
        """Read all images.

        Raises:
            SourceError: If none can be read.
        """
        progress.start(shown(self.path), self.frame_count)
        for batch in self.job.source.batches():
            start = len(self._images)
            if self._vectors is not None and batch.vectors is not None:
                self._vectors[start : start + len(batch.frames)] = batch.vectors
            for image, entry in zip(batch.frames, batch.inspections or (), strict=False):
                self._sharpness.append(entry.sharpness)
                if entry.picture is not None:
                    self._pictures.keep(image, entry.picture)
            self.job.evidence.note(batch)
            self._images += batch.frames
            self.unreadable += batch.unreadable
            progress.advance(len(batch.frames) + len(batch.unreadable))
        if not self._images:
            tiny = len(self.job.images.tiny)
            reason = f"none of its {len(self.unreadable) + tiny} images can be read"
            if tiny:
                reason += f", or they are smaller than {self.job.rules.min_side} pixels"
            raise SourceError(self.job.images.folder, reason)

    @property
    def kind(self) -> ThresholdKind:
        """What the thresholds are."""
        return "similarity" if self.job.rules.method == "embedding" else "change"

    @property
    def total(self) -> int:
        """How many frames are decided about."""
        return sum(not image.protected for image in self._images)

    def threshold_for(self, wanted: int) -> float:
        """Return the threshold that keeps about so many frames."""
        if self.kind == "similarity":
            levels = self._similarities()
            return _closest(lambda step: levels[step], len(levels), self.kept_at, wanted)
        assert self.job.rules.change is not None
        least = math.log(max(self.job.rules.change.min_diff_area, 1e-4))
        count = 2**_STEPS
        # Evenly in the logarithm, from the least area that counts to the whole picture.
        return _closest(
            lambda step: round(math.exp(least * (1 - step / (count - 1))), 6),
            count,
            self.kept_at,
            wanted,
        )

    def kept_at(self, threshold: float) -> int:
        """Return how many frames stay at a threshold."""
        counts = _Counts()
        self.decide_at(threshold, counts)
        return counts.kept

    def image_at(self, position: int) -> OrderedImage:
        """Return an image by its position among all that could be read."""
        return self._images[position]

    def decide_at(self, threshold: float, sink: DecisionSink[OrderedImage]) -> None:
        """Decide about the images at a threshold.

        Args:
            threshold: A cosine or a changed area, see `kind`.
            sink: Takes the images with what becomes of them, in order.
        """
        self._decide(self.rules_at(threshold), self._measured, sink)

    def rules_at(self, threshold: float) -> DedupRules:
        """Return the rules with another threshold."""
        rules = self.job.rules
        if self.kind == "similarity":
            return replace(
                rules, threshold=threshold, threshold_origin="given", threshold_count=None
            )
        assert rules.change is not None
        return replace(rules, change=replace(rules.change, change_threshold=threshold))

    def job_at(self, threshold: float) -> Job:
        """Return the job with another threshold, which reads what was collected."""
        return replace(
            self.job, rules=self.rules_at(threshold), source=self, pictures=self._pictures
        )

    def batches(self) -> Iterator[FrameBatch[OrderedImage]]:
        """Yield all images once more."""
        yield FrameBatch((), unreadable=self.unreadable[len(self.job.images.problems) :])
        for start in range(0, len(self._images), _BATCH):
            end = min(start + _BATCH, len(self._images))
            vectors = None if self._vectors is None else np.array(self._vectors[start:end])
            facts = tuple(Inspection(None, value) for value in self._sharpness[start:end])
            yield FrameBatch(tuple(self._images[start:end]), vectors, facts or None)

    def _decide(
        self, rules: DedupRules, measured: Measured | None, sink: DecisionSink[OrderedImage]
    ) -> None:
        job = self.job
        decider = Decider(rules, job.detections, job.evidence, self._pictures, measured=measured)
        decide_all(self, decider, sink, Silent())
        recall = decider.recall
        if recall is not None and (self.recall is None or recall.at_1 < self.recall.at_1):
            self.recall = recall

    def _similarities(self) -> list[float]:
        """Return the cosines of frames to the nearest earlier one, the highest first, each once."""
        everything = replace(
            self.job.rules,
            threshold=1.0,
            threshold_origin="given",
            threshold_count=None,
            against="all",
            keep="first",
        )
        found = _Similarities()
        self._decide(everything, None, found)
        return sorted(found.values, reverse=True)


class _SpooledPictures:
    """Pictures of images in a temporary file: a `PictureStore`."""

    def __init__(self, spool: PictureSpool) -> None:
        self._spool = spool

    def keep(self, frame: OrderedImage, picture: Grey) -> None:
        self._spool.keep(frame.key, picture)

    def read(self, frame: OrderedImage) -> Grey:
        return self._spool.read(frame.key)


class _Counts:
    """Counts the frames that stay: a `DecisionSink`."""

    def __init__(self) -> None:
        self.kept = 0

    def add(self, batch: FrameBatch[OrderedImage], decisions: Sequence[Decision]) -> None:
        pairs = zip(batch.frames, decisions, strict=True)
        self.kept += sum(decision.keep and not image.protected for image, decision in pairs)


class _Similarities:
    """Collects the cosines of frames to the nearest earlier one: a `DecisionSink`."""

    def __init__(self) -> None:
        self.values = {1.0}

    def add(self, batch: FrameBatch[OrderedImage], decisions: Sequence[Decision]) -> None:  # noqa: ARG002
        # To the plan's precision, so that the threshold can be given again.
        self.values.update(
            round(decision.similarity, 6)
            for decision in decisions
            if decision.similarity is not None
        )


def _closest(
    threshold: Callable[[int], float], count: int, kept_at: Callable[[float], int], wanted: int
) -> float:
    """Return the threshold, of `count` that keep less and less, that keeps about as many as wanted.

    Bisection: the counts fall with the thresholds, but for a frame here and there.
    """
    low, high = 0, count - 1
    tried = {step: kept_at(threshold(step)) for step in (low, high)}
    while high - low > 1:
        middle = (low + high) // 2
        tried[middle] = kept_at(threshold(middle))
        if tried[middle] == wanted:
            break
        if tried[middle] > wanted:
            low = middle
        else:
            high = middle
    # Of equally good ones, the one that keeps more: a frame too many costs less than one too few.
    return threshold(min(tried, key=lambda step: (abs(tried[step] - wanted), -tried[step])))
