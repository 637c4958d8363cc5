"""nearframe split: a folder per camera."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nearframe.common import SPLIT_ACTIONS

from .cli import (
    Command,
    count,
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
from .naming import name_pattern_option, naming_of

if TYPE_CHECKING:
    from nearframe.common import SplitAction
    from nearframe.query import SplitPlan, SplitReport

_DONE = {"copy": "Copied", "move": "Moved", "link": "Linked"}


@click.command("split", cls=Command, short_help="Put images into a folder per camera.")
@path_argument("folder", metavar="FOLDER")
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder that gets a folder per camera, and one named unknown for images without one.",
)
@click.option(
    "--action",
    type=click.Choice(SPLIT_ACTIONS),
    default="copy",
    show_default=True,
    help="What to do with the images; link makes symbolic links to them.",
)
@click.option("--recursive", is_flag=True, help="Search the folder with its sub-folders.")
@click.option(
    "--check",
    is_flag=True,
    help="Decode every image fully (slow), so that one damaged in its middle stays, too.",
)
@name_pattern_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="Where to write what is done, for nearframe undo; default: DIR.journal.jsonl.",
)
@strict_option
@json_option
def split(
    folder: Path,
    to: Path,
    action: "SplitAction",
    recursive: bool,
    check: bool,
    name_pattern: str | None,
    dry_run: bool,
    journal: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Put the images of FOLDER into a folder per camera, as their names tell it.

    Names stay, and nothing is replaced: when a name is taken, nothing is done at all. Unreadable
    files are listed and stay where they are. After an interruption the same command goes on.
    """
    from nearframe.query import plan_split, split_folder

    options: dict[str, Any] = {
        "to": to,
        "action": action,
        "naming": naming_of(name_pattern),
        "recursive": recursive,
        "check": check,
    }
    left_out = note_left_out([folder])
    with progress_bar() as progress:
        done: SplitPlan | SplitReport = (
            plan_split(folder, **options, progress=progress)
            if dry_run
            else split_folder(folder, **options, journal=journal, progress=progress)
        )
    if as_json:
        print_json({**_as_json(done), "left_out": left_out_json(left_out)})
    else:
        _print(done, action)
    report_left_out(left_out)
    report_skipped(done.skipped, strict=strict)


def _print(done: "SplitPlan | SplitReport", action: "SplitAction") -> None:
    from nearframe.query import SplitReport

    if isinstance(done, SplitReport):
        rest = ", the rest of a run that was interrupted" * done.resumed
        images = f"{count(done.done, 'image')} to {show_path(done.to)}{rest}"
        click.echo(f"{_DONE[action]} {images}")
    else:
        images = f"{count(len(done.operations), 'image')} to {show_path(done.to)}"
        click.echo(f"Would {action} {images}")
    _print_cameras(done.cameras)
    if done.already:
        click.echo(f"{count(done.already, 'image')} there already")
    if isinstance(done, SplitReport) and done.journal is not None:
        click.echo(f"To take it back: nearframe undo {show_path(done.journal)}")


def _print_cameras(cameras: Mapping[str, int]) -> None:
    from nearframe.common import shown
    from nearframe.embeddings.sources import natural_key
    from nearframe.query import UNKNOWN

    # The images without a camera last.
    for name in sorted(cameras, key=lambda name: (name == UNKNOWN, natural_key(name))):
        note = "  (no camera in the name)" if name == UNKNOWN else ""
        click.echo(f"{cameras[name]:8}  {shown(name)}{note}")


def _as_json(done: "SplitPlan | SplitReport") -> dict[str, Any]:
    from nearframe.query import SplitReport

    answer: dict[str, Any] = {
        "to": done.to,
        "cameras": dict(done.cameras),
        "already": done.already,
        "skipped": skipped_json(done.skipped),
    }
    if isinstance(done, SplitReport):
        journal = None if done.journal is None else str(done.journal)
        return {**answer, "done": done.done, "journal": journal, "resumed": done.resumed}
    return {**answer, "planned": len(done.operations)}
