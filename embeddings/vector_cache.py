"""Vectors of files that were embedded before, in the user's cache: one SQLite file, bounded."""

import contextlib
import hashlib
import logging
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

from nearframe.common import shown

from .fingerprint import DIMENSION
from .thumbnail import THUMBNAIL_SIDE, Thumbnails

logger = logging.getLogger(__name__)

LIMIT = 512 << 20
"""Bytes that the file may take: about 50,000 pictures."""

# Six contents to a page; at SQLite's usual 4 KB, each would leave a part of its last page unused.
_PAGE = 65536
_AT_ONCE = 256
_PATIENCE_S = 5.0
_DIGEST = 16
# This share of the limit is freed at once, since to look for the oldest takes a while.
_SPARE = 20
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS contents (id INTEGER PRIMARY KEY, content BLOB NOT NULL)",
    # Beside the contents, so that to note a use does not write these again.
    "CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, id INTEGER NOT NULL, "
    "used REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS by_use ON entries (used)",
)


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """What is kept of a picture.

    Attributes:
        vector: float32, shape ``(2048,)``, L2-normalised.
        thumbnail: uint16, shape ``(32, 32)``.
    """

    vector: npt.NDArray[np.float32]
    thumbnail: Thumbnails


def folder() -> Path:
    """Return the folder of this user's cache; it need not exist."""
    return Path(platformdirs.user_cache_dir("nearframe", appauthor=False), "vectors")


class VectorCache:
    """Vectors by key, those used longest ago given up for new ones.

    Any number of threads and processes may use it. Nothing that goes wrong with it is an error: on
    a disk that is full, cannot be written or is locked, it knows less, and a file that is damaged
    is made anew.

    Args:
        path: The file.
        limit: Bytes that it may take.
    """

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._lock = threading.Lock()
        self._new: dict[bytes, bytes] = {}
        self._used: list[bytes] = []
        # What this run used is never given up for what it finds next: in a folder that is larger
        # than the cache, a second run would find nothing.
        self._started = time.time()
        self._writable = True
        self._database = self._opened()

    def get(self, key: bytes) -> Embedded | None:
        """Return what was added under a key; None where it is not known or damaged."""
        with self._lock:
            if self._database is None:
                return None
            try:
                row = self._database.execute(
                    "SELECT content FROM entries JOIN contents USING (id) WHERE key = ?", (key,)
                ).fetchone()
            except sqlite3.Error as error:
                self._give_up(error)
                return None
            found = None if row is None else _unpacked(key, row[0])
            if found is not None:
                self._used.append(key)
            return found

    def add(self, key: bytes, embedded: Embedded) -> None:
        """Keep something; at the latest when the cache is closed."""
        with self._lock:
            self._new[key] = _packed(key, embedded)
            if len(self._new) >= _AT_ONCE:
                self._write()

    def close(self) -> None:
        """Write what is not written yet."""
        with self._lock:
            self._write()
            if self._database is not None:
                self._database.close()
            self._database = None

    def _opened(self) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._connected()
        except sqlite3.OperationalError as error:
            logger.debug("%s: %s", shown(self._path), error)
        except sqlite3.DatabaseError as error:
            self._discard(error)
        except OSError as error:
            logger.debug("%s: %s", shown(self._path), error)
        return None

    def _connected(self) -> sqlite3.Connection:
        database = sqlite3.connect(
            self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        try:
            database.execute(f"PRAGMA page_size = {_PAGE}")
            # A file that cannot be written is still read.
            if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] < len(_SCHEMA):
                for statement in _SCHEMA:
                    database.execute(statement)
        except BaseException:
            database.close()
            raise
        return database

    def _write(self) -> None:
        new, used = self._new, self._used
        self._new, self._used = {}, []
        if self._database is None or not self._writable or not (new or used):
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "UPDATE entries SET used = ? WHERE key = ?", ((self._started, key) for key in used)
            )
            self._insert(self._database, new)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._writable = False
            if isinstance(error, sqlite3.OperationalError):
                logger.debug("%s: %s", shown(self._path), error)
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
            else:
                self._give_up(error)

    def _insert(self, database: sqlite3.Connection, new: dict[bytes, bytes]) -> None:
        if not new:
            return
        size = max(map(len, new.values()))
        if self._room(database) < len(new) * size:
            self._make_room(database, len(new) + self._limit // size // _SPARE)
        room = self._room(database) // size
        for key, content in list(new.items())[: max(room, 0)]:
            known = database.execute("SELECT id FROM entries WHERE key = ?", (key,)).fetchone()
            if known is not None:  # damaged, or of another process that was faster
                database.execute("DELETE FROM contents WHERE id = ?", known)
            cursor = database.execute("INSERT INTO contents (content) VALUES (?)", (content,))
            database.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)",
                (key, cursor.lastrowid, self._started),
            )

    def _room(self, database: sqlite3.Connection) -> int:
        """Return how many bytes more may be used, pages that are free in the file included."""
        pages, free, size = (
            int(database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        # Some pages for the keys, and one that is not full.
        return int((self._limit - (pages - free) * size) * 0.9) - 2 * size

    def _make_room(self, database: sqlite3.Connection, count: int) -> None:
        """Delete what was used longest ago, and before this run."""
        oldest = database.execute(
            "SELECT key, id FROM entries WHERE used < ? ORDER BY used LIMIT ?",
            (self._started, count),
        ).fetchall()
        database.executemany("DELETE FROM entries WHERE key = ?", ((key,) for key, _ in oldest))
        database.executemany("DELETE FROM contents WHERE id = ?", ((row,) for _, row in oldest))

    def _give_up(self, error: sqlite3.Error) -> None:
        """Go on without it, for the rest of this run."""
        logger.debug("%s: %s", shown(self._path), error)
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
        self._database = None
        if not isinstance(error, sqlite3.OperationalError):
            self._discard(error)

    def _discard(self, error: sqlite3.Error) -> None:
        """Remove a file that is damaged, so that the next run makes it anew."""
        logger.debug("%s is damaged and made anew: %s", shown(self._path), error)
        for path in (self._path, self._path.with_name(f"{self._path.name}-journal")):
            with contextlib.suppress(OSError):
                path.unlink()


def _packed(key: bytes, embedded: Embedded) -> bytes:
    content = embedded.vector.tobytes() + embedded.thumbnail.tobytes()
    return _digest(key, content) + content


def _unpacked(key: bytes, packed: object) -> Embedded | None:
    if not isinstance(packed, bytes):
        return None
    digest, content = packed[:_DIGEST], packed[_DIGEST:]
    if digest != _digest(key, content):
        return None
    vector = np.frombuffer(content, np.float32, DIMENSION)
    small = np.frombuffer(content, np.uint16, offset=vector.nbytes)
    return Embedded(vector, small.reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE))


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for part in parts:
        digest.update(part)
    return digest.digest()
