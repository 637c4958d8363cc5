"""Bins and round ticks of wall-clock time, without the long stretches in which nothing is."""

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_TICKS = 8

_WALL_EPOCH = datetime(1970, 1, 1)
_HOUR, _DAY = 3600, 86400
_WEEK = 7 * _DAY
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, _WEEK, 2 * _WEEK),
)
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH_S = 30.44 * _DAY
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


def wall_seconds(time: datetime) -> float:
    """Return a wall-clock time in seconds since 1970."""
    return (time - _WALL_EPOCH).total_seconds()


def wall_time(seconds: float) -> datetime:
    """Return seconds since 1970 as a wall-clock time; the nearest that there is."""
    try:
        return _WALL_EPOCH + timedelta(seconds=round(seconds))
    except OverflowError:
        return datetime.max if seconds > 0 else datetime.min


def time_step(span: float, most: int) -> float:
    """Choose the smallest round step, in seconds, of which not more than `most` fill a span."""
    months = (n * _MONTH_S for n in _STEPS_MONTHS)
    return next((s for s in (*_STEPS_S, *months) if span / s <= most), span / most)


def floor_time(seconds: float, step: float) -> float:
    """Return the last multiple of a step before a time; weeks begin on Mondays."""
    # 1970-01-05 was the first Monday.
    origin = 4 * _DAY if step % _WEEK == 0 else 0
    return (seconds - origin) // step * step + origin


def time_ticks(first: float, last: float, most: int = MOST_TICKS) -> list[datetime]:
    """Choose round wall-clock times between two (in seconds since 1970), about `most` of them."""
    span = last - first
    step = time_step(span, most)
    if step <= 2 * _WEEK:
        start = floor_time(first, step)
        seconds = (start + n * step for n in range(most + 2))
        return [wall_time(s) for s in seconds if first <= s <= last]
    months = next((n for n in _STEPS_MONTHS if span / (n * _MONTH_S) <= most), _STEPS_MONTHS[-1])
    ticks = []
    begin, end = wall_time(first), wall_time(last)
    for month in range(begin.year * 12, end.year * 12 + 12, months):
        tick = datetime(month // 12, month % 12 + 1, 1)
        if begin <= tick <= end:
            ticks.append(tick)
    return ticks
