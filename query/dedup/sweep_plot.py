"""A picture of how many frames stay at which threshold."""

import os
from typing import TYPE_CHECKING

from nearframe.common.drawing import check_plot_path, save_plot

from .sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINE, _USUAL = "#1f6fb4", "#555555"


def plot_sweep(sweep: Sweep, path: str | os.PathLike[str]) -> None:
    """Draw how many frames stay over the thresholds, with the usual threshold marked.

    Raises:
        OutputError: If the file cannot be written.
        NearframeError: As `check_plot_path`.
    """
    check_plot_path(path)
    save_plot(draw_sweep(sweep), path)


def draw_sweep(sweep: Sweep) -> "Figure":
    """Return how many frames stay over the thresholds as a figure, as `plot_sweep` draws it."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    thresholds = [point.threshold for point in sweep.points]
    kept = [point.kept for point in sweep.points]
    axes.plot(thresholds, kept, "o-", color=_LINE, markersize=4)
    if sweep.kind == "change":
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
        axes.set_xlabel("changed area from which a frame is new")
    else:
        axes.set_xlabel("similarity from which a frame is a repeat")
        axes.ticklabel_format(axis="x", useOffset=False)
    if sweep.usual is not None:
        axes.axvline(sweep.usual, color=_USUAL, linestyle="--", linewidth=1, label="used now")
        axes.legend(frameon=False)
    axes.set_ylim(0, sweep.total * 1.02)
    axes.set_ylabel(f"frames that stay, of {sweep.total:,}")
    axes.grid(alpha=0.3)
    return figure
