"""What an applied plan did to files, written before it is done, so that it can be undone."""

import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nearframe.common import (
    Action,
    NearframeError,
    OutputError,
    SplitAction,
    atomic_path,
    holding,
    parsed,
    reading_errors,
    remove_leftovers,
    require_path,
    shown,
    typed,
    typed_fields,
    writing_errors,
)

TARGETED: tuple[Action, ...] = ("move", "copy-unique", "hardlink")
"""The actions that put files into a folder."""
ON_KEPT: tuple[Action, ...] = ("copy-unique", "hardlink")
"""The actions on the files that are new; the others are on those that repeat one."""
FileAction = Action | SplitAction

_KIND = "dedup journal"
_VERSION = 1
# Stands at the end when every operation was carried out, reported or taken back.
_FINISHED: Mapping[str, Any] = {"finished": True}
_END = json.dumps(_FINISHED).encode()
_TOKEN = re.compile("[0-9a-f]{16}")
# Journals of before there were tokens.
_NO_TOKEN = "0" * 16


@dataclass(frozen=True, slots=True)
class Operation:
    """One file that is moved, copied, linked to, put into the trash or deleted.

    Attributes:
        source: Absolute path before.
        target: Absolute path after; empty for the trash, whose place is its own, and for nothing.
        sha256: Of the content, in hexadecimal; empty for a symbolic link, which has none.
        stays: Absolute path of the file that must be there when this one goes; empty for none.
        stays_sha256: Of its content.
    """

    source: str
    target: str
    sha256: str
    stays: str = ""
    stays_sha256: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the operation as JSON values, only those that say something."""
        fields = asdict(self)
        if not self.stays:
            del fields["stays"], fields["stays_sha256"]
        return fields


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything that an application of a plan does.

    Attributes:
        action: What it does.
        operations: In the order in which they are carried out.
        directories: Directories that it makes, outermost first.
        finished: Whether it came to its end, or was taken back.
        token: What private names of its files have in them, which nobody else knows.
        folder: Real path of the folder below which all sources lie; empty in older journals.
        to: Real path of the folder below which all targets lie; empty where there are none.
    """

    action: FileAction
    operations: tuple[Operation, ...]
    directories: tuple[str, ...]
    finished: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    folder: str = ""
    to: str = ""

    def create(self, path: Path) -> None:
        """Write the journal, one line per operation, completely or not at all.

        Raises:
            NearframeError: If there is one already.
            OutputError: If it cannot be written.
        """
        head = {
            "nearframe": _KIND,
            "version": _VERSION,
            "action": self.action,
            "directories": self.directories,
            "token": self.token,
            "folder": self.folder,
            "to": self.to,
        }
        try:
            with writing_errors(path):
                remove_leftovers([path])
                with (
                    atomic_path(path, replace=False) as temporary,
                    temporary.open("w", encoding="utf-8") as file,
                ):
                    file.write(_line(head))
                    file.writelines(_line(entry.to_json()) for entry in self.operations)
        except OutputError as error:
            if isinstance(error.__cause__, FileExistsError):
                raise _in_use(path) from error
            raise

    def finish(self, path: Path) -> None:
        """Say in the journal that it came to its end; a crash before leaves it as it was.

        Raises:
            OutputError: If it cannot be written.
        """
        with writing_errors(path), path.open("rb+") as file:
            content = file.read()
            whole = _whole_lines(content)
            file.seek(len(whole))
            file.truncate()
            file.write((b"" if whole.endswith(b"\n") else b"\n") + _line(_FINISHED).encode())
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Journal":
        """Read a journal.

        Raises:
            NearframeError: If it is no journal, or from a newer nearframe.
        """
        with reading_errors(path):
            content = Path(path).read_bytes()
        lines = _whole_lines(content).decode("utf-8", "replace").splitlines()
        try:
            first, *entries = map(parsed, lines)
            if not isinstance(first, dict):
                raise ValueError("its first line is no object")
            head = typed_fields(_Head, first)
            if (head.nearframe, head.version) != (_KIND, _VERSION):
                raise ValueError(f"{head.nearframe} version {head.version}")
            finished = bool(entries) and entries[-1] == _FINISHED
            operations = typed(tuple[Operation, ...], entries[: -1 if finished else None])
            for text in (
                *(text for entry in operations for text in (entry.source, entry.target)),
                *(entry.stays for entry in operations),
                *(*head.directories, head.folder, head.to),
            ):
                require_path(text)
            _require_made_for(head.directories, operations)
            return cls(
                action=head.action,
                operations=operations,
                directories=head.directories,
                finished=finished,
                token=_token(head.token),
                folder=head.folder,
                to=head.to,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise NearframeError(
                f"{shown(path)} is not a journal of an applied plan that this nearframe reads "
                f"({error}); give the .journal.jsonl file that dedup, apply or split named"
            ) from error


@dataclass(frozen=True)
class _Head:
    """The first line of a journal."""

    nearframe: str
    version: int
    action: FileAction
    directories: tuple[str, ...]
    token: str = _NO_TOKEN
    folder: str = ""
    to: str = ""


def _require_made_for(directories: Iterable[str], operations: Iterable[Operation]) -> None:
    """Check that a run made directories for its targets only: others are not removed or made.

    Raises:
        ValueError: If none of the targets lies below one of them.
    """
    folders = {Path(os.path.dirname(operation.target)) for operation in operations}  # noqa: PTH120
    above = folders.union(*(folder.parents for folder in folders))
    for directory in directories:
        if Path(directory) not in above:
            raise ValueError(f"no target lies in the directory {shown(directory)}")


def lies_in(path: str | os.PathLike[str], real_folder: str) -> bool:
    """Whether a file's own folder, all links followed, is a folder or lies below it."""
    try:
        return Path(os.path.realpath(Path(path).parent)).is_relative_to(real_folder)
    except OSError:  # a link that is exchanged in this moment
        return False


@contextmanager
def journal_lock(path: Path) -> Iterator[None]:
    """Hold a journal that is there, so that no other run carries it out or takes it back.

    Raises:
        NearframeError: If another run holds it, or it cannot be read.
    """
    with ExitStack() as stack:
        with reading_errors(path):
            held = stack.enter_context(holding(path))
        if not held:
            raise _in_use(path)
        yield


def _in_use(path: Path) -> NearframeError:
    return NearframeError(
        f"{shown(path)} is being carried out or taken back by another run of nearframe; wait until "
        "it ends"
    )


def earlier_journals(path: Path) -> Iterator[tuple[Path, Journal]]:
    """Yield the journals of the finished runs before that of a path, the latest first.

    That are those which have the same name with a lower number, or with none. What cannot be read
    is left out.
    """
    match = re.fullmatch(r"(.*\.journal)(?:-(\d+))?(\.jsonl)", path.name)
    if match is None:
        return
    stem, number, suffix = match.groups()
    for earlier in range(int(number or 1) - 1, 0, -1):
        name = path.with_name(f"{stem}{f'-{earlier}' if earlier > 1 else ''}{suffix}")
        try:
            journal = Journal.read(name)
        except NearframeError:
            continue
        if journal.finished:
            yield name, journal


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry) + "\n"


def _whole_lines(content: bytes) -> bytes:
    """Return a journal without what a crash left of its very last line, the one that ends it."""
    end = content.rfind(b"\n") + 1
    cut = content[end:]
    is_cut = bool(cut) and _line(_FINISHED).encode().startswith(cut) and cut != _END
    return content[:end] if is_cut else content


def _token(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"token {value!r}")
    return value
