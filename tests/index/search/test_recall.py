import numpy as np
import pytest

from nearframe.index.search.ivf import IvfLists, IvfSearch
from nearframe.index.search.recall import ExactNeighbours, choose_parameters, edited


def measured(vectors, *, lists, queries=100, seed=3):
    """Make lists of vectors whose ids are their rows; return them with the parameters chosen."""
    generator = np.random.default_rng(seed)
    asked = vectors[generator.choice(len(vectors), queries, replace=False)]
    exact = ExactNeighbours(edited(asked, generator))
    made = IvfLists.train(vectors, lists)
    blocks = ((np.arange(n, n + 50), vectors[n : n + 50]) for n in range(0, len(vectors), 50))
    made.add(exact.watch(blocks))
    assert len(made) == len(vectors)
    return made, choose_parameters(made, exact)


class TestEdited:
    def test_each_is_as_far_from_its_frame_as_an_edited_copy(self, scene_vectors):
        vectors = scene_vectors(50)
        moved = edited(vectors, np.random.default_rng(0))
        np.testing.assert_allclose((vectors * moved).sum(axis=1), 0.9, atol=0.001)
        np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-6)

    def test_they_move_where_frames_differ(self):
        """Features that are the same in all frames stay so."""
        vectors = np.zeros((50, 2048), np.float32)
        vectors[:, :9] = np.random.default_rng(0).standard_normal((50, 9))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        assert not edited(vectors, np.random.default_rng(1))[:, 9:].any()

    def test_equal_frames_stay_as_they_are(self, scene_vectors):
        vectors = np.repeat(scene_vectors(1), 5, axis=0)
        moved = edited(vectors, np.random.default_rng(0))
        np.testing.assert_allclose(moved, vectors, atol=1e-6)


class TestExactNeighbours:
    def test_they_are_those_of_numpy(self, scene_vectors):
        vectors, queries = scene_vectors(300), scene_vectors(3, seed=5)
        exact = ExactNeighbours(queries)
        list(exact.watch([(np.arange(150), vectors[:150]), (np.arange(150, 300), vectors[150:])]))
        one, ten = exact.acceptable(1, 10)
        order = np.argsort(-(queries @ vectors.T), axis=1)
        assert one == [{row[0]} for row in order.tolist()]
        assert ten == [set(row[:10]) for row in order.tolist()]

    def test_frames_that_are_equally_near_are_as_good(self, scene_vectors):
        vectors = np.repeat(scene_vectors(30, scenes=30), 4, axis=0)
        exact = ExactNeighbours(vectors[:1])
        list(exact.watch([(np.arange(120), vectors)]))
        assert exact.acceptable(1) == [[{0, 1, 2, 3}]]


class TestChoice:
    def test_few_lists_suffice_where_each_scene_has_its_own(self, scene_vectors):
        _, chosen = measured(scene_vectors(600, scenes=12), lists=12)
        assert chosen.probed <= 4
        assert chosen.recall.at_1 >= 0.99
        assert chosen.recall.at_10 >= 0.98
        assert chosen.recall.queries == 100
        assert chosen.suffice

    def test_more_are_probed_where_there_are_no_clusters(self, unit_vectors):
        _, chosen = measured(unit_vectors(600), lists=20)
        assert chosen.probed > 8
        assert chosen.recall.at_1 >= 0.99

    def test_fewest_candidates_where_8_bits_tell_frames_apart(self, scene_vectors):
        assert measured(scene_vectors(600, scenes=6), lists=6)[1].candidates == 32

    def test_more_candidates_where_they_do_not(self, scene_vectors):
        vectors = np.repeat(scene_vectors(6, scenes=6), 100, axis=0)
        vectors += 0.03 * scene_vectors(600, scenes=600, seed=9, of=9)
        for n in range(12):
            vectors[n, n] += 30  # widens the range of the 8 bits
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        assert measured(vectors, lists=6)[1].candidates > 32

    def test_where_none_suffice_all_lists_are_searched(self, unit_vectors, monkeypatch):
        monkeypatch.setattr("nearframe.index.search.recall._CANDIDATES", (1,))
        _, chosen = measured(unit_vectors(300), lists=4)
        assert chosen.probed == 4
        assert chosen.recall.at_10 < 0.5
        assert not chosen.suffice


@pytest.mark.parametrize("seed", range(3))
def test_the_recall_holds_for_other_queries(scene_vectors, seed):
    """Frames that are in no index, of the same scenes."""
    vectors = scene_vectors(500, scenes=15, seed=seed, of=seed)
    lists, chosen = measured(vectors, lists=16, queries=400)
    queries = scene_vectors(400, scenes=15, seed=seed + 100, of=seed)
    search = IvfSearch(
        (lists,),
        lambda ids: (ids, vectors[ids]),
        probed=chosen.probed,
        candidates=chosen.candidates,
    )
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = [[id_ for id_, _ in row] for row in search.nearest(queries, 10)]
    at_1 = np.mean([row[0] == best[0] for row, best in zip(found, exact, strict=True)])
    at_10 = np.mean([len({*row} & {*best}) / 10 for row, best in zip(found, exact, strict=True)])
    # Two samples of 400 differ by no more.
    assert at_1 >= chosen.recall.at_1 - 0.02
    assert at_10 >= chosen.recall.at_10 - 0.02
