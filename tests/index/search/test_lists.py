"""Lists that do not find enough: more axes are taken, and in the end none are used."""

import numpy as np
import pytest

from nearframe.index import FrameIndex, build_index
from nearframe.index.search import FlatSearch, IvfSearch, lists
from nearframe.index.search.ivf import IvfLists

N = 250
FEW = 4


@pytest.fixture(autouse=True)
def candidates(monkeypatch):
    """So few of them that it matters which are the first."""
    monkeypatch.setattr("nearframe.index.search.recall._CANDIDATES", (32,))


@pytest.fixture
def vectors(unit_vectors):
    """Vectors that are as long on each axis as on any other."""
    return unit_vectors(N)


@pytest.fixture
def few_axes(monkeypatch):
    monkeypatch.setattr(lists, "AXES", (FEW,))


@pytest.fixture
def beyond_the_limit(monkeypatch):
    """Let the vectors be too many for an exact search."""
    monkeypatch.setattr("nearframe.index.search.choice.EXACT_LIMIT", N - 1)


def kind_of(path):
    with FrameIndex.open(path) as index:
        return type(index._search.current())


def add(path, frames, vectors):
    with FrameIndex.open(path, write=True) as index:
        index.append(frames, vectors)


def axes_of(path):
    with FrameIndex.open(path) as index:
        return IvfLists.read(path / index._search.record().base.name).axes


class TestAxes:
    def test_few_are_taken_where_they_suffice(self, approximate, film, scene_vectors, monkeypatch):
        monkeypatch.setattr(lists, "AXES", (50, 2048))
        assert axes_of(approximate((film(N), scene_vectors(N)))) == 50

    def test_all_are_taken_where_few_do_not(self, approximate, film, vectors, monkeypatch, caplog):
        monkeypatch.setattr(lists, "AXES", (FEW, 2048))
        path = approximate((film(N), vectors))
        assert axes_of(path) == N  # the sample has no more
        with FrameIndex.open(path) as index:
            assert index._search.record().recall.at_1 >= 0.99
            assert index._search.record().recall.at_10 >= 0.98
        assert caplog.messages == []

    def test_what_few_axes_left_out_is_found(self, approximate, film, vectors, monkeypatch):
        monkeypatch.setattr(lists, "AXES", (FEW, 2048))
        path = approximate((film(N), vectors))
        with FrameIndex.open(path) as index:
            rows = index.nearest(vectors[::7], 2)
        expected = np.argsort(-(vectors[::7] @ vectors.T), axis=1)[:, :2]
        assert [[match.frame.number for match in row] for row in rows] == expected.tolist()


@pytest.mark.usefixtures("few_axes", "beyond_the_limit")
class TestNothingSuffices:
    def test_the_search_stays_exact_and_that_is_said(self, make_index, film, vectors, caplog):
        path = make_index((film(N), vectors))
        assert kind_of(path) is FlatSearch
        assert [file.name for file in path.glob("*.faiss")] == ["search-000001.faiss"]
        (line,) = caplog.messages
        assert line.startswith("an approximate search of these frames finds the nearest in ")
        assert line.endswith("of the cases only; searches stay exact")

    def test_it_is_not_tried_again_soon(self, make_index, film, vectors, caplog, monkeypatch):
        path = make_index((film(N), vectors))
        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr(IvfLists, "train", None)
            FrameIndex.open(path, write=True).close()
            add(path, film(N - 1, first=N), vectors[1:])
        assert caplog.messages == []
        assert kind_of(path) is FlatSearch
        add(path, film(1, first=2 * N), vectors[:1])
        assert len(caplog.messages) == 1

    def test_with_twice_as_many_it_may_suffice(self, make_index, film, vectors, monkeypatch):
        path = make_index((film(N), vectors))
        monkeypatch.setattr(lists, "AXES", (2048,))
        add(path, film(N, first=N), vectors)
        assert kind_of(path) is IvfSearch

    def test_who_asks_for_it_gets_it_with_the_recall_it_has(
        self, approximate, film, vectors, caplog
    ):
        path = approximate((film(N), vectors))
        assert kind_of(path) is IvfSearch
        with FrameIndex.open(path) as index:
            assert index._search.record().recall.at_10 < 0.95
        assert caplog.messages[0].endswith("of the cases only; an exact one finds all")

    def test_lists_made_on_request_go_with_the_request(self, approximate, film, vectors):
        path = approximate((film(N), vectors))
        build_index([], path)
        assert kind_of(path) is IvfSearch
        build_index([], path, ann="auto")
        assert kind_of(path) is FlatSearch
        assert [file.name[:6] for file in path.glob("*.faiss")] == ["search"]

    def test_lists_that_suffice_no_more_are_removed(self, make_index, film, vectors, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(lists, "AXES", (2048,))
            path = make_index((film(N), vectors))
        assert kind_of(path) is IvfSearch
        add(path, film(N, first=N), vectors)
        assert kind_of(path) is FlatSearch
        assert [file.name for file in path.glob("*.faiss")] == ["search-000002.faiss"]


def test_progress_is_told(approximate, film, scene_vectors, progress):
    path = approximate((film(N), scene_vectors(N)))
    next(path.glob("ivf-*")).unlink()
    build_index([], path, progress=progress)
    assert progress.stretches == [
        ["search: learning lists", None, 0],
        ["search: filling lists", N, N],
    ]
