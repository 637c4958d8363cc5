"""How many frames stay at which threshold, and the threshold that keeps about a wanted number."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nearframe.common import NearframeError, ProgressOption, Silent, as_progress, short_repr, shown
from nearframe.embeddings import Embedder, MakeEmbedder, Unreadable
from nearframe.index import Recall

from .collected import CollectedFrames, ThresholdKind, collected
from .frames import FrameBatch
from .greedy import Decision
from .images import OrderedImage
from .options import DedupOptions
from .plan import DedupPlan
from .planning import plan_job
from .rules import DedupRules
from .sweep_steps import sweep_steps


@dataclass(frozen=True, slots=True)
class SweepPair:
    """Two images that a threshold decides about.

    Attributes:
        earlier: Path of the one that stays.
        later: Path of the other.
        camera: Which camera took the later one; None where its name does not tell.
        similarity: Cosine of the two, in [-1, 1]; None where vectors are not compared.
        change: Changed area of the two, in [0, 1]; None where that was not looked at.
        repeat: Whether the later one is dropped for the earlier one.
    """

    earlier: str
    later: str
    camera: str | None
    similarity: float | None
    change: float | None
    repeat: bool


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """How many frames stay at a threshold.

    Attributes:
        threshold: The threshold.
        kept: How many frames stay.
        pair: Those compared ones whose similarity, or changed area, comes nearest to it; None
            where nothing was compared.
    """

    threshold: float
    kept: int
    pair: SweepPair | None = None


@short_repr
@dataclass(frozen=True, slots=True)
class Sweep:
    """How many frames stay at a range of thresholds.

    Attributes:
        kind: What the thresholds are: cosines, or changed areas.
        points: From the threshold that keeps most on, in fixed steps around the usual one.
        total: How many frames there are.
        rules: What else was decided by.
        folder: Absolute path that the images lie below.
        usual: The threshold that counts without a sweep; None where nothing has one.
        unreadable: Files that could not be read.
        recall: How often the nearest earlier frame was found where frames were compared
            approximately, the lowest of all thresholds; None where all comparisons were exact.
    """

    kind: ThresholdKind
    points: tuple[SweepPoint, ...]
    total: int
    rules: DedupRules
    folder: str
    usual: float | None
    unreadable: tuple[Unreadable, ...]
    recall: Recall | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """How many frames are to stay: a share of all, in (0, 1], or a number."""

    share: float | None = None
    frames: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read ``20%`` or ``500``.

        Raises:
            NearframeError: If it is neither.
        """
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%", text)
        if found and 0 < float(found[1]) <= 100:
            return cls(share=float(found[1]) / 100)
        if re.fullmatch(r"[0-9]+", text) and int(text) > 0:
            return cls(frames=int(text))
        raise NearframeError(
            f"{shown(text)} is no target; expected a percentage from 0 to 100, as in 20%, or a "
            "number of frames"
        )

    def of(self, total: int) -> int:
        """Return how many of `total` frames are wanted, at least 1."""
        wanted = self.frames if self.share is None else round(self.share * total)
        return max(1, min(wanted or 1, total))


def sweep_dedup(
    source: str | os.PathLike[str],
    options: DedupOptions | None = None,
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: ProgressOption = None,
) -> Sweep:
    """Count the frames that stay at a range of thresholds; embeds and decodes only once.

    The thresholds are cosines for ``embedding``, and changed areas for ``change`` and ``hybrid``;
    see `sweep_steps`.

    Args:
        source: A folder, or an index, whose images are then not embedded again.
        options: How to compare them.
        embedder: An embedder or a function that makes one; by default one with the built-in
            weights. An index needs none.
        progress: Told what this is at.

    Raises:
        SourceError: If there are no images in `source`, or none can be decoded.
        NearframeError: If an option is out of range.
    """
    options = options or DedupOptions()
    with collected(source, options, embedder, as_progress(progress)) as frames:
        usual = _usual(frames.job.rules, options)
        points = [_point(frames, value) for value in sweep_steps(frames.kind, usual)]
        return Sweep(
            frames.kind,
            tuple(points),
            frames.total,
            frames.job.rules,
            frames.job.images.folder,
            usual,
            frames.unreadable,
            frames.recall,
        )


def _usual(rules: DedupRules, options: DedupOptions) -> float | None:
    if rules.change is not None:
        return rules.change.change_threshold
    # Where nothing has a threshold, `collected` took one that nobody gave.
    invented = rules.threshold_origin == "given" and options.threshold is None
    return None if invented else rules.threshold


def _point(frames: CollectedFrames, threshold: float) -> SweepPoint:
    sink = _PointSink(frames.kind, threshold)
    frames.decide_at(threshold, sink)
    return SweepPoint(threshold, sink.kept, _pair(frames, sink.nearest))


class _PointSink:
    """Counts the frames that stay, and finds the pair nearest to the threshold: a `DecisionSink`.

    Attributes:
        kept: How many frames stay.
        nearest: Distance to the threshold, position of the later frame, and what was decided about
            it; None where nothing was compared.
    """

    def __init__(self, kind: ThresholdKind, threshold: float) -> None:
        self.kept = 0
        self.nearest: tuple[float, int, Decision] | None = None
        self._kind = kind
        self._threshold = threshold
        self._position = 0

    def add(self, batch: FrameBatch[OrderedImage], decisions: Sequence[Decision]) -> None:
        """Take the next images, and one decision for each."""
        for image, decision in zip(batch.frames, decisions, strict=True):
            self.kept += decision.keep and not image.protected
            self._note(self._position, decision)
            self._position += 1

    def _note(self, position: int, decision: Decision) -> None:
        value = decision.similarity if self._kind == "similarity" else decision.change
        # Where nothing changed, no threshold decides.
        undecided = self._kind == "change" and not value
        if value is None or undecided or decision.nearest is None:
            return
        distance = abs(value - self._threshold)
        if self.nearest is None or distance < self.nearest[0]:
            self.nearest = distance, position, decision


def _pair(frames: CollectedFrames, found: tuple[float, int, Decision] | None) -> SweepPair | None:
    if found is None:
        return None
    _, later, decision = found
    assert decision.nearest is not None
    earlier, image = frames.image_at(decision.nearest), frames.image_at(later)
    return SweepPair(
        earlier.file.path,
        image.file.path,
        image.camera,
        decision.similarity,
        decision.change,
        not decision.keep,
    )


def plan_for_target(
    source: str | os.PathLike[str],
    target: Target,
    options: DedupOptions | None = None,
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: ProgressOption = None,
) -> DedupPlan:
    """Plan with the threshold that keeps about as many frames as wanted.

    It is the cosine for ``embedding`` and the changed area for ``change`` and ``hybrid``; what the
    options say of it does not count.

    Args:
        source: A folder, or an index, whose images are then not embedded again.
        target: How many frames are to stay.
        options: How to compare them.
        embedder: An embedder or a function that makes one; by default one with the built-in
            weights. An index needs none.
        progress: Told what this is at.

    Raises:
        SourceError: If there are no images in `source`, or none can be decoded.
        NearframeError: If an option is out of range.
    """
    with collected(source, options or DedupOptions(), embedder, as_progress(progress)) as frames:
        job = frames.job_at(frames.threshold_for(target.of(frames.total)))
        if job.rules.method == "embedding":
            job = replace(job, rules=replace(job.rules, threshold_origin="target"))
        return plan_job(job, Silent())
