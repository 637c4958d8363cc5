"""Which derived files were compared with their checksums, so that each is read for it only once.

A file of a million frames takes a second to read. That a file is what was written is remembered by
its place, inode, size and modification time, in the user's cache: an empty file for each, since an
index may be on a disk that cannot be written.
"""

import contextlib
import hashlib
import os
from pathlib import Path

import platformdirs

from .record import DerivedFile

_REMEMBERED = 1000


def is_as_written(directory: Path, file: DerivedFile) -> bool:
    """Whether a file has the content that it was written with; it is read unless it is known."""
    path = directory / file.name
    mark = _mark(path, file)
    if mark is None or not file.is_present(directory):
        return False
    if mark.exists():
        return True
    try:
        whole = DerivedFile.of(path, file.name) == file
    except OSError:
        return False
    # What was written meanwhile has another mark.
    if whole and mark == _mark(path, file):
        _put(mark)
    return whole


def remember(directory: Path, file: DerivedFile) -> None:
    """Note that a file was written just now, so that it need not be read."""
    mark = _mark(directory / file.name, file)
    if mark is not None:
        _put(mark)


def _folder() -> Path:
    return Path(platformdirs.user_cache_dir("nearframe", appauthor=False), "checked")


def _mark(path: Path, file: DerivedFile) -> Path | None:
    try:
        found = path.stat()
    except OSError:
        return None
    parts = (
        *(os.fsencode(path.resolve()), file.sha256.encode(errors="replace")),
        *(b"%d" % n for n in (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)),
    )
    return _folder() / hashlib.sha256(b"\0".join(parts)).hexdigest()


def _put(mark: Path) -> None:
    """Make a mark; those made longest ago go. Without one, the file is read once more."""
    with contextlib.suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        marks = [(entry.stat().st_mtime_ns, entry.path) for entry in os.scandir(mark.parent)]
        for _, path in sorted(marks)[:-_REMEMBERED]:
            Path(path).unlink(missing_ok=True)
