"""Everything that a deduplication compares, kept so that it can be gone over many times."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Literal

import numpy as np

from nearframe.common import Progress, SourceError, shown, temporary_file
from nearframe.embeddings import Embedder, MakeEmbedder, Unreadable, Vectors
from nearframe.index import Recall

from .decider import Decider, Measured
from .greedy import Decision
from .images import OrderedImage
from .job import DedupOptions, Job, prepare
from .pictures import PictureSpool, Seen
from .representatives import spooled_vectors
from .rules import DedupRules
from .stream import Batch

ThresholdKind = Literal["similarity", "change"]

_BATCH = 256
_STEPS = 14


@contextmanager
def gathered(
    source: str | os.PathLike[str],
    options: DedupOptions,
    embedder: Embedder | MakeEmbedder | None,
    progress: Progress,
) -> Iterator["Gathered"]:
    """Look at all images; the arguments are those of `plan_dedup`.

    Raises:
        SourceError: As of `plan_dedup`.
        NearframeError: As of `plan_dedup`.
    """
    with ExitStack() as stack:
        job = prepare(source, options, embedder, stack, unknown_threshold=True)
        file = stack.enter_context(temporary_file("note what is compared"))
        vectors = None
        if job.rules.cosine is not None:
            vectors = stack.enter_context(spooled_vectors(len(job.images.ordered)))
        everything = Gathered(job, vectors, PictureSpool(file))
        everything.fill(progress)
        yield everything


class Gathered:
    """Everything that is compared, in temporary files, so that it can be gone over many times.

    Attributes:
        job: What was gathered.
        unreadable: What could not be read.
        recall: The lowest that was measured of approximate comparisons; None while all were exact.
    """

    def __init__(self, job: Job, vectors: Vectors | None, pictures: PictureSpool) -> None:
        self.job = job
        self.unreadable: tuple[Unreadable, ...] = job.images.problems
        self.recall: Recall | None = None
        self._vectors = vectors
        self._pictures = pictures
        self._images: list[OrderedImage] = []
        self._sharpness: list[float] = []
        self._measured: Measured = {}

    def fill(self, progress: Progress) -> None:
        """Look at all images.

        Raises:
            SourceError: If none can be read.
        """
        progress.start(shown(self.job.images.folder), len(self.job.images.ordered))
        for batch in self.job.batches():
            start = len(self._images)
            if self._vectors is not None and batch.vectors is not None:
                self._vectors[start : start + len(batch.images)] = batch.vectors
            for position, seen in enumerate(batch.seen or (), start):
                self._sharpness.append(seen.sharpness)
                if seen.picture is not None:
                    self._pictures.append(position, seen.picture)
            self.job.evidence.look_at(batch.images, batch.thumbnails)
            self._images += batch.images
            self.unreadable += batch.unreadable
            progress.advance(len(batch.images) + len(batch.unreadable))
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
        return sum(
            decision.keep and not image.protected for image, decision in self.decided_at(threshold)
        )

    def image_at(self, position: int) -> OrderedImage:
        """Return an image by its position in `decided_at`."""
        return self._images[position]

    def decided_at(self, threshold: float) -> Iterator[tuple[OrderedImage, Decision]]:
        """Yield the images, in order, with what becomes of them at a threshold."""
        decider = Decider(
            self.rules_at(threshold),
            self.job.detections,
            self.job.evidence,
            read=self._pictures.read,
            measured=self._measured,
        )
        for start, images in self._slices():
            vectors = None if self._vectors is None else self._vectors[start : start + len(images)]
            yield from zip(images, decider.add(images, vectors, None), strict=True)
        self._note(decider)

    def rules_at(self, threshold: float) -> DedupRules:
        """Return the rules with another threshold."""
        rules = self.job.rules
        if self.kind == "similarity":
            return replace(
                rules, threshold=threshold, threshold_origin="given", threshold_count=None
            )
        assert rules.change is not None
        return replace(rules, change=replace(rules.change, change_threshold=threshold))

    def batches(self) -> Iterator[Batch]:
        """Yield what was gathered once more."""
        yield Batch((), None, None, self.unreadable[len(self.job.images.problems) :])
        for start, images in self._slices():
            positions = range(start, start + len(images))
            seen = None
            if self._sharpness:
                seen = tuple(
                    Seen(
                        None if self.job.detections is None else self._pictures.read(position),
                        self._sharpness[position],
                    )
                    for position in positions
                )
            vectors = None if self._vectors is None else np.array(self._vectors[positions])
            yield Batch(tuple(images), vectors, seen, ())

    def _note(self, decider: Decider) -> None:
        """Note how often a decider found the nearest."""
        recall = decider.recall
        if recall is not None and (self.recall is None or recall.at_1 < self.recall.at_1):
            self.recall = recall

    def _slices(self) -> Iterator[tuple[int, list[OrderedImage]]]:
        for start in range(0, len(self._images), _BATCH):
            yield start, self._images[start : start + _BATCH]

    def _similarities(self) -> list[float]:
        """Return the cosines of frames to the nearest earlier one, the highest first, each once."""
        assert self._vectors is not None
        everything = replace(
            self.job.rules,
            threshold=1.0,
            threshold_origin="given",
            threshold_count=None,
            against="all",
            keep="first",
        )
        decider = Decider(everything, None, self.job.evidence)
        found = {1.0}
        for start, images in self._slices():
            for decision in decider.add(images, self._vectors[start : start + len(images)], None):
                if decision.similarity is not None:
                    # To the plan's precision, so that the threshold can be given again.
                    found.add(round(decision.similarity, 6))
        self._note(decider)
        return sorted(found, reverse=True)


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
