"""What the catalogue keeps of an approximate search: its files, its parameters, its recall."""

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Recall:
    """How much of the exact answer an approximate search finds.

    Attributes:
        at_1: Share of the queries whose nearest frame is found, in [0, 1].
        at_10: Share of their ten nearest frames that are found, in [0, 1].
        queries: How many were measured: frames of the index, moved as by an edit to a cosine of
            0.9.
    """

    at_1: float
    at_10: float
    queries: int


@dataclass(frozen=True, slots=True)
class DerivedFile:
    """A file as it was written.

    Attributes:
        name: In the directory of the index.
        bytes: Its size.
        sha256: Checksum, in hexadecimal.
    """

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path, name: str) -> "DerivedFile":
        """Describe the file at `path`, which gets the name `name`."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return cls(name, path.stat().st_size, digest.hexdigest())

    def is_present(self, directory: Path) -> bool:
        """Whether the file is there with the right size; its content is not read."""
        path = directory / self.name
        try:
            return path.stat().st_size == self.bytes
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class IvfRecord:
    """An approximate search that is on the disk.

    Attributes:
        base: The file of the frames that it was trained and measured with.
        tail: The file of those that came later; None where there are none.
        frames: How many are in `base`.
        last_id: The highest id of a frame in `base`.
        lists: Into how many lists the frames are divided.
        probed: How many of them are searched.
        candidates: How many frames found there are compared exactly with the query.
        recall: Measured with these parameters.
    """

    base: DerivedFile
    tail: DerivedFile | None
    frames: int
    last_id: int
    lists: int
    probed: int
    candidates: int
    recall: Recall

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "IvfRecord":
        """Read what `to_json` gave.

        Raises:
            KeyError: If something is missing.
            TypeError: If it is no such record.
        """
        # By name: a newer nearframe may store more.
        known = {field.name: values[field.name] for field in fields(cls)}
        known["base"] = DerivedFile(**known["base"])
        known["tail"] = None if known["tail"] is None else DerivedFile(**known["tail"])
        known["recall"] = Recall(**known["recall"])
        return cls(**known)
