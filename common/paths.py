"""Paths: as the user knows them, as the file system compares them, and those that are free."""

import itertools
import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path


def absolute(path: str | os.PathLike[str]) -> str:
    """Return an absolute path without resolving links: the user knows it by that name."""
    return os.path.abspath(path)  # noqa: PTH100  # Path.absolute keeps `..`


def name_key(path: str | os.PathLike[str]) -> str:
    """Return what paths have in common that lead to one file, links aside.

    Usual file systems of Windows and macOS do not tell upper from lower case, and those of macOS
    give back another form of an accented letter than they were given (NFD for NFC). On Linux each
    name is another one. No file is touched on the strength of this: names that are already taken
    are for the file system to find.
    """
    text = os.fspath(path)
    if sys.platform == "darwin":
        return unicodedata.normalize("NFC", text).casefold()
    if sys.platform == "win32":
        return os.path.normcase(text)
    return text


def free_path(path: Path) -> Path:
    """Return the first of `numbered_paths` that does not exist."""
    return next(candidate for candidate in numbered_paths(path) if not os.path.lexists(candidate))


def numbered_paths(path: Path) -> Iterator[Path]:
    """Yield `path`, then ``NAME-2.EXT``, ``NAME-3.EXT`` and so on without end."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
