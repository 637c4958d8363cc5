"""What of a folder a command leaves out: one line on stderr, and `left_out` in its JSON."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import show_path

if TYPE_CHECKING:
    from nearframe.embeddings.sources import LeftOut


def note_left_out(paths: Iterable[Path], *, reads_videos: bool = False) -> "NotedLeftOut":
    """Note what the command that runs leaves out of its sources, from here on.

    Args:
        paths: The sources; what else is listed does not count.
        reads_videos: Whether the command also reads the videos of a folder.
    """
    from nearframe.embeddings.sources import left_out_noted

    noted = click.get_current_context().with_resource(left_out_noted())
    given = {os.path.abspath(path): str(path) for path in paths}  # noqa: PTH100
    return NotedLeftOut(given, noted, reads_videos)


@dataclass(frozen=True)
class NotedLeftOut:
    """What was left out of folders: iterates over those of the sources that were listed so far.

    Attributes:
        given: The sources as the user wrote them, by absolute path.
        noted: What the library told of each listing.
        reads_videos: Whether the command reads the videos of a folder, too.
    """

    given: Mapping[str, str]
    noted: "Mapping[str, LeftOut]"
    reads_videos: bool

    def __iter__(self) -> "Iterator[LeftOut]":
        for path, folder in self.given.items():
            if path in self.noted:
                found = replace(self.noted[path], folder=folder)
                found = found.without_videos() if self.reads_videos else found
                if found:
                    yield found


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
