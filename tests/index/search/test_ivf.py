import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.embeddings import DIMENSION
from nearframe.index import FrameIndexError
from nearframe.index.search import FlatSearch
from nearframe.index.search.ivf import IvfLists, IvfSearch, list_count, training_count
from nearframe.index.search.ranking import ranked


def made(ids, vectors, *, split=None, probed, candidates=32, gone=(), lists=5):
    """Make a search of two parts: what comes before and from `split` on."""
    split = len(ids) if split is None else split
    base = IvfLists.train(vectors, lists)
    tail = base.empty_copy()
    base.add([(ids[:split], vectors[:split])])
    tail.add([(ids[split:], vectors[split:])])
    row_of = {id_: row for row, id_ in enumerate(ids.tolist()) if id_ not in gone}

    def rows(wanted):
        known = np.array([id_ for id_ in wanted.tolist() if id_ in row_of], np.int64)
        return known, vectors[[row_of[id_] for id_ in known.tolist()]]

    return IvfSearch((base, tail), rows, probed=probed, candidates=candidates)


def directions(seed, count):
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(5, 60),
    k=st.integers(1, 80),
    split=st.integers(0, 60),
    distinct=st.integers(1, 30),
)
@settings(max_examples=40, deadline=None)
def test_with_every_list_probed_it_equals_the_exact_search(seed, n, k, split, distinct):
    """Vectors of few distinct directions, so that there are many ties."""
    generator = np.random.default_rng(seed)
    vectors = directions(seed, distinct)[generator.integers(0, distinct, n)]
    ids = 3 * generator.permutation(n).astype(np.int64)
    queries = np.vstack([vectors[:2], directions(seed + 1, 1)])
    ivf = made(ids, vectors, split=min(split, n), probed=5, candidates=60)
    assert ivf.nearest(queries, k) == [ranked(query, ids, vectors)[:k] for query in queries]


@given(
    seed=st.integers(0, 2**32 - 1),
    admitted=st.sets(st.integers(0, 39), min_size=1),
    k=st.integers(1, 45),
)
@settings(max_examples=40, deadline=None)
def test_among_some_with_every_list_probed_it_equals_the_exact_search(seed, admitted, k):
    vectors = directions(seed, 41)
    ids = np.arange(100, 140)
    among = np.array(sorted(admitted), np.int64) + 100
    ivf = made(ids, vectors[:40], split=30, probed=5, candidates=40)
    exact = ranked(vectors[40], among, vectors[among - 100])
    assert ivf.nearest(vectors[40:], k, among=among) == [exact[:k]]


def test_one_list_is_searched_and_the_others_are_not(scene_vectors):
    vectors = scene_vectors(200, scenes=5)
    ivf = made(np.arange(200), vectors, probed=1)
    (row,) = ivf.nearest(vectors[:1], 10)
    assert {id_ for id_, _ in row} < set(range(60))


def test_more_is_probed_until_there_are_k(scene_vectors):
    vectors = scene_vectors(200, scenes=5)
    ivf = made(np.arange(200), vectors, probed=1, candidates=1)
    (row,) = ivf.nearest(vectors[:1], 200)
    assert [id_ for id_, _ in row[:1]] == [0]
    assert sorted(id_ for id_, _ in row) == list(range(200))


def test_frames_that_were_dropped_make_room_for_others(scene_vectors):
    vectors = scene_vectors(200, scenes=5)
    gone = set(range(60))
    ivf = made(np.arange(200), vectors, probed=1, candidates=4, gone=gone)
    (row,) = ivf.nearest(vectors[:1], 5)
    assert len(row) == 5
    assert not gone & {id_ for id_, _ in row}


def test_when_all_were_dropped_nothing_is_found(scene_vectors):
    ivf = made(np.arange(50), scene_vectors(50), probed=1, gone=set(range(50)))
    assert ivf.nearest(scene_vectors(2), 5) == [[], []]


def test_few_frames_far_from_the_query_are_found_among_many(scene_vectors):
    """They lie in lists that a search without the restriction does not look into."""
    vectors = scene_vectors(400, scenes=10)
    ivf = made(np.arange(400), vectors, probed=1, lists=10)
    among = np.array([395, 396, 397, 398, 399])
    (row,) = ivf.nearest(vectors[:1], 1, among=among)
    assert row[0][0] == 395 + (vectors[395:] @ vectors[0]).argmax()


def test_similarities_are_exact(scene_vectors):
    vectors, query = scene_vectors(300), scene_vectors(1, seed=5)
    ((best, *_),) = made(np.arange(300), vectors, probed=5).nearest(query, 1)
    flat = FlatSearch.build([(np.arange(300), vectors)], count=300)
    assert best == flat.nearest(query, 1)[0][0]
    assert best[1] == pytest.approx((query @ vectors.T).max(), abs=1e-6)


@pytest.mark.parametrize(
    ("frames", "lists", "trained"), [(1, 1, 1), (100, 10, 100), (10**6, 1000, 64_000)]
)
def test_there_are_as_many_lists_as_frames_in_each(frames, lists, trained):
    assert (list_count(frames), training_count(frames)) == (lists, trained)


def test_a_file_gives_the_same_lists_back(tmp_path, scene_vectors):
    vectors = scene_vectors(100)
    lists = IvfLists.train(vectors, 4)
    lists.add([(np.arange(100), vectors)])
    lists.write(tmp_path / "x")
    for name, expected in (("x", lists), ("copy", lists.empty_copy())):
        expected.write(tmp_path / name)
        read = IvfLists.read(tmp_path / name)
        assert len(read) == len(expected)
        if len(read):
            got, wanted = (part.candidates(vectors, 9, probed=2) for part in (read, expected))
            np.testing.assert_array_equal(got[1], wanted[1])


@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(FrameIndexError, match="is not a file that FAISS can read"):
        IvfLists.read(tmp_path / "x")


def test_an_exact_search_is_no_approximate_one(tmp_path, scene_vectors):
    FlatSearch.build([(np.arange(5), scene_vectors(5))], count=5).write(tmp_path / "x")
    with pytest.raises(FrameIndexError, match="holds no approximate search of frames"):
        IvfLists.read(tmp_path / "x")
