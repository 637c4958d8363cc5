"""What an applied plan did to files, written before it is done, so that it can be undone."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from nearframe.embeddings import NearframeError, reading_errors, shown, writing_errors
from nearframe.index import atomic_write

Action = Literal["move", "copy-unique", "hardlink", "trash", "delete"]
ACTIONS: tuple[Action, ...] = get_args(Action)
TARGETED: tuple[Action, ...] = ("move", "copy-unique", "hardlink")
"""The actions that put files into a folder."""
ON_KEPT: tuple[Action, ...] = ("copy-unique", "hardlink")
"""The actions on the files that are new; the others are on those that repeat one."""
SplitAction = Literal["copy", "move", "link"]
SPLIT_ACTIONS: tuple[SplitAction, ...] = get_args(SplitAction)
FileAction = Action | SplitAction

_KIND = "dedup journal"
_VERSION = 1
# Stands at the end when every operation was carried out, reported or taken back.
_FINISHED: Mapping[str, Any] = {"finished": True}


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
    """

    action: FileAction
    operations: tuple[Operation, ...]
    directories: tuple[str, ...]
    finished: bool = False

    def write(self, path: Path) -> None:
        """Write the journal, one line per operation, completely or not at all.

        Raises:
            OutputError: If it cannot be written.
        """
        head = {
            "nearframe": _KIND,
            "version": _VERSION,
            "action": self.action,
            "directories": self.directories,
        }
        end = (_FINISHED,) if self.finished else ()
        with writing_errors(path), atomic_write(path, "w") as file:
            for entry in (head, *(entry.to_json() for entry in self.operations), *end):
                file.write(json.dumps(entry) + "\n")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Journal":
        """Read a journal.

        Raises:
            NearframeError: If it is no journal, or from a newer nearframe.
        """
        with reading_errors(path):
            lines = Path(path).read_text("utf-8", errors="replace").splitlines()
        try:
            head, *entries = map(json.loads, lines)
            if (head["nearframe"], head["version"]) != (_KIND, _VERSION):
                raise ValueError(f"{head['nearframe']} version {head['version']}")
            if head["action"] not in (*ACTIONS, *SPLIT_ACTIONS):
                raise ValueError(f"action {head['action']!r}")
            finished = bool(entries) and entries[-1] == _FINISHED
            return cls(
                action=head["action"],
                operations=tuple(_operation(e) for e in entries[: -1 if finished else None]),
                directories=tuple(map(_text, head["directories"])),
                finished=finished,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise NearframeError(
                f"{shown(path)} is not a journal of an applied plan that this nearframe reads "
                f"({error}); give the .journal.jsonl file that dedup, apply or split named"
            ) from error


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


def _operation(fields: Mapping[str, Any]) -> Operation:
    operation = Operation(**fields)
    for value in asdict(operation).values():
        _text(value)
    return operation


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text was expected")
    return value
