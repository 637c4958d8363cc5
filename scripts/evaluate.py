"""nearframe evaluate: how well do these weights find copies of these pictures?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    Command,
    EmbedderOptions,
    count,
    embedder_options,
    force_option,
    json_option,
    path_argument,
    print_json,
    progress_bar,
    report_skipped,
    show_path,
    skipped_json,
    strict_option,
)
from .left_out import left_out_json, note_left_out, report_left_out

if TYPE_CHECKING:
    from nearframe.query import EditScores, Evaluation, MethodScores

_WIDTH = 11


@click.command("evaluate", cls=Command, short_help="Measure how well copies are found.")
@path_argument("source", metavar="FOLDER|VIDEO")
@click.option(
    "--frames",
    type=int,
    metavar="N",
    help="Pictures to copy, evenly spread; default: all images up to 1000, 50 frames of a video.",
)
@click.option("--seed", default=0, show_default=True, help="Of the crops, colours and so on.")
@click.option(
    "--ground-truth",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Make no copies, but ask your own: lines of query path, original path.",
)
@click.option("--baselines", is_flag=True, help="Run a thumbnail and a perceptual hash beside it.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw the similarities of copies and of different images.",
)
@click.option("--recursive", is_flag=True, help="Search the folder with its sub-folders.")
@force_option
@embedder_options
@strict_option
@json_option
def evaluate(
    source: Path,
    frames: int | None,
    seed: int,
    ground_truth: Path | None,
    baselines: bool,
    plot: Path | None,
    recursive: bool,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure how well edited copies are found again.

    Images of a folder, or frames of a video, are copied in 18 ways (JPEG, crops, colours, text, …),
    and each copy is searched for among all of them.
    """
    from nearframe.common.drawing import check_plot_path
    from nearframe.query import available_baselines, plot_similarities
    from nearframe.query import evaluate as run_evaluation
    from nearframe.query import evaluate_pairs as run_pairs

    if ground_truth is not None and frames is not None:
        raise click.UsageError("--ground-truth makes no copies, so it takes no --frames")
    if plot is not None:
        check_plot_path(plot)
    methods = available_baselines() if baselines else {}
    if baselines and "phash" not in methods:
        click.echo("No perceptual hash beside it: pip install 'nearframe[baselines]'", err=True)
    left_out = note_left_out([source])
    with progress_bar() as progress:
        shared: dict[str, Any] = {
            "embedder": EmbedderOptions(**options).embedder(),
            "baselines": methods,
            "recursive": recursive,
            "progress": progress,
        }
        if ground_truth is not None:
            evaluation = run_pairs(source, ground_truth, **shared)
        else:
            evaluation = run_evaluation(source, frames=frames, seed=seed, **shared)
    if plot is not None:
        plot_similarities(evaluation, plot)
    if as_json:
        print_json({**_as_json(evaluation, plot), "left_out": left_out_json(left_out)})
    else:
        _print(evaluation, plot)
    report_left_out(left_out)
    report_skipped(evaluation.unreadable, strict=strict)


def _print(evaluation: "Evaluation", plot: Path | None) -> None:
    click.echo(_title(evaluation))
    click.echo(f"Made with {evaluation.fingerprint.describe()}\n")
    methods = evaluation.methods
    edits = list(methods[0].edits)
    label = max(len(name) for name in (*edits, "recall@1", "micro-AP"))
    distance = f"{'frames off':>{_WIDTH}}" if evaluation.is_video else ""
    names = "".join(f"{method.name:>{_WIDTH}}" for method in methods)
    threshold = evaluation.threshold
    # One that comes first may still be below what counts as the same, as most crops are.
    same = f"{f'>= {threshold.value:g}':>{_WIDTH}}" if threshold else ""
    click.echo(f"{'recall@1':<{label}}{names}{'similarity':>12}{same}{distance}")
    for edit in edits:
        values = "".join(f"{method.edits[edit].recall:{_WIDTH}.3f}" for method in methods)
        own = methods[0].edits[edit]
        off = _frames_off(own) if evaluation.is_video else ""
        share = f"{own.share_at(threshold):{_WIDTH}.3f}" if threshold else ""
        click.echo(f"{edit:<{label}}{values}{own.median:12.6f}{share}{off}")
    if len(edits) > 1:
        means = "".join(f"{method.mean_recall:{_WIDTH}.3f}" for method in methods)
        click.echo(f"{'mean':<{label}}{means}")
    if not evaluation.is_video:
        click.echo(f"{'micro-AP':<{label}}" + "".join(map(_micro_ap, methods)))
    different = methods[0].different
    if len(different):
        others = "Other frames" if evaluation.is_video else "Different images"
        click.echo(
            f"\n{others}: similarity {different.quantile(0.5):.6f} (median), "
            f"{different.quantile(0.999):.6f} (1 in 1,000 above), {different.highest:.6f} (highest)"
        )
    if plot is not None:
        click.echo(f"Plot: {show_path(plot)}")


def _title(evaluation: "Evaluation") -> str:
    kind = "frame" if evaluation.is_video else "image"
    among = f"searched for among the {count(evaluation.originals, kind)} of "
    among += show_path(evaluation.source)
    if list(evaluation.methods[0].edits) == ["pairs"]:
        return f"{count(evaluation.copies, 'query').replace('querys', 'queries')} {among}"
    return f"{count(evaluation.copied, kind)}, {evaluation.copies} copies, {among}"


def _frames_off(scores: "EditScores") -> str:
    return f"{'-' if scores.distance is None else f'{scores.distance:g}':>{_WIDTH}}"


def _micro_ap(method: "MethodScores") -> str:
    return f"{method.micro_ap:{_WIDTH}.3f}"


def _as_json(evaluation: "Evaluation", plot: Path | None) -> dict[str, Any]:
    threshold, own = evaluation.threshold, evaluation.methods[0].edits
    return {
        "source": evaluation.source,
        "fingerprint": evaluation.fingerprint.to_json(),
        "originals": evaluation.originals,
        "copied": evaluation.copied,
        "copies": evaluation.copies,
        "threshold": None if threshold is None else threshold.value,
        "share_at_threshold": None
        if threshold is None
        else {edit: scores.share_at(threshold) for edit, scores in own.items()},
        "methods": {method.name: _method_json(method) for method in evaluation.methods},
        "plot": None if plot is None else str(plot),
        "skipped": skipped_json(evaluation.unreadable),
    }


def _method_json(method: "MethodScores") -> dict[str, Any]:
    return {
        "recall": {edit: scores.recall for edit, scores in method.edits.items()},
        "mean_recall": method.mean_recall,
        "micro_ap": method.micro_ap,
        "median_similarity": {edit: scores.median for edit, scores in method.edits.items()},
        "median_frames_off": {edit: scores.distance for edit, scores in method.edits.items()},
        "highest_different": method.different.highest if len(method.different) else None,
    }
