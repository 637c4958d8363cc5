"""A directory that holds frames and their vectors, and answers which are nearest."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from filelock import BaseFileLock

from nearframe.common import (
    TEMPORARY_SUFFIX,
    absolute,
    interrupts_held,
    reading_errors,
    short_repr,
    shown,
    writing_errors,
)
from nearframe.embeddings import (
    DIMENSION,
    THUMBNAIL_SIDE,
    Fingerprint,
    FrameRef,
    Thumbnails,
    Unreadable,
    Vectors,
)

from .catalog import CATALOG_NAME, Catalog
from .errors import FrameIndexError
from .lock import LOCK_NAME, acquire_write_lock
from .match import Match, Restriction
from .pixel_order import PIXEL_CANDIDATES, by_pixels, with_as_near
from .search import Search, StoredSearch
from .shards import write_shard
from .tables import FileState, Ids, SourceSummary, StoredFrame
from .upkeep import drop_lost_shards, remove_files, sweep
from .vectors import StoredVectors

_BLOCK = 1024
_THUMBNAIL = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)


@short_repr
@dataclass(frozen=True, slots=True)
class FrameBlock:
    """Consecutive frames with their vectors: float32, shape ``(len(frames), 2048)``."""

    frames: tuple[StoredFrame, ...]
    vectors: Vectors


class FrameIndex:
    """An index on disk; use it as a context manager.

    SQLite is the only commit point: shards that it does not name do not exist, and the FAISS files
    are derived from what it names. So a crash at any instant leaves the last commit readable.

    >>> with FrameIndex.create("my.index", embedder.fingerprint) as index:
    ...     for batch in embedder.embed_source("film.mp4"):
    ...         index.append(batch.frames, batch.vectors, batch.thumbnails)

    Leaving the block without an exception commits; with one, what was not committed is forgotten.
    """

    def __init__(self, path: Path, catalog: Catalog, lock: BaseFileLock | None) -> None:
        self.path = path
        self.catalog = catalog
        self._lock = lock
        self._vectors = StoredVectors(catalog)
        self._search = StoredSearch(path, catalog, self._vectors)
        self._pending: list[Vectors] = []
        if lock is not None:
            self.catalog.require_tables()
            drop_lost_shards(self.catalog)
            self.catalog.begin()

    @classmethod
    def create(cls, path: str | os.PathLike[str], fingerprint: Fingerprint) -> "FrameIndex":
        """Make an empty index and open it for writing.

        Raises:
            FrameIndexError: If something is there already.
            OutputError: If the place cannot be written.
        """
        path = Path(path)
        cls.require_free(path)
        with writing_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        lock = acquire_write_lock(path)
        try:
            # Once more, because another process may have been faster.
            cls.require_free(path)
            with writing_errors(path):
                catalog = Catalog.create(path, fingerprint)
            return cls(path, catalog, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, write: bool = False) -> "FrameIndex":
        """Open an index that exists.

        Args:
            path: Its directory.
            write: Whether to change it; takes the lock.

        Raises:
            FrameIndexError: If it is no index, is damaged, or is from a newer nearframe.
            IndexLockedError: If it is to be written while another process writes it.
        """
        path = Path(path)
        if not path.exists():
            raise FrameIndexError(f"no such index: {shown(path)}; make one with buildIndex")
        if not path.is_dir():
            raise FrameIndexError(f"{shown(path)} is not an index; expected a directory")
        catalog = Catalog.open(path, write=write)
        lock = None
        try:
            lock = acquire_write_lock(path) if write else None
            return cls(path, catalog, lock)
        except BaseException:
            catalog.close()
            if lock is not None:
                lock.release()
            raise

    @staticmethod
    def exists(path: str | os.PathLike[str]) -> bool:
        """Whether there is an index at `path`."""
        return Path(path, CATALOG_NAME).is_file()

    @staticmethod
    def remove(path: str | os.PathLike[str]) -> None:
        """Remove an index; other files in its directory stay, and the directory with them.

        The catalogue goes last, so what an interruption leaves is still an index.

        Raises:
            OutputError: If that is not permitted.
        """
        remove_files(Path(path))

    @staticmethod
    def require_free(path: str | os.PathLike[str]) -> None:
        """Check that a new index can be made at `path`; what an interrupted try left may be there.

        Raises:
            FrameIndexError: If something else is there.
        """
        path = Path(path)
        if not path.exists():
            return
        if not path.is_dir():
            raise FrameIndexError(
                f"{shown(path)} is a file, but an index is a directory; choose a new name for the "
                "index"
            )
        with reading_errors(path):
            entries = list(path.iterdir())
        if any(e.name != LOCK_NAME and e.suffix != TEMPORARY_SUFFIX for e in entries):
            raise FrameIndexError(
                f"{shown(path)} exists and is not empty; choose a new name for the index"
            )

    @property
    def fingerprint(self) -> Fingerprint:
        """What the vectors were made with."""
        return Fingerprint.from_json(self.catalog.meta("fingerprint", Any, {}))

    def __repr__(self) -> str:
        state = "closed" if self.catalog.closed else f"{len(self)} frames"
        return f"<FrameIndex {str(self.path)!r}: {state}>"

    def __len__(self) -> int:
        return self.catalog.frame_count()

    def sources(self) -> list[SourceSummary]:
        """Return what was indexed, in the order in which it came."""
        return self.catalog.sources()

    def unreadable(self) -> list[Unreadable]:
        """Return the files of which something did not decode."""
        return self.catalog.problems()

    def blocks(
        self, size: int = _BLOCK, *, frames: Sequence[StoredFrame] | None = None
    ) -> Iterator[FrameBlock]:
        """Yield frames with their vectors, `size` at a time.

        Args:
            size: How many vectors are in memory at once, besides those of a few shards.
            frames: Some frames of the catalogue; by default all that were committed, in order.

        Raises:
            IndexDamagedError: If a shard is missing or does not match its checksum.
        """
        if frames is None:
            frames = self.catalog.frames()
        for first in range(0, len(frames), size):
            block = tuple(frames[first : first + size])
            places = [(frame.id, frame.shard_id, frame.shard_row) for frame in block]
            yield FrameBlock(block, self._vectors.read(np.array(places, np.int64)))

    def nearest(
        self,
        queries: Vectors,
        k: int,
        *,
        thumbnails: Thumbnails | None = None,
        within: Restriction | None = None,
    ) -> list[list[Match]]:
        """Find the nearest frames of each query, among those of the last commit.

        Args:
            queries: float32, shape ``(nq, 2048)``, normalised.
            k: How many matches per query at most.
            thumbnails: Of the queries, shape ``(nq, 32, 32)``: puts frames in the order of their
                pixels that are equally near otherwise, see `index.pixel_order`.
            within: Which frames to look at.

        Returns:
            Per query the matches, nearest first.

        Raises:
            FrameIndexError: If `within` admits no frame.
            IndexDamagedError: If a shard is missing or was changed.
        """
        among = self._ids_within(within)
        if thumbnails is None:
            return [[match for _, match in row] for row in self._found(queries, among, k)]
        rows = self._found(queries, among, max(k, PIXEL_CANDIDATES))
        return [
            by_pixels(
                with_as_near(row, partial(self._found, query, among)),
                asked,
                self.catalog.thumbnails.of,
            )[:k]
            for query, row, asked in zip(queries[:, None], rows, thumbnails, strict=True)
        ]

    def _found(self, queries: Vectors, among: Ids | None, k: int) -> list[list[tuple[int, Match]]]:
        """Return per query the nearest frames with their ids, in the order of their vectors."""
        while True:
            found = self._current_search().nearest(queries, k, among=among)
            frames = self.catalog.frames_by_id({id_ for row in found for id_, _ in row})
            complete = all(id_ in frames for row in found for id_, _ in row)
            # A writer may have dropped some of them since; then its commit is the last one.
            if complete or self.catalog.generation() == self._search.generation:
                break
        return [
            [(id_, Match(frames[id_].ref, similarity)) for id_, similarity in row if id_ in frames]
            for row in found
        ]

    def append(
        self, frames: Sequence[FrameRef], vectors: Vectors, thumbnails: Thumbnails | None = None
    ) -> None:
        """Add frames with their vectors; they count from the next `commit` on.

        Args:
            frames: The frames, of any number of files.
            vectors: float32, shape ``(len(frames), 2048)``, normalised.
            thumbnails: uint16, shape ``(len(frames), 32, 32)``; without, they cannot be told from
                frames whose vectors are nearly equal.

        Raises:
            ValueError: If `vectors` or `thumbnails` has another shape.
            FrameIndexError: If the index is not open for writing.
        """
        self._require_writer()
        # A copy: the caller may use its array again before the commit.
        vectors = np.array(vectors, np.float32)
        if vectors.shape != (len(frames), DIMENSION):
            raise ValueError(
                f"vectors of shape {vectors.shape}; expected {(len(frames), DIMENSION)}"
            )
        if thumbnails is not None and thumbnails.shape != (len(frames), *_THUMBNAIL):
            raise ValueError(
                f"thumbnails of shape {thumbnails.shape}; expected {(len(frames), *_THUMBNAIL)}"
            )
        if not frames:
            return
        with interrupts_held():
            shard_id = self.catalog.next_shard_id()
            first = self.pending
            for row, frame in enumerate(frames):
                file_id = self.catalog.file_id(absolute(frame.source))
                if file_id is None:
                    file_id = self._add_file(frame)
                frame_id = self.catalog.add_frame(file_id, frame, shard_id, first + row)
                if thumbnails is not None:
                    self.catalog.thumbnails.add(frame_id, thumbnails[row])
            self._pending.append(vectors)

    def commit(self) -> None:
        """Put everything since the last commit on the disk, all of it or nothing.

        Raises:
            FrameIndexError: If the index is not open for writing.
            OutputError: If the disk is full or may not be written.
        """
        self._require_writer()
        kept = "what was committed before is kept"
        with interrupts_held():
            try:
                with writing_errors(self.path, kept=kept):
                    if self._pending:
                        vectors = np.concatenate(self._pending)
                        shard = write_shard(self.path, self.catalog.next_shard_id(), vectors)
                        self.catalog.add_shard(shard)
                self.catalog.commit()
            finally:
                self.catalog.rollback()
                self._pending.clear()
                self.catalog.begin()

    @property
    def pending(self) -> int:
        """How many vectors wait for the next commit."""
        return sum(map(len, self._pending))

    def close(self, *, refresh: bool = True) -> None:
        """Forget what was not committed and let go the lock.

        Args:
            refresh: Write the FAISS files anew; without them, searches make their own.
        """
        try:
            if self._lock is not None:
                self.catalog.rollback()
                self._sweep()
                if refresh:
                    self._search.refresh()
                    self._sweep()
        finally:
            self.catalog.close()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def __enter__(self) -> "FrameIndex":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        done = False
        try:
            if kind is None and self._lock is not None:
                self.commit()
                done = True
        finally:
            # After an error (a full disk, an interruption), the user waits for nothing derived.
            self.close(refresh=done)

    def _require_writer(self) -> None:
        if self._lock is None:
            raise FrameIndexError(
                f"{shown(self.path)} is not open for writing; open it with write=True"
            )

    def _ids_within(self, within: Restriction | None) -> Ids | None:
        """Return the ids of the frames that are looked at; None for all."""
        if within is None or within == Restriction():
            return None
        ids = self.catalog.frame_ids_within(within)
        if not ids:
            sources = (source.path for source in self.sources() if source.frames)
            raise FrameIndexError(within.admits_nothing(shown(self.path), sources))
        return np.array(ids, np.int64)

    def _add_file(self, frame: FrameRef) -> int:
        """Enter a file of which nothing is known but a frame, as a source of its own."""
        path = absolute(frame.source)
        kind = "image" if frame.time_s is None else "video"
        return self.catalog.put_file(
            self.catalog.add_source(path, kind), FileState(path, size=-1, mtime_ns=-1, sha256="")
        )

    def _current_search(self) -> Search:
        if self._search.generation != self.catalog.generation():
            self._require_shards()
        return self._search.current()

    def _require_shards(self) -> None:
        for shard in self.catalog.shards():
            if not shard.is_present():
                shard.read()  # raises, and says what to do

    def _sweep(self) -> None:
        sweep(self.path, {shard.path for shard in self.catalog.shards()} | self._search.files())
