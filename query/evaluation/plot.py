"""A picture of how similar copies are, and how similar different images are."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nearframe.common import shown
from nearframe.common.drawing import check_plot_path, save_plot
from nearframe.embeddings import default_threshold

from .evaluate import Evaluation, MethodScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINS = 60
_COPIES, _DIFFERENT = "#1f6fb4", "#c2571a"


def plot_similarities(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Draw the similarities that our vectors give.

    Above, how the similarities of all copies to their originals and of all pairs of different
    images spread; below, each kind of copy. What one threshold can separate does not overlap.

    Raises:
        OutputError: If the file cannot be written.
        NearframeError: As `check_plot_path`.
    """
    from matplotlib.figure import Figure

    check_plot_path(path)
    scores = evaluation.methods[0]
    low = _lowest_shown(scores)
    figure = Figure(figsize=(9, 4 + 0.24 * len(scores.edits)), dpi=120, layout="constrained")
    spread, kinds = figure.subplots(
        2, 1, sharex=True, height_ratios=[3, 0.24 * len(scores.edits) + 0.5]
    )
    others = "other frames" if evaluation.is_video else "different images"
    _draw_spread(spread, scores, others, np.linspace(low, 1.0, _BINS + 1))
    _draw_kinds(kinds, scores, others)
    made_with = evaluation.fingerprint
    threshold = default_threshold(made_with.weights, made_with.sha256)
    if threshold is not None and threshold > low:
        for axes in (spread, kinds):
            label = f"default threshold of these weights, {threshold:g}"
            axes.axvline(threshold, color="black", linestyle="--", linewidth=1, label=label)
    # Above the curves, of which any corner may be full.
    spread.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8, frameon=False)
    kinds.set_xlim(low, 1.0 + 0.01 * (1 - low))
    kinds.ticklabel_format(axis="x", useOffset=False)
    name = Path(evaluation.source).resolve().name
    figure.suptitle(f"{shown(name)}: {evaluation.fingerprint.describe()}", fontsize=10)
    save_plot(figure, path)


def _lowest_shown(scores: MethodScores) -> float:
    """Leave out the few lowest, which would press all others against the right border."""
    copies = np.concatenate([edit.similarities for edit in scores.edits.values()])
    lowest = float(np.quantile(copies, 0.002))
    if len(scores.different):
        lowest = min(lowest, scores.different.quantile(0.002))
    return lowest - 0.02 * (1 - lowest)


def _draw_spread(
    axes: "Axes", scores: MethodScores, others: str, edges: npt.NDArray[np.float64]
) -> None:
    copies = np.concatenate([edit.similarities for edit in scores.edits.values()])
    counted, _ = np.histogram(np.minimum(copies, 1.0), bins=edges)
    for counts, total, color, label in (
        (counted, len(copies), _COPIES, f"copy and its original ({len(copies):,} pairs)"),
        (
            scores.different.counts(edges),
            len(scores.different),
            _DIFFERENT,
            f"{others} ({len(scores.different):,} pairs)",
        ),
    ):
        axes.stairs(counts / max(total, 1), edges, fill=True, color=color, alpha=0.35)
        axes.stairs(counts / max(total, 1), edges, color=color, label=label)
    # The few different images that are as near as copies decide, and only a log scale shows them.
    axes.set_yscale("log")
    axes.set_ylabel("share of pairs")


def _draw_kinds(axes: "Axes", scores: MethodScores, others: str) -> None:
    for row, edit in enumerate(scores.edits.values()):
        low, middle, high = np.quantile(edit.similarities, [0.05, 0.5, 0.95])
        axes.plot([low, high], [row, row], color=_COPIES, linewidth=3, alpha=0.5)
        axes.plot([middle], [row], "o", color=_COPIES, markersize=4)
    if len(scores.different):
        row = len(scores.edits)
        low, middle, high = (scores.different.quantile(share) for share in (0.05, 0.5, 0.95))
        axes.plot([low, high], [row, row], color=_DIFFERENT, linewidth=3, alpha=0.5)
        axes.plot([middle], [row], "o", color=_DIFFERENT, markersize=4)
        axes.axvspan(scores.different.highest, 1.0, color="tab:green", alpha=0.08)
    labels = [*scores.edits, *[others] * bool(len(scores.different))]
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"cosine similarity (dot: median; bar: 5 % to 95 %; green: above all {others})")
