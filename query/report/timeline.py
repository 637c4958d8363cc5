"""When something was: a row of stacked bars per camera over one axis, as a template draws them.

All places are percentages of the width, so that a page can draw them as wide as the window is.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from .time_scale import MOST_TICKS, Stretch, TimeScale, time_ticks, wall_seconds, wall_time

HEIGHT = 34
"""Of the fullest bar of a row, in pixels."""

_MOST_BINS = 205
_HALF_DAY = 12 * 3600
# Widths of the bars on a wide and on a narrow screen, and of labels with the space between them.
_WIDE, _NARROW = 760, 330
_CLOCK_WIDTH, _DATE_WIDTH = 60, 84
# Labels nearer to an end than this, in percent, stand inside.
_EDGE = 8


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One camera.

    Attributes:
        name: As it is shown.
        frames: In order, for each its time, None where it has none, and its kind.
    """

    name: str
    frames: Sequence[tuple[datetime | None, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """The frames of a bin.

    Attributes:
        x: Left side, in percent of the width.
        width: In percent of the width.
        parts: From below, kind, lower side and height of each, in pixels from the top.
        title: How many there are of each kind, and when.
    """

    x: float
    width: float
    parts: tuple[tuple[str, float, float], ...]
    title: str


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A camera with its bars.

    Attributes:
        name: As it is shown.
        most: How many frames are in the fullest bar; 0 where there is none.
        bars: In order.
    """

    name: str
    most: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis.

    Attributes:
        x: In percent of the width.
        text: Its label; empty for a mark without one.
        line: Which line of labels it is in: 0, or 1 for dates below clock times.
        screens: Where there is room for the label: ``wide``, ``narrow``, or ``""`` for both.
    """

    x: float
    text: str = ""
    line: int = 0
    screens: str = ""

    @property
    def anchor(self) -> str:
        """Which part of the label stands at the mark; at the ends it stands inside."""
        return "start" if self.x < _EDGE else "end" if self.x > 100 - _EDGE else "middle"


@dataclass(frozen=True, slots=True)
class Timeline:
    """What there is to draw.

    Attributes:
        rows: One per camera.
        ticks: Of the axis.
        breaks: Where times without frames were cut out, in percent, and when that was.
        note: What a reader has to know, in sentences.
    """

    rows: tuple[DrawnRow, ...]
    ticks: tuple[Tick, ...]
    breaks: tuple[tuple[float, str], ...]
    note: str


def draw_timeline(rows: Sequence[TimelineRow], kinds: Sequence[str]) -> Timeline:
    """Draw frames over time, or in their order where most have no time.

    Args:
        rows: At least one, with at least one frame among them.
        kinds: Of frames, from below; where there is only one, titles do not name it.
    """
    frames = [frame for row in rows for frame in row.frames]
    dated = [time for time, _ in frames if time is not None]
    if 2 * len(dated) <= len(frames):
        order = OrderScale.of(max(len(row.frames) for row in rows))
        places = [[(float(n), kind) for n, (_, kind) in enumerate(row.frames)] for row in rows]
        note = "In the order of the names, which tell no time."
        return Timeline(_rows(rows, places, order, kinds), tuple(_order_ticks(order)), (), note)
    scale = TimeScale.of(map(wall_seconds, dated), _MOST_BINS - 2)
    places = [
        [(wall_seconds(time), kind) for time, kind in row.frames if time is not None]
        for row in rows
    ]
    notes = ["A number is how many are in the fullest bar of its row."]
    if len(scale.stretches) > 1:
        notes.append("Long empty times are cut out, where the axis is crossed out.")
    if len(dated) < len(frames):
        notes.append(f"Not drawn, since they have no time: {len(frames) - len(dated):,}.")
    breaks = tuple(
        ((number + 0.5) / scale.bins * 100, f"nothing from {wall_time(a)} to {wall_time(b)}")
        for number, a, b in scale.breaks()
    )
    return Timeline(
        _rows(rows, places, scale, kinds), tuple(_time_ticks(scale)), breaks, " ".join(notes)
    )


@dataclass(frozen=True, slots=True)
class OrderScale:
    """Bins of equally many frames, in their order.

    Attributes:
        step: How many frames a bin has.
        bins: How many bins there are.
    """

    step: int
    bins: int

    @classmethod
    def of(cls, frames: int) -> "OrderScale":
        """Choose bins for some frames."""
        step = -(-frames // _MOST_BINS)
        return cls(step, (frames - 1) // step + 1)

    def bin_of(self, number: float) -> int:
        """Return the bin of a frame, given by its number from 0."""
        return int(number // self.step)

    def begin_of(self, number: int) -> int:
        """Return the first frame of a bin."""
        return number * self.step


def _rows(
    rows: Sequence[TimelineRow],
    places: Sequence[Sequence[tuple[float, str]]],
    scale: TimeScale | OrderScale,
    kinds: Sequence[str],
) -> tuple[DrawnRow, ...]:
    drawn = []
    for row, place in zip(rows, places, strict=True):
        counts: dict[int, Counter[str]] = {}
        for value, kind in place:
            counts.setdefault(scale.bin_of(value), Counter())[kind] += 1
        most = max((found.total() for found in counts.values()), default=0)
        bars = tuple(_bar(number, counts[number], most, scale, kinds) for number in sorted(counts))
        drawn.append(DrawnRow(row.name, most, bars))
    return tuple(drawn)


def _bar(
    number: int,
    counts: Counter[str],
    most: int,
    scale: TimeScale | OrderScale,
    kinds: Sequence[str],
) -> Bar:
    parts = []
    below = 0.0
    for kind in kinds:
        if not counts[kind]:
            continue
        # One frame among thousands is still to be seen.
        height = min(max(2.0, counts[kind] / most * HEIGHT), HEIGHT - below)
        parts.append((kind, HEIGHT - below - height, height))
        below += height
    begin = scale.begin_of(number)
    end = begin + scale.step
    if isinstance(scale, TimeScale):
        where = f"{wall_time(begin)} to {wall_time(end)}"
    else:
        where = f"{begin + 1} to {end}" if scale.step > 1 else f"{end}"
    if len(kinds) == 1:
        what = str(counts[kinds[0]])
    else:
        what = ", ".join(f"{counts[kind]} {kind}" for kind in kinds)
    unit = 100 / scale.bins
    return Bar(number * unit, 0.9 * unit, tuple(parts), f"{where}: {what}")


def _time_ticks(scale: TimeScale) -> Iterator[Tick]:
    dates = scale.span > MOST_TICKS * _HALF_DAY
    clock_labels, date_labels = _Labels(_CLOCK_WIDTH), _Labels(_DATE_WIDTH)
    for stretch in scale.stretches:
        for time in _times_of(scale, stretch):
            x = (stretch.place + (time - stretch.start) / scale.step) / scale.bins * 100
            tick = wall_time(time)
            yield Tick(x)
            if not dates:
                clock = tick.strftime("%H:%M:%S" if tick.second else "%H:%M")
                yield from clock_labels.at(x, clock, 0)
            yield from date_labels.at(x, tick.date().isoformat(), 0 if dates else 1)


class _Labels:
    """Leaves out labels for which there is no room, and those that say what the last one said."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._last = {"wide": (-math.inf, ""), "narrow": (-math.inf, "")}

    def at(self, x: float, text: str, line: int) -> Iterator[Tick]:
        """Yield the label, for the screens on which there is room."""
        fitting = []
        for screen, pixels in (("wide", _WIDE), ("narrow", _NARROW)):
            last, said = self._last[screen]
            # At the ends a label stands inside.
            middle = min(max(x * pixels / 100, self._width / 2), pixels - self._width / 2)
            if text != said and middle - last >= self._width:
                self._last[screen] = (middle, text)
                fitting.append(screen)
        if fitting:
            yield Tick(x, text, line, "" if len(fitting) == 2 else fitting[0])


def _times_of(scale: TimeScale, stretch: Stretch) -> list[float]:
    """Choose the ticks of a stretch, at least one."""
    share = stretch.bins / sum(other.bins for other in scale.stretches)
    end = stretch.start + stretch.bins * scale.step
    ticks = time_ticks(stretch.start, end, max(1, round(MOST_TICKS * share)))
    return [wall_seconds(tick) for tick in ticks] or [stretch.start]


def _order_ticks(scale: OrderScale) -> Iterator[Tick]:
    """Number the frames below the bars: the first, and some round ones."""
    frames = scale.bins * scale.step
    digits = 10 ** max(0, len(str(frames)) - 1)
    steps = (digits // 5 or 1, digits // 2 or 1, digits, 2 * digits)
    step = next(step for step in steps if frames / step <= MOST_TICKS)
    labels = _Labels(_CLOCK_WIDTH)
    for number in (1, *range(step if step > 1 else 2, frames + 1, step)):
        # In the middle of the frame's own stretch.
        x = (number - 0.5) / frames * 100
        yield Tick(x)
        yield from labels.at(x, f"{number:,}", 0)
