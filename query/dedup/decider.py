"""The rules of a deduplication, applied to frames batch by batch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

from nearframe.common import NearframeError
from nearframe.embeddings import Vectors
from nearframe.index import Recall

from ..change import Change
from ..change.light import Grey
from .evidence import Evidence
from .frames import F, F_contra, FrameBatch, OrderedFrame
from .greedy import Admits, Decision, GreedyDedup
from .pictures import Detections, Pictures
from .rules import DedupRules


@dataclass(frozen=True, slots=True)
class ChangedArea:
    """What changed between two frames. No threshold takes part, so it holds for any.

    Attributes:
        without_motion: Area of the regions that changed, in [0, 1]; None where there are none.
        with_motion: The same where what only moved a little counts as well.
    """

    without_motion: float | None
    with_motion: float | None

    @classmethod
    def of(cls, change: Change) -> "ChangedArea":
        """Take it from what change detection found."""
        return cls(
            change.score if change.regions else None,
            change.score_with_motion if change.regions or change.moved else None,
        )


Measured = dict[tuple[int, int], ChangedArea]
"""By the positions of an earlier and a later frame."""


def engine_of(
    rules: DedupRules, areas: Callable[[int, int], ChangedArea], admits: Admits | None = None
) -> GreedyDedup:
    """Return what decides by these rules.

    Args:
        rules: How to decide.
        areas: Compares the pictures of two frames, given by their positions; not called where
            changes do not count.
        admits: Tells of an earlier and a later frame, given by their positions, whether the later
            one may be dropped for the earlier one at all; None where all may.
    """

    def compare(earlier: int, later: int) -> tuple[bool, float]:
        return _is_new(areas(earlier, later).without_motion, rules)

    def compare_with_motion(earlier: int, later: int) -> tuple[bool, float]:
        return _is_new(areas(earlier, later).with_motion, rules)

    return GreedyDedup(
        rules.cosine,
        compare=None if rules.change is None else compare,
        compare_with_motion=compare_with_motion,
        motion_threshold=rules.motion_threshold,
        admits=admits,
        against=rules.against,
        window=rules.window,
    )


def _is_new(area: float | None, rules: DedupRules) -> tuple[bool, float]:
    assert rules.change is not None
    return area is not None and area >= rules.change.change_threshold, area or 0.0


def decide_in_order(
    greedy: GreedyDedup,
    rules: DedupRules,
    frames: Sequence[OrderedFrame],
    vectors: Vectors | None,
) -> list[Decision]:
    """Give the next frames to an engine; protected ones are kept, and come before all others.

    Args:
        greedy: What `engine_of` made.
        rules: Those it decides by.
        frames: The frames.
        vectors: float32, ``(len(frames), d)``; None where vectors are not compared.
    """
    cameras = None if rules.across_cameras else [frame.camera for frame in frames]
    known = sum(frame.protected for frame in frames)
    if known:
        references = known if vectors is None else vectors[:known]
        greedy.add_references(references, cameras=cameras and cameras[:known])
    return [Decision(keep=True)] * known + greedy.add(
        len(frames) - known if vectors is None else vectors[known:],
        cameras=cameras and cameras[known:],
        seconds=[frame.seconds for frame in frames[known:]],
    )


class PictureStore(Protocol[F_contra]):
    """Gives the prepared pictures of frames that were decided about once more."""

    def keep(self, frame: F_contra, picture: Grey) -> None:
        """Take the picture of a frame that later ones may be compared with."""
        ...

    def read(self, frame: F_contra) -> Grey:
        """Return the picture of a frame that was kept.

        Raises:
            NearframeError: If it cannot be read any more.
        """
        ...


class Decider(Generic[F]):
    """Decides about frames in order: the one place that knows what each method compares.

    A batch that can be embedded when it is needed is not, where method ``hybrid`` finds nothing
    changed from what the frame before it shows.

    Args:
        rules: How to decide.
        detections: The change detection of each camera; None where changes are not looked for.
        evidence: Tells which frames may be dropped for which.
        pictures: Gives prepared pictures once more; not asked where changes are not looked for.
        measured: What is known of pairs of pictures already; receives what is found.
    """

    def __init__(
        self,
        rules: DedupRules,
        detections: Detections | None,
        evidence: Evidence[F],
        pictures: PictureStore[F],
        *,
        measured: Measured | None = None,
    ) -> None:
        self._rules = rules
        self._detections = detections
        self._evidence = evidence
        self._store = pictures
        self._pictures = Pictures(self._read)
        self._frames: list[F] = []
        # At least of the latest frame, which is asked for with motion and without.
        self._measured: Measured = {} if measured is None else measured
        self._remembers = measured is not None
        self._measured_of: int | None = None
        self._greedy = engine_of(rules, self.areas, self.admits)
        # The frame that shows what the latest one shows.
        self._current: int | None = None

    @property
    def recall(self) -> Recall | None:
        """The lowest that was measured of approximate comparisons; None while all were exact."""
        return self._greedy.recall

    def add(self, batch: FrameBatch[F]) -> list[Decision]:
        """Decide about the next frames; protected ones are kept."""
        self._evidence.note(batch)
        start = len(self._frames)
        self._frames += batch.frames
        pictures = [entry.picture for entry in batch.inspections or ()]
        for position, picture in enumerate(pictures, start):
            if picture is not None:
                self._pictures.put(position, picture)
        if batch.embed is None:
            decisions = decide_in_order(self._greedy, self._rules, batch.frames, batch.vectors)
        else:
            decisions = [self._repeats_current(start) or self._embed_and_decide(batch, start)]
        for row, (decision, picture) in enumerate(zip(decisions, pictures, strict=False)):
            if picture is not None and (decision.keep or self._rules.against == "all"):
                self._store.keep(batch.frames[row], picture)
        return decisions

    def areas(self, earlier: int, later: int) -> ChangedArea:
        """Compare the pictures of two frames, given by their positions."""
        if not self._remembers and self._measured_of != later:
            self._measured.clear()
            self._measured_of = later
        known = self._measured.get((earlier, later))
        if known is None:
            known = self._measured[earlier, later] = self._measure(earlier, later)
        return known

    def admits(self, kept: int, dropped: int) -> bool:
        """Tell whether one frame, given by its position, may be dropped for another."""
        return self._evidence.admits(self._frames[kept], self._frames[dropped])

    def _repeats_current(self, position: int) -> Decision | None:
        """Compare a frame with what the one before it shows, which takes no vector."""
        current = self._current
        # With `all`, every frame must become one that others are compared with.
        if current is None or self._rules.against == "all":
            return None
        window_s = self._rules.window.seconds
        oldest_s = -math.inf if window_s is None else self._frames[position].seconds - window_s
        if self._frames[current].seconds < oldest_s:
            return None
        changed, score = self._greedy.compare(current, position, -1.0)
        if changed:
            return None
        camera = None if self._rules.across_cameras else self._frames[position].camera
        self._greedy.skip(current, camera=camera)
        self._pictures.discard(position)
        return Decision(False, current, None, score)

    def _embed_and_decide(self, batch: FrameBatch[F], position: int) -> Decision:
        assert batch.embed is not None
        (decision,) = decide_in_order(self._greedy, self._rules, batch.frames, batch.embed())
        if decision.keep:
            self._current = position
        # Where only so many kept frames count, only the last of them is sure to.
        elif self._rules.window.frames is None and self._rules.against != "previous":
            self._current = decision.nearest
        return decision

    def _measure(self, earlier: int, later: int) -> ChangedArea:
        assert self._detections is not None
        detection = self._detections.of(self._frames[later].camera)
        try:
            pictures = self._pictures.get(earlier), self._pictures.get(later)
        except NearframeError:
            # Gone while we look: whatever is not known to be a repeat is new.
            return ChangedArea(1.0, 1.0)
        return ChangedArea.of(detection.compare(*pictures))

    def _read(self, position: int) -> Grey:
        return self._store.read(self._frames[position])
