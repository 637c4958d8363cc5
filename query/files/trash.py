"""The user's trash: putting files into it, finding them there, taking them out again.

Source: freedesktop.org, Trash specification 1.0. Other systems keep no record that programs read.
"""

import errno
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from send2trash import send2trash

from nearframe.common import DiskFullError, NearframeError, shown, writing_errors

from .transfer import has_content, move_file

HAS_RECORDS = sys.platform not in ("win32", "darwin")
"""Whether this system's trash says where its files came from."""

_INFO = ".trashinfo"


@dataclass(frozen=True, slots=True, order=True)
class TrashedFile:
    """A file in the trash; the later one is the greater.

    Attributes:
        deleted: When, ISO 8601 in local time, to the second; empty where the record lacks it.
        written_ns: When the record was written, since both can be of one second.
        file: Where it is now.
        record: The ``.trashinfo`` file that says where it came from.
    """

    deleted: str
    written_ns: int
    file: Path
    record: Path


class Trash:
    """The trash as it is when it is first looked at."""

    def __init__(self) -> None:
        self._records: dict[Path, dict[str, list[TrashedFile]]] = {}

    def find(self, path: Path, sha256: str) -> TrashedFile | None:
        """Find the file that was last put into the trash from a path with this content."""
        found = (entry for entry in self._of(path) if has_content(entry.file, sha256))
        return max(found, default=None)

    def take_out(self, trashed: TrashedFile, path: Path, sha256: str, token: str) -> None:
        """Move a file out of the trash, to where it came from.

        Raises:
            NearframeError: If another file is there by now, or it cannot be written.
        """
        with writing_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            move_file(trashed.file, path, sha256, token)
        self.clear_records(path)

    def clear_records(self, path: Path) -> None:
        """Remove the records of a path whose file is not in the trash: of runs cut short."""
        for entry in self._of(path):
            if not os.path.lexists(entry.file):
                entry.record.unlink(missing_ok=True)

    def _of(self, path: Path) -> Iterator[TrashedFile]:
        # Some programs record the path with its links followed.
        names = {str(path), str(Path(os.path.realpath(path.parent), path.name))}
        for folder, top in _trash_folders(path):
            if folder not in self._records:
                self._records[folder] = _read_records(folder, top)
            for name in names:
                yield from self._records[folder].get(name, ())


def put_into_trash(path: Path) -> None:
    """Put a file into the trash of its file system, or of the user.

    Raises:
        DiskFullError: If there is no room for the record.
        NearframeError: If the system refuses; the file is where it was.
    """
    try:
        send2trash(path)
    except OSError as error:
        # Some of its errors carry a whole sentence, some a number.
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(f"cannot put {shown(path)} into the trash: {reason}") from error
        raise NearframeError(f"cannot be put into the trash: {reason}; use move") from error


def _trash_folders(path: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the trash folders that may hold a file, each with what its records are relative to."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    yield data / "Trash", data
    top, user = mount_point(path), os.getuid()
    yield top / ".Trash" / str(user), top
    yield top / f".Trash-{user}", top


def mount_point(path: Path) -> Path:
    """Return the root of the file system that a path is on, or would be."""
    place = Path(os.path.realpath(path))
    return next(parent for parent in (place, *place.parents) if os.path.ismount(parent))


def _read_records(folder: Path, top: Path) -> dict[str, list[TrashedFile]]:
    """Read which files lie in a trash folder, by the absolute path that each came from."""
    records: dict[str, list[TrashedFile]] = defaultdict(list)
    for record in sorted((folder / "info").glob(f"*{_INFO}")):
        try:
            lines = record.read_bytes().splitlines()
            written_ns = record.stat().st_mtime_ns
        except OSError:
            continue
        fields = dict(line.split(b"=", 1) for line in lines if b"=" in line)
        if b"Path" not in fields:
            continue
        name = os.fsdecode(unquote_to_bytes(fields[b"Path"]))
        deleted = fields.get(b"DeletionDate", b"").decode(errors="replace")
        file = folder / "files" / record.name.removesuffix(_INFO)
        entry = TrashedFile(deleted, written_ns, file, record)
        records[os.path.normpath(top / name)].append(entry)
    return dict(records)
