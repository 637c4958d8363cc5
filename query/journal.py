"""What an applied plan did to files, written before it is done, so that it can be undone."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from nearframe.embeddings import NearframeError, reading_errors, shown, writing_errors
from nearframe.index import atomic_write

Action = Literal["move", "copy-unique"]
ACTIONS: tuple[Action, ...] = get_args(Action)

_KIND = "dedup journal"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Operation:
    """One file that is moved or copied.

    Attributes:
        source: Absolute path before.
        target: Absolute path after.
        sha256: Of the content, in hexadecimal.
    """

    source: str
    target: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything that an application of a plan does.

    Attributes:
        action: What it does.
        operations: In the order in which they are carried out.
        directories: Directories that it makes, outermost first.
        finished: Whether it came to its end.
    """

    action: Action
    operations: tuple[Operation, ...]
    directories: tuple[str, ...]
    finished: bool = False

    def write(self, path: Path) -> None:
        """Write the journal, one line per operation, before the first of them is carried out.

        Raises:
            OutputError: If it cannot be written; then nothing has been done.
        """
        head = {
            "nearframe": _KIND,
            "version": _VERSION,
            "action": self.action,
            "directories": self.directories,
        }
        with writing_errors(path), atomic_write(path, "w") as file:
            for entry in (head, *map(asdict, self.operations)):
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
            finished = bool(entries) and entries[-1] == _FINISHED
            return cls(
                action=head["action"],
                operations=tuple(Operation(**e) for e in entries[: -1 if finished else None]),
                directories=tuple(head["directories"]),
                finished=finished,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise NearframeError(
                f"{shown(path)} is not a journal of an applied plan that this nearframe reads "
                f"({error}); give the .journal.jsonl file that dedup --apply named"
            ) from error


_FINISHED = {"finished": True}


def finish(path: Path) -> None:
    """Note that every operation of the journal was carried out or reported."""
    with writing_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(_FINISHED) + "\n")
