"""Whether a catalogue consists of plain tables, so that no statement does more than it says.

SQLite runs what the schema of a file holds: a view in place of a table, a trigger, a column that is
computed. None of these is in a catalogue but the one trigger that nearframe makes itself.
"""

import re

from .database import Database
from .tables import SCHEMA
from .thumbnails import THUMBNAIL_SCHEMA

# Columns of a type and with a default that is a number; an expression would need brackets.
_PLAIN_TABLE = re.compile(r"CREATE TABLE [\w\"]+\s*\([^()]*\)\s*(WITHOUT ROWID)?", re.IGNORECASE)
_PLAIN_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX \w+ ON \w+ ?\([\w, ]+\)", re.IGNORECASE)


def require_plain_schema(database: Database) -> None:
    """Check what is in a catalogue before anything of it is read.

    Tables of a newer nearframe may be there; they are never looked at.

    Raises:
        IndexDamagedError: If there is something else than plain tables.
    """
    statement = "SELECT type, name, sql FROM sqlite_master"
    for type_, name, sql in database.read(list[tuple[str, str, str | None]], statement):
        if not _is_plain(type_, name, sql):
            raise database.damaged(f"it has an unknown {type_[:20]} {name[:50]!r}")


def _is_plain(type_: str, name: str, sql: str | None) -> bool:
    if type_ == "table":
        return sql is not None and (name not in _OWN_TABLES or bool(_PLAIN_TABLE.fullmatch(sql)))
    if type_ == "index":
        return sql is None or bool(_PLAIN_INDEX.fullmatch(sql))
    return type_ == "trigger" and sql is not None and _normal(sql) in _OWN_TRIGGERS


def _normal(sql: str) -> str:
    return " ".join(sql.replace("IF NOT EXISTS ", "").split())


_OWN_TABLES = frozenset(
    re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", SCHEMA + THUMBNAIL_SCHEMA)
)
_OWN_TRIGGERS = frozenset(
    _normal(sql) for sql in re.findall(r"CREATE TRIGGER .* END", THUMBNAIL_SCHEMA, re.DOTALL)
)
