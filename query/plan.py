"""What a deduplication would do, as a file that a person can read and change."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nearframe.embeddings import (
    Fingerprint,
    NearframeError,
    Unreadable,
    file_sha256,
    reading_errors,
    shown,
    writing_errors,
)
from nearframe.index import atomic_write

from .greedy import Against

_KIND = "dedup plan"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it was when the plan was made.

    Attributes:
        file: Path relative to the plan's folder.
        size: In bytes.
        sha256: Of its content, in hexadecimal.
    """

    file: str
    size: int
    sha256: str

    @classmethod
    def look_at(cls, folder: str, path: str) -> "PlannedFile":
        """Describe a file as it is now.

        Raises:
            OSError: If it cannot be read.
        """
        return cls(
            os.path.relpath(path, folder), Path(path).stat().st_size, file_sha256(Path(path))
        )

    def is_unchanged(self, folder: Path) -> bool:
        """Whether the file still has the content it had."""
        path = folder / self.file
        try:
            return path.stat().st_size == self.size and file_sha256(path) == self.sha256
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class DroppedFile(PlannedFile):
    """A file that repeats an earlier one.

    Attributes:
        repeats: The file that it repeats, relative to the plan's folder.
        similarity: Cosine of the two, in [-1, 1].
    """

    repeats: str
    similarity: float


@dataclass(frozen=True, slots=True)
class DedupPlan:
    """Which files of a folder are new and which repeat an earlier one. Nothing is changed by it.

    Attributes:
        folder: Absolute path that all files are relative to.
        kept: The files that are new, in order.
        dropped: The files that repeat one, in order.
        unreadable: Files that did not decode; they are never dropped.
        threshold: Cosine from which a file counted as a repeat.
        against: Whether files were compared with kept ones or with all earlier ones.
        fingerprint: What the vectors were made with.
        created: When, ISO 8601 with offset.
    """

    folder: str
    kept: tuple[PlannedFile, ...]
    dropped: tuple[DroppedFile, ...]
    unreadable: tuple[Unreadable, ...]
    threshold: float
    against: Against
    fingerprint: Fingerprint
    created: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, one line per file.

        Raises:
            OutputError: If it cannot be written.
        """
        values: dict[str, Any] = {
            "nearframe": _KIND,
            "version": _VERSION,
            "created": self.created,
            "folder": self.folder,
            "threshold": self.threshold,
            "against": self.against,
            "fingerprint": self.fingerprint.to_json(),
        }
        lists: dict[str, tuple[PlannedFile | Unreadable, ...]] = {
            "dropped": self.dropped,
            "kept": self.kept,
            "unreadable": self.unreadable,
        }
        with writing_errors(path), atomic_write(path, "w") as file:
            file.write("{\n")
            for key, value in values.items():
                file.write(f" {json.dumps(key)}: {json.dumps(value)},\n")
            # One line per entry: a person can read them, and take some out with any editor.
            file.write(",\n".join(_list_text(key, entries) for key, entries in lists.items()))
            file.write("\n}\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "DedupPlan":
        """Read a plan, also one from which somebody removed lines.

        Raises:
            NearframeError: If it is no plan, or from a newer nearframe.
        """
        fields = read_object(path)
        if fields.get("nearframe") != _KIND:
            raise NearframeError(f"{shown(path)} is not a dedup plan; make one with dedup FOLDER")
        if fields["version"] > _VERSION:
            raise NearframeError(
                f"{shown(path)} is a plan of version {fields['version']}, but this nearframe "
                f"reads version {_VERSION}; upgrade nearframe"
            )
        try:
            return cls(
                folder=fields["folder"],
                kept=tuple(PlannedFile(**entry) for entry in fields["kept"]),
                dropped=tuple(DroppedFile(**entry) for entry in fields["dropped"]),
                unreadable=tuple(Unreadable(**entry) for entry in fields["unreadable"]),
                threshold=fields["threshold"],
                against=fields["against"],
                fingerprint=Fingerprint.from_json(fields["fingerprint"]),
                created=fields["created"],
            )
        except (KeyError, TypeError) as error:
            raise NearframeError(
                f"{shown(path)} is a damaged dedup plan ({error}); make it again"
            ) from error


def read_object(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Read a JSON object.

    Raises:
        NearframeError: If the file is missing or holds something else.
    """
    with reading_errors(path):
        text = Path(path).read_bytes()
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise NearframeError(f"{shown(path)} is not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise NearframeError(f"{shown(path)} holds a {type(fields).__name__}, expected an object")
    return fields


def _list_text(key: str, entries: Iterable[PlannedFile | Unreadable]) -> str:
    lines = ",\n".join(f"  {json.dumps(asdict(entry))}" for entry in entries)
    return f" {json.dumps(key)}: [\n{lines}\n ]" if lines else f" {json.dumps(key)}: []"


def now() -> str:
    """Return the time as ISO 8601 with the local offset, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def free_path(path: Path) -> Path:
    """Return `path`, or the first of ``NAME-2.EXT``, ``NAME-3.EXT``, … that does not exist."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate
