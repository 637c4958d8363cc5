"""Catalogues that hold something else than what nearframe writes: one line, and nothing is run."""

import sqlite3
from contextlib import closing

import pytest

from nearframe.common import NearframeError
from nearframe.index import FrameIndex, FrameIndexError, database, stored_threshold, verify

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT "
FRAMES = "id, file_id, number, time_s, shard_id, shard_row, stamp_s"


@pytest.fixture
def path(make_index, film, unit_vectors):
    return make_index((film(5), unit_vectors(5)))


@pytest.fixture
def change(path):
    def run(script):
        with closing(sqlite3.connect(path / "frames.sqlite", isolation_level=None)) as connection:
            connection.executescript(script)

    return run


def use(path, vectors):
    with FrameIndex.open(path) as index:
        index.nearest(vectors, 3)
        index.sources()
        index.unreadable()
        stored_threshold(index)
        [*index.blocks()]
    with FrameIndex.open(path, write=True):
        pass
    return verify(path)


@pytest.mark.parametrize(
    "script",
    [
        f"ALTER TABLE frames RENAME TO f; CREATE VIEW frames AS {ENDLESS} x AS id FROM n;",
        f"CREATE VIEW more AS {ENDLESS} x FROM n;",
        "CREATE TRIGGER more AFTER INSERT ON files BEGIN DELETE FROM frames; END;",
        "DROP TRIGGER drop_thumbnail; "
        "CREATE TRIGGER drop_thumbnail AFTER DELETE ON frames BEGIN DELETE FROM files; END;",
        "ALTER TABLE files ADD COLUMN big GENERATED ALWAYS AS (printf('%.*c', 1000000000, 'x'));",
        "CREATE INDEX more ON files (abs(size + id));",
        "DROP TABLE meta; CREATE VIRTUAL TABLE meta USING fts5(key, value);",
    ],
    ids=["frames", "view", "trigger", "other trigger", "computed", "expression", "virtual"],
)
def test_what_would_be_run_is_refused(path, change, script, unit_vectors):
    try:
        change(script)
    except sqlite3.OperationalError as error:
        pytest.skip(f"this SQLite does not make it: {error}")
    with pytest.raises(FrameIndexError, match=r"is damaged or no catalogue .*has an unknown "):
        use(path, unit_vectors(1))


def test_tables_and_statistics_of_others_do_not_matter(path, change, unit_vectors):
    change("CREATE TABLE later (a, b, PRIMARY KEY (a, b)); CREATE INDEX e ON later (b); ANALYZE;")
    assert use(path, unit_vectors(1)).damage == ()


@pytest.mark.parametrize("name", ["../vectors-000001.f32", "/etc/passwd", "..", "a/b.f32", "x"])
def test_a_shard_elsewhere_is_not_looked_at(path, change, name, tmp_path, unit_vectors):
    (path / "vectors-000001.f32").rename(tmp_path / "vectors-000001.f32")
    change(f"UPDATE shards SET name = '{name}'")
    with pytest.raises(FrameIndexError, match=r"is damaged .*matching regex '\^vectors"):
        use(path, unit_vectors(1))
    assert (tmp_path / "vectors-000001.f32").exists()


@pytest.mark.parametrize(
    "script",
    [
        *(
            f"UPDATE {table} SET {column} = {value}"
            for value in ("'word'", "x'00ff'", "-7", "9e999", "9223372036854775807")
            for table, column in (
                ("frames", "number"),
                ("frames", "time_s"),
                ("frames", "shard_id"),
                ("frames", "shard_row"),
                ("shards", "rows"),
                ("shards", "sha256"),
                ("files", "path"),
                ("files", "size"),
                ("sources", "path"),
                ("sources", "kind"),
                ("meta", "value"),
            )
        ),
        *(
            f"INSERT OR REPLACE INTO meta VALUES ('{key}', '{value}')"
            for value in ("[[[", "{}", '"word"', "[1]", "1e999", "null", "9" * 400, "[" * 90_000)
            for key in ("format_version", "fingerprint", "generation", "ann", "building", "flat")
        ),
        "UPDATE files SET path = CAST(x'2f6100' AS TEXT)",
        "UPDATE files SET path = 'relative'",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807",
        "DELETE FROM shards",
        "DELETE FROM files",
        "INSERT INTO thumbnails SELECT id, x'00' FROM frames",
    ],
)
def test_values_that_are_none_are_one_line_or_do_not_matter(path, change, script, unit_vectors):
    change(script)
    try:
        use(path, unit_vectors(1))
    except NearframeError as error:
        assert "\n" not in str(error)  # noqa: PT017  # some of them do not matter


def test_a_statement_without_end_is_given_up(path, monkeypatch):
    monkeypatch.setattr(database, "_STEPS", 5_000_000)
    with (
        FrameIndex.open(path) as index,
        pytest.raises(FrameIndexError, match=r"is damaged .*interrupted"),
    ):
        index.catalog._run(f"{ENDLESS} count(*) FROM n")
    with FrameIndex.open(path) as index:
        assert len(index) == 5


def test_a_larger_file_may_take_more_steps(path, change, monkeypatch):
    change("CREATE TABLE later (a); INSERT INTO later VALUES (zeroblob(9000000));")
    monkeypatch.setattr(database, "_STEPS", 0)
    # Some 3 million steps.
    finite = ENDLESS.replace("FROM n)", "FROM n WHERE x < 200000)")
    with FrameIndex.open(path) as index:
        assert index.catalog._run(f"{finite} count(*) FROM n") == [(200_000,)]


def test_a_schema_that_is_no_text_is_one_line(path, change, unit_vectors):
    change(
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET name = CAST(x'fffefd' AS TEXT), sql = 'CREATE TABLX x'"
        " WHERE name = 'files';"
    )
    with pytest.raises(FrameIndexError, match="is damaged or no catalogue of an index") as caught:
        use(path, unit_vectors(1))
    assert "\n" not in str(caught.value)
