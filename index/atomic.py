"""Files that are either complete or not there."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

TEMPORARY_SUFFIX = ".tmp"


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what was written to it takes the name at the end.

    What had the name before stays until the new file is complete and on the disk; when the body
    raises, it stays for good and the temporary file is removed.

    Raises:
        OSError: As the operating system says; a full disk, for example.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


@contextmanager
def atomic_write(
    path: str | os.PathLike[str], mode: Literal["w", "wb"] = "wb"
) -> Iterator[IO[Any]]:
    """Open a file for writing that takes its name at the end, as of `atomic_path`.

    Text (``w``) is UTF-8.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open(mode, encoding=None if "b" in mode else "utf-8") as file,
    ):
        yield file


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove the temporary files that an interruption left beside `paths`.

    Raises:
        OSError: As the operating system says.
    """
    names = defaultdict(set)
    for path in paths:
        names[path.parent].add(path.name)
    for directory, expected in names.items():
        for path in directory.glob(f".*{TEMPORARY_SUFFIX}"):
            # The name as `atomic_path` makes it: .NAME.PROCESS.tmp
            name, _, process = path.name[1:].removesuffix(TEMPORARY_SUFFIX).rpartition(".")
            if process.isdecimal() and name in expected:
                path.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Put a directory's entries on the disk, so that a rename survives a power cut."""
    if os.name == "nt":  # Windows opens no directories and syncs them by itself.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
