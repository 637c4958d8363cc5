"""Plots of an overview as inline SVG: images over time, and the intervals between them."""

import html
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from .overview import CameraOverview
from .overview_words import name_of, show_duration
from .shots import Shot

_WALL_EPOCH = datetime(1970, 1, 1)
_HOUR, _DAY = 3600, 86400
_WEEK = 7 * _DAY
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, _WEEK, 2 * _WEEK),
)
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH_S = 30.44 * _DAY

# The timeline: names left of the bars, one row per camera, the axis below; in pixels.
_NAMES, _WIDTH, _ROW, _BARS, _AXIS = 150, 810, 46, 34, 38
_MOST_BINS, _MOST_TICKS = 205, 8
_LONGEST_NAME = 16

# The histogram; intervals are on a logarithmic axis.
_HISTOGRAM_WIDTH, _HISTOGRAM_HEIGHT, _HISTOGRAM_MARGIN = 300, 90, 18
_BINS_PER_DECADE = 8
_MOST_INTERVAL_TICKS = 6
# The finest of these lists that has not too many ticks is taken.
_MINUTE = 60
_COARSE_S = (0.001, 0.1, 1, _MINUTE, _HOUR, _DAY, 30 * _DAY, 3650 * _DAY)
_MEDIUM_S = (*_COARSE_S, 0.01, 10, 10 * _MINUTE, 6 * _HOUR, _WEEK, 365 * _DAY)
_FINE_S = (
    *(*_MEDIUM_S, 0.002, 0.005, 0.02, 0.05, 0.2, 0.5, 2, 5, 30),
    *(2 * _MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 12 * _HOUR, 2 * _DAY, 100 * _DAY),
)


def drawn_shots(cameras: Sequence[CameraOverview]) -> list[list[Shot]]:
    """Choose, per camera, the images that a timeline shows.

    Modification times tell when a folder was copied; beside times of 2021, a few of today would
    squeeze all others into one bar. They are drawn only where there is nothing else.
    """
    dated: list[list[Shot]] = [
        [shot for shot in camera.shots if shot.time_origin != "modified"] for camera in cameras
    ]
    return dated if any(dated) else [list(camera.shots) for camera in cameras]


def timeline(cameras: Sequence[CameraOverview]) -> str:
    """Draw how many images each camera has over time, on one axis for all of them."""
    rows = drawn_shots(cameras)
    seconds = [[_seconds(shot.time) for shot in row] for row in rows]
    first, last = (choose(s for row in seconds for s in row) for choose in (min, max))
    # Bins begin at full minutes, hours or days.
    step = _step(last - first, _MOST_BINS - 2)
    start = _floor(first, step)
    bins = int((last - start) // step) + 1
    scale = _WIDTH / bins
    parts = []
    for number, (camera, row) in enumerate(zip(cameras, seconds, strict=True)):
        counts = Counter(int((s - start) // step) for s in row)
        parts.append(_timeline_row(camera, counts, number * _ROW, start, step, scale))
    bottom = len(cameras) * _ROW
    parts += _time_axis(start, start + bins * step, bottom)
    size = f"0 0 {_NAMES + _WIDTH + 40} {bottom + _AXIS}"
    return _svg(size, "Images over time, one row per camera", parts)


def interval_histogram(camera: CameraOverview) -> str:
    """Draw how often which interval occurs between the images of a camera."""
    intervals = camera.intervals_s
    assert camera.median_interval_s is not None
    counts = Counter(math.floor(math.log10(s) * _BINS_PER_DECADE) for s in intervals)
    low, high = min(counts) / _BINS_PER_DECADE, (max(counts) + 1) / _BINS_PER_DECADE
    # At least one decade, or else equal intervals would fill the plot with noise in the axis.
    margin = max(0.0, 1 - (high - low)) / 2
    low, high = low - margin, high + margin
    scale = _HISTOGRAM_WIDTH / (high - low)
    most = max(counts.values())
    parts = []
    for bin_, count in sorted(counts.items()):
        left, right = bin_ / _BINS_PER_DECADE, (bin_ + 1) / _BINS_PER_DECADE
        parts.append(
            _bar(
                x=(left - low) * scale,
                width=scale / _BINS_PER_DECADE - 1,
                height=_bar_height(count, most, _HISTOGRAM_HEIGHT),
                bottom=_HISTOGRAM_HEIGHT + 16,
                title=f"{show_duration(10**left)} to {show_duration(10**right)}: {count}",
            )
        )
    bottom = _HISTOGRAM_HEIGHT + 16
    parts.append(_line(0, bottom, _HISTOGRAM_WIDTH, bottom, "axis"))
    for seconds in _interval_ticks(low, high):
        x = (math.log10(seconds) - low) * scale
        parts.append(_line(x, bottom, x, bottom + 4, "axis"))
        parts.append(_text(x, bottom + 16, show_duration(seconds), "tick middle"))
    x = (math.log10(camera.median_interval_s) - low) * scale
    parts.append(_line(x, 14, x, bottom, "median"))
    anchor = "middle" if 60 < x < _HISTOGRAM_WIDTH - 60 else "start" if x <= 60 else "end"
    median = f"median {show_duration(camera.median_interval_s)}"
    parts.append(_text(x, 10, median, f"tick {anchor}"))
    margin = _HISTOGRAM_MARGIN
    size = f"-{margin} 0 {_HISTOGRAM_WIDTH + 2 * margin} {bottom + 22}"
    return _svg(size, f"Intervals between images of {name_of(camera.camera)}", parts)


def time_ticks(first: float, last: float, most: int = _MOST_TICKS) -> list[datetime]:
    """Choose round wall-clock times between two (in seconds since 1970), about `most` of them."""
    span = last - first
    step = _step(span, most)
    if step <= 2 * _WEEK:
        start = _floor(first, step)
        seconds = (start + n * step for n in range(most + 2))
        return [_time(s) for s in seconds if first <= s <= last]
    months = next((n for n in _STEPS_MONTHS if span / (n * _MONTH_S) <= most), _STEPS_MONTHS[-1])
    ticks = []
    begin, end = _time(first), _time(last)
    for month in range(begin.year * 12, end.year * 12 + 12, months):
        tick = datetime(month // 12, month % 12 + 1, 1)
        if begin <= tick <= end:
            ticks.append(tick)
    return ticks


def _interval_ticks(low: float, high: float) -> list[float]:
    """Choose round intervals, in seconds, between two powers of ten."""
    ticks: list[float] = []
    for candidates in (_COARSE_S, _MEDIUM_S, _FINE_S):
        finer = [s for s in candidates if low <= math.log10(s) <= high]
        if len(finer) <= _MOST_INTERVAL_TICKS:
            ticks = finer
    return ticks


def _timeline_row(
    camera: CameraOverview,
    counts: Counter[int],
    top: int,
    start: float,
    step: float,
    scale: float,
) -> str:
    name = name_of(camera.camera)
    # Names of cameras differ at their ends.
    short = name if len(name) <= _LONGEST_NAME else f"{name[:6]}…{name[7 - _LONGEST_NAME :]}"
    bottom = top + _ROW
    parts = [
        f"<g><title>{html.escape(name)}</title>",
        _text(_NAMES - 10, bottom - 8, short, "name end"),
        "</g>",
        _line(_NAMES, bottom, _NAMES + _WIDTH, bottom, "axis"),
    ]
    most = max(counts.values(), default=0)
    if most:
        parts.append(_text(_NAMES + _WIDTH + 6, bottom - _BARS + 8, str(most), "tick start"))
    for bin_, count in sorted(counts.items()):
        begin, end = _time(start + bin_ * step), _time(start + (bin_ + 1) * step)
        parts.append(
            _bar(
                x=_NAMES + bin_ * scale,
                width=max(1.0, scale - 0.5),
                height=_bar_height(count, most, _BARS),
                bottom=bottom,
                title=f"{begin} to {end}: {count}",
            )
        )
    return "".join(parts)


def _time_axis(first: float, last: float, top: int) -> list[str]:
    parts = []
    day = None
    ticks = time_ticks(first, last)
    dates = last - first > _MOST_TICKS * 12 * _HOUR
    for tick in ticks:
        x = _NAMES + (_seconds(tick) - first) / (last - first) * _WIDTH
        parts.append(_line(x, top, x, top + 5, "axis"))
        clock = tick.strftime("%H:%M:%S" if tick.second else "%H:%M")
        if not dates:
            parts.append(_text(x, top + 18, clock, "tick middle"))
        if tick.date() != day:
            day = tick.date()
            parts.append(_text(x, top + (18 if dates else 32), day.isoformat(), "tick middle"))
    return parts


def _step(span: float, most: int) -> float:
    """Choose the smallest round step, in seconds, of which not more than `most` fill a span."""
    months = (n * _MONTH_S for n in _STEPS_MONTHS)
    return next((s for s in (*_STEPS_S, *months) if span / s <= most), span / most)


def _floor(seconds: float, step: float) -> float:
    # 1970-01-05 was the first Monday.
    origin = 4 * _DAY if step % _WEEK == 0 else 0
    return (seconds - origin) // step * step + origin


def _seconds(time: datetime) -> float:
    return (time - _WALL_EPOCH).total_seconds()


def _time(seconds: float) -> datetime:
    try:
        return _WALL_EPOCH + timedelta(seconds=round(seconds))
    except OverflowError:
        return datetime.max if seconds > 0 else datetime.min


def _bar_height(count: int, most: int, height: int) -> float:
    # One image among thousands is still to be seen.
    return max(2.0, count / most * height)


def _bar(*, x: float, width: float, height: float, bottom: float, title: str) -> str:
    return (
        f'<rect class="bar" x="{x:.1f}" y="{bottom - height:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}"><title>{html.escape(title)}</title></rect>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'


def _svg(size: str, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="{size}" role="img" aria-label="{html.escape(label)}">{"".join(parts)}</svg>'
    )
