"""What dedup --sweep prints: how many frames stay at which threshold."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    EmbedderOptions,
    print_json,
    progress_bar,
    report_skipped,
    show_argument,
    show_path,
    skipped_json,
)
from .left_out import left_out_json, note_left_out, report_left_out

if TYPE_CHECKING:
    from nearframe.query import DedupOptions, Sweep

_BAR = 40


def sweep(
    source: Path,
    options: "DedupOptions",
    embedder: EmbedderOptions,
    *,
    plot: Path | None,
    report_path: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Print how many frames stay at a range of thresholds; draw and show it where asked to."""
    from nearframe.common.drawing import check_plot_path
    from nearframe.query import plot_sweep, save_sweep_report, sweep_dedup

    if plot is not None:
        check_plot_path(plot)
    left_out = note_left_out([source])
    with progress_bar() as progress:
        found = sweep_dedup(source, options, embedder=embedder.embedder(), progress=progress)
    if plot is not None:
        plot_sweep(found, plot)
    if report_path is not None:
        with progress_bar() as progress:
            save_sweep_report(found, report_path, progress=progress)
    if as_json:
        print_json({**_as_json(found, report_path), "left_out": left_out_json(left_out)})
    else:
        _print(source, found)
        if plot is not None:
            click.echo(f"Plot: {show_path(plot)}")
        if report_path is not None:
            click.echo(f"Report: {show_path(report_path)}")
    report_left_out(left_out)
    report_skipped(found.unreadable, strict=strict)


def _print(source: Path, found: "Sweep") -> None:
    from nearframe.query import describe_recall, threshold_text

    click.echo(f"{'Changed area' if found.kind == 'change' else 'Similarity':<13}  Stay   Share")
    for point in found.points:
        share = point.kept / found.total
        mark = "  <- used now" if point.threshold == found.usual else ""
        bar = "#" * round(_BAR * share)
        click.echo(
            f"{threshold_text(found, point.threshold):<13}  {point.kept:<5}  {share:5.1%}  "
            f"{bar}{mark}".rstrip()
        )
    change = found.rules.change
    if change is not None and found.points[0].threshold < change.min_diff_area:
        click.echo(
            f"Regions below {change.min_diff_area:g} of the area do not count (--min-diff-area)."
        )
    if found.recall is not None:
        click.echo(describe_recall(found.recall))
    option = "--change-threshold" if found.kind == "change" else "--threshold"
    click.echo(f"Next: dedup {show_argument(source)} {option} VALUE, or --target 20%")


def _as_json(found: "Sweep", report_path: Path | None) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "frames": found.total,
        "points": [
            {
                "threshold": point.threshold,
                "kept": point.kept,
                "used": point.threshold == found.usual,
                "pair": None if point.pair is None else asdict(point.pair),
            }
            for point in found.points
        ],
        "usual": found.usual,
        "report": None if report_path is None else str(report_path),
        "rules": found.rules.to_json(),
        "recall": None if found.recall is None else asdict(found.recall),
        "skipped": skipped_json(found.unreadable),
    }
