"""Columns that came to the tables of a catalogue later.

The version of the format stays: an older nearframe goes on with them, and what it reads has their
defaults.
"""

import os

from nearframe.embeddings.sources import DECODING_RULES

from .database import Database

# Table, column, what it is.
_ADDED = (
    ("files", "rules", "INTEGER NOT NULL DEFAULT 1"),
    ("files", "limits", "INTEGER"),
    ("frames", "stamp_s", "REAL"),
)
_DEFAULTS = {"rules": "1", "limits": "NULL", "stamp_s": "NULL"}


class AddedColumns:
    """Columns that may not be there: what to name in a query, and what they tell.

    Args:
        database: That of a catalogue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._there: frozenset[str] = frozenset()
        self._look()

    @property
    def rules(self) -> str:
        """The column ``rules`` of ``files``, or what it would hold."""
        return self._named("files", "rules")

    @property
    def limits(self) -> str:
        """The column ``limits`` of ``files``, or what it would hold."""
        return self._named("files", "limits")

    @property
    def stamp_s(self) -> str:
        """The column ``stamp_s`` of ``frames``, or what it would hold."""
        return self._named("frames", "stamp_s")

    def require(self) -> None:
        """Add what is missing, all or nothing; the database is open for writing."""
        missing = [entry for entry in _ADDED if entry[1] not in self._there]
        if not missing:
            return
        self._database.run("BEGIN IMMEDIATE")
        try:
            for table, column, type_ in missing:
                self._database.run(f"ALTER TABLE {table} ADD COLUMN {column} {type_}")
            self._database.run("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.run("ROLLBACK")
        self._look()

    def renew_rules(self, path: str) -> None:
        """Note that today's rules read a file as it was read."""
        statement = "UPDATE files SET rules = ? WHERE path = CAST(? AS TEXT)"
        self._database.run(statement, DECODING_RULES, os.fsencode(path))

    def past_limits(self) -> dict[str, str]:
        """Return the paths of the files that went past the limits, and how."""
        query = f"SELECT path, problem FROM files WHERE {self.limits} IS NOT NULL"
        return {path: problem or "" for path, problem in self._database.run(query)}

    def count_older_files(self) -> int:
        """Return the number of files with frames that were read by older rules of decoding."""
        query = (
            f"SELECT COUNT(*) FROM files WHERE {self.rules} < ? "
            "AND EXISTS (SELECT 1 FROM frames WHERE file_id = files.id)"
        )
        return int(self._database.run(query, DECODING_RULES)[0][0])

    def _named(self, table: str, column: str) -> str:
        return f"{table}.{column}" if column in self._there else _DEFAULTS[column]

    def _look(self) -> None:
        self._there = frozenset(
            column
            for table, column, _ in _ADDED
            if self._database.run(
                "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", table, column
            )
        )
