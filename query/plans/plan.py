"""What a deduplication would do, as a file that a person can read and change."""

import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from nearframe.embeddings import (
    Fingerprint,
    NearframeError,
    Unreadable,
    file_sha256,
    reading_errors,
    shown,
    writing_errors,
)
from nearframe.index import Recall, output_write

from .rules import DedupRules

_KIND = "dedup plan"
_VERSION = 2

Entry = TypeVar("Entry", bound="PlannedFile | NotedFile | Unreadable")


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
        nearest: The file before it that came nearest to it, as of `PlannedFile.file`; None where
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
        repeats: The file that it repeats, as of `PlannedFile.file`.
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
        file: As of `PlannedFile.file`.
        reason: What, in a few words.
    """

    file: str
    reason: str


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
            _require(int, fields, "version")
            fingerprint = fields["fingerprint"]
            recall = fields.get("recall")
            return cls(
                folder=_require(str, fields, "folder"),
                kept=_entries(KeptFile, _require(list, fields, "kept")),
                dropped=_entries(DroppedFile, _require(list, fields, "dropped")),
                unreadable=_entries(Unreadable, _require(list, fields, "unreadable")),
                rules=DedupRules.from_json(_require(dict, fields, "rules")),
                fingerprint=None if fingerprint is None else Fingerprint.from_json(fingerprint),
                created=_require(str, fields, "created"),
                recall=None if recall is None else Recall(**recall),
                protected=_entries(PlannedFile, _require(list, fields, "protected"), anywhere=True),
                protected_folders=_texts(_require(list, fields, "protected_folders")),
                planned_drops=_texts(fields.get("planned_drops", ())),
                tiny=_entries(NotedFile, fields.get("tiny", ()), anywhere=True),
                uninformative=_entries(NotedFile, fields.get("uninformative", ()), anywhere=True),
            )
        except (KeyError, TypeError, ValueError, NearframeError) as error:
            raise NearframeError(
                f"{shown(path)} is a damaged dedup plan ({error}); make it again"
            ) from error


def read_object(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Read a JSON object, also one with a comma left behind by a line that somebody took out.

    Raises:
        NearframeError: If the file is missing or holds something else.
    """
    with reading_errors(path):
        text = Path(path).read_bytes()
    # Only where a line ends between comma and bracket: no JSON string goes over a line's end.
    text = re.sub(rb",([ \t\r]*\n\s*[\]}])", rb"\1", text)
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise NearframeError(f"{shown(path)} is not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise NearframeError(f"{shown(path)} holds a {type(fields).__name__}, expected an object")
    return fields


def _require(kind: type, fields: Mapping[str, Any], key: str) -> Any:
    """Return a field; TypeError where it is of another kind."""
    value = fields[key]
    if not isinstance(value, kind):
        raise TypeError(f"{key} is {value!r}")
    return value


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    """Read a list of texts; TypeError where one is something else."""
    texts = tuple(values)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{texts} where texts were expected")
    return texts


def _entries(
    kind: type[Entry], values: Iterable[Mapping[str, Any]], *, anywhere: bool = False
) -> tuple[Entry, ...]:
    """Read the entries of one list; TypeError or ValueError where one is damaged."""
    entries = tuple(kind(**value) for value in values)
    for entry in entries:
        for field in fields_of(entry):
            value, kind_of_value = getattr(entry, field.name), cast(Any, field.type)
            # JSON writes 1.0 as 1 in some programs.
            number = float(value) if type(value) is int else value
            if not isinstance(value, kind_of_value) and not isinstance(number, kind_of_value):
                raise TypeError(f"{field.name} is {value!r}")
        if isinstance(entry, PlannedFile) and not anywhere:
            path = Path(entry.file)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{shown(path)} lies outside its folder")
    return entries


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


def free_path(path: Path) -> Path:
    """Return the first of `numbered_paths` that does not exist."""
    return next(candidate for candidate in numbered_paths(path) if not os.path.lexists(candidate))


def numbered_paths(path: Path) -> Iterator[Path]:
    """Yield `path`, then ``NAME-2.EXT``, ``NAME-3.EXT`` and so on without end."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
