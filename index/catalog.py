"""The SQLite side of an index: what was read, and where each frame's vector is."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nearframe.common import atomic_path, reading_errors, shown
from nearframe.common.typed_json import Count, converted, parsed
from nearframe.embeddings import Fingerprint, FrameRef, Unreadable
from nearframe.embeddings.sources import INDEX_FILE

from .database import Database
from .errors import FrameIndexError, IndexVersionError
from .frame_queries import FILE_ID, FrameQueries
from .schema_check import require_plain_schema
from .shards import Shard
from .tables import (
    FORMAT_VERSION,
    SCHEMA,
    FileRow,
    FileState,
    PathText,
    ShardRow,
    SourceSummary,
)
from .thumbnails import THUMBNAIL_SCHEMA, ThumbnailTable

CATALOG_NAME = INDEX_FILE


class Catalog(FrameQueries):
    """The tables of an index. Writers call `begin`, change, and `commit`.

    Attributes:
        thumbnails: Those of its frames.
        added: Columns that came later.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.thumbnails = ThumbnailTable(database)
        self._run_each = database.run_each
        self._directory = database.path.parent
        self._changes_before = 0

    @classmethod
    def create(cls, directory: Path, fingerprint: Fingerprint) -> "Catalog":
        """Make the tables, complete with the fingerprint or not at all, and open them to write.

        Raises:
            OSError: If the file cannot be made.
            OutputError: If SQLite cannot write it: the disk is full, for example.
        """
        with atomic_path(directory / CATALOG_NAME) as temporary:
            catalog = cls(Database(temporary))
            try:
                # It takes its name when it is complete, so nothing need ever be undone.
                catalog._run("PRAGMA journal_mode = OFF")
                catalog._database.run_script(f"BEGIN; {SCHEMA} {THUMBNAIL_SCHEMA}")
                catalog.set_meta("format_version", FORMAT_VERSION)
                catalog.set_meta("fingerprint", fingerprint.to_json())
                catalog.set_meta("generation", 0)
                catalog._run("COMMIT")
            finally:
                catalog.close()
        return cls.open(directory, write=True)

    @classmethod
    def open(cls, directory: Path, *, write: bool = False) -> "Catalog":
        """Open the tables of an index.

        Raises:
            FrameIndexError: If there are none, or they are damaged.
            IndexVersionError: If a newer nearframe wrote them.
        """
        path = directory / CATALOG_NAME
        if not path.is_file():
            raise FrameIndexError(
                f"{shown(directory)} is not an index (it has no {CATALOG_NAME}); "
                "make one with buildIndex"
            )
        with reading_errors(path):
            path.open("rb").close()
        catalog = cls(Database(path))
        try:
            if write:
                # A power cut must not undo a commit whose FAISS file is written already.
                catalog._run("PRAGMA synchronous = EXTRA")
                # A transaction too big for the cache would lock readers out before its commit.
                catalog._run("PRAGMA cache_spill = OFF")
            else:
                catalog._run("PRAGMA query_only = ON")
            require_plain_schema(catalog._database)
            catalog._require_version()
        except BaseException:
            catalog.close()
            raise
        return catalog

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._database.closed

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        self._database.close()

    def require_tables(self) -> None:
        """Make what is missing where an older nearframe made the catalogue; before `begin`."""
        self.thumbnails.require()
        self.added.require()

    def begin(self) -> None:
        """Start a transaction; readers keep seeing the state before it."""
        self._run("BEGIN IMMEDIATE")
        self._changes_before = self._database.changes

    def commit(self) -> None:
        """Make everything since `begin` visible and durable, and count the generation up.

        A transaction that changed nothing leaves the generation as it is.

        Raises:
            OutputError: If the disk is full; `rollback` is due then.
        """
        if not self.changed:
            self.rollback()
            return
        self.set_meta("generation", self.generation() + 1)
        self._run("COMMIT")

    @property
    def changed(self) -> bool:
        """Whether something was changed since `begin`."""
        return self._database.changes != self._changes_before

    def rollback(self) -> None:
        """Forget everything since `begin`."""
        if self._database.in_transaction:
            self._run("ROLLBACK")

    def meta(self, key: str, kind: Any, *default: Any) -> Any:
        """Return a JSON value, which is of a type; where it was never set, `default`.

        Raises:
            KeyError: If there is no default.
            IndexDamagedError: If it is of another type.
        """
        rows = self._read(list[tuple[str]], "SELECT value FROM meta WHERE key = ?", key)
        if not rows and default:
            return default[0]
        if not rows:
            raise KeyError(key)
        try:
            return converted(kind, parsed(rows[0][0]))
        except ValueError as error:
            raise self._database.damaged(f"{key}: {error}") from error

    def set_meta(self, key: str, value: Any) -> None:
        """Set a JSON value; outside `begin` and `commit` at once, and the generation stays."""
        self._run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, json.dumps(value))

    def remove_meta(self, key: str) -> None:
        """Forget a value; outside `begin` and `commit` at once."""
        self._run("DELETE FROM meta WHERE key = ?", key)

    def generation(self) -> int:
        """Return how many commits changed something."""
        return int(self.meta("generation", Count, 0))

    def add_source(self, path: str, kind: str) -> int:
        """Return the id of a source, which is added when it is new."""
        self._run(
            "INSERT INTO sources (path, kind) VALUES (CAST(? AS TEXT), ?) "
            "ON CONFLICT (path) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind",
            os.fsencode(path),
            kind,
        )
        query = "SELECT id FROM sources WHERE path = CAST(? AS TEXT)"
        return self._number(query, os.fsencode(path))

    def sources(self) -> list[SourceSummary]:
        """Return all sources in the order in which they came."""
        rows = self._read(
            list[tuple[PathText, str, Count, Count]],
            """SELECT sources.path, kind, COUNT(DISTINCT files.id), COUNT(frames.id)
            FROM sources LEFT JOIN files ON files.source_id = sources.id
            LEFT JOIN frames ON frames.file_id = files.id
            GROUP BY sources.id ORDER BY sources.id""",
        )
        return [SourceSummary(*row) for row in rows]

    def file(self, path: str) -> FileState | None:
        """Return what is known of a file, None if it is new."""
        rows = self._read(
            list[FileRow],
            "SELECT path, size, mtime_ns, sha256, sampling, complete, problem, "
            f"{self.added.rules}, {self.added.limits} FROM files WHERE path = CAST(? AS TEXT)",
            os.fsencode(path),
        )
        if not rows:
            return None
        path, size, mtime_ns, sha256, sampling, complete, problem, rules, limits = rows[0]
        return FileState(
            path, size, mtime_ns, sha256, sampling, bool(complete), problem, rules, limits
        )

    def file_id(self, path: str) -> int | None:
        """Return the id of a file, None if it is new."""
        rows = self._run("SELECT id FROM files WHERE path = CAST(? AS TEXT)", os.fsencode(path))
        return int(rows[0][0]) if rows else None

    def problems(self) -> list[Unreadable]:
        """Return the files of which something did not decode, and what."""
        query = "SELECT path, problem FROM files WHERE problem IS NOT NULL ORDER BY id"
        rows = self._read(list[tuple[PathText, str]], query)
        return [Unreadable(path, None, problem) for path, problem in rows]

    def incomplete_paths(self) -> list[str]:
        """Return the paths of files of which frames are still to come."""
        return self._paths("SELECT path FROM files WHERE complete = 0")

    def file_paths(self) -> list[str]:
        """Return the paths of all files."""
        return self._paths("SELECT path FROM files")

    def put_file(self, source_id: int, state: FileState) -> int:
        """Add a file or update what is known of it; its frames stay. Return its id."""
        rows = self._run(
            """INSERT INTO files
            (source_id, path, size, mtime_ns, sha256, sampling, complete, problem, rules, limits)
            VALUES (?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET source_id = excluded.source_id,
            size = excluded.size, mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256,
            sampling = excluded.sampling, complete = excluded.complete,
            problem = excluded.problem, rules = excluded.rules, limits = excluded.limits
            RETURNING id""",
            source_id,
            os.fsencode(state.path),
            state.size,
            state.mtime_ns,
            state.sha256,
            state.sampling,
            state.complete,
            state.problem,
            state.rules,
            state.limits,
        )
        return int(rows[0][0])

    def touch_file(self, path: str, size: int, mtime_ns: int) -> None:
        """Note a new size and time of a file whose content is the same."""
        self._run(
            "UPDATE files SET size = ?, mtime_ns = ? WHERE path = CAST(? AS TEXT)",
            size,
            mtime_ns,
            os.fsencode(path),
        )

    def remove_file(self, path: str) -> None:
        """Forget a file with its frames."""
        self.remove_frames(path)
        self._run("DELETE FROM files WHERE path = CAST(? AS TEXT)", os.fsencode(path))

    def add_frame(self, file_id: int, frame: FrameRef, shard_id: int, row: int) -> int:
        """Add a frame of a file, whose vector is a row of a shard, and return its id."""
        rows = self._run(
            "INSERT INTO frames (file_id, number, time_s, shard_id, shard_row, stamp_s) "
            "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            *(file_id, frame.number, frame.time_s, shard_id, row, frame.stamp_s),
        )
        return int(rows[0][0])

    def remove_frames(self, path: str) -> None:
        """Drop the frames of a file."""
        self._run(f"DELETE FROM frames WHERE file_id = {FILE_ID}", os.fsencode(path))

    def renumber(self, source_id: int, numbers: Iterable[tuple[str, int]]) -> None:
        """Make images those of a source and number them, given as ``(path, number)``."""
        encoded = [(number, os.fsencode(path)) for path, number in numbers]
        self._run_each(
            "UPDATE files SET source_id = ? WHERE path = CAST(? AS TEXT) AND source_id <> ?",
            ((source_id, path, source_id) for _, path in encoded),
        )
        self._run_each(
            f"UPDATE frames SET number = ? WHERE file_id = {FILE_ID} AND number <> ?",
            ((number, path, number) for number, path in encoded),
        )

    def next_shard_id(self) -> int:
        """Return the id of the shard to write next; no earlier shard ever had it."""
        query = "SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'shards'"
        return self._number(query)

    def add_shard(self, shard: Shard) -> None:
        """Enter a shard that is on the disk."""
        self._run(
            "INSERT INTO shards VALUES (?, ?, ?, ?)",
            shard.id,
            shard.path.name,
            shard.rows,
            shard.sha256,
        )

    def shards(self) -> list[Shard]:
        """Return all shards in the order in which they were written."""
        rows = self._read(list[ShardRow], "SELECT id, name, rows, sha256 FROM shards ORDER BY id")
        return [Shard(id_, self._directory / name, count, sha) for id_, name, count, sha in rows]

    def remove_shard(self, shard_id: int) -> None:
        """Forget a shard whose file is lost; its files become incomplete and are read again."""
        self._run(
            "UPDATE files SET complete = 0, size = -1 WHERE id IN "
            "(SELECT file_id FROM frames WHERE shard_id = ?)",
            shard_id,
        )
        self._run("DELETE FROM frames WHERE shard_id = ?", shard_id)
        self._run("DELETE FROM shards WHERE id = ?", shard_id)

    def damage(self) -> list[str]:
        """Check the tables themselves, and that each frame has a row of a shard."""
        found = [text for (text,) in self._run("PRAGMA integrity_check") if text != "ok"]
        frames = self._run(
            """SELECT COUNT(*) FROM frames LEFT JOIN shards ON shards.id = frames.shard_id
            WHERE shards.id IS NULL OR shard_row NOT BETWEEN 0 AND shards.rows - 1"""
        )[0][0]
        if frames:
            found.append(f"{frames} frames without a vector")
        return [str(self._database.damaged(text)) for text in found]

    def _require_version(self) -> None:
        try:
            version = self.meta("format_version", int)
        except KeyError as error:
            raise self._database.damaged("it names no format version") from error
        if version > FORMAT_VERSION:
            raise IndexVersionError(
                f"{shown(self._directory)} has format version {version}, but this nearframe reads "
                f"version {FORMAT_VERSION} and older; upgrade nearframe"
            )
