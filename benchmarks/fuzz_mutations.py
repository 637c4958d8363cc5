"""Ways to change a valid file into one that is not, or not quite."""

import copy
import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Literal

_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, float("inf"), float("nan"), 10**400, 2**63, -(2**63), 99, 1e300),
    *("", "\0", "\ud800", "a" * 5000, "../../x", "/etc/passwd", "/dev/zero", "a\nb", "é", "\x1b["),
    *([], {}, [[]], {"a": 1}, [1, 2], ["x"] * 3),
)
_NUMBERS = (0, 1, 127, 255, 2**31 - 1, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
_INSERTED = (b"\0", b"\n", b'"', b"[", b"{", b"\xff", b",", b"9" * 400)
_META = (
    *("format_version", "fingerprint", "generation", "ann", "ivf", "flat", "building"),
    *("threshold", "ivf_missed_at"),
)
_BIG = "printf('%.*c', 900000000, 'x')"
_SQL_VALUES = (
    *("NULL", "''", "'word'", "x'00ff'", "-7", "0", "1.5", "9e999", "1e300", "9223372036854775807"),
    *("'../../x'", "'/etc/passwd'", "CAST(x'2f6100' AS TEXT)", "CAST(x'2fff' AS TEXT)", "'[[['"),
    *("zeroblob(3000)", "'{\"base\": 1}'", "printf('%.*c', 90000, '[')", "'{}'", "'99'", "'null'"),
)
_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS id FROM n"


def mutate(path: Path, kind: str, rng: random.Random) -> None:
    """Change a file: as what it is, or as any bytes."""
    if kind == "sqlite" and rng.random() < 0.7:
        _mutate_database(path, rng)
    elif kind in ("json", "jsonl") and rng.random() < 0.8:
        path.write_bytes(_mutated_json(path.read_bytes(), rng, lines=kind == "jsonl"))
    else:
        content = path.read_bytes()
        for _ in range(rng.choice((1, 1, 1, 2, 8))):
            content = _mutated_bytes(content, rng)
        path.write_bytes(content)


def _mutated_bytes(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return rng.randbytes(20)
    # What matters stands at either end more often than in the middle.
    size = len(content)
    at = rng.randrange(size) if rng.random() < 0.5 else rng.randrange(min(size, 200))
    at = size - 1 - at if rng.random() < 0.3 else at
    end = min(at + rng.choice((1, 4, 16, 300)), size)
    number = rng.choice(_NUMBERS)
    width = rng.choice((1, 2, 4, 8))
    return rng.choice(
        (
            lambda: content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :],
            lambda: content[:at] + _as_bytes(number, width, "little") + content[at + width :],
            lambda: content[:at] + _as_bytes(number, width, "big") + content[at + width :],
            lambda: content[:at] + rng.randbytes(end - at) + content[end:],
            lambda: content[:at] + bytes(end - at) + content[end:],
            lambda: content[:at],
            lambda: content[:at] + content[end:],
            lambda: content[:end] + content[at:],
            lambda: content + rng.randbytes(rng.randrange(1, 100)),
            lambda: content[:at] + rng.choice(_INSERTED) + content[at:],
            lambda: rng.choice((b"", b"\0" * 100, b"[" * 100_000, b'{"a":' * 50_000)),
        )
    )()


def _as_bytes(number: int, width: int, order: Literal["little", "big"]) -> bytes:
    return (number % 256**width).to_bytes(width, order)


def _mutated_json(content: bytes, rng: random.Random, *, lines: bool) -> bytes:
    values = [json.loads(line) for line in content.splitlines()] if lines else [json.loads(content)]
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        _change(values, rng)
    if rng.random() < 0.1:
        rng.shuffle(values)
    return "\n".join(map(json.dumps, values)).encode()


def _change(values: list[Any], rng: random.Random) -> None:
    """Exchange, take out or add one thing."""
    found = list(_places(values))
    if not found:
        return
    holder, key = rng.choice(found)
    what = rng.random()
    if what < 0.6:
        holder[key] = copy.deepcopy(rng.choice(_VALUES))
    elif what < 0.75:
        del holder[key]
    elif what < 0.85:
        other, other_key = rng.choice(found)
        with suppress(KeyError, IndexError):
            holder[key] = copy.deepcopy(other[other_key])
    elif isinstance(holder, dict):
        holder["more"] = rng.choice(_VALUES)
    else:
        holder.insert(key, copy.deepcopy(rng.choice((holder[key], *_VALUES))))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the holder and the key of all that is in a value; of long lists, of a few."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
        if len(keys) > 50:
            keys = keys[:2] + keys[-2:]
    else:
        return
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _mutate_database(path: Path, rng: random.Random) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA synchronous = OFF")
        for _ in range(rng.choice((1, 1, 2, 5))):
            with suppress(sqlite3.Error):
                database.executescript(_statement(database, rng))


def _statement(database: sqlite3.Connection, rng: random.Random) -> str:
    tables = [
        name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    if not tables:  # all of them were dropped
        return ""
    table = rng.choice(tables)
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    column, value = rng.choice(columns or ["id"]), rng.choice(_SQL_VALUES)
    some = rng.choice(("", f" WHERE rowid = {rng.randrange(1, 8)}", " WHERE rowid % 2"))
    what = rng.random()
    if what < 0.55:
        return f"UPDATE OR IGNORE {table} SET {column} = {value}{some}"
    if what < 0.65:
        return f"DELETE FROM {table}{some}"
    if what < 0.75 and "meta" in tables:
        return f"INSERT OR REPLACE INTO meta VALUES ('{rng.choice(_META)}', {value})"
    return rng.choice(
        (
            f"ALTER TABLE {table} RENAME TO other; CREATE VIEW {table} AS {_ENDLESS}",
            f"ALTER TABLE {table} RENAME TO other; CREATE VIEW {table} AS SELECT * FROM other",
            f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN DELETE FROM {table}; END",
            f"CREATE TRIGGER t BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END",
            f"ALTER TABLE {table} DROP COLUMN {column}",
            f"ALTER TABLE {table} RENAME COLUMN {column} TO other",
            f"ALTER TABLE {table} ADD COLUMN big GENERATED ALWAYS AS ({_BIG})",
            f"DROP TABLE {table}",
            f"CREATE INDEX i ON {table} ({column})",
            f"CREATE UNIQUE INDEX u ON {table} (printf('%.*c', 900000, {column}))",
            f"PRAGMA user_version = {rng.randrange(99)}; PRAGMA auto_vacuum = 1; VACUUM",
            "PRAGMA journal_mode = WAL",
            "PRAGMA encoding = 'UTF-16'; VACUUM",
            f"INSERT INTO {table} SELECT * FROM {table}",
        )
    )
