"""The files of an approximate search: they may be missing, stale or damaged."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from nearframe.index import FrameIndex, Restriction, verify
from nearframe.index.search import EXACT_LIMIT, FlatSearch, IvfSearch, StoredSearch, stored
from nearframe.index.search.ivf import IvfLists
from nearframe.index.search.record import DerivedFile

N = 200


@pytest.fixture
def vectors(scene_vectors):
    return scene_vectors(N)


@pytest.fixture
def path(approximate, film, vectors):
    return approximate((film(N), vectors))


def names(path):
    return sorted(file.name for file in path.glob("*.faiss"))


def record(path):
    with FrameIndex.open(path) as index:
        return index._search.record()


def found(path, queries, k=3):
    with FrameIndex.open(path) as index:
        return [[match.frame.number for match in row] for row in index.nearest(queries, k)]


def exact(queries, vectors, k=3):
    return np.argsort(-(queries @ vectors.T), axis=1)[:, :k].tolist()


def add(path, frames, vectors):
    with FrameIndex.open(path, write=True) as index:
        index.append(frames, vectors)


def test_it_answers_and_says_what_it_found_when_measured(path, vectors):
    with FrameIndex.open(path) as index:
        assert isinstance(index._search.current(), IvfSearch)
    assert [row[0] for row in found(path, vectors)] == list(range(N))
    known = record(path)
    assert (known.frames, known.recall.queries, known.tail) == (N, N, None)
    assert known.recall.at_1 >= 0.99
    assert names(path) == [known.base.name] == ["ivf-000001.faiss"]


def test_opening_reads_neither_ids_nor_vectors(path, monkeypatch, vectors):
    for owner, name in (
        ("catalog.Catalog", "frame_ids"),
        ("catalog.Catalog", "frames"),
        ("shards.Shard", "read"),
    ):
        monkeypatch.setattr(f"nearframe.index.{owner}.{name}", None)
    assert found(path, vectors[5:6])[0][0] == 5


class TestAdding:
    def test_a_few_frames_go_into_a_file_of_their_own(
        self, path, film, scene_vectors, vectors, monkeypatch
    ):
        monkeypatch.setattr(IvfLists, "train", None)
        base = (path / "ivf-000001.faiss").read_bytes()
        more = scene_vectors(10, seed=1)
        add(path, film(10, first=N), more)
        assert names(path) == ["ivf-000001-000002.faiss", "ivf-000001.faiss"]
        assert (path / "ivf-000001.faiss").read_bytes() == base
        assert [row[0] for row in found(path, more)] == list(range(N, N + 10))
        assert [row[0] for row in found(path, vectors)] == list(range(N))

    def test_only_the_last_such_file_stays(self, path, film, scene_vectors):
        for n in range(3):
            add(path, film(2, first=N + 2 * n), scene_vectors(2, seed=n))
        assert names(path) == ["ivf-000001-000004.faiss", "ivf-000001.faiss"]
        assert len(found(path, scene_vectors(1), 300)[0]) == N + 6

    def test_many_frames_make_the_lists_anew(self, path, film, scene_vectors):
        add(path, film(50, first=N), scene_vectors(50, seed=1))
        assert names(path) == ["ivf-000002.faiss"]
        assert record(path).frames == N + 50

    def test_so_do_many_small_additions(self, path, film, scene_vectors):
        for n in range(6):
            add(path, film(4, first=N + 4 * n), scene_vectors(4, seed=n))
        assert record(path).base.name == "ivf-000007.faiss"

    def test_and_frames_that_are_dropped(self, approximate, film, scene_vectors):
        path = approximate((film(100, source="/a"), scene_vectors(100)))
        add(path, film(10, source="/b"), scene_vectors(10, seed=1))
        with FrameIndex.open(path, write=True) as index:
            index.catalog.remove_file("/b")
        assert record(path).frames == 100
        assert names(path) == ["ivf-000001.faiss"]
        with FrameIndex.open(path, write=True) as index:
            index.catalog.remove_file("/a")
            index.append(film(100, source="/c"), scene_vectors(100))
        assert record(path).base.name == "ivf-000004.faiss"


@pytest.mark.usefixtures("few_suffice")
def test_frames_that_were_dropped_are_not_found(approximate, film, scene_vectors, monkeypatch):
    monkeypatch.setattr(stored, "_OUTGROWN", 10)
    vectors = scene_vectors(150, scenes=3)
    path = approximate(
        (film(100, source="/a"), vectors[:100]), (film(50, source="/b"), vectors[100:])
    )
    with FrameIndex.open(path) as reader:
        reader._search.current()
        with FrameIndex.open(path, write=True) as index:
            index.catalog.remove_file("/a")
        for index in (reader, FrameIndex.open(path)):
            with index:
                (row,) = index.nearest(vectors[:1], 100)
                assert len(row) == 50
                assert {match.frame.source for match in row} == {"/b"}
    assert record(path).frames == 150


class TestAskedFor:
    def test_flat_makes_the_index_exact_again(self, path, vectors):
        with FrameIndex.open(path, write=True) as index:
            index._search.ann = "flat"
        assert names(path) == ["search-000002.faiss"]
        assert record(path) is None
        assert found(path, vectors) == exact(vectors, vectors)

    def test_what_was_asked_for_stays(self, path, film, scene_vectors):
        add(path, film(1, first=N), scene_vectors(1))
        with FrameIndex.open(path) as index:
            assert index._search.ann == "ivf"

    def test_beyond_the_limit_a_search_is_approximate_by_itself(
        self, make_index, film, vectors, monkeypatch
    ):
        monkeypatch.setattr("nearframe.index.search.choice.EXACT_LIMIT", N - 1)
        path = make_index((film(N - 1), vectors[:-1]))
        assert record(path) is None
        add(path, film(1, first=N - 1), vectors[-1:])
        assert names(path) == ["ivf-000002.faiss"]


class TestDamage:
    @pytest.fixture
    def tailed(self, path, film, scene_vectors):
        add(path, film(5, first=N), scene_vectors(5, seed=1))
        return path

    @pytest.mark.parametrize("which", ["ivf-000001.faiss", "ivf-000001-000002.faiss"])
    @pytest.mark.parametrize("how", ["gone", "cut", "garbage"])
    def test_searches_do_without_a_file(self, tailed, vectors, which, how):
        file = tailed / which
        content = file.read_bytes()
        if how == "gone":
            file.unlink()
        else:
            file.write_bytes(content[:-9] if how == "cut" else bytes(len(content)))
        assert [row[0] for row in found(tailed, vectors)] == list(range(N))

    @pytest.mark.parametrize("which", ["ivf-000001.faiss", "ivf-000001-000002.faiss"])
    def test_the_next_writer_makes_a_missing_file_anew(self, tailed, which):
        (tailed / which).unlink()
        FrameIndex.open(tailed, write=True).close()
        known = record(tailed)
        assert names(tailed) == sorted(f.name for f in (known.base, known.tail) if f is not None)
        assert verify(tailed).damage == ()

    @pytest.mark.parametrize("which", ["ivf-000001.faiss", "ivf-000001-000002.faiss"])
    def test_verify_finds_a_changed_bit(self, tailed, which):
        content = bytearray((tailed / which).read_bytes())
        content[-5000] ^= 1
        (tailed / which).write_bytes(content)
        (line,) = verify(tailed).damage
        assert line == (
            f"{tailed / which} differs from what was written; delete it and run buildIndex again, "
            "which makes it anew"
        )

    def test_a_damaged_one_is_said(self, tailed, vectors, caplog):
        base = tailed / "ivf-000001.faiss"
        base.write_bytes(bytes(base.stat().st_size))
        with caplog.at_level(logging.WARNING):
            found(tailed, vectors[:1])
        assert "ivf-000001.faiss is damaged and not used; delete it and run" in caplog.text

    def test_a_record_of_something_else_is_not_used(self, path):
        with FrameIndex.open(path, write=True) as index:
            index.catalog.set_meta("ivf", {"base": 7})
            index.catalog.commit()
            index.catalog.begin()
            assert index._search.record() is None
        assert record(path).frames == N

    def test_a_large_index_without_files_is_read_block_by_block(
        self, path, vectors, monkeypatch, caplog
    ):
        (path / "ivf-000001.faiss").unlink()
        monkeypatch.setattr(stored, "EXACT_LIMIT", 10)
        monkeypatch.setattr(FlatSearch, "build", None)
        monkeypatch.setattr("nearframe.index.vectors._BLOCK", 64)
        assert found(path, vectors, 7) == exact(vectors, vectors, 7)
        assert "has no search file, so all 200 vectors are read for each search" in caplog.text
        with FrameIndex.open(path) as index:
            within = Restriction(start_s=15.0)
            (row,) = index.nearest(vectors[:1], 500, within=within)
            assert sorted(match.frame.number for match in row) == list(range(150, 200))
            assert index.nearest(vectors[:0], 1) == []


def test_a_full_disk_leaves_the_index_searchable(path, film, scene_vectors, monkeypatch, caplog):
    more = scene_vectors(60, seed=4)
    with monkeypatch.context() as patch:
        patch.setattr(IvfLists, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        add(path, film(60, first=N), more)
    assert "could not write the search of" in caplog.text
    assert [row[0] for row in found(path, more)] == list(range(N, N + 60))
    FrameIndex.open(path, write=True).close()
    assert names(path) == ["ivf-000002.faiss"]


def test_what_the_catalogue_does_not_name_is_not_used(path, vectors):
    """A writer that died after it wrote a file and before it said so."""
    known = record(path)
    (path / "ivf-000009.faiss").write_bytes(b"half")
    assert record(path) == known
    FrameIndex.open(path, write=True).close()
    assert names(path) == [known.base.name]


def test_a_reader_follows_a_writer_that_makes_the_lists_anew(path, film, scene_vectors, vectors):
    more = scene_vectors(100, seed=2)
    with FrameIndex.open(path) as reader:
        assert reader.nearest(vectors[:1], 1)[0][0].frame.number == 0
        add(path, film(100, first=N), more)
        rows = reader.nearest(np.vstack([vectors[:1], more[:1]]), 1)
        assert [row[0].frame.number for row in rows] == [0, N]


@pytest.mark.parametrize("moment", ["record", "read"])
def test_a_base_that_a_writer_removes_meanwhile(
    path, film, scene_vectors, monkeypatch, caplog, moment
):
    owner, name = {"record": (DerivedFile, "is_present"), "read": (IvfLists, "read")}[moment]
    function = getattr(owner, name)
    with FrameIndex.open(path) as reader, monkeypatch.context() as patch:

        def make_anew(*args):
            patch.undo()
            add(path, film(100, first=N), scene_vectors(100, seed=2))
            return function(*args)

        patch.setattr(owner, name, make_anew)
        assert isinstance(reader._search.current(), IvfSearch)
        assert reader._search.record().frames == N + 100
    assert caplog.messages == []


def test_restrictions_hold(path, vectors):
    with FrameIndex.open(path) as index:
        (row,) = index.nearest(vectors[:1], 1000, within=Restriction(start_s=10, end_s=12))
    assert sorted(match.frame.number for match in row) == list(range(100, 121))


def test_the_record_survives_json(path):
    known = record(path)
    assert type(known).from_json({**known.to_json(), "newer": 1}) == known
    assert replace(known, tail=known.base).to_json()["tail"]["name"] == known.base.name


def test_both_kinds_of_files_are_removed_with_the_index(path):
    FrameIndex.remove(path)
    assert not path.exists()
    assert len(StoredSearch.PATTERNS) == 2
    assert EXACT_LIMIT > N
