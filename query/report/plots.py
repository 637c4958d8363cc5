"""Plots by matplotlib inside of a page, in the colours of its light and its dark style."""

import base64
import io
import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..cameras.overview import CameraOverview
from .overview_words import show_duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _SOFT, _RULE, _BAR, _MARK = "#1d2530", "#66707d", "#d5dae0", "#2f6f9f", "#c2410c"
# What a colour becomes where a page is dark; the last two are those of `draw_sweep`.
_DARK = {
    _INK: "#e4e8ec",
    _SOFT: "#9aa4af",
    _RULE: "#3a424c",
    _BAR: "#6db1d9",
    _MARK: "#fb923c",
    "#1f6fb4": "#6db1d9",
    "#555555": "#9aa4af",
}
# Names of settings have a type only in some versions of matplotlib.
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": _SOFT,
    "figure.facecolor": "none",
    "font.size": 9.0,
    "grid.color": _RULE,
    "legend.labelcolor": _INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "nearframe",
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
}

INTERVALS_SIZE = (3.4, 1.35)
"""Of `draw_intervals`, in inches."""

_BINS_PER_DECADE = 8
_MOST_TICKS = 5
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# The finest of these lists that has not too many ticks is taken.
_COARSE_S = (0.001, 0.1, 1, _MINUTE, _HOUR, _DAY, 30 * _DAY, 3650 * _DAY)
_MEDIUM_S = (*_COARSE_S, 0.01, 10, 10 * _MINUTE, 6 * _HOUR, 7 * _DAY, 365 * _DAY)
_FINE_S = (
    *(*_MEDIUM_S, 0.002, 0.005, 0.02, 0.05, 0.2, 0.5, 2, 5, 30),
    *(2 * _MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 12 * _HOUR, 2 * _DAY, 100 * _DAY),
)


def plot_address(draw: "Callable[[], Figure]", size: tuple[float, float]) -> str:
    """Return the address, ``data:…``, of an SVG image that follows the style of its page.

    Args:
        draw: Makes the figure; called with the colours of a page as matplotlib's defaults.
        size: Width and height in inches, at which letters have the size of those of a page.
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context(_STYLE):
        figure = draw()
        figure.set_size_inches(*size)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "nearframe"})
    text = buffer.getvalue()
    light, dark = "", ""
    for number, (colour, in_the_dark) in enumerate(_DARK.items()):
        text = text.replace(colour, f"var(--c{number})")
        light += f"--c{number}: {colour}; "
        dark += f"--c{number}: {in_the_dark}; "
    style = f":root {{ {light}}} @media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}"
    text = text.replace("<defs>", f"<style>{style}</style><defs>", 1)
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"


def draw_intervals(camera: CameraOverview) -> "Figure":
    """Draw how often which interval occurs between the images of a camera.

    Args:
        camera: One with a median interval.
    """
    from matplotlib.figure import Figure

    assert camera.median_interval_s is not None
    counts = Counter(math.floor(math.log10(s) * _BINS_PER_DECADE) for s in camera.intervals_s)
    low, high = min(counts) / _BINS_PER_DECADE, (max(counts) + 1) / _BINS_PER_DECADE
    # At least one decade, or else equal intervals would fill the plot with noise in the axis.
    margin = max(0.0, 1 - (high - low)) / 2 + 0.05
    low, high = low - margin, high + margin
    figure = Figure()
    axes = figure.add_axes((0.02, 0.2, 0.96, 0.62))
    lefts = [number / _BINS_PER_DECADE for number in counts]
    axes.bar(lefts, list(counts.values()), 0.9 / _BINS_PER_DECADE, align="edge", color=_BAR)
    axes.set_xlim(low, high)
    ticks = _ticks(low, high)
    axes.set_xticks([math.log10(s) for s in ticks], [show_duration(s) for s in ticks])
    axes.set_yticks([])
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    median = math.log10(camera.median_interval_s)
    axes.axvline(median, color=_MARK, linestyle="--", linewidth=1)
    share = (median - low) / (high - low)
    axes.annotate(
        f"median {show_duration(camera.median_interval_s)}",
        (median, 1.06),
        xycoords=axes.get_xaxis_transform(),
        horizontalalignment="left" if share < 0.2 else "right" if share > 0.8 else "center",
        color=_SOFT,
    )
    return figure


def _ticks(low: float, high: float) -> list[float]:
    """Choose round intervals, in seconds, between two powers of ten."""
    ticks: list[float] = []
    for candidates in (_COARSE_S, _MEDIUM_S, _FINE_S):
        finer = [s for s in candidates if low <= math.log10(s) <= high]
        if len(finer) <= _MOST_TICKS:
            ticks = finer
    return ticks
