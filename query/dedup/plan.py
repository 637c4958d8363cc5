"""What a deduplication would do, as a file that a person can read and change."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from datetime import datetime
from pathlib import Path
from typing import Any

from nearframe.common import (
    NearframeError,
    file_sha256,
    output_write,
    read_object,
    require_path,
    short_repr,
    shown,
    typed,
    typed_fields,
    writing_errors,
)
from nearframe.embeddings import Fingerprint, Unreadable
from nearframe.index import Recall

from .rules import DedupRules

_KIND = "dedup plan"
_VERSION = 2


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it was when the plan was made.

    Attributes:
        file: Path relative to the plan's folder; a protected file elsewhere has its absolute one.
        size: In bytes.
        sha256: Of its content, in hexadecimal.
        camera: Which camera took it; None where its name does not tell.
        time: When, as a clock on the wall shows it, ISO 8601; None where nobody asked.
    """

    file: str
    size: int
    sha256: str
    camera: str | None = None
    time: str | None = None

    @classmethod
    def look_at(
        cls, folder: str, path: str, *, camera: str | None = None, time: str | None = None
    ) -> "PlannedFile":
        """Describe a file as it is now.

        Raises:
            OSError: If it cannot be read.
        """
        size, sha256 = Path(path).stat().st_size, file_sha256(Path(path))
        return cls(name_in(folder, path), size, sha256, camera, time)

    def is_unchanged(self, folder: Path) -> bool:
        """Whether the file still has the content it had."""
        path = folder / self.file
        try:
            return path.stat().st_size == self.size and file_sha256(path) == self.sha256
        except OSError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile(PlannedFile):
    """A file that is new.

    Attributes:
        nearest: The file before it that came nearest to it, named like `file`; None where
            there was none to compare with.
        similarity: Cosine of the two, in [-1, 1]; None where vectors were not compared.
        change: Changed area from that one to it, in [0, 1]; None where that was not looked at.
        reason: Why it stays and not one of its repeats, in words; None where it is the first of
            them, or has none.
    """

    nearest: str | None = None
    similarity: float | None = None
    change: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFile(PlannedFile):
    """A file that repeats an earlier one.

    Attributes:
        repeats: The file that it repeats, named like `file`.
        similarity: Cosine of the two, in [-1, 1]; None where vectors were not compared.
        change: Changed area of the two, in [0, 1]; None where that was not looked at.
        reason: Why the other stays and not this one, in words; None where the first does.
    """

    repeats: str
    similarity: float | None = None
    change: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NotedFile:
    """A file about which something is to be known.

    Attributes:
        file: Path relative to the plan's folder; one elsewhere has its absolute path.
        reason: What, in a few words.
    """

    file: str
    reason: str


@short_repr
@dataclass(frozen=True, slots=True)
class DedupPlan:
    """Which files of a folder are new and which repeat an earlier one. Nothing is changed by it.

    Attributes:
        folder: Absolute path that all files are relative to.
        kept: The files that are new, in order.
        dropped: The files that repeat one, in order.
        unreadable: Files that did not decode; they are never dropped.
        rules: By which it was decided.
        fingerprint: What the vectors were made with; None where none were needed.
        created: When, ISO 8601 with offset.
        recall: How often the nearest earlier frame was found where frames were compared
            approximately; None where all comparisons were exact.
        protected: Files that the others were compared with, and that are never touched.
        protected_folders: Absolute paths of folders in which nothing is ever touched.
        tiny: Files with a side below ``rules.min_side``: not compared, and left alone.
        planned_drops: The files that were dropped when the plan was made. Whoever takes a line out
            of `dropped` says that this file is no repeat.
        uninformative: Files, among the others, that show too little to be told apart by vectors;
            they repeat only what has equal pixels.
    """

    folder: str
    kept: tuple[KeptFile, ...]
    dropped: tuple[DroppedFile, ...]
    unreadable: tuple[Unreadable, ...]
    rules: DedupRules
    fingerprint: Fingerprint | None
    created: str
    recall: Recall | None = None
    protected: tuple[PlannedFile, ...] = ()
    protected_folders: tuple[str, ...] = ()
    planned_drops: tuple[str, ...] = ()
    tiny: tuple[NotedFile, ...] = ()
    uninformative: tuple[NotedFile, ...] = ()

    @property
    def taken_out(self) -> tuple[str, ...]:
        """The files that somebody took out of `dropped`: they are no repeats."""
        listed = {file.file for file in (*self.dropped, *self.kept, *self.protected)}
        return tuple(name for name in self.planned_drops if name not in listed)

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
            "protected_folders": self.protected_folders,
            "rules": self.rules.to_json(),
            "fingerprint": None if self.fingerprint is None else self.fingerprint.to_json(),
            "recall": None if self.recall is None else asdict(self.recall),
            "planned_drops": self.planned_drops,
        }
        lists: dict[str, tuple[PlannedFile | NotedFile | Unreadable, ...]] = {
            "dropped": self.dropped,
            "kept": self.kept,
            "protected": self.protected,
            "tiny": self.tiny,
            "uninformative": self.uninformative,
            "unreadable": self.unreadable,
        }
        with writing_errors(path), output_write(path, "w") as file:
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
        version = fields.get("version")
        if isinstance(version, int) and version != _VERSION:
            remedy = "upgrade nearframe" if version > _VERSION else "make it again"
            raise NearframeError(
                f"{shown(path)} is a plan of version {version}, but this nearframe "
                f"reads version {_VERSION}; {remedy}"
            )
        try:
            typed(int, version)
            values = typed_fields(_Fields, fields)
            values.require_paths()
            fingerprint = fields["fingerprint"]
            return cls(
                **{field.name: getattr(values, field.name) for field in fields_of(values)},
                fingerprint=None if fingerprint is None else Fingerprint.from_json(fingerprint),
            )
        except (KeyError, TypeError, ValueError, NearframeError) as error:
            raise NearframeError(
                f"{shown(path)} is a damaged dedup plan ({error}); make it again"
            ) from error


@dataclass(frozen=True)
class _Fields:
    """What a plan holds as a file, besides its version."""

    folder: str
    kept: tuple[KeptFile, ...]
    dropped: tuple[DroppedFile, ...]
    unreadable: tuple[Unreadable, ...]
    rules: DedupRules
    created: str
    protected: tuple[PlannedFile, ...]
    protected_folders: tuple[str, ...]
    recall: Recall | None = None
    planned_drops: tuple[str, ...] = ()
    tiny: tuple[NotedFile, ...] = ()
    uninformative: tuple[NotedFile, ...] = ()

    def require_paths(self) -> None:
        """Check that all paths can be paths, and that files lie below their folder.

        Raises:
            ValueError: If one does not.
        """
        noted = (file.file for file in (*self.tiny, *self.uninformative))
        protected = (file.file for file in self.protected)
        places = (self.folder, *self.protected_folders, *self.planned_drops)
        for text in (*places, *noted, *protected):
            require_path(text)
        for file in (*self.kept, *self.dropped):
            path = Path(require_path(file.file))
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{shown(path)} lies outside its folder")


def _list_text(key: str, entries: Iterable[PlannedFile | NotedFile | Unreadable]) -> str:
    lines = ",\n".join(f"  {json.dumps(_stated(entry))}" for entry in entries)
    return f" {json.dumps(key)}: [\n{lines}\n ]" if lines else f" {json.dumps(key)}: []"


def _stated(entry: PlannedFile | NotedFile | Unreadable) -> dict[str, Any]:
    if isinstance(entry, Unreadable):
        return asdict(entry)
    return {key: value for key, value in asdict(entry).items() if value is not None}


def name_in(folder: str, path: str) -> str:
    """Return a path relative to a folder; what lies elsewhere has its absolute path."""
    name = os.path.relpath(path, folder)
    if name.split(os.sep, 1)[0] == os.pardir:
        return os.path.abspath(path)  # noqa: PTH100  # links stay as the user knows them
    return name


def now() -> str:
    """Return the time as ISO 8601 with the local offset, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
