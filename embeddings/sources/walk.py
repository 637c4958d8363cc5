"""Finding files in a folder, in the order a person would number them."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from nearframe.common import name_key, reading_errors

from ..frame import Unreadable
from .kinds import Kind, kind_of
from .left_out import LeftOut
from .moved import MOVED_LIST, moved_paths
from .raw import raw_available

INDEX_FILE = "frames.sqlite"
"""A folder that has it is an index, of which nothing is a source."""

# What `left_out_noted` yields, where it is in force.
_noted: ContextVar[dict[str, LeftOut] | None] = ContextVar("left_out_noted", default=None)


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is found, before it is read.

    Attributes:
        path: As the user would write it.
        size: In bytes; -1 where the file cannot be looked at.
        mtime_ns: Modification time in nanoseconds since the epoch; -1 where that is not known.
    """

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def look_at(cls, path: str) -> "File":
        """Ask the file system; a broken link is a file that cannot be looked at."""
        try:
            status = Path(path).stat()
        except OSError:
            return cls(path, size=-1, mtime_ns=-1)
        return cls(path, size=status.st_size, mtime_ns=status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a folder; each list is in natural sort order, its paths as the user would write.

    Attributes:
        images: Image files.
        videos: Video files.
        left_out: What else is there.
        problems: Sub-folders that could not be entered.
    """

    images: tuple[str, ...]
    videos: tuple[str, ...]
    left_out: LeftOut
    problems: tuple[Unreadable, ...]


def list_folder(folder: str, *, recursive: bool) -> Listing:
    """List the files of a folder by their kinds (`kind_of`).

    Symbolic links are followed, and no directory is entered twice, so a loop of links ends.

    Args:
        folder: Where to look.
        recursive: Whether to enter sub-folders.

    Raises:
        SourceError: If `folder` itself does not exist or may not be read.
    """
    with reading_errors(folder):
        os.scandir(folder).close()
    found: dict[Kind | None, list[str]] = {"image": [], "video": [], "raw": [], None: []}
    problems: list[Unreadable] = []
    folders: list[str] = []
    listed: set[str] = set()
    moved = too_long = 0
    entered: set[tuple[int, int]] = set()
    pending = [folder]
    while pending:
        directory = pending.pop()
        try:
            status = Path(directory).stat()
            # Sorted, so that it is always the same one of two ways to a folder that is taken.
            entries = sorted(os.listdir(directory), reverse=True)  # noqa: PTH208  # names, not Path
        except OSError as error:
            problems.append(
                Unreadable(directory, None, f"cannot enter this folder: {error.strerror}")
            )
            continue
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        if MOVED_LIST in entries:
            listed |= moved_paths(directory)
        for name in entries:
            if name == MOVED_LIST:
                continue
            path = os.path.join(directory, name)  # noqa: PTH118  # keeps the folder as given
            try:
                is_folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116  # of 10,000 files
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    too_long += 1
                    continue
                is_folder = False
            if not is_folder:
                if listed and name_key(path) in listed:
                    moved += 1
                    continue
                kind = kind_of(path)
                found["image" if kind == "raw" and raw_available() else kind].append(path)
            elif not os.path.exists(os.path.join(path, INDEX_FILE)):  # noqa: PTH110, PTH118
                (pending if recursive else folders).append(path)
    below = len(os.path.join(folder, ""))  # noqa: PTH118  # where the part below it starts
    for paths in found.values():
        paths.sort(key=lambda path: natural_key(path[below:]))
    left_out = LeftOut.of(
        folder,
        found[None],
        raw=found["raw"],
        videos=found["video"],
        moved=moved,
        too_long=too_long,
        folders=sorted(folders),
        listed=frozenset(listed),
    )
    noted = _noted.get()
    if noted is not None:
        noted.setdefault(os.path.abspath(folder), left_out)  # noqa: PTH100
    return Listing(tuple(found["image"]), tuple(found["video"]), left_out, tuple(problems))


@contextmanager
def left_out_noted() -> Iterator[Mapping[str, LeftOut]]:
    """Note what is left out of each folder that is listed in the block, by its absolute path.

    For who reports it, so that no folder need be listed once more: each listing reads the first
    bytes of every file.
    """
    noted: dict[str, LeftOut] = {}
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def natural_key(name: str) -> tuple[object, ...]:
    """Sort key under which ``img2`` comes before ``img10``, and case does not matter.

    Paths compare part by part, so that the files of one folder stay together. A name compares
    before its suffix, so that ``img.jpg`` comes before its copy ``img (1).jpg``.
    """
    path = Path(name)
    parts = [(_pieces(part), _pieces("")) for part in path.parent.parts]
    parts.append((_pieces(path.stem), _pieces(path.suffix)))
    # The name itself last, so that `a1` and `a01` have one order everywhere.
    return (tuple(parts), name)


def _pieces(text: str) -> tuple[tuple[int, int, str], ...]:
    """Split into numbers and what stands between them, each comparable with any other."""
    return tuple(
        (0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold())
        for piece in re.split(r"(\d+)", text)
        if piece
    )
