"""SQLite, with errors that say what to do."""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from nearframe.common import DiskFullError, OutputError, shown
from nearframe.common.typed_json import converted

from .errors import FrameIndexError, IndexDamagedError, IndexLockedError

T = TypeVar("T")

# SQLite takes 999 parameters at least.
_IDS_AT_ONCE = 500
# What a statement may take, besides a step for each byte of the file: steps of SQLite's machine, of
# which it does some 40 million a second. A million frames take about 50 million.
_STEPS = 500_000_000
_STEPS_AT_ONCE = 1_000_000


class Database:
    """A SQLite file of an index.

    Every statement is run to its end, so a read sees one commit, and no reader keeps a writer from
    committing. A statement that goes on for ever, as one on a damaged file may, is given up.

    Attributes:
        path: The file.
        closed: Whether `close` was called.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = False
        self._used = threading.RLock()
        with self._errors():
            # An explicit BEGIN and COMMIT, never one that the driver adds.
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
        # Paths are the file system's bytes, UTF-8 or not.
        self._connection.text_factory = os.fsdecode
        self._steps = 0
        self._connection.set_progress_handler(self._is_endless, _STEPS_AT_ONCE)
        # The file may come from anybody: nothing that its schema calls is run.
        self.run("PRAGMA trusted_schema = OFF")

    def run(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows.

        Raises:
            DiskFullError: If there is no room left.
            OutputError: If the file cannot be written or read.
            IndexLockedError: If another process keeps it for too long.
            IndexDamagedError: If it is no database, or not the one expected.
            FrameIndexError: If it is closed.
        """
        with self._errors():
            return self._connection.execute(statement, parameters).fetchall()

    def read(self, kind: type[T], statement: str, *parameters: Any) -> T:
        """Run one statement and return its rows as a type, such as ``list[tuple[int, str]]``.

        A column of SQLite may hold anything, whatever its type. Raises as `run` does.
        """
        return self.typed(kind, self.run(statement, *parameters))

    def typed(self, kind: type[T], value: Any) -> T:
        """Return what the file holds as the type that it is to be.

        Raises:
            IndexDamagedError: If it is none.
        """
        try:
            return converted(kind, value)
        except ValueError as error:
            raise self.damaged(error) from error

    def run_by_ids(self, statement: str, ids: Iterable[int]) -> list[tuple[Any, ...]]:
        """Run a query for some ids, a few hundred at a time, and return all rows.

        Args:
            statement: Ends where a list of values in brackets follows, as ``... WHERE id IN``.
            ids: Any number of them.
        """
        left, found = list(ids), []
        while left:
            some, left = left[:_IDS_AT_ONCE], left[_IDS_AT_ONCE:]
            found += self.run(f"{statement} ({', '.join('?' * len(some))})", *some)
        return found

    def run_each(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run one statement for each row of parameters; raises as `run` does."""
        with self._errors():
            self._connection.executemany(statement, rows)

    def run_script(self, script: str) -> None:
        """Run several statements; raises as `run` does."""
        with self._errors():
            self._connection.executescript(script)

    @property
    def in_transaction(self) -> bool:
        """Whether something is begun and not committed."""
        return self._connection.in_transaction

    @property
    def changes(self) -> int:
        """How many rows were changed since the file was opened."""
        return self._connection.total_changes

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self._connection.close()
        self.closed = True

    def damaged(self, what: object) -> IndexDamagedError:
        """Return the error that says that the file is damaged."""
        directory = shown(self.path.parent)
        return IndexDamagedError(
            f"{shown(self.path)} is damaged or no catalogue of an index ({what}); "
            f"remove {directory} and run buildIndex again"
        )

    def _is_endless(self) -> bool:
        self._steps += _STEPS_AT_ONCE
        return self._steps > _STEPS and self._steps > _STEPS + self._size()

    def _size(self) -> int:
        """Return the bytes of the file; 0 where it has no name yet or any more."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            # A connection may be used by many threads, but by one at a time.
            with self._used:
                if self.closed:
                    raise FrameIndexError(f"{shown(self.path.parent)} is closed; open it again")
                self._steps = 0
                yield
        except sqlite3.OperationalError as error:
            # Before Python 3.11 only the text tells them apart.
            text = str(error)
            if "no such" in text or "interrupted" in text or "malformed" in text:
                raise self.damaged(text) from error
            if "full" in text:
                raise DiskFullError(
                    f"cannot write {shown(self.path.parent)}: the disk is full; free some space "
                    "and run the same command again; what was committed before is kept"
                ) from error
            if "locked" in text:
                raise IndexLockedError(
                    f"{shown(self.path)} is in use by another process; wait until it ends and "
                    "run the same command again"
                ) from error
            raise OutputError(
                f"cannot use {shown(self.path)}: {text}; check the disk and the permissions of "
                f"{shown(self.path.parent)}; what was committed before is kept"
            ) from error
        # What SQLite says of a damaged schema quotes it, and may be no text.
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self.damaged(error) from error
