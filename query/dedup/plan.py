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
from typing import Any, TypeVar

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

from ..threshold import THRESHOLD_ORIGINS, ThresholdOrigin
from .greedy import AGAINST, Against

_KIND = "dedup plan"
_VERSION = 1

Entry = TypeVar("Entry", bound="PlannedFile | Unreadable")


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
        threshold_origin: Where the threshold comes from; None in plans that do not say.
    """

    folder: str
    kept: tuple[PlannedFile, ...]
    dropped: tuple[DroppedFile, ...]
    unreadable: tuple[Unreadable, ...]
    threshold: float
    against: Against
    fingerprint: Fingerprint
    created: str
    threshold_origin: ThresholdOrigin | None = None

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
            "threshold_origin": self.threshold_origin,
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
        version = fields.get("version")
        if isinstance(version, int) and version > _VERSION:
            raise NearframeError(
                f"{shown(path)} is a plan of version {version}, but this nearframe "
                f"reads version {_VERSION}; upgrade nearframe"
            )
        try:
            _require(int, fields, "version")
            return cls(
                folder=_require(str, fields, "folder"),
                kept=_entries(PlannedFile, _require(list, fields, "kept")),
                dropped=_entries(DroppedFile, _require(list, fields, "dropped")),
                unreadable=_entries(Unreadable, _require(list, fields, "unreadable")),
                threshold=_require((int, float), fields, "threshold"),
                against=_require(str, fields, "against", among=AGAINST),
                fingerprint=Fingerprint.from_json(fields["fingerprint"]),
                created=_require(str, fields, "created"),
                threshold_origin=_origin(fields.get("threshold_origin")),
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


def _require(
    kind: type | tuple[type, ...], fields: Mapping[str, Any], key: str, among: Any = None
) -> Any:
    """Return a field; TypeError or ValueError where it is of another kind."""
    value = fields[key]
    if not isinstance(value, kind):
        raise TypeError(f"{key} is {value!r}")
    if among is not None and value not in among:
        raise ValueError(f"{key} is {value!r}")
    return value


def _origin(value: Any) -> ThresholdOrigin | None:
    """Return where a threshold comes from; ValueError where that is not known."""
    if value is not None and value not in THRESHOLD_ORIGINS:
        raise ValueError(f"threshold_origin is {value!r}")
    origin: ThresholdOrigin | None = value
    return origin


def _entries(kind: type[Entry], values: Iterable[Mapping[str, Any]]) -> tuple[Entry, ...]:
    """Read the entries of one list; TypeError or ValueError where one is damaged."""
    entries = tuple(kind(**value) for value in values)
    for entry in entries:
        for field in fields_of(entry):
            # JSON writes 1.0 as 1 in some programs.
            wanted: Any = (int, float) if field.type is float else field.type
            if not isinstance(getattr(entry, field.name), wanted):
                raise TypeError(f"{field.name} is {getattr(entry, field.name)!r}")
        if isinstance(entry, PlannedFile):
            path = Path(entry.file)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{shown(path)} lies outside its folder")
    return entries


def _list_text(key: str, entries: Iterable[PlannedFile | Unreadable]) -> str:
    lines = ",\n".join(f"  {json.dumps(asdict(entry))}" for entry in entries)
    return f" {json.dumps(key)}: [\n{lines}\n ]" if lines else f" {json.dumps(key)}: []"


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
