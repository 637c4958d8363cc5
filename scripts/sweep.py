"""nearframe sweep: how many frames stay at which threshold of dedup?"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    Command,
    EmbedderOptions,
    embedder_options,
    force_option,
    json_option,
    path_argument,
    print_json,
    progress_bar,
    report_skipped,
    report_unfinished_index,
    require_page,
    show_argument,
    show_path,
    skipped_json,
    strict_option,
)
from .dedup_options import decision_options, folder_options, take_options
from .left_out import left_out_json, note_left_out, report_left_out

if TYPE_CHECKING:
    from nearframe.query import DedupOptions, Sweep

_BAR = 40


@click.command("sweep", cls=Command, short_help="Count what stays at which threshold of dedup.")
@path_argument("source", metavar="FOLDER|INDEX")
@decision_options
@folder_options
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="Draw the counts, too: .png, .svg or .pdf.",
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path),
    callback=require_page,
    metavar="PAGE.html",
    help="Write a page that shows, at each threshold, the pair of images that it decides about.",
)
@force_option
@embedder_options
@strict_option
@json_option
def sweep(
    source: Path,
    plot: Path | None,
    report_path: Path | None,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Print how many frames of FOLDER dedup would keep at thresholds around the one in use.

    Nothing is changed. Images are read only once.
    """
    report_unfinished_index(source)
    comparison = take_options(options)
    run_sweep(
        source,
        comparison,
        EmbedderOptions(**options),
        plot=plot,
        report_path=report_path,
        strict=strict,
        as_json=as_json,
    )


def run_sweep(
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
