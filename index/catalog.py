"""The SQLite side of an index: what was read, and where each frame's vector is."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearframe.embeddings import Fingerprint, FrameRef, OutputError, Unreadable, shown

from .errors import FrameIndexError, IndexVersionError
from .shards import Shard

CATALOG_NAME = "frames.sqlite"
FORMAT_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, kind TEXT NOT NULL);
-- A file's vectors stay valid while its size and time, or its hash, stay the same. `sampling`
-- says which frames of a video were asked for; `complete` is 0 while some are still to come;
-- `problem` says what of it did not decode.
CREATE TABLE files (
    id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL REFERENCES sources,
    path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, sampling TEXT NOT NULL, complete INTEGER NOT NULL, problem TEXT);
CREATE TABLE shards (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, rows INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE frames (
    id INTEGER PRIMARY KEY, file_id INTEGER NOT NULL REFERENCES files,
    number INTEGER NOT NULL, time_s REAL,
    shard_id INTEGER NOT NULL, shard_row INTEGER NOT NULL);
CREATE INDEX frames_of_file ON frames (file_id, number);
"""

# A frame's order: source by source, in each as its numbers run.
_FRAMES = """
SELECT frames.id, files.path, frames.number, frames.time_s, frames.shard_id, frames.shard_row
FROM frames JOIN files ON files.id = frames.file_id
"""
_FILE_ID = "(SELECT id FROM files WHERE path = CAST(? AS TEXT))"
_IN_ORDER = " ORDER BY files.source_id, frames.number, frames.id"


@dataclass(frozen=True, slots=True)
class FileState:
    """What the catalogue knows of one file.

    Attributes:
        path: Absolute.
        size: In bytes, when it was read.
        mtime_ns: Modification time in nanoseconds since the epoch, likewise.
        sha256: Of its content, likewise.
        sampling: Which frames were asked for; ``all`` for images.
        complete: Whether all of them were embedded.
        problem: What did not decode; None if all did.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    sampling: str = "all"
    complete: bool = True
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame with the place of its vector."""

    id: int
    ref: FrameRef
    shard_id: int
    shard_row: int


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """One source of an index: its absolute path, its kind, and how much of it is there."""

    path: str
    kind: str
    files: int
    frames: int


class Catalog:
    """The tables of an index. Writers call `begin`, change, and `commit`."""

    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory
        self._changes_before = 0

    @classmethod
    def create(cls, directory: Path, fingerprint: Fingerprint) -> "Catalog":
        """Make the tables, complete with the fingerprint or not at all."""
        catalog = cls(_connect(directory / CATALOG_NAME), directory)
        with catalog._full_disk():
            catalog._connection.executescript(f"BEGIN; {_SCHEMA}")
            catalog.set_meta("format_version", FORMAT_VERSION)
            catalog.set_meta("fingerprint", fingerprint.to_json())
            catalog.set_meta("generation", 0)
            catalog._connection.execute("COMMIT")
        return catalog

    @classmethod
    def open(cls, directory: Path) -> "Catalog":
        """Open the tables of an index.

        Raises:
            FrameIndexError: If there are none, or they are damaged.
            IndexVersionError: If a newer nearframe wrote them.
        """
        if not (directory / CATALOG_NAME).is_file():
            raise FrameIndexError(
                f"{shown(directory)} is not an index (it has no {CATALOG_NAME}); "
                "make one with buildIndex"
            )
        connection = _connect(directory / CATALOG_NAME)
        catalog = cls(connection, directory)
        try:
            version = catalog.meta("format_version")
        except (sqlite3.DatabaseError, KeyError) as error:
            connection.close()
            raise FrameIndexError(
                f"{shown(directory / CATALOG_NAME)} is damaged or no catalogue of an index "
                f"({error}); remove {shown(directory)} and run buildIndex again"
            ) from error
        if version > FORMAT_VERSION:
            connection.close()
            raise IndexVersionError(
                f"{shown(directory)} has format version {version}, but this nearframe reads "
                f"version {FORMAT_VERSION} and older; upgrade nearframe"
            )
        return catalog

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        self._connection.close()

    def begin(self) -> None:
        """Start a transaction; readers keep seeing the state before it."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._changes_before = self._connection.total_changes

    def commit(self) -> None:
        """Make everything since `begin` visible and durable, and count the generation up.

        A transaction that changed nothing leaves the generation as it is.
        """
        if self._connection.total_changes == self._changes_before:
            self.rollback()
            return
        with self._full_disk():
            self.set_meta("generation", self.meta("generation") + 1)
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Forget everything since `begin`."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def meta(self, key: str) -> Any:
        """Return a JSON value; KeyError where it was never set."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return json.loads(row[0])

    def set_meta(self, key: str, value: Any) -> None:
        """Set a JSON value."""
        self._connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value))
        )

    def add_source(self, path: str, kind: str) -> int:
        """Return the id of a source, which is added when it is new."""
        self._connection.execute(
            "INSERT OR IGNORE INTO sources (path, kind) VALUES (CAST(? AS TEXT), ?)",
            (os.fsencode(path), kind),
        )
        row = self._connection.execute(
            "SELECT id FROM sources WHERE path = CAST(? AS TEXT)", (os.fsencode(path),)
        ).fetchone()
        return int(row[0])

    def sources(self) -> list[SourceSummary]:
        """Return all sources in the order in which they came."""
        rows = self._connection.execute(
            """SELECT sources.path, kind, COUNT(DISTINCT files.id), COUNT(frames.id)
            FROM sources LEFT JOIN files ON files.source_id = sources.id
            LEFT JOIN frames ON frames.file_id = files.id
            GROUP BY sources.id ORDER BY sources.id"""
        )
        return [SourceSummary(*row) for row in rows]

    def file(self, path: str) -> FileState | None:
        """Return what is known of a file, None if it is new."""
        row = self._connection.execute(
            "SELECT path, size, mtime_ns, sha256, sampling, complete, problem FROM files "
            "WHERE path = CAST(? AS TEXT)",
            (os.fsencode(path),),
        ).fetchone()
        if row is None:
            return None
        path, size, mtime_ns, sha256, sampling, complete, problem = row
        return FileState(path, size, mtime_ns, sha256, sampling, bool(complete), problem)

    def file_id(self, path: str) -> int | None:
        """Return the id of a file, None if it is new."""
        row = self._connection.execute(
            "SELECT id FROM files WHERE path = CAST(? AS TEXT)", (os.fsencode(path),)
        ).fetchone()
        return int(row[0]) if row else None

    def problems(self) -> list[Unreadable]:
        """Return the files of which something did not decode, and what."""
        rows = self._connection.execute(
            "SELECT path, problem FROM files WHERE problem IS NOT NULL ORDER BY id"
        )
        return [Unreadable(path, None, problem) for path, problem in rows]

    def file_paths(self) -> list[str]:
        """Return the paths of all files."""
        return [row[0] for row in self._connection.execute("SELECT path FROM files")]

    def put_file(self, source_id: int, state: FileState) -> int:
        """Add a file or update what is known of it; its frames stay. Return its id."""
        (file_id,) = self._connection.execute(
            """INSERT INTO files
            (source_id, path, size, mtime_ns, sha256, sampling, complete, problem)
            VALUES (?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET source_id = excluded.source_id,
            size = excluded.size, mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256,
            sampling = excluded.sampling, complete = excluded.complete,
            problem = excluded.problem RETURNING id""",
            (
                source_id,
                os.fsencode(state.path),
                state.size,
                state.mtime_ns,
                state.sha256,
                state.sampling,
                state.complete,
                state.problem,
            ),
        ).fetchone()
        return int(file_id)

    def touch_file(self, path: str, size: int, mtime_ns: int) -> None:
        """Note a new size and time of a file whose content is the same."""
        self._connection.execute(
            "UPDATE files SET size = ?, mtime_ns = ? WHERE path = CAST(? AS TEXT)",
            (size, mtime_ns, os.fsencode(path)),
        )

    def remove_file(self, path: str) -> None:
        """Forget a file with its frames."""
        self.remove_frames(path)
        self._connection.execute(
            "DELETE FROM files WHERE path = CAST(? AS TEXT)", (os.fsencode(path),)
        )

    def add_frames(
        self, file_id: int, frames: Iterable[FrameRef], shard_id: int, first_row: int
    ) -> None:
        """Add frames of a file, whose vectors are consecutive rows of a shard."""
        self._connection.executemany(
            "INSERT INTO frames (file_id, number, time_s, shard_id, shard_row) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                (file_id, frame.number, frame.time_s, shard_id, row)
                for row, frame in enumerate(frames, first_row)
            ),
        )

    def remove_frames(self, path: str) -> None:
        """Drop the frames of a file."""
        self._connection.execute(
            f"DELETE FROM frames WHERE file_id = {_FILE_ID}", (os.fsencode(path),)
        )

    def renumber(self, numbers: Iterable[tuple[str, int]]) -> None:
        """Set the number of each image's frame, given as ``(path, number)``."""
        self._connection.executemany(
            f"UPDATE frames SET number = ? WHERE file_id = {_FILE_ID} AND number <> ?",
            ((number, os.fsencode(path), number) for path, number in numbers),
        )

    def last_number(self, path: str) -> int:
        """Return the highest frame number of a file, -1 where there is none."""
        (number,) = self._connection.execute(
            f"SELECT MAX(number) FROM frames WHERE file_id = {_FILE_ID}", (os.fsencode(path),)
        ).fetchone()
        return -1 if number is None else int(number)

    def frame_count(self, path: str | None = None) -> int:
        """Return the number of frames, of one file or of all."""
        query = "SELECT COUNT(*) FROM frames"
        if path is None:
            cursor = self._connection.execute(query)
        else:
            cursor = self._connection.execute(
                f"{query} WHERE file_id = {_FILE_ID}", (os.fsencode(path),)
            )
        return int(cursor.fetchone()[0])

    def frames(self) -> Iterator[StoredFrame]:
        """Yield all frames in order."""
        for row in self._connection.execute(_FRAMES + _IN_ORDER):
            yield _stored_frame(row)

    def frame(self, frame_id: int) -> StoredFrame:
        """Return one frame."""
        return _stored_frame(
            self._connection.execute(f"{_FRAMES} WHERE frames.id = ?", (frame_id,)).fetchone()
        )

    def next_shard_id(self) -> int:
        """Return the id of the shard to write next."""
        query = "SELECT COALESCE(MAX(id), 0) + 1 FROM shards"
        return int(self._connection.execute(query).fetchone()[0])

    def add_shard(self, shard: Shard) -> None:
        """Enter a shard that is on the disk."""
        self._connection.execute(
            "INSERT INTO shards VALUES (?, ?, ?, ?)",
            (shard.id, shard.path.name, shard.rows, shard.sha256),
        )

    def shards(self) -> list[Shard]:
        """Return all shards in the order in which they were written."""
        rows = self._connection.execute("SELECT id, name, rows, sha256 FROM shards ORDER BY id")
        return [Shard(id_, self._directory / name, count, sha) for id_, name, count, sha in rows]

    def remove_shard(self, shard_id: int) -> None:
        """Forget a shard whose file is lost; its files become incomplete and are read again."""
        self._connection.execute(
            "UPDATE files SET complete = 0, size = -1 WHERE id IN "
            "(SELECT file_id FROM frames WHERE shard_id = ?)",
            (shard_id,),
        )
        self._connection.execute("DELETE FROM frames WHERE shard_id = ?", (shard_id,))
        self._connection.execute("DELETE FROM shards WHERE id = ?", (shard_id,))

    @contextmanager
    def _full_disk(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            self.rollback()
            raise OutputError(
                f"cannot write {shown(self._directory / CATALOG_NAME)}: {error}; free some space "
                "and run the same command again; what was committed before is kept"
            ) from error


def _connect(path: Path) -> sqlite3.Connection:
    """Open the database; paths in it are the file system's bytes, UTF-8 or not."""
    # An explicit BEGIN and COMMIT, never one that the driver adds.
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.text_factory = os.fsdecode
    return connection


def _stored_frame(row: tuple[Any, ...]) -> StoredFrame:
    id_, path, number, time_s, shard_id, shard_row = row
    return StoredFrame(id_, FrameRef(path, number, time_s), shard_id, shard_row)
