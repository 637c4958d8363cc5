"""Which frames repeat an earlier one: an order-dependent pass in blocks."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nearframe.common import AGAINST, Against, NearframeError
from nearframe.embeddings import Vectors
from nearframe.index import Recall
from nearframe.index.search import largest

from ..search.threshold import lowest_cosine
from .candidates import Candidate, Candidates
from .rules import Window

Compare = Callable[[int, int], tuple[bool, float]]
"""Compares the pictures of an earlier and a later frame, given by their positions among all that
were added: whether the later one is new, and the changed area in [0, 1]."""

Admits = Callable[[int, int], bool]
"""Tells of an earlier and a later frame, given by their positions, whether the later one may
be dropped for the earlier one at all, however alike they are."""

CANDIDATES = 3
"""Frames with the nearest vectors against which changes are looked for, besides the one that was
repeated last."""

_BLOCK = 256
_NO_CANDIDATES = Candidates()


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one frame.

    Attributes:
        keep: Whether it is new.
        nearest: Position of the earlier frame that it repeats, or that came nearest to it; None
            where there was none to compare with.
        similarity: Cosine to that one, in [-1, 1]; None where vectors are not compared.
        change: Changed area from that one, in [0, 1]; None where that was not looked at.
    """

    keep: bool
    nearest: int | None = None
    similarity: float | None = None
    change: float | None = None


class GreedyDedup:
    """Decides frame by frame, in order, whether it repeats an earlier one.

    With vectors only, a frame is dropped when its nearest earlier *kept* frame has cosine >=
    threshold, so each dropped one has a kept representative that near. With `compare` too, it is
    dropped when nothing changed from one of the three nearest of those, or from the one that was
    repeated last: after something small has gone by, the kept frames that show it may be nearer to
    the empty scene than a frame of that. Below `motion_threshold`, `compare_with_motion` tells what
    changed: who stands where another stood did not move. With `compare` alone, it is dropped when
    nothing changed from any earlier kept frame. With ``against="all"`` frames are compared with
    every earlier one, kept or not: then a slow drift drops all but its first frame.

    Memory holds the vectors compared against, and never a matrix of all pairs. Up to 200,000 of
    them comparisons are exact, and beyond that approximate where this saves time: a frame is still
    dropped by its exact cosine to a kept one, but now and then, as `recall` says, the nearest is
    not found, and a repeat stays.

    Where `admits` refuses a frame that came near, all others that are near enough are tried, the
    nearest first: each dropped frame repeats one that it admits.

    Args:
        threshold: Cosine in [-1, 1] from which frames are alike; None where there are no vectors.
        compare: Tells what changed between two frames; None where only vectors count.
        compare_with_motion: Tells it where what only moved a little counts as well; asked of frames
            between which nothing else changed.
        motion_threshold: Cosine below which it is asked; None for never.
        admits: Tells which frames may be dropped for which; None where all may.
        against: What to compare with.
        window: How far back.

    Raises:
        NearframeError: If an argument is out of range, or there is nothing to decide by.
    """

    def __init__(
        self,
        threshold: float | None,
        *,
        compare: Compare | None = None,
        compare_with_motion: Compare | None = None,
        motion_threshold: float | None = None,
        admits: Admits | None = None,
        against: Against = "kept",
        window: Window | None = None,
    ) -> None:
        if against not in AGAINST:
            raise NearframeError(f"against must be one of {', '.join(AGAINST)}, not {against!r}")
        if threshold is None and compare is None:
            raise NearframeError("there is nothing to decide by; give a threshold or compare")
        self._lowest = None if threshold is None else lowest_cosine(threshold)
        self._compare = compare
        self._compare_with_motion = compare_with_motion
        self._motion_lowest = None if motion_threshold is None else lowest_cosine(motion_threshold)
        self._admits = admits
        self._top = 1 if compare is None else CANDIDATES
        self._against_all = against == "all"
        window = window or Window()
        self._seconds = window.seconds
        self._frames = 1 if against == "previous" else window.frames
        # A number of frames counts the kept ones, which are known only one row after the other.
        self._block = 1 if self._frames else _BLOCK
        self._earlier: dict[str | None, Candidates] = {}
        self._references: dict[str | None, Candidates] = {}
        self._added = 0

    @property
    def recall(self) -> Recall | None:
        """The lowest that was measured of approximate comparisons; None while all were exact."""
        parts = (*self._earlier.values(), *self._references.values())
        measured = [part.recall for part in parts if part.recall is not None]
        return min(measured, key=lambda recall: recall.at_1, default=None)

    def add(
        self,
        vectors: Vectors | int,
        *,
        cameras: Sequence[str | None] | None = None,
        seconds: Sequence[float] | None = None,
    ) -> list[Decision]:
        """Decide about the next frames.

        Args:
            vectors: float32, shape ``(n, d)``, normalised; without a threshold, how many frames.
            cameras: Of each frame, its camera; only frames of one camera are compared. By default
                all are.
            seconds: Of each frame, its time, which never falls within a camera. Needed where the
                window is a time.
        """
        count = vectors if isinstance(vectors, int) else len(vectors)
        decisions: dict[int, Decision] = {}
        for camera, rows in _rows_by_camera(count, cameras).items():
            earlier = self._earlier.setdefault(camera, self._no_candidates())
            references = self._references.get(camera, _NO_CANDIDATES)
            for start in range(0, len(rows), self._block):
                block = np.array(rows[start : start + self._block])
                times = np.array([seconds[row] if seconds else 0.0 for row in block])
                found = (
                    self._decide_by_changes(earlier, references, block, times)
                    if isinstance(vectors, int)
                    else self._decide(earlier, references, block, times, vectors[block])
                )
                decisions.update(zip(block.tolist(), found, strict=True))
        self._added += count
        return [decisions[row] for row in range(count)]

    def add_references(
        self, vectors: Vectors | int, *, cameras: Sequence[str | None] | None = None
    ) -> None:
        """Add frames that are kept whatever they show, and count at any distance in time.

        Args:
            vectors: float32, ``(n, d)``, normalised; without a threshold, how many frames.
            cameras: Of each frame, its camera; by default all are of one.
        """
        count = vectors if isinstance(vectors, int) else len(vectors)
        for camera, rows in _rows_by_camera(count, cameras).items():
            self._references.setdefault(camera, self._no_candidates()).append(
                [self._added + row for row in rows],
                np.full(len(rows), np.inf),
                None if isinstance(vectors, int) else vectors[rows],
            )
        self._added += count

    def skip(self, nearest: int, *, camera: str | None = None) -> None:
        """Count a frame that is not given to `add`, as it is known to repeat one that was kept.

        Args:
            nearest: Position of the frame that it repeats.
            camera: Its camera, where cameras are given to `add`.
        """
        earlier = self._earlier[camera]
        earlier.repeated = earlier.find(nearest)
        self._added += 1

    def compare(self, earlier: int, later: int, cosine: float | None) -> tuple[bool, float]:
        """Compare the pictures of two frames, given by their positions.

        Args:
            earlier: The earlier frame.
            later: The later one.
            cosine: Of the two; None where vectors are not compared.

        Returns:
            Whether the later one is new, and the changed area in [0, 1].
        """
        assert self._compare is not None
        found = self._compare(earlier, later)
        if found[0] or self._motion_lowest is None or self._compare_with_motion is None:
            return found
        if cosine is None or cosine >= self._motion_lowest:
            return found
        return self._compare_with_motion(earlier, later)

    def _no_candidates(self) -> Candidates:
        return Candidates(-1.0 if self._lowest is None else self._lowest, self._top)

    def _decide(
        self,
        earlier: Candidates,
        references: Candidates,
        rows: npt.NDArray[np.int64],
        times: npt.NDArray[np.float64],
        block: Vectors,
    ) -> list[Decision]:
        """Decide about frames of one camera, whose nearest earlier ones are found in a block."""
        assert self._lowest is not None
        top = self._top
        known = references.nearest(block, np.zeros(len(block), np.int64))
        first = self._first(earlier, times)
        before = earlier.nearest(block, first)
        # (b, b): row i holds the cosines of frame i to the others of the block.
        inside = np.clip(block @ block.T, -1.0, 1.0)
        # Rows of the block that later rows are compared with, as far as they are filled.
        members = np.empty(len(block), np.int64)
        count = 0
        decisions = []
        for i, row in enumerate(rows.tolist()):
            near = known[i] + before[i]
            recent = members[self._first_in_time(times, members[:count], times[i]) : count]
            if len(recent):
                columns = recent[largest(inside[i : i + 1, recent], top)[0]].tolist()
                near += [(float(inside[i, c]), self._added + int(rows[c])) for c in columns]
            if len(near) > 1:
                # Stable: of equally near frames the earlier stays in front.
                near = sorted(near, key=lambda found: -found[0])[:top]
            if self._compare is not None:
                near += self._last_repeated(earlier, near, block[i], times[i], int(first[i]))
            if self._refuses(near, self._added + row):
                near = references.reaching(block[i], self._lowest, 0)
                near += earlier.reaching(block[i], self._lowest, int(first[i]))
                near += [(float(inside[i, c]), self._added + int(rows[c])) for c in recent]
                near = self._admitted(near, self._added + row)
            decision = self._judge(near, self._added + row)
            if self._compare is not None and decision.nearest is not None and not decision.keep:
                earlier.repeated = (
                    earlier.find(decision.nearest)
                    or references.find(decision.nearest)
                    or self._find(decision.nearest, rows, times, block)
                )
            if decision.keep or self._against_all:
                members[count] = i
                count += 1
            decisions.append(decision)
        kept = members[:count]
        earlier.append((self._added + rows[kept]).tolist(), times[kept], block[kept])
        return decisions

    def _find(
        self,
        position: int,
        rows: npt.NDArray[np.int64],
        times: npt.NDArray[np.float64],
        block: Vectors,
    ) -> Candidate:
        """Return a frame of the block that is being decided about."""
        i = int(np.searchsorted(rows, position - self._added))
        return Candidate(position, float(times[i]), block[i])

    def _last_repeated(
        self,
        earlier: Candidates,
        near: Sequence[tuple[float, int]],
        vector: npt.NDArray[np.float32],
        time: float,
        first: int,
    ) -> list[tuple[float, int]]:
        """Return cosine and position of the frame that was repeated last.

        Nothing where it is among those that are near, or too far back.
        """
        again = earlier.repeated
        if again is None or again.vector is None or again.position in {p for _, p in near}:
            return []
        # Frames are counted one by one, so what counts is in `earlier`; references always do.
        counts = self._frames is None or again.position in earlier.positions[first:]
        if again.time < np.inf and not (counts and self._in_time(again.time, time)):
            return []
        return [(float(np.clip(again.vector @ vector, -1.0, 1.0)), again.position)]

    def _judge(self, near: list[tuple[float, int]], position: int) -> Decision:
        """Decide about one frame, given cosines and positions of those nearest to it."""
        assert self._lowest is not None
        if not near:
            return Decision(keep=True)
        similarity, nearest = near[0]
        if similarity < self._lowest or self._refuses(near[:1], position):
            return Decision(True, nearest, similarity)
        if self._compare is None:
            return Decision(False, nearest, similarity)
        return self._judge_changes(
            [(other, cosine) for cosine, other in near if cosine >= self._lowest], position
        )

    def _refuses(self, near: Sequence[tuple[float, int]], position: int) -> bool:
        """Whether a frame may not be dropped for one of those that are near enough."""
        assert self._lowest is not None
        if self._admits is None:
            return False
        return not all(
            self._admits(other, position) for cosine, other in near if cosine >= self._lowest
        )

    def _admitted(
        self, near: Sequence[tuple[float, int]], position: int
    ) -> list[tuple[float, int]]:
        """Return the nearest that a frame may be dropped for, or the nearest where there are none.

        Args:
            near: Cosines and positions of all that are near enough.
            position: Of the frame.
        """
        assert self._admits is not None
        near = sorted(near, key=lambda found: (-found[0], found[1]))
        admitted = (found for found in near if self._admits(found[1], position))
        return list(itertools.islice(admitted, self._top)) or near[:1]

    def _judge_changes(
        self, candidates: Sequence[tuple[int, float | None]], position: int
    ) -> Decision:
        """Decide about one frame by what changed from others, given with their cosines."""
        least: Decision | None = None
        for other, cosine in candidates:
            changed, score = self.compare(other, position, cosine)
            if not changed and (self._admits is None or self._admits(other, position)):
                return Decision(False, other, cosine, score)
            decision = Decision(True, other, cosine, score)
            if least is None or score < (least.change or 0.0):
                least = decision
        return least or Decision(keep=True)

    def _decide_by_changes(
        self,
        earlier: Candidates,
        references: Candidates,
        rows: npt.NDArray[np.int64],
        times: npt.NDArray[np.float64],
    ) -> list[Decision]:
        """Decide about frames of one camera of which there are no vectors."""
        decisions = []
        for i, row in enumerate(rows.tolist()):
            first = int(self._first(earlier, times[i : i + 1])[0])
            # The latest first: most frames repeat one that is not far.
            candidates = [(other, None) for other in reversed(earlier.positions[first:])]
            candidates += [(other, None) for other in reversed(references.positions)]
            decision = self._judge_changes(candidates, self._added + row)
            if decision.keep or self._against_all:
                earlier.append([self._added + row], times[i : i + 1], None)
            decisions.append(decision)
        return decisions

    def _first(self, earlier: Candidates, times: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return for each time the first of the earlier frames that is compared with."""
        first = np.zeros(len(times), np.int64)
        if self._seconds is not None:
            first = earlier.first_since(times - self._seconds)
        if self._frames is not None:
            first = np.maximum(first, len(earlier.positions) - self._frames)
        return first

    def _first_in_time(
        self,
        times: npt.NDArray[np.float64],
        members: npt.NDArray[np.int64],
        time: np.float64,
    ) -> int:
        """Return the place of the first member of a block that is not before the window."""
        if self._seconds is None:
            return 0
        return int(np.searchsorted(times[members], time - self._seconds))

    def _in_time(self, earlier: float, time: float) -> bool:
        return self._seconds is None or earlier >= time - self._seconds


def _rows_by_camera(
    count: int, cameras: Sequence[str | None] | None
) -> dict[str | None, list[int]]:
    rows: dict[str | None, list[int]] = {}
    for row in range(count):
        rows.setdefault(cameras[row] if cameras else None, []).append(row)
    return rows
