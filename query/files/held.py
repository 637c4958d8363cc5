"""Folders held open while files in them are changed: no link put in their place leads elsewhere.

A check of a path and its use are two moments. On Linux the folder of a file is opened once, it is
asked where it really lies, and the file is named through what is open: ``/proc/self/fd/7/a.png``.
Elsewhere the path is checked right before its use.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from nearframe.common import NearframeError, shown

from .journal import Journal, Operation, lies_in

_OPEN = "/proc/self/fd"


@contextmanager
def held_folders(journal: Journal, operation: Operation) -> Iterator[Operation]:
    """Hold the folders of an operation's files open; yield it with paths that no link changes.

    Errors that are raised meanwhile name the files as the user knows them.

    Raises:
        NearframeError: If a link leads one of them out of the folder that the journal is for.
    """
    paths: dict[str, str] = {}
    known_as: dict[str, str] = {}
    with ExitStack() as stack:
        for field, inside in (("source", journal.folder), ("target", journal.to)):
            path = Path(getattr(operation, field))
            if getattr(operation, field) and inside:
                held = stack.enter_context(held_folder(path.parent, inside))
                paths[field] = os.fspath(held / path.name)
                known_as[os.fspath(held)] = shown(path.parent)
        try:
            yield replace(operation, **paths)
        except NearframeError as error:
            error.args = (_in_words(str(error), known_as),)
            raise
        except OSError as error:  # of a path that is exchanged while it is looked at
            reason = error.strerror or str(error)
            raise NearframeError(f"cannot be looked at ({reason}); left where it is") from error


def _in_words(text: str, known_as: Mapping[str, str]) -> str:
    for held, name in known_as.items():
        if held.startswith(_OPEN):
            # Not the start of /proc/self/fd/71 for /proc/self/fd/7.
            text = re.sub(rf"{held}(?!\d)", name.replace("\\", r"\\"), text)
    return text


@contextmanager
def held_folder(path: Path, inside: str) -> Iterator[Path]:
    """Hold one folder open; yield a path to it that no link changes, or its own.

    Args:
        path: The folder.
        inside: Real path of the folder that it must be, or lie below.

    Raises:
        NearframeError: If a link leads it out of there.
    """
    descriptor = -1
    if _can_hold():
        # Where it is not there, or no folder, what is done with its files says so.
        with suppress(OSError):
            descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY)
    try:
        held = path if descriptor < 0 else Path(_OPEN, str(descriptor))
        if not lies_in(held / "file", inside):
            raise NearframeError(f"a link leads {shown(path)} out of {shown(inside)}; left alone")
        yield held
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@cache
def _can_hold() -> bool:
    return sys.platform == "linux" and os.path.isdir(_OPEN)  # noqa: PTH112
