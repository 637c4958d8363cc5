"""nearframe apply: do with the files what a plan says."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nearframe.common import ACTIONS

from .cli import (
    Command,
    count,
    json_option,
    path_argument,
    print_json,
    progress_bar,
    report_skipped,
    show_argument,
    show_path,
    skipped_json,
    strict_option,
)

if TYPE_CHECKING:
    from nearframe.common import Action
    from nearframe.query import Application, DedupPlan

# What the name of the folder that receives files ends in.
_ENDINGS = {"move": "repeats", "copy-unique": "unique", "hardlink": "unique"}

_VERBS = {
    "move": "move",
    "copy-unique": "copy",
    "hardlink": "link",
    "trash": "put into the trash",
    "delete": "delete",
}

TO_HELP = "Where to; default: FOLDER-repeats for move, FOLDER-unique for copy-unique and hardlink."
yes_option = click.option("--yes", is_flag=True, help="Delete without asking.")


@click.command("apply", cls=Command, short_help="Carry out a plan that dedup made.")
@path_argument("plan_path", metavar="PLAN")
@click.option(
    "--action",
    type=click.Choice(ACTIONS),
    required=True,
    help="What to do with the repeats: move, trash or delete them; or with the new images: "
    "copy-unique copies them, hardlink links to them without using space.",
)
@click.option("--to", type=click.Path(path_type=Path), metavar="DIR", help=TO_HELP)
@yes_option
@strict_option
@json_option
def apply(
    plan_path: Path, action: "Action", to: Path | None, yes: bool, strict: bool, as_json: bool
) -> None:
    """Do with the files of a folder what PLAN, the .json file of dedup, says.

    Whatever changed since the plan was made is left alone and listed. nearframe undo takes back
    everything but delete, which asks first. After an interruption the same command goes on.
    """
    from nearframe.query import DedupPlan

    if plan_path.suffix == ".csv":
        raise click.UsageError(
            f"{plan_path} is a table for reading; give the plan itself, the .json file of dedup"
        )
    require_options(action, to=to, yes=yes)
    plan = DedupPlan.load(plan_path)
    applied = perform(plan, plan_path, action, to, yes=yes)
    if as_json:
        print_json({"plan": str(plan_path), "applied": applied_json(applied)})
    else:
        print_applied(applied, action)
    report_skipped(applied.skipped, strict=strict)


def require_options(action: "Action", *, to: Path | None, yes: bool) -> None:
    """Refuse a folder where none is needed, and to delete when nobody can be asked."""
    if to is not None and action not in _ENDINGS:
        raise click.UsageError(f"{action} puts no files into a folder; leave --to out")
    if action == "delete" and not yes and not _has_terminal():
        raise click.UsageError("delete asks on a terminal, and here is none; give --yes")


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def perform(
    plan: "DedupPlan", plan_path: Path, action: "Action", to: Path | None, *, yes: bool
) -> "Application":
    """Carry out a plan, or go on with a run of it that was interrupted."""
    from nearframe.query import apply_plan, journal_of

    if action in _ENDINGS and to is None:
        to = Path(f"{plan.folder}-{_ENDINGS[action]}")
    if action == "delete" and not yes:
        _confirm(plan)
    journal = journal_of(plan_path)
    try:
        with progress_bar() as progress:
            return apply_plan(plan, action=action, to=to, journal=journal, progress=progress)
    except KeyboardInterrupt as error:
        way_back = (
            ""
            if action == "delete"
            else f", and nearframe undo {show_argument(journal)} takes back what was done"
        )
        raise click.ClickException(
            f"interrupted; the same command goes on from there{way_back}"
            if journal.exists()
            else "interrupted; nothing was changed"
        ) from error


def _confirm(plan: "DedupPlan") -> None:
    there = [file for file in plan.dropped if os.path.lexists(Path(plan.folder, file.file))]
    size = show_size(sum(file.size for file in there))
    question = f"Delete {count(len(there), 'file')} ({size}) of {show_path(plan.folder)} for good?"
    if there and not click.confirm(question, err=True):
        raise click.ClickException("nothing was deleted")


def show_size(size: int) -> str:
    """Return a number of bytes in a unit that fits: ``1.2 MB``."""
    if size < 1000:
        return count(size, "byte")
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.3g} {unit}"


def print_applied(applied: "Application", action: "Action") -> None:
    """Say what was done, and how to take it back."""
    where = "deleted" if action == "delete" else "now in the trash"
    if applied.to is not None:
        where = f"now in {show_path(applied.to)}"
    if applied.done:
        click.echo(f"{count(applied.done, 'file')} {where}")
    if applied.already:
        click.echo(f"{count(applied.already, 'file')} {where} already, by an earlier run")
    elif not applied.done:
        click.echo(f"Nothing to {_VERBS[action]}")
    if (applied.done or applied.already) and action != "delete":
        click.echo(f"To take it back: nearframe undo {show_argument(applied.journal)}")


def applied_json(applied: "Application") -> dict[str, Any]:
    """Return what was done as JSON values."""
    return {
        "done": applied.done,
        "already": applied.already,
        "to": None if applied.to is None else str(applied.to),
        "journal": str(applied.journal),
        "skipped": skipped_json(applied.skipped),
    }
