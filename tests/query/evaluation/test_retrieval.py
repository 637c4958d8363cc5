import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.query import SimilarityHistogram, average_precision, score_retrieval
from nearframe.query.evaluation import retrieval


def unit_vectors(count, dimension, *, seed):
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def one_each(positions):
    return [np.array([position]) for position in positions]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(retrieval, "_BLOCK", 7)


def reference_precision(scores, right):
    """The definition: at each right pair, how many of those that score as much are right?"""
    precisions = []
    for score, is_right in zip(scores, right, strict=True):
        if is_right:
            reached = [other for value, other in zip(scores, right, strict=True) if value >= score]
            precisions.append(sum(reached) / len(reached))
    return sum(precisions) / len(precisions)


# Few values, so that many pairs tie.
ranked = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=60).filter(
    lambda pairs: any(right for _, right in pairs)
)


@given(ranked)
def test_average_precision_is_what_its_definition_says(pairs):
    scores, right = zip(*((value / 5, is_right) for value, is_right in pairs), strict=True)
    assert average_precision(scores, right) == pytest.approx(reference_precision(scores, right))


def test_average_precision_of_a_known_ranking():
    assert average_precision([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0]) == (1 + 2 / 3) / 2


@given(ranked, st.randoms())
def test_average_precision_does_not_depend_on_the_order(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    assert average_precision(*zip(*pairs, strict=True)) == pytest.approx(
        average_precision(*zip(*shuffled, strict=True))
    )


def reference_retrieval(queries, originals, right):
    """Return hits, similarities and micro-AP from the matrix of all cosines."""
    cosines = queries.astype(np.float64) @ originals.astype(np.float64).T
    cosines /= np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)
    cosines /= np.linalg.norm(originals.astype(np.float64), axis=1)
    hits, own, is_right = [], [], np.zeros(cosines.shape, bool)
    for row, positions in enumerate(right):
        is_right[row, positions] = True
        best = max(cosines[row, positions], default=np.nan)
        own.append(best)
        wrong = np.delete(cosines[row], positions)
        tied = 1 + (np.abs(wrong - best) < 1e-12).sum()
        hits.append(np.nan if np.isnan(best) else (wrong <= best + 1e-12).all() / tied)
    return hits, own, average_precision(cosines.ravel(), is_right.ravel())


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 30))
@settings(deadline=None, max_examples=60)
def test_blocks_give_what_the_whole_matrix_gives(seed, asked, there):
    rng = np.random.default_rng(seed)
    # Coarse vectors, so that some are equal and tie.
    queries, originals = (
        rng.integers(-1, 2, (count, 4)).astype(np.float32) + 0.125 for count in (asked, there)
    )
    right = [
        rng.choice(there, rng.integers(0 if row else 1, min(there, 3) + 1), replace=False)
        for row in range(asked)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "_BLOCK", 7)
        found = score_retrieval(queries, originals, right)
    hits, own, micro_ap = reference_retrieval(queries, originals, right)
    np.testing.assert_allclose(found.hits, hits)
    np.testing.assert_allclose(found.similarity, own, atol=1e-12)
    assert found.micro_ap == pytest.approx(micro_ap)
    assert len(found.different) == asked * there - sum(map(len, right))


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_names_the_nearest_of_the_wrong_ones(seed):
    queries, originals = unit_vectors(9, 8, seed=seed), unit_vectors(20, 8, seed=seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "_BLOCK", 7)
        found = score_retrieval(queries, originals, one_each(range(9)))
    cosines = queries @ originals.T
    cosines[np.arange(9), np.arange(9)] = -2
    assert found.nearest_wrong.tolist() == cosines.argmax(axis=1).tolist()


def test_vectors_that_are_their_originals_come_back_all(small_blocks):
    vectors = unit_vectors(50, 16, seed=0)
    found = score_retrieval(vectors, vectors, one_each(range(50)))
    assert found.hits.tolist() == [1] * 50
    assert found.micro_ap == 1
    np.testing.assert_allclose(found.similarity, 1)


def test_vectors_that_know_nothing_come_back_by_chance(small_blocks):
    queries, originals = unit_vectors(4000, 16, seed=0), unit_vectors(20, 16, seed=1)
    found = score_retrieval(queries, originals, one_each(np.arange(4000) % 20))
    assert found.hits.mean() == pytest.approx(1 / 20, abs=0.012)
    assert found.micro_ap == pytest.approx(1 / 20, abs=0.01)


def test_equal_vectors_for_everything_are_a_tie_of_all(small_blocks):
    queries, originals = np.ones((30, 16), np.float32), np.ones((20, 16), np.float32)
    found = score_retrieval(queries, originals, one_each(np.arange(30) % 20))
    np.testing.assert_allclose(found.hits, 1 / 20)
    assert found.micro_ap == pytest.approx(1 / 20)


def test_any_of_several_right_originals_will_do():
    originals = np.eye(4, dtype=np.float32)
    found = score_retrieval(originals[[1]], originals, [np.array([1, 2])])
    assert found.hits.tolist() == [1]
    # The other right one shares its place with two wrong ones.
    assert found.micro_ap == pytest.approx((1 + 2 / 4) / 2)


def test_a_query_without_an_original_is_no_hit_and_no_miss_but_ranks():
    originals = np.eye(3, dtype=np.float32)
    right = [np.array([0]), np.array([], np.int64)]
    found = score_retrieval(originals[[0, 1]], originals, right)
    assert found.hits[0] == 1
    assert np.isnan(found.hits[1])
    assert found.micro_ap == 1 / 2  # its pair with the second original scores 1, too


def test_ignored_originals_are_neither_right_nor_wrong():
    originals = np.eye(3, dtype=np.float32)
    queries = np.float32([[0.8, 0.6, 0]])
    ignored = score_retrieval(queries, originals, [np.array([1])], ignored=[np.array([0])])
    counted = score_retrieval(queries, originals, [np.array([1])])
    assert (ignored.hits[0], counted.hits[0]) == (1, 0)
    assert (ignored.micro_ap, counted.micro_ap) == (1, 1 / 2)
    assert len(ignored.different) == 1


def test_vectors_a_little_off_length_one_rank_by_their_direction():
    originals = np.float32([[1, 0], [0.9999, 0.0001]]) * np.float32([[0.99], [1.01]])
    assert score_retrieval(originals[:1], originals, one_each([0])).hits.tolist() == [1]


def test_memory_never_holds_all_pairs(monkeypatch):
    monkeypatch.setattr(retrieval, "_BLOCK", 128)
    queries, originals = unit_vectors(1500, 16, seed=0), unit_vectors(1500, 16, seed=1)
    tracemalloc.start()
    try:
        score_retrieval(queries, originals, one_each(range(1500)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4e6  # all pairs would be 18 MB


similarities = st.lists(st.floats(-1, 1), min_size=1, max_size=50)


@given(similarities, st.floats(0.01, 1))
def test_a_histogram_knows_its_quantiles_to_the_width_of_a_bin(values, share):
    histogram = SimilarityHistogram()
    histogram.add(np.array(values))
    expected = np.sort(values)[int(np.ceil(share * len(values) - 1e-9)) - 1]
    assert len(histogram) == len(values)
    assert histogram.highest == max(values)
    assert histogram.quantile(share) == pytest.approx(expected, abs=1e-4)


def test_a_histogram_is_finest_near_one():
    histogram = SimilarityHistogram()
    histogram.add(np.array([0.99990, 0.99992, 0.99994]))
    assert histogram.quantile(0.5) == pytest.approx(0.99992, abs=2e-6)


@given(similarities, similarities)
@settings(max_examples=30)
def test_a_histogram_counts_in_any_number_of_parts(first, second):
    edges = np.linspace(-1, 1, 11)
    parts, whole = SimilarityHistogram(), SimilarityHistogram()
    parts.add(np.array(first))
    parts.add(np.array(second))
    whole.add(np.array([first + second]))
    assert parts.counts(edges).tolist() == whole.counts(edges).tolist()
    assert parts.counts(edges).sum() == len(whole)
