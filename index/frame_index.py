"""A directory that holds frames and their vectors, and answers which are nearest."""

import logging
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

import numpy as np
from filelock import BaseFileLock

from nearframe.embeddings import (
    DIMENSION,
    Fingerprint,
    FrameRef,
    Unreadable,
    Vectors,
    shown,
    writing_errors,
)

from .atomic import TEMPORARY_SUFFIX
from .catalog import CATALOG_NAME, Catalog, FileState, SourceSummary, StoredFrame
from .errors import FrameIndexError, IndexDamagedError
from .faiss_search import FaissSearch
from .lock import LOCK_NAME, acquire_write_lock
from .match import Match, Restriction
from .shards import SHARD_SUFFIX, Shard, write_shard

logger = logging.getLogger(__name__)

_BLOCK = 1024
_CACHED_SHARDS = 8


@dataclass(frozen=True, slots=True)
class FrameBlock:
    """Consecutive frames with their vectors: float32, shape ``(len(frames), 2048)``."""

    frames: tuple[StoredFrame, ...]
    vectors: Vectors


class FrameIndex:
    """An index on disk; use it as a context manager.

    SQLite is the only commit point: shards that it does not name do not exist, and the FAISS file
    is derived from what it names. So a crash at any instant leaves the last commit readable.

    >>> with FrameIndex.create("my.index", embedder.fingerprint) as index:
    ...     for batch in embedder.embed_source("film.mp4"):
    ...         index.append(batch.frames, batch.vectors)

    Leaving the block without an exception commits; with one, what was not committed is forgotten.
    """

    def __init__(self, path: Path, catalog: Catalog, lock: BaseFileLock | None) -> None:
        self.path = path
        self.catalog = catalog
        self._lock = lock
        self._search: FaissSearch | None = None
        self._pending: list[Vectors] = []
        self._shard_cache: OrderedDict[int, Vectors] = OrderedDict()
        if lock is not None:
            self._drop_lost_shards()
            self.catalog.begin()

    @classmethod
    def create(cls, path: str | os.PathLike[str], fingerprint: Fingerprint) -> "FrameIndex":
        """Make an empty index and open it for writing.

        Raises:
            FrameIndexError: If something is there already.
            OutputError: If the place cannot be written.
        """
        path = Path(path)
        with writing_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            if any(entry.name != LOCK_NAME for entry in path.iterdir()):
                raise FrameIndexError(
                    f"{shown(path)} exists and is not empty; choose a new name for the index"
                )
            lock = acquire_write_lock(path)
        return cls(path, Catalog.create(path, fingerprint), lock)

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
        catalog = Catalog.open(path)
        lock = None
        if write:
            try:
                lock = acquire_write_lock(path)
            except BaseException:
                catalog.close()
                raise
        return cls(path, catalog, lock)

    @staticmethod
    def exists(path: str | os.PathLike[str]) -> bool:
        """Whether there is an index at `path`."""
        return Path(path, CATALOG_NAME).is_file()

    @property
    def fingerprint(self) -> Fingerprint:
        """What the vectors were made with."""
        return Fingerprint.from_json(self.catalog.meta("fingerprint"))

    def __len__(self) -> int:
        return self.catalog.frame_count()

    def sources(self) -> list[SourceSummary]:
        """Return what was indexed, in the order in which it came."""
        return self.catalog.sources()

    def unreadable(self) -> list[Unreadable]:
        """Return the files of which something did not decode."""
        return self.catalog.problems()

    def blocks(self, size: int = _BLOCK) -> Iterator[FrameBlock]:
        """Yield all frames in order with their vectors, `size` at a time.

        Raises:
            IndexDamagedError: If a shard is missing or does not match its checksum.
        """
        shards = {shard.id: shard for shard in self.catalog.shards()}
        frames = self.catalog.frames()
        while block := tuple(islice(frames, size)):
            vectors = np.empty((len(block), DIMENSION), np.float32)
            for row, frame in enumerate(block):
                vectors[row] = self._shard_vectors(shards[frame.shard_id])[frame.shard_row]
            yield FrameBlock(block, vectors)

    def nearest(
        self, queries: Vectors, k: int, *, within: Restriction | None = None
    ) -> list[list[Match]]:
        """Find the nearest frames of each query.

        Args:
            queries: float32, shape ``(nq, 2048)``, normalised.
            k: How many matches per query at most.
            within: Which frames to look at.

        Returns:
            Per query the matches, nearest first.

        Raises:
            FrameIndexError: If `within` admits no frame.
            IndexDamagedError: If a shard is missing or was changed.
        """
        among = None
        if within is not None and within != Restriction():
            among = np.array(
                [frame.id for frame in self.catalog.frames() if within.admits(frame.ref)], np.int64
            )
            if not len(among):
                raise FrameIndexError(self._nothing_within(within))
        found = self._faiss().nearest(queries, k, among=among)
        return [
            [Match(self.catalog.frame(id_).ref, similarity) for id_, similarity in row]
            for row in found
        ]

    def append(self, frames: Sequence[FrameRef], vectors: Vectors) -> None:
        """Add frames with their vectors; they count from the next `commit` on.

        Args:
            frames: The frames, of any number of files.
            vectors: float32, shape ``(len(frames), 2048)``, normalised.
        """
        if not frames:
            return
        shard_id = self.catalog.next_shard_id()
        first_row = self.pending
        for row, frame in enumerate(frames, first_row):
            file_id = self.catalog.file_id(absolute(frame.source))
            if file_id is None:
                file_id = self._add_file(frame)
            self.catalog.add_frames(file_id, [frame], shard_id, row)
        self._pending.append(np.asarray(vectors, np.float32))

    def commit(self) -> None:
        """Put everything since the last commit on the disk, all of it or nothing.

        Raises:
            OutputError: If the disk is full or may not be written.
        """
        kept = "what was committed before is kept"
        with writing_errors(self.path, kept=kept):
            if self._pending:
                shard = write_shard(
                    self.path, self.catalog.next_shard_id(), np.concatenate(self._pending)
                )
                self.catalog.add_shard(shard)
        self.catalog.commit()
        self._pending.clear()
        self.catalog.begin()

    @property
    def pending(self) -> int:
        """How many vectors wait for the next commit."""
        return sum(map(len, self._pending))

    def close(self) -> None:
        """Forget what was not committed, refresh the FAISS file after changes, let go the lock."""
        try:
            if self._lock is not None:
                self.catalog.rollback()
                self._sweep()
                self._write_faiss()
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
        try:
            if kind is None and self._lock is not None:
                self.commit()
        finally:
            self.close()

    def _nothing_within(self, within: Restriction) -> str:
        sources = ", ".join(shown(source.path) for source in self.sources()[:5])
        return f"no frame of {shown(self.path)} is {within.describe()}; it holds: {sources}"

    def _add_file(self, frame: FrameRef) -> int:
        """Enter a file of which nothing is known but a frame, as a source of its own."""
        path = absolute(frame.source)
        kind = "image" if frame.time_s is None else "video"
        return self.catalog.put_file(
            self.catalog.add_source(path, kind), FileState(path, size=-1, mtime_ns=-1, sha256="")
        )

    def _shard_vectors(self, shard: Shard) -> Vectors:
        """Return the vectors of a shard, of which the last few stay in memory."""
        if shard.id in self._shard_cache:
            self._shard_cache.move_to_end(shard.id)
        else:
            self._shard_cache[shard.id] = shard.read()
            if len(self._shard_cache) > _CACHED_SHARDS:
                self._shard_cache.popitem(last=False)
        return self._shard_cache[shard.id]

    def _faiss(self) -> FaissSearch:
        """Return the search of the committed state: from its file, or built anew without one."""
        if self._search is None:
            self._require_shards()
            path = self._faiss_path()
            self._search = FaissSearch.read(path) if path.exists() else self._build_faiss()
        return self._search

    def _faiss_path(self) -> Path:
        """The FAISS file names the commit that it was derived from, so it can never be stale."""
        return self.path / f"search-{self.catalog.meta('generation'):06d}.faiss"

    def search_damage(self) -> list[str]:
        """Compare the FAISS file with the vectors it was derived from; say what differs."""
        path = self._faiss_path()
        if not path.exists():
            return []
        try:
            if FaissSearch.read(path).equals(self._build_faiss()):
                return []
        except FrameIndexError:
            pass
        return [f"{shown(path)} differs from the vectors; delete it, searches make it anew"]

    def _build_faiss(self) -> FaissSearch:
        return FaissSearch.build(
            (np.array([frame.id for frame in block.frames], np.int64), block.vectors)
            for block in self.blocks()
        )

    def _write_faiss(self) -> None:
        path = self._faiss_path()
        if path.exists() or not len(self):
            return
        try:
            self._build_faiss().write(path)
        except (OSError, IndexDamagedError) as error:
            # It is derived: a search builds it in memory, only more slowly.
            logger.warning("could not write %s: %s", shown(path), error)
            return
        for old in self.path.glob("search-*.faiss"):
            if old != path:
                old.unlink()

    def _require_shards(self) -> None:
        for shard in self.catalog.shards():
            if not shard.is_present():
                shard.read()  # raises, and says what to do

    def _drop_lost_shards(self) -> None:
        """Let the frames of lost shards be embedded again by the next build."""
        lost = [shard for shard in self.catalog.shards() if not shard.is_present()]
        if lost:
            self.catalog.begin()
            for shard in lost:
                logger.warning("%s is lost; its frames are embedded again", shown(shard.path))
                self.catalog.remove_shard(shard.id)
            self.catalog.commit()

    def _sweep(self) -> None:
        """Remove what a crash left behind: shards that were never committed, temporary files."""
        known = {shard.path for shard in self.catalog.shards()}
        for path in self.path.iterdir():
            orphan = path.suffix == SHARD_SUFFIX and path not in known
            if orphan or path.suffix == TEMPORARY_SUFFIX:
                path.unlink()


def absolute(path: str) -> str:
    """Return an absolute path without resolving links: the user knows it by that name."""
    return os.path.abspath(path)  # noqa: PTH100  # Path.absolute keeps `..`
