"""How sure an answer is: the stretch of a video that shows the same, and the next other view."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nearframe.common import show_time
from nearframe.embeddings import FrameRef, Vectors
from nearframe.index import AS_NEAR, Match, Restriction, Searchable

from .threshold import Threshold

Verdict = Literal["found", "likely", "unsure"]
"""``found``: at the threshold or above. ``likely``: below it, but much nearer than any other view,
as crops and overlays are. ``unsure``: below it, and others are nearly as near."""

LIKELY_MARGIN = 0.12
"""How much nearer than the next other view a frame must be to be ``likely``: crops, overlays and
screenshots of photos that training does not see rarely are, unless their original is there."""

# Seconds on either side of a frame that are looked at first, and at most.
_REACH_S, _FARTHEST_S = 4.0, 100_000.0
# Frames that are looked at: a minute at 30 per second. More would make many stills slow.
_MOST = 2048


@dataclass(frozen=True, slots=True)
class View:
    """A stretch of a video whose frames are as near to a query as the best of them.

    Attributes:
        start_s: Time of its first frame.
        end_s: Time of its last frame, which is not the first.
    """

    start_s: float
    end_s: float

    def describe(self) -> str:
        """Say where it is: ``same view from 0:00:43.000 to 0:01:10.000``."""
        return f"same view from {show_time(self.start_s)} to {show_time(self.end_s)}"


def same_view(
    index: Searchable, query: Vectors, best: Match, within: Restriction | None
) -> View | None:
    """Find the frames around the best one that are as near to the query as far as vectors tell.

    Args:
        index: What was asked.
        query: float32, shape ``(1, 2048)``.
        best: The first match.
        within: Which frames are looked at.

    Returns:
        None where the best frame has no time, or its neighbours are farther. At most some 2,048
        frames are looked at, so a longer stretch is cut.
    """
    # Lists of other programs may name files in a way that no search can be restricted to.
    if best.frame.time_s is None or not Path(best.frame.source).is_absolute():
        return None
    view: View | None = None
    seen, reach = 0, _REACH_S
    while reach < _FARTHEST_S:
        (found,) = index.nearest(query, _MOST, within=_window(best.frame, reach, within))
        # Where four times the time holds no other frame, there is none; one alone has no distance
        # to the next. A full answer may lack frames in between.
        if 1 < len(found) == seen or len(found) >= _MOST:
            break
        times = sorted((match.frame.time_s or 0.0, match.similarity) for match in found)
        view, starts, ends = _run_around(best, times)
        # No video has frames before 0.
        if ends and (starts or reach >= best.frame.time_s):
            break
        seen, reach = len(found), 4 * reach
    return view


def next_view_margin(best: Match, found: Sequence[Match], view: View | None) -> float | None:
    """Return by how much the best match is nearer than any frame that shows something else.

    Something else is a frame outside the `view` and, among images, any but those that follow each
    other in the folder and are as near, as those of a fixed camera are.

    Args:
        best: The first match.
        found: The nearest frames, more than are shown.
        view: The stretch of a video around the best one.

    Returns:
        None where there is nothing else among them.
    """
    neighbours = _neighbours(best, found)

    def is_other(match: Match) -> bool:
        frame = match.frame
        if view is not None and frame.source == best.frame.source:
            return frame.time_s is not None and not view.start_s <= frame.time_s <= view.end_s
        return frame != best.frame and frame not in neighbours

    others = [match.similarity for match in found if is_other(match)]
    return best.similarity - max(others) if others else None


def _neighbours(best: Match, found: Sequence[Match]) -> set[FrameRef]:
    """Return the images of a folder that stand next to the best one, without a gap, as near."""
    if best.frame.time_s is not None:
        return set()
    folder = Path(best.frame.source).parent
    as_near = {
        match.frame.number: match.frame
        for match in found
        if match.similarity >= best.similarity - AS_NEAR
        and match.frame.time_s is None
        and Path(match.frame.source).parent == folder
    }
    run: set[FrameRef] = set()
    for step in (-1, 1):
        number = best.frame.number + step
        while number in as_near:
            run.add(as_near[number])
            number += step
    return run


def judge(similarity: float, margin: float | None, threshold: Threshold | None) -> Verdict | None:
    """Say how sure it is that a frame shows what was asked for; None without a threshold."""
    if threshold is None:
        return None
    if threshold.reached_by(similarity):
        return "found"
    return "likely" if margin is not None and margin >= LIKELY_MARGIN else "unsure"


def _window(frame: FrameRef, reach: float, within: Restriction | None) -> Restriction:
    """Return what is within `reach` seconds of a frame, and within the limits of the search."""
    assert frame.time_s is not None
    start, end = frame.time_s - reach, frame.time_s + reach
    if within is not None:
        start = start if within.start_s is None else max(start, within.start_s)
        end = end if within.end_s is None else min(end, within.end_s)
    return Restriction(frame.source, start, end)


def _run_around(
    best: Match, frames: Sequence[tuple[float, float]]
) -> tuple[View | None, bool, bool]:
    """Find the frames around the best that are as near, among times and similarities in order.

    Returns:
        The stretch, and whether frames that are not as near stand before and behind it.
    """
    as_near = [similarity >= best.similarity - AS_NEAR for _, similarity in frames]
    first = last = min(
        range(len(frames)), key=lambda n: abs(frames[n][0] - (best.frame.time_s or 0))
    )
    while first > 0 and as_near[first - 1]:
        first -= 1
    while last < len(frames) - 1 and as_near[last + 1]:
        last += 1
    view = View(frames[first][0], frames[last][0]) if first < last else None
    return view, first > 0, last < len(frames) - 1
