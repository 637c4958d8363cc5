"""Vectors on disk: files that are written once and never changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearframe.common import atomic_write, reading_errors, shown
from nearframe.embeddings import DIMENSION, Vectors

from .errors import IndexDamagedError

SHARD_SUFFIX = ".f32"
_ROW_BYTES = 4 * DIMENSION


@dataclass(frozen=True, slots=True)
class Shard:
    """A committed file of vectors.

    The file holds float32 in little-endian byte order, row after row, and nothing else; numpy
    reads it with ``np.fromfile(path, "<f4").reshape(-1, 2048)``.

    Attributes:
        id: Its number in the catalogue.
        path: The file.
        rows: How many vectors it holds.
        sha256: Checksum of the whole file, in hexadecimal.
    """

    id: int
    path: Path
    rows: int
    sha256: str

    def is_present(self) -> bool:
        """Whether the file is there with the right size; its content is not read."""
        return self.path.is_file() and self.path.stat().st_size == self.rows * _ROW_BYTES

    def read(self) -> Vectors:
        """Read all vectors: float32, shape ``(rows, 2048)``.

        Raises:
            IndexDamagedError: If the file is missing or is not what was committed.
        """
        if not self.is_present():
            raise self._damaged("is missing or has another size")
        with reading_errors(self.path):
            data = self.path.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise self._damaged("does not match its checksum")
        return np.frombuffer(data, "<f4").reshape(-1, DIMENSION)

    def read_rows(self, rows: Sequence[int]) -> Vectors:
        """Read some vectors, float32, shape ``(len(rows), 2048)``, without the checksum.

        Raises:
            IndexDamagedError: If the file is missing or too short.
        """
        vectors = np.empty((len(rows), DIMENSION), "<f4")
        try:
            with self.path.open("rb", buffering=0) as file:
                for row, vector in zip(rows, vectors, strict=True):
                    file.seek(row * _ROW_BYTES)
                    if file.readinto(vector.data) != _ROW_BYTES:
                        raise self._damaged("is missing or has another size")
        except FileNotFoundError as error:
            raise self._damaged("is missing or has another size") from error
        return vectors

    def _damaged(self, what: str) -> IndexDamagedError:
        return IndexDamagedError(
            f"{shown(self.path)} {what}; delete that file if it is there and run the same "
            "buildIndex again: its frames are embedded anew"
        )


def write_shard(directory: Path, shard_id: int, vectors: Vectors) -> Shard:
    """Write vectors ``(rows, 2048)`` as a new shard, completely or not at all."""
    path = directory / f"vectors-{shard_id:06d}{SHARD_SUFFIX}"
    data = np.ascontiguousarray(vectors, "<f4").tobytes()
    with atomic_write(path) as file:
        file.write(data)
    return Shard(shard_id, path, len(vectors), hashlib.sha256(data).hexdigest())
