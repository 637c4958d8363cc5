"""Files that are either complete or not there."""

import os
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from .file_lock import hold, is_at, remove_unless_held
from .rename import rename_new

TEMPORARY_SUFFIX = ".tmp"
_TOKEN = re.compile("[0-9a-f]+")
# Room for what a temporary name has more, where names have 255 bytes.
_LONGEST_NAME = 230


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, replace: bool = True) -> Iterator[Path]:
    """Yield an empty temporary file beside `path`; it takes the name at the end.

    What had the name before stays until the new file is complete and on the disk; when the body
    raises, it stays for good and the temporary file is removed. The temporary file has a name that
    nobody can guess, and is held while it is written, so that `remove_leftovers` lets it be.

    Args:
        path: The name.
        replace: Whether the file may take the name of another.

    Raises:
        FileExistsError: If the name is taken and must not be replaced.
        OSError: As the operating system says; a full disk, for example.
    """
    path = Path(path)
    temporary, descriptor = _new_temporary(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if os.name == "nt":  # where an open file cannot be renamed
            os.close(descriptor)
            descriptor = -1
        if replace:
            temporary.replace(path)
        else:
            rename_new(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    sync_directory(path.parent)


@contextmanager
def atomic_write(
    path: str | os.PathLike[str], mode: Literal["w", "wb"] = "wb"
) -> Iterator[IO[Any]]:
    """Open a file for writing that takes its name at the end, as `atomic_path` does it.

    Text (``w``) is UTF-8.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open(mode, encoding=None if "b" in mode else "utf-8") as file,
    ):
        yield file


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove the temporary files that an interruption left beside `paths`.

    Those that another process is still writing stay.

    Raises:
        OSError: As the operating system says.
    """
    names = defaultdict(set)
    for path in paths:
        names[path.parent].add(_cut(path.name))
    for directory, expected in names.items():
        for path in directory.glob(f".*{TEMPORARY_SUFFIX}"):
            # The name as `atomic_path` makes it: .NAME.TOKEN.tmp
            name, _, token = path.name[1:].removesuffix(TEMPORARY_SUFFIX).rpartition(".")
            if _TOKEN.fullmatch(token) and name in expected:
                remove_unless_held(path)


def _cut(name: str) -> str:
    while len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[:-1]
    return name


def create_new(path: Path, mode: int = 0o666) -> int:
    """Make an empty file and open it; no link is followed, and nothing is opened that is there.

    Raises:
        FileExistsError: If something has the name.
        OSError: As the operating system says.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    for name in ("O_NOFOLLOW", "O_BINARY"):  # of POSIX, of Windows
        flags |= getattr(os, name, 0)
    return os.open(path, flags, mode)


def _new_temporary(path: Path) -> tuple[Path, int]:
    """Make a temporary file beside `path` and hold it; return its name and descriptor."""
    while True:
        temporary = path.with_name(f".{_cut(path.name)}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
        descriptor = create_new(temporary)
        # Before it was held, another process may have taken it for one that is left over.
        if hold(descriptor) and is_at(descriptor, temporary):
            return temporary, descriptor
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Put a directory's entries on the disk, so that a rename survives a power cut."""
    if os.name == "nt":  # Windows opens no directories and syncs them by itself.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
