"""dedup: which images are new, and which repeat an earlier one?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    Command,
    EmbedderOptions,
    ProgressBar,
    count,
    embedder_options,
    json_option,
    path_argument,
    print_json,
    report_skipped,
    show_path,
    skipped_json,
    strict_option,
)

if TYPE_CHECKING:
    from nearframe.query import Action, Against, Application, DedupPlan

ACTIONS = ("move", "copy-unique")
AGAINST = ("kept", "all")


@click.command("dedup", cls=Command)
@path_argument("source", metavar="FOLDER|INDEX|PLAN")
@click.option(
    "--threshold",
    type=float,
    help="Similarity from which an image repeats another; default: as calibrated for the weights.",
)
@click.option(
    "--against",
    type=click.Choice(AGAINST),
    default="kept",
    show_default=True,
    help="Compare with the kept images before it, or with all.",
)
@click.option("--recursive", is_flag=True, help="Search the folder with its sub-folders.")
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path),
    help="Where to write the plan; default: NAME.dedup.json in the current folder.",
)
@click.option(
    "--apply",
    "action",
    type=click.Choice(ACTIONS),
    help="Carry the plan out: move the repeats away, or copy the new images.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="Where to; default: FOLDER-repeats for move, FOLDER-unique for copy-unique.",
)
@embedder_options
@strict_option
@json_option
def dedup(
    source: Path,
    plan_path: Path | None,
    action: "Action | None",
    to: Path | None,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Plan which images of FOLDER to drop because they repeat an earlier one.

    Nothing is changed without --apply. Given the index of a folder, nothing is embedded again;
    given a plan, that plan is carried out.
    """
    from nearframe.query import DedupPlan

    if source.suffix == ".json":
        if action is None:
            raise click.UsageError("a plan needs --apply move or --apply copy-unique")
        plan, plan_path = DedupPlan.load(source), source
    else:
        plan, plan_path = _make_plan(source, plan_path, **options)
    applied = _apply(plan, plan_path, action, to) if action else None
    if as_json:
        print_json(_as_json(plan, plan_path, applied))
    else:
        _print(plan, plan_path, applied)
    report_skipped([*plan.unreadable, *(applied.skipped if applied else ())], strict=strict)


def _make_plan(
    source: Path,
    plan_path: Path | None,
    *,
    threshold: float | None,
    against: "Against",
    recursive: bool,
    **options: Any,
) -> "tuple[DedupPlan, Path]":
    from nearframe.query import free_path, plan_dedup

    with ProgressBar() as progress:
        plan = plan_dedup(
            source,
            threshold=threshold,
            against=against,
            recursive=recursive,
            embedder=EmbedderOptions(**options).embedder(),
            progress=progress,
        )
    # Without a name of the user's, never over an older plan: somebody may have edited it.
    plan_path = plan_path or free_path(Path(f"{source.resolve().name}.dedup.json"))
    plan.save(plan_path)
    return plan, plan_path


def _apply(plan: "DedupPlan", plan_path: Path, action: "Action", to: Path | None) -> "Application":
    from nearframe.query import apply_plan, journal_of

    ending = {"move": "repeats", "copy-unique": "unique"}[action]
    with ProgressBar() as progress:
        return apply_plan(
            plan,
            action=action,
            to=to or f"{plan.folder}-{ending}",
            journal=journal_of(plan_path),
            progress=progress,
        )


def _print(plan: "DedupPlan", plan_path: Path, applied: "Application | None") -> None:
    total = len(plan.kept) + len(plan.dropped)
    click.echo(
        f"{'Drops' if applied else 'Would drop'} {len(plan.dropped)} of {count(total, 'frame')} "
        f"(similarity {plan.threshold:g} or more to an earlier {_compared(plan)})"
    )
    click.echo(f"Plan: {show_path(plan_path)}")
    if applied is None:
        if plan.dropped:
            click.echo(f"Next: dedup {show_path(plan_path)} --apply move")
        return
    click.echo(f"{count(applied.done, 'file')} now in {show_path(applied.to)}")
    click.echo(f"To take it back: nearframe undo {show_path(applied.journal)}")


def _compared(plan: "DedupPlan") -> str:
    """Say what frames were compared with, and where the threshold comes from."""
    from nearframe.embeddings import default_threshold

    weights = plan.fingerprint.weights
    origin = f", the default of weights {weights}" * (plan.threshold == default_threshold(weights))
    return ("kept frame" if plan.against == "kept" else "frame") + origin


def _as_json(plan: "DedupPlan", plan_path: Path, applied: "Application | None") -> dict[str, Any]:
    answer: dict[str, Any] = {
        "plan": str(plan_path),
        "kept": len(plan.kept),
        "dropped": len(plan.dropped),
        "threshold": plan.threshold,
        "skipped": skipped_json(plan.unreadable),
    }
    if applied is not None:
        answer["applied"] = {
            "done": applied.done,
            "journal": str(applied.journal),
            "skipped": skipped_json(applied.skipped),
        }
    return answer
