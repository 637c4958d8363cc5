"""Plots of an overview as inline SVG: images over time, and the intervals between them."""

import html
import math
from collections import Counter
from collections.abc import Sequence

from ..cameras.overview import CameraOverview
from .overview_words import name_of, show_duration
from .svg import bar, line, svg, text
from .time_axis import time_axis
from .time_scale import TimeScale
from .wall_time import wall_seconds, wall_time

_HOUR, _DAY = 3600, 86400
_WEEK = 7 * _DAY

# The timeline: names left of the bars, one row per camera, the axis below; in pixels.
_NAMES, _WIDTH, _ROW, _BARS, _AXIS = 150, 810, 46, 34, 38
_MOST_BINS = 205
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


def timeline(cameras: Sequence[CameraOverview]) -> str:
    """Draw how many images each camera has over time, on one axis for all of them.

    Args:
        cameras: Of which at least one image has a time in its name or EXIF.
    """
    seconds = [[wall_seconds(shot.time) for shot in camera.dated] for camera in cameras]
    # Bins begin at full minutes, hours or days.
    scale = TimeScale.of((s for row in seconds for s in row), _MOST_BINS - 2)
    parts = []
    for number, (camera, row) in enumerate(zip(cameras, seconds, strict=True)):
        counts = Counter(map(scale.bin_of, row))
        parts.append(_timeline_row(camera, counts, number * _ROW, scale))
    bottom = len(cameras) * _ROW
    parts += time_axis(scale, left=_NAMES, width=_WIDTH, top=bottom)
    size = f"0 0 {_NAMES + _WIDTH + 40} {bottom + _AXIS}"
    return svg(size, "Images over time, one row per camera", parts)


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
            bar(
                x=(left - low) * scale,
                width=scale / _BINS_PER_DECADE - 1,
                height=_bar_height(count, most, _HISTOGRAM_HEIGHT),
                bottom=_HISTOGRAM_HEIGHT + 16,
                title=f"{show_duration(10**left)} to {show_duration(10**right)}: {count}",
            )
        )
    bottom = _HISTOGRAM_HEIGHT + 16
    parts.append(line(0, bottom, _HISTOGRAM_WIDTH, bottom, "axis"))
    for seconds in _interval_ticks(low, high):
        x = (math.log10(seconds) - low) * scale
        parts.append(line(x, bottom, x, bottom + 4, "axis"))
        parts.append(text(x, bottom + 16, show_duration(seconds), "tick middle"))
    x = (math.log10(camera.median_interval_s) - low) * scale
    parts.append(line(x, 14, x, bottom, "median"))
    anchor = "middle" if 60 < x < _HISTOGRAM_WIDTH - 60 else "start" if x <= 60 else "end"
    median = f"median {show_duration(camera.median_interval_s)}"
    parts.append(text(x, 10, median, f"tick {anchor}"))
    margin = _HISTOGRAM_MARGIN
    size = f"-{margin} 0 {_HISTOGRAM_WIDTH + 2 * margin} {bottom + 22}"
    return svg(size, f"Intervals between images of {name_of(camera.camera)}", parts)


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
    scale: TimeScale,
) -> str:
    name = name_of(camera.camera)
    # Names of cameras differ at their ends.
    short = name if len(name) <= _LONGEST_NAME else f"{name[:6]}…{name[7 - _LONGEST_NAME :]}"
    bottom = top + _ROW
    parts = [
        f"<g><title>{html.escape(name)}</title>",
        text(_NAMES - 10, bottom - 8, short, "name end"),
        "</g>",
        line(_NAMES, bottom, _NAMES + _WIDTH, bottom, "axis"),
    ]
    most = max(counts.values(), default=0)
    unit = _WIDTH / scale.bins
    if most:
        parts.append(text(_NAMES + _WIDTH + 6, bottom - _BARS + 8, str(most), "tick start"))
    for bin_, count in sorted(counts.items()):
        begin = scale.begin_of(bin_)
        title = f"{wall_time(begin)} to {wall_time(begin + scale.step)}: {count}"
        parts.append(
            bar(
                x=_NAMES + bin_ * unit,
                width=max(1.0, unit - 0.5),
                height=_bar_height(count, most, _BARS),
                bottom=bottom,
                title=title,
            )
        )
    return "".join(parts)


def _bar_height(count: int, most: int, height: int) -> float:
    # One image among thousands is still to be seen.
    return max(2.0, count / most * height)
