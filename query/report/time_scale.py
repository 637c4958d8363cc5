"""Bins of equal length over wall-clock time, without the long stretches in which nothing is."""

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .wall_time import floor_time, time_step

_HOUR = 3600
# Empty bins before and behind what is drawn that are a gap to see; fewer are left as they are.
_EMPTY = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bins that follow each other without a break.

    Attributes:
        start: Where the first begins, in seconds since 1970.
        bins: How many there are.
        place: Which bin of the scale the first is.
    """

    start: float
    bins: int
    place: int


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Where times are on an axis from which long empty times are cut.

    Attributes:
        step: Length of a bin in seconds.
        stretches: In order; between two of them is one empty bin, the break.
    """

    step: float
    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, times: Iterable[float], most: int) -> "TimeScale":
        """Choose bins for some times.

        Times of an hour or more, and of more than three bins, in which nothing is, are cut out.

        Args:
            times: In seconds since 1970, at least one.
            most: About how many bins there may be.
        """
        ordered = sorted(set(times))
        coarse = time_step(ordered[-1] - ordered[0], most)
        parts = list(_between(ordered, max(_HOUR, _EMPTY * coarse)))
        # Of what is cut a bin remains, and parts begin and end within bins.
        room = max(1, most - 3 * (len(parts) - 1))
        step = time_step(sum(last - first for first, last in parts), room)
        stretches: list[Stretch] = []
        place = 0
        for first, last in _merged(parts, step):
            start = floor_time(first, step)
            stretches.append(Stretch(start, int((last - start) // step) + 1, place))
            place += stretches[-1].bins + 1
        return cls(step, tuple(stretches))

    @property
    def bins(self) -> int:
        """How many bins there are, breaks among them."""
        last = self.stretches[-1]
        return last.place + last.bins

    @property
    def span(self) -> float:
        """How long all stretches are together, in seconds."""
        return self.step * sum(stretch.bins for stretch in self.stretches)

    def bin_of(self, time: float) -> int:
        """Return the bin of a time, one of those that the scale was made for."""
        stretch = self._stretch(time, [stretch.start for stretch in self.stretches])
        return stretch.place + int((time - stretch.start) // self.step)

    def begin_of(self, number: int) -> float:
        """Return where a bin begins, in seconds since 1970."""
        stretch = self._stretch(number, [stretch.place for stretch in self.stretches])
        return stretch.start + (number - stretch.place) * self.step

    def breaks(self) -> Iterator[tuple[int, float, float]]:
        """Yield each break: its bin, and the times between which nothing is."""
        for before, behind in itertools.pairwise(self.stretches):
            yield behind.place - 1, before.start + before.bins * self.step, behind.start

    def _stretch(self, value: float, begins: Sequence[float]) -> Stretch:
        return self.stretches[bisect.bisect_right(begins, value) - 1]


def _between(ordered: Sequence[float], longest: float) -> Iterator[tuple[float, float]]:
    """Yield first and last of the times that no longer gap than this parts."""
    first = ordered[0]
    for before, behind in itertools.pairwise(ordered):
        if behind - before > longest:
            yield first, before
            first = behind
    yield first, ordered[-1]


def _merged(parts: Sequence[tuple[float, float]], step: float) -> Iterator[tuple[float, float]]:
    """Yield the parts, as one where in whole bins hardly anything is left between them."""
    first, last = parts[0]
    for start, end in parts[1:]:
        if floor_time(start, step) > floor_time(last, step) + 2 * step:
            yield first, last
            first = start
        last = end
    yield first, last
