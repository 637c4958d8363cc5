"""What the catalogue keeps of an approximate search: its files, its parameters, its recall."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from nearframe.common import file_sha256
from nearframe.common.typed_json import Count, Finite, converted

DerivedName = Annotated[str, msgspec.Meta(pattern=r"^(ivf|search)-[0-9-]+\.faiss\Z")]
"""The name of a file of FAISS: never one outside the directory of the index."""
_Many = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Recall:
    """How much of the exact answer an approximate search finds.

    Attributes:
        at_1: Share of the queries whose nearest frame is found, in [0, 1].
        at_10: Share of their ten nearest frames that are found, in [0, 1].
        queries: How many were measured: frames of the index, moved as by an edit to a cosine of
            0.9.
    """

    at_1: Finite
    at_10: Finite
    queries: Count


@dataclass(frozen=True, slots=True)
class DerivedFile:
    """A file as it was written.

    Attributes:
        name: In the directory of the index.
        bytes: Its size.
        sha256: Checksum, in hexadecimal.
    """

    name: DerivedName
    bytes: Count
    sha256: str

    @classmethod
    def of(cls, path: Path, name: str) -> "DerivedFile":
        """Describe the file at `path`, which gets the name `name`."""
        return cls(name, path.stat().st_size, file_sha256(path))

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
    frames: Count
    last_id: Count
    lists: Count
    probed: _Many
    candidates: _Many
    recall: Recall

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "IvfRecord":
        """Read what `to_json` gave.

        Raises:
            ValueError: If it is no such record.
        """
        # A newer nearframe may store more.
        return converted(cls, values)
