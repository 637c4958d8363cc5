"""Reading the single-file forms of an index back, for queries."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nearframe.common import file_sha256, reading_errors, shown
from nearframe.common.typed_json import Count, Finite, converted, parsed, require_path
from nearframe.embeddings import DIMENSION, Fingerprint, FrameRef, Thumbnails, Vectors

from .errors import FrameIndexError
from .export import is_single_file, metadata_path
from .frame_index import FrameIndex
from .match import Match, Restriction
from .search import FlatSearch


class Searchable(Protocol):
    """What a query can be asked of: a `FrameIndex` or an `ExportedIndex`."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What the vectors were made with; None where the file does not say."""
        ...

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def nearest(
        self,
        queries: Vectors,
        k: int,
        *,
        thumbnails: Thumbnails | None = None,
        within: Restriction | None = None,
    ) -> list[list[Match]]:
        """Find the nearest frames, as `FrameIndex.nearest` does."""
        ...


class ExportedIndex:
    """Frames and vectors that were read from a ``.json`` or ``.faiss`` file into memory."""

    def __init__(
        self, fingerprint: Fingerprint | None, frames: Sequence[FrameRef], search: FlatSearch
    ) -> None:
        self.fingerprint = fingerprint
        self._frames = tuple(frames)
        self._search = search

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "ExportedIndex":
        """Read a file that `export_index` wrote, or a JSON list of frame numbers and embeddings.

        Raises:
            FrameIndexError: If it is something else, or a ``.faiss`` file lacks its metadata.
        """
        path = Path(path)
        if path.suffix.lower() == ".faiss":
            return cls._read_faiss(path)
        exported = _read_json(path)
        vectors = _vectors(exported.frames, path)
        # Lists of other origin are often not normalised; a vector of zeros stays one.
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        ids = np.arange(len(vectors), dtype=np.int64)
        search = FlatSearch.build([(ids, vectors)], count=len(vectors))
        return cls(exported.made_with, _frames(exported.frames), search)

    @classmethod
    def _read_faiss(cls, path: Path) -> "ExportedIndex":
        with reading_errors(path):
            path.stat()
        if not metadata_path(path).exists():
            raise FrameIndexError(
                f"{shown(path)} needs {shown(metadata_path(path))} beside it, which says what its "
                "frames are; export the index again, or move both files together"
            )
        search = FlatSearch.read(path)
        exported = _read_json(metadata_path(path))
        frames = _frames(exported.frames)
        if len(frames) != len(search):
            raise FrameIndexError(
                f"{shown(path)} has {len(search)} vectors, but {shown(metadata_path(path))} has "
                f"{len(frames)} frames; export the index again"
            )
        _require_pair(path, exported.sha256)
        if not search.has_ids(np.arange(len(frames), dtype=np.int64)):
            raise FrameIndexError(
                f"{shown(path)} has ids that are not those of its frames, 0 to {len(frames) - 1}; "
                "export the index again"
            )
        return cls(exported.made_with, frames, search)

    def __repr__(self) -> str:
        return f"<ExportedIndex: {len(self)} frames>"

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def frames(self) -> tuple[FrameRef, ...]:
        """All frames in the order of the file."""
        return self._frames

    def vectors(self, places: Sequence[int]) -> Vectors:
        """Return the vectors of the frames at some places: float32, ``(len(places), 2048)``."""
        return self._search.vectors(np.array(places, np.int64))

    def nearest(
        self,
        queries: Vectors,
        k: int,
        *,
        thumbnails: Thumbnails | None = None,  # noqa: ARG002  # the file has none
        within: Restriction | None = None,
    ) -> list[list[Match]]:
        """Find the nearest frames of each query, as `FrameIndex.nearest` does, by vectors alone."""
        among = None
        if within is not None and within != Restriction():
            admitted = [n for n, frame in enumerate(self._frames) if within.admits(frame)]
            if not admitted:
                sources = dict.fromkeys(frame.source for frame in self._frames)
                raise FrameIndexError(within.admits_nothing("the file", sources))
            among = np.array(admitted, np.int64)
        return [
            [Match(self._frames[position], similarity) for position, similarity in row]
            for row in self._search.nearest(queries, k, among=among)
        ]

    def close(self) -> None:
        """Nothing is held open; a `FrameIndex` has this too."""

    def __enter__(self) -> "ExportedIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_index(path: str | os.PathLike[str]) -> FrameIndex | ExportedIndex:
    """Open an index directory, or a ``.json`` or ``.faiss`` file, for queries; close it after.

    Raises:
        FrameIndexError: If it is none of these, or is damaged.
    """
    if is_single_file(Path(path)) and not Path(path).is_dir():
        return ExportedIndex.read(path)
    return FrameIndex.open(path)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a file says of a frame; lists of other origin often say no more than the number."""

    frame_number: Count
    source: str | None = None
    time_s: Finite | None = None
    embedding: list[float] | None = None


@dataclass(frozen=True, slots=True)
class _Exported:
    frames: list[_Entry]
    fingerprint: dict[str, Any] | None = None
    sha256: str | None = None

    @property
    def made_with(self) -> Fingerprint | None:
        return None if self.fingerprint is None else Fingerprint.from_json(self.fingerprint)


def _read_json(path: Path) -> _Exported:
    """Read an object with ``frames``, or a list of frames."""
    with reading_errors(path):
        text = path.read_bytes()
    try:
        content = parsed(text)
    except ValueError as error:
        raise FrameIndexError(f"{shown(path)} is not JSON ({error})") from error
    try:
        if isinstance(content, list):
            content = {"frames": content}
        exported = converted(_Exported, content)
        for source in {entry.source for entry in exported.frames}:
            require_path(source or "")
    except ValueError as error:
        raise FrameIndexError(
            f"{shown(path)} is no exported index ({error}); expected an object with fingerprint "
            'and frames, or a list of {"frame_number": …, "embedding": […]}'
        ) from error
    return exported


def _require_pair(path: Path, expected: str | None) -> None:
    """Refuse vectors that the frames beside them are not of; older exports do not say.

    Raises:
        FrameIndexError: If they are of two exports, the later of which was interrupted.
    """
    with reading_errors(path):
        if expected is None or file_sha256(path) == expected:
            return
    raise FrameIndexError(
        f"{shown(path)} is not the file that {shown(metadata_path(path))} was written with; export "
        "the index again, or move both files together"
    )


def _vectors(entries: list[_Entry], path: Path) -> Vectors:
    """Return the embeddings of all entries: float32, shape ``(n, 2048)``, not normalised."""
    if not entries:
        return np.empty((0, DIMENSION), np.float32)
    for number, entry in enumerate(entries):
        if entry.embedding is None or len(entry.embedding) != DIMENSION:
            raise FrameIndexError(
                f"{shown(path)} has a frame ({number}) whose embedding is not {DIMENSION} numbers, "
                f"but {len(entry.embedding or ())}; expected what buildIndex writes"
            )
    with np.errstate(over="ignore"):
        vectors = np.array([entry.embedding for entry in entries], np.float32)
    # Numbers whose squares are beyond float32 have no length either.
    if not np.isfinite(np.linalg.norm(vectors, axis=1)).all():
        raise FrameIndexError(
            f"{shown(path)} has a frame whose embedding is not {DIMENSION} numbers, but has NaN or "
            "infinite ones; expected what buildIndex writes"
        )
    return vectors


def _frames(entries: list[_Entry]) -> list[FrameRef]:
    return [FrameRef(entry.source or "", entry.frame_number, entry.time_s) for entry in entries]
