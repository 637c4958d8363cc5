"""What of a folder a command leaves out: one line on stderr, and `left_out` in its JSON."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import show_path

if TYPE_CHECKING:
    from nearframe.embeddings.sources import LeftOut


def list_left_out(paths: Iterable[Path], *, reads_videos: bool = False) -> "tuple[LeftOut, ...]":
    """Look at the folders among the sources of the command that runs.

    Asked for before the command's work: what that moves away is not left out.

    Args:
        paths: Sources; anything but a folder is passed over, and so is an index.
        reads_videos: Whether the command also reads the videos of a folder.
    """
    from nearframe.common import NearframeError
    from nearframe.embeddings.sources import INDEX_FILE, list_folder

    recursive = bool(click.get_current_context().params.get("recursive"))
    found = []
    for path in dict.fromkeys(paths):
        if not path.is_dir() or (path / INDEX_FILE).exists():
            continue
        # What cannot be listed is an error of the command's own work.
        with contextlib.suppress(NearframeError):
            left_out = list_folder(str(path), recursive=recursive).left_out
            found.append(left_out.without_videos() if reads_videos else left_out)
    return tuple(left_out for left_out in found if left_out)


def report_left_out(found: "Iterable[LeftOut]") -> None:
    """Say on stderr what was left out, one line per folder."""
    names = {parameter.name for parameter in click.get_current_context().command.params}
    for left_out in found:
        remedy = (
            "; --recursive takes them"
            if "recursive" in names and left_out.files_in_folders()
            else ""
        )
        click.echo(
            f"Left out of {show_path(left_out.folder)}: {left_out.describe()}{remedy}", err=True
        )


def left_out_json(found: "Iterable[LeftOut]") -> list[dict[str, Any]]:
    """Return it as JSON values."""
    return [left_out.to_json() for left_out in found]
