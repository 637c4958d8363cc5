"""When frames were kept and dropped: a row of stacked bars per camera, as inline SVG."""

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .svg import bar, line, svg, text
from .time_axis import time_axis
from .time_scale import TimeScale
from .wall_time import wall_seconds, wall_time

# Names left of the bars, one row per camera, the axis below; in pixels.
_NAMES, _WIDTH, _ROW, _BARS, _AXIS = 150, 810, 46, 34, 38
_MOST_BINS = 205
_MOST_TICKS = 8
_LONGEST_NAME = 16


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One camera.

    Attributes:
        name: As it is shown.
        frames: In order, for each its time, None where it has none, and whether it was kept.
    """

    name: str
    frames: Sequence[tuple[datetime | None, bool]]


def dedup_timeline(rows: Sequence[TimelineRow]) -> tuple[str, str]:
    """Draw kept and dropped frames over time, or in their order where most have no time.

    Returns:
        The drawing, and a sentence about it.
    """
    frames = [frame for row in rows for frame in row.frames]
    dated = [time for time, _ in frames if time is not None]
    scale: TimeScale | OrderScale
    if 2 * len(dated) > len(frames):
        scale = TimeScale.of(map(wall_seconds, dated), _MOST_BINS - 2)
        places = [
            [(wall_seconds(time), kept) for time, kept in row.frames if time is not None]
            for row in rows
        ]
        note = "Number at the right: frames in the fullest bar of the row."
        if len(scale.stretches) > 1:
            note += " Long times without frames are cut out, where the axis is crossed out."
        if len(dated) < len(frames):
            note += f" Not drawn, since they have no time: {len(frames) - len(dated):,}."
    else:
        places = [
            [(float(number), kept) for number, (_, kept) in enumerate(row.frames)] for row in rows
        ]
        scale = OrderScale.of(max(len(row.frames) for row in rows))
        note = "In the order of the frames, since their names tell no time."
    parts = [
        _row(row.name, place, number * _ROW, scale)
        for number, (row, place) in enumerate(zip(rows, places, strict=True))
    ]
    bottom = len(rows) * _ROW
    if isinstance(scale, TimeScale):
        parts += time_axis(scale, left=_NAMES, width=_WIDTH, top=bottom)
    else:
        parts += _order_axis(scale.bins * scale.step, bottom)
    size = f"0 0 {_NAMES + _WIDTH + 40} {bottom + _AXIS}"
    return svg(size, "Kept and dropped frames over time, one row per camera", parts), note


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


def _row(
    name: str, places: Sequence[tuple[float, bool]], top: int, scale: TimeScale | OrderScale
) -> str:
    unit = _WIDTH / scale.bins
    total: Counter[int] = Counter()
    new: Counter[int] = Counter()
    for place, kept in places:
        total[scale.bin_of(place)] += 1
        new[scale.bin_of(place)] += kept
    # Names of cameras differ at their ends.
    short = name if len(name) <= _LONGEST_NAME else f"{name[:6]}…{name[7 - _LONGEST_NAME :]}"
    bottom = top + _ROW
    parts = [
        f"<g><title>{html.escape(name)}</title>",
        text(_NAMES - 10, bottom - 8, short, "name end"),
        "</g>",
        line(_NAMES, bottom, _NAMES + _WIDTH, bottom, "axis"),
    ]
    most = max(total.values(), default=0)
    if most:
        parts.append(text(_NAMES + _WIDTH + 6, bottom - _BARS + 8, str(most), "tick start"))
    for number, count in sorted(total.items()):
        begin = scale.begin_of(number)
        end = begin + scale.step
        if isinstance(scale, TimeScale):
            where = f"{wall_time(begin)} to {wall_time(end)}"
        else:
            where = f"frames {begin + 1} to {end}" if scale.step > 1 else f"frame {end}"
        title = f"{where}: {new[number]} kept, {count - new[number]} dropped"
        x, width = _NAMES + number * unit, max(1.0, unit - 0.5)
        height = max(2.0, count / most * _BARS)
        # One kept frame among thousands is still to be seen.
        kept_height = max(2.0, new[number] / most * _BARS) if new[number] else 0.0
        if height > kept_height:
            parts.append(
                bar(
                    x=x,
                    width=width,
                    height=height - kept_height,
                    bottom=bottom - kept_height,
                    title=title,
                    kind="dropped",
                )
            )
        if kept_height:
            parts.append(
                bar(x=x, width=width, height=kept_height, bottom=bottom, title=title, kind="kept")
            )
    return "".join(parts)


def _order_axis(frames: int, top: int) -> list[str]:
    """Number the frames below the bars: the first, and some round ones."""
    digits = 10 ** max(0, len(str(frames)) - 1)
    steps = (digits // 5 or 1, digits // 2 or 1, digits, 2 * digits)
    step = next(step for step in steps if frames / step <= _MOST_TICKS)
    parts = []
    for number in (1, *range(step if step > 1 else 2, frames + 1, step)):
        # In the middle of the frame's own stretch.
        x = _NAMES + (number - 0.5) / frames * _WIDTH
        parts.append(line(x, top, x, top + 5, "axis"))
        parts.append(text(x, top + 18, f"{number:,}", "tick middle"))
    return parts
