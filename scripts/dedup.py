"""dedup: which images are new, and which repeat an earlier one?"""

import itertools
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nearframe.common import ACTIONS

from .apply import TO_HELP, applied_json, perform, print_applied, require_options, yes_option
from .change_options import note_unused_change_options
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
    report_unfinished_index,
    require_output,
    require_page,
    show_argument,
    show_path,
    skipped_json,
    strict_option,
)
from .dedup_options import (
    TargetText,
    decision_options,
    folder_options,
    keep_option,
    take_options,
)
from .earlier_plans import earlier_plans
from .keep_new import keep_new_frames
from .left_out import left_out_json, note_left_out, report_left_out
from .sampling_options import hidden_sampling_options, take_sampling
from .sweep import run_sweep

if TYPE_CHECKING:
    from nearframe.common import Action
    from nearframe.query import Application, DedupOptions, DedupPlan, NotedFile, Target

# More cameras than these push the rest off the screen; the plan has them all.
_LISTED = 20
_NAMED = 3
_ONLY_OF_A_VIDEO = ("every", "fps", "keyframes")
_NOT_OF_A_VIDEO = (
    *("sweeps", "plot", "target", "plan_path", "report_path", "table_path", "action", "yes"),
    *("protect", "recursive", "keep", "across_cameras", "min_side"),
    *("name_pattern", "time_format", "time_zone"),
)
_NOT_OF_A_SWEEP = (
    *("target", "plan_path", "table_path", "action", "yes", "to"),
    *_ONLY_OF_A_VIDEO,
)
_NO_CAMERA = "(no camera in the name)"


def _require_json(
    context: click.Context, option: click.Parameter, value: Path | None
) -> Path | None:
    # By its suffix a plan is known again.
    if value is not None and value.suffix != ".json":
        raise click.BadParameter(f"{value} must end in .json; for a table, give --csv FILE, too")
    return require_output(context, option, value)


@click.command("dedup", cls=Command, short_help="Find repeated images; move them away if asked.")
@path_argument("source", metavar="FOLDER|INDEX")
@decision_options
@keep_option
@folder_options
@hidden_sampling_options
@click.option(
    "--sweep",
    "sweeps",
    is_flag=True,
    hidden=True,
    help="What nearframe sweep does.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    hidden=True,
    help="What nearframe sweep --plot does.",
)
@click.option(
    "--target",
    type=TargetText(),
    help="Take the threshold that keeps about this share or number of the frames.",
)
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path),
    callback=_require_json,
    help="Where to write the plan, a .json file; default: NAME.dedup.json in the current folder.",
)
@click.option(
    "--csv",
    "table_path",
    type=click.Path(path_type=Path),
    callback=require_output,
    metavar="FILE",
    help="Also write the plan as a table, a row per file, for reading.",
)
@click.option(
    "--apply",
    "action",
    type=click.Choice(ACTIONS),
    help="Carry the plan out at once; see nearframe apply.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=TO_HELP,
)
@yes_option
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path),
    callback=require_page,
    metavar="PAGE.html",
    help="Write a page that shows each image beside the one it was judged by.",
)
@force_option
@embedder_options
@strict_option
@json_option
def dedup(
    source: Path,
    plan_path: Path | None,
    table_path: Path | None,
    action: "Action | None",
    to: Path | None,
    yes: bool,
    sweeps: bool,
    plot: Path | None,
    target: "Target | None",
    report_path: Path | None,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Plan which images of FOLDER to drop because they repeat an earlier one.

    Nothing is changed without --apply. Given the index of a folder, nothing is embedded again. For
    a video there is nearframe keep-new, and to choose a threshold nearframe sweep.
    """
    from nearframe.embeddings.sources import is_video
    from nearframe.query import save_table

    if plot is not None and not sweeps:
        raise click.UsageError("--plot draws a sweep; give --sweep, too")
    if is_video(source):
        _refuse(_NOT_OF_A_VIDEO, "is not for a video")
        sampling, comparison = take_sampling(options), take_options(options)
        embedder = EmbedderOptions(**options)
        keep_new_frames(
            source, comparison, sampling, embedder, to=to, strict=strict, as_json=as_json
        )
        _point_to("keep-new", "for a video")
        return
    complete = report_unfinished_index(source)
    if sweeps:
        _refuse(_NOT_OF_A_SWEEP, "goes with a plan, and --sweep makes none")
        take_sampling(options)
        comparison = take_options(options)
        embedder = EmbedderOptions(**options)
        run_sweep(
            source,
            comparison,
            embedder,
            plot=plot,
            report_path=report_path,
            strict=strict,
            as_json=as_json,
        )
        _point_to("sweep", "for --sweep")
        return
    if source.suffix == ".json" and not source.is_dir():
        raise click.UsageError(
            f"a plan is carried out by nearframe apply {show_argument(source)} --action move"
        )
    _require_action(action, to, yes=yes)
    _refuse(_ONLY_OF_A_VIDEO, "is for videos")
    take_sampling(options)
    comparison = take_options(options)
    embedder = EmbedderOptions(**options)
    left_out = note_left_out([source])
    interrupted = None
    if action and not plan_path and target is None:
        interrupted = _interrupted(source, comparison, embedder)
    plan, plan_path = interrupted or _make_plan(source, plan_path, comparison, embedder, target)
    if plan.rules.method == "embedding":
        note_unused_change_options()
    if report_path is not None:
        _save_report(plan, report_path)  # before the files go
    if table_path is not None:
        save_table(plan, table_path)
    applied = perform(plan, plan_path, action, to, yes=yes) if action else None
    if as_json:
        answer = _as_json(plan, plan_path, report_path, applied)
        print_json({"complete": complete, **answer, "left_out": left_out_json(left_out)})
    else:
        if comparison.method is None and plan.rules.method == "hybrid":
            click.echo("File names tell cameras, so method hybrid (see --method).")
        _print(source, plan, plan_path, report_path, action, applied)
    report_left_out(left_out)
    report_skipped([*plan.unreadable, *(applied.skipped if applied else ())], strict=strict)


def _require_action(action: "Action | None", to: Path | None, *, yes: bool) -> None:
    if action is not None:
        require_options(action, to=to, yes=yes)
    elif to is not None or yes:
        raise click.UsageError(f"{'--yes' if to is None else '--to'} needs --apply")


def _refuse(names: Collection[str], reason: str) -> None:
    """Refuse options that would be without effect."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if given and parameter.name in names:
            raise click.UsageError(f"{parameter.opts[0]} {reason}")


def _point_to(command: str, use: str) -> None:
    click.echo(f"Note: {use} there is a command of its own now: nearframe {command}", err=True)


def _default_plan_path(source: Path) -> Path:
    return Path(f"{source.resolve().name}.dedup.json")


def _interrupted(
    source: Path, comparison: "DedupOptions", embedder: EmbedderOptions
) -> "tuple[DedupPlan, Path] | None":
    """Find the plan of an earlier run of the same command that did not come to its end."""
    from nearframe.common import name_key, numbered_paths, remove_leftovers, writing_errors
    from nearframe.query import DedupPlan, journal_of

    for path in itertools.takewhile(Path.exists, numbered_paths(_default_plan_path(source))):
        journal = journal_of(path)
        if not journal.exists():
            with writing_errors(journal):
                remove_leftovers([journal])  # of a run that was killed before it did anything
            continue
        plan = DedupPlan.load(path)
        made_with = plan.fingerprint
        same_network = made_with is None or (
            embedder.weights in (None, made_with.weights)
            and embedder.fit in (None, made_with.preprocessing.fit)
        )
        same_folder = name_key(plan.folder) == name_key(os.path.abspath(source))  # noqa: PTH100
        if same_network and same_folder and comparison.matches(plan.rules):
            click.echo(f"Going on with {show_path(path)}, which was interrupted", err=True)
            return plan, path
    return None


def _make_plan(
    source: Path,
    plan_path: Path | None,
    comparison: "DedupOptions",
    embedder: EmbedderOptions,
    target: "Target | None",
) -> "tuple[DedupPlan, Path]":
    from nearframe.common import free_path
    from nearframe.query import plan_dedup, plan_for_target

    make = plan_dedup if target is None else partial(plan_for_target, target=target)
    with progress_bar() as progress:
        plan = make(
            source,
            options=comparison,
            embedder=embedder.embedder(),
            progress=progress,
        )
    # Without a name of the user's, never over an older plan: somebody may have edited it.
    plan_path = plan_path or free_path(_default_plan_path(source))
    plan.save(plan_path)
    return plan, plan_path


def _save_report(plan: "DedupPlan", path: Path) -> None:
    from nearframe.query import save_report

    with progress_bar() as progress:
        save_report(plan, path, progress=progress)


def _print(
    source: Path,
    plan: "DedupPlan",
    plan_path: Path,
    report_path: Path | None,
    action: "Action | None",
    applied: "Application | None",
) -> None:
    from nearframe.query import describe_recall, describe_rules

    total = len(plan.kept) + len(plan.dropped)
    click.echo(
        f"{'Drops' if applied else 'Would drop'} {len(plan.dropped)} of {count(total, 'frame')} "
        f"({describe_rules(plan.rules, plan.fingerprint)})"
    )
    for line in _by_camera(plan):
        click.echo(line)
    for line in _with_little_in_them(plan):
        click.echo(line)
    if plan.recall is not None:
        click.echo(describe_recall(plan.recall))
    click.echo(f"Plan: {show_path(plan_path)}")
    for line in earlier_plans(_default_plan_path(source), plan_path, plan.folder):
        click.echo(line)
    if report_path is not None:
        click.echo(f"Report: {show_path(report_path)}")
    if action is not None and applied is not None:
        print_applied(applied, action)
    elif plan.dropped:
        click.echo(f"Next: nearframe apply {show_argument(plan_path)} --action move")


def _by_camera(plan: "DedupPlan") -> Iterator[str]:
    """Say what is kept of each camera."""
    total: Counter[str | None] = Counter(file.camera for file in (*plan.kept, *plan.dropped))
    kept = Counter(file.camera for file in plan.kept)
    if not any(total) or plan.rules.across_cameras:
        return
    width = max(len(camera or _NO_CAMERA) for camera in total)
    for camera, number in list(total.items())[:_LISTED]:
        name = camera or _NO_CAMERA
        yield f"  {name:<{width}}  keeps {kept[camera]} of {number}"
    if len(total) > _LISTED:
        yield f"  and {len(total) - _LISTED} more cameras"


def _with_little_in_them(plan: "DedupPlan") -> Iterator[str]:
    """Name the pictures that were not compared as the others."""
    if plan.tiny:
        yield (
            f"{count(len(plan.tiny), 'picture')} with a side under {plan.rules.min_side} pixels "
            f"left alone ({_some(plan.tiny)}); --min-side 1 compares them, too"
        )
    if plan.uninformative:
        yield (
            f"{count(len(plan.uninformative), 'picture')} too dark, flat or blurred for "
            f"similarity, so that only equal pixels count ({_some(plan.uninformative)})"
        )


def _some(files: "Sequence[NotedFile]") -> str:
    from nearframe.common import shown

    names = ", ".join(f"{shown(file.file)}: {file.reason}" for file in files[:_NAMED])
    more = len(files) - _NAMED
    return f"{names} and {more} more in the plan" if more > 0 else names


def _as_json(
    plan: "DedupPlan", plan_path: Path, report_path: Path | None, applied: "Application | None"
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "plan": str(plan_path),
        "report": None if report_path is None else str(report_path),
        "kept": len(plan.kept),
        "dropped": len(plan.dropped),
        "threshold": plan.rules.threshold,
        "threshold_origin": plan.rules.threshold_origin,
        "rules": plan.rules.to_json(),
        "recall": None if plan.recall is None else asdict(plan.recall),
        "tiny": [asdict(file) for file in plan.tiny],
        "uninformative": [asdict(file) for file in plan.uninformative],
        "skipped": skipped_json(plan.unreadable),
    }
    if applied is not None:
        answer["applied"] = applied_json(applied)
    return answer
