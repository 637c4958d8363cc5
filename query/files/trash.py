"""The user's trash: putting files into it, finding them there, taking them out again.

Source: freedesktop.org, Trash specification 1.0. Other systems keep no record that programs read;
there `send2trash` puts files into it. Here it would not do: between its check of a name and its
renaming another run may take the name, whose file is then lost, and what a kill leaves of it cannot
be told from the records of other programs.
"""

import errno
import os
import stat
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from nearframe.common import (
    DiskFullError,
    NearframeError,
    create_new,
    hold,
    is_held,
    remove_leftovers,
    shown,
    writing_errors,
)

from .transfer import has_content, move_file, private_path, put_back, remove_copy

HAS_RECORDS = sys.platform not in ("win32", "darwin")
"""Whether this system's trash says where its files came from."""

_INFO = ".trashinfo"
# The specification lets programs add lines. This one tells our records, so that those of runs that
# were killed can be removed; the token is that of the journal.
_OURS = b"X-Nearframe"
# Room for a number and the suffix of the record, where names have 255 bytes.
_LONGEST_NAME = 200
_STALE_NS = 60 * 10**9


@dataclass(frozen=True, slots=True, order=True)
class TrashedFile:
    """A file in the trash; the later one is the greater.

    Attributes:
        deleted: When, ISO 8601 in local time, to the second; empty where the record lacks it.
        written_ns: When the record was written, since both can be of one second.
        file: Where it is now.
        record: The ``.trashinfo`` file that says where it came from.
        token: Of the journal by which it was put there; empty where another program did.
    """

    deleted: str
    written_ns: int
    file: Path
    record: Path
    token: str


class Trash:
    """The trash as it is when it is first looked at.

    Args:
        token: That of the journal; see `private_path`.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._records: dict[Path, dict[str, list[TrashedFile]]] = {}
        # Which number to try next with a name: thousands of files may have the same.
        self._numbers: defaultdict[tuple[Path, str], int] = defaultdict(int)

    def put(self, path: Path, sha256: str, *, at: Path) -> None:
        """Put a file into the trash of its file system, or of the user.

        Args:
            path: The file, as the record names it.
            sha256: Of its content.
            at: A path by which it is reached; see `held_folders`.

        Raises:
            DiskFullError: If there is no room for it.
            NearframeError: If the system refuses, or it has another content; it is where it was.
        """
        try:
            if HAS_RECORDS:
                self._put(path, sha256, at)
            else:
                _send(path)
        except OSError as error:
            # Some errors carry a whole sentence, some a number.
            reason = os.strerror(error.errno) if error.errno else str(error)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFullError(f"cannot put {shown(path)} into the trash: {reason}") from error
            raise NearframeError(f"cannot be put into the trash: {reason}; use move") from error

    def find(self, path: Path, sha256: str) -> TrashedFile | None:
        """Find the file that was last put into the trash from a path with this content."""
        found = (entry for entry in self._of(path) if has_content(entry.file, sha256))
        return max(found, default=None)

    def take_out(self, trashed: TrashedFile, path: Path, sha256: str, *, at: Path) -> None:
        """Move a file out of the trash, to where it came from.

        Raises:
            NearframeError: If another file is there by now, or it cannot be written.
        """
        with writing_errors(at):
            at.parent.mkdir(parents=True, exist_ok=True)
            move_file(trashed.file, at, sha256, self._token)
        self.clear_records(path)

    def is_own(self, trashed: TrashedFile) -> bool:
        """Whether a run of the same journal put a file into the trash."""
        return trashed.token == self._token

    def discard_copies(self, path: Path, sha256: str, *, at: Path) -> None:
        """Remove what a run that was cut short copied into the trash, or out of it.

        Args:
            path: Where the file is, as the record names it.
            sha256: Of its content.
            at: A path by which it is reached.

        Raises:
            NearframeError: If that cannot be done.
        """
        for entry in self._of(path):
            if self.is_own(entry) and has_content(entry.file, sha256):
                with writing_errors(entry.file):
                    remove_copy(entry.file, self._token, sha256, stays=at)
        self.clear_records(path)

    def clear_records(self, path: Path) -> None:
        """Remove the records of a path whose file is not in the trash: of runs cut short."""
        for entry in self._of(path):
            if not os.path.lexists(entry.file):
                entry.record.unlink(missing_ok=True)

    def _put(self, path: Path, sha256: str, at: Path) -> None:
        folder, top = _folder_for(path)
        self._records_in(folder, top)  # removes what killed runs left there
        for name in ("files", "info"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = count(self._numbers[folder, path.name])
        with _new_record(folder, path, top, self._token, numbers) as record:
            self._numbers[folder, path.name] = next(numbers)
            target = folder / "files" / record.name.removesuffix(_INFO)
            move_file(at, target, sha256, self._token)

    def _of(self, path: Path) -> Iterator[TrashedFile]:
        # Some programs record the path with its links followed.
        names = {str(path), str(Path(os.path.realpath(path.parent), path.name))}
        for folder, top in _trash_folders(path):
            records = self._records_in(folder, top)
            for name in names:
                yield from records.get(name, ())

    def _records_in(self, folder: Path, top: Path) -> dict[str, list[TrashedFile]]:
        if folder not in self._records:
            self._records[folder] = _read_records(folder, top, self._token)
        return self._records[folder]


def _send(path: Path) -> None:
    from send2trash import send2trash

    send2trash(path)


def _folder_for(path: Path) -> tuple[Path, Path]:
    """Return the trash folder that takes a file, and what its records are relative to.

    Raises:
        OSError: If the file may not be looked at.
    """
    home, *others = _trash_folders(path)
    place = next(parent for parent in (home[0], *home[0].parents) if parent.exists())
    if _disk(path) == _disk(place):
        return home
    shared, own = others
    try:
        status = shared[0].parent.lstat()
        # Anybody's files are safe there only as the specification asks for it.
        if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
            return shared
    except OSError:
        pass
    return own


def _disk(path: Path) -> int:
    return path.lstat().st_dev


@contextmanager
def _new_record(
    folder: Path, path: Path, top: Path, token: str, numbers: Iterator[int]
) -> Iterator[Path]:
    """Make the record of a file that is about to be put into the trash; yield it.

    It is held meanwhile, so that no other run takes it for one of a killed run, and gone again when
    the body raises before the file is there.

    Raises:
        OSError: As the operating system says.
    """
    origin = os.fsencode(path)
    if path.is_relative_to(top):
        origin = os.fsencode(path.relative_to(top))
    # Ours first, so that also a record which was cut off can be told.
    content = b"[Trash Info]\n%s=%s\nPath=%s\nDeletionDate=%s\n" % (
        _OURS,
        token.encode(),
        quote(origin).encode(),
        datetime.now().strftime("%Y-%m-%dT%H:%M:%S").encode(),
    )
    record, descriptor = _create_record(folder, path.name, numbers)
    try:
        hold(descriptor)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
            yield record
        except BaseException:
            if _is_missing(folder / "files" / record.name.removesuffix(_INFO)):
                record.unlink(missing_ok=True)
            raise
    finally:
        os.close(descriptor)


def _create_record(folder: Path, name: str, numbers: Iterator[int]) -> tuple[Path, int]:
    """Make an empty record under a name that no record and no file in the trash has.

    Args:
        folder: The trash folder.
        name: That of the file.
        numbers: What is put behind it until it is free; 0 is nothing.
    """
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  # a name, no path
    stem = os.fsdecode(os.fsencode(stem)[: max(0, _LONGEST_NAME - len(os.fsencode(suffix)))])
    for number in numbers:
        free = f"{stem}{f' {number}' if number else ''}{suffix}"
        if os.path.lexists(folder / "files" / free):
            continue
        record = folder / "info" / f"{free}{_INFO}"
        try:
            return record, create_new(record, 0o600)
        except FileExistsError:
            continue
    raise AssertionError("numbers do not end")


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


def _read_records(folder: Path, top: Path, own: str) -> dict[str, list[TrashedFile]]:
    """Read which files lie in a trash folder, by the absolute path that each came from.

    Our own records of files that are not there are removed: runs that were killed left them. Where
    a run of the journal with the token `own` was, a file that has a private name gets its own back.
    """
    records: dict[str, list[TrashedFile]] = defaultdict(list)
    for record in sorted((folder / "info").glob(f"*{_INFO}")):
        file = folder / "files" / record.name.removesuffix(_INFO)
        try:
            content = record.read_bytes()
            written_ns = record.stat().st_mtime_ns
        except OSError:
            continue
        fields = dict(line.split(b"=", 1) for line in content.splitlines() if b"=" in line)
        token = fields.get(_OURS, b"").decode(errors="replace")
        private = private_path(file, own)
        if token == own and os.path.lexists(private):
            with suppress(NearframeError, OSError):
                put_back(private, file)
        # Killed before it wrote a word; another program would have written it by now.
        stale = not content and time.time_ns() - written_ns > _STALE_NS
        if (_OURS in fields or stale) and _is_missing(file) and not is_held(record):
            with suppress(OSError):
                remove_leftovers([file])
                record.unlink()
            continue
        if b"Path" not in fields:
            continue
        name = os.fsdecode(unquote_to_bytes(fields[b"Path"]))
        deleted = fields.get(b"DeletionDate", b"").decode(errors="replace")
        entry = TrashedFile(deleted, written_ns, file, record, token)
        records[os.path.normpath(top / name)].append(entry)
    return dict(records)


def _is_missing(file: Path) -> bool:
    """Whether there surely is no such file; one that cannot be looked at may be there."""
    try:
        file.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
