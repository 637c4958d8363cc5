"""The time axis of plots."""

import html

from .svg import line, text
from .time_scale import Stretch, TimeScale
from .wall_time import MOST_TICKS, time_ticks, wall_seconds, wall_time

_HALF_DAY = 12 * 3600
# Least distance of two labels, in pixels.
_CLOCK_WIDTH, _DATE_WIDTH = 56, 80


def time_axis(scale: TimeScale, *, left: float, width: float, top: float) -> list[str]:
    """Draw the axis of a scale as parts of an SVG."""
    unit = width / scale.bins
    dates = scale.span > MOST_TICKS * _HALF_DAY
    parts = []
    day = None
    last_clock = last_date = float("-inf")
    for stretch in scale.stretches:
        for time in _ticks(scale, stretch):
            bins = stretch.place + (time - stretch.start) / scale.step
            x, tick = left + bins * unit, wall_time(time)
            parts.append(line(x, top, x, top + 5, "axis"))
            clock = tick.strftime("%H:%M:%S" if tick.second else "%H:%M")
            if not dates and x - last_clock >= _CLOCK_WIDTH:
                parts.append(text(x, top + 18, clock, "tick middle"))
                last_clock = x
            if tick.date() != day and x - last_date >= _DATE_WIDTH:
                day = tick.date()
                parts.append(text(x, top + (18 if dates else 32), day.isoformat(), "tick middle"))
                last_date = x
    for number, begin, end in scale.breaks():
        x = left + (number + 0.5) * unit
        title = html.escape(f"nothing from {wall_time(begin)} to {wall_time(end)}")
        parts += [f'<g class="break"><title>{title}</title>']
        parts += [line(x + shift - 2, top + 5, x + shift + 2, top - 5, "axis") for shift in (-2, 2)]
        parts += ["</g>"]
    return parts


def _ticks(scale: TimeScale, stretch: Stretch) -> list[float]:
    """Choose the ticks of a stretch, at least one."""
    share = stretch.bins / sum(other.bins for other in scale.stretches)
    end = stretch.start + stretch.bins * scale.step
    ticks = time_ticks(stretch.start, end, max(1, round(MOST_TICKS * share)))
    return [wall_seconds(tick) for tick in ticks] or [stretch.start]
