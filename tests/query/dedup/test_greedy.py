import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nearframe.common import AGAINST, NearframeError
from nearframe.query import GreedyDedup
from nearframe.query.dedup import candidates, greedy
from nearframe.query.search.threshold import ROUNDING

# Small, so that a few dozen vectors cross many borders; that they are co-prime mixes the cases.
SMALL_BLOCK = 5
SMALL_CHUNK = 8


@pytest.fixture(autouse=True, scope="module")
def small_limits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(greedy, "_BLOCK", SMALL_BLOCK)
        patch.setattr(candidates, "_CHUNK", SMALL_CHUNK)
        yield


def exact_palette():
    # Four entries of ±0.5: cosines are multiples of 0.25 without rounding in any order of
    # summation, so that ties and thresholds are exact.
    generator = np.random.default_rng(3)
    palette = np.zeros((12, 8), np.float32)
    for row in palette:
        row[generator.choice(8, 4, replace=False)] = generator.choice([-0.5, 0.5], 4)
    return palette


PALETTE = exact_palette()

exact_vectors = st.lists(st.integers(0, len(PALETTE) - 1), max_size=60).map(
    lambda picks: PALETTE[picks].reshape(-1, PALETTE.shape[1])
)
exact_thresholds = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0])


def clusters(count, dimension, *, seed, spread=0.15, copies=0.3):
    """Vectors around a few centres, some of them bit by bit equal to an earlier one."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((4, dimension))
    vectors = centres[generator.integers(0, 4, count)]
    vectors = vectors + spread * generator.standard_normal(vectors.shape)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    for row in range(1, count):
        if generator.random() < copies:
            vectors[row] = vectors[generator.integers(0, row)]
    return vectors


def reference(vectors, threshold, against):
    """Return (keep, nearest, similarity) of each vector, as the definition says it."""
    decisions, members = [], []
    for number, vector in enumerate(vectors):
        cosines = np.clip(vectors[members] @ vector, -1, 1)
        best = int(np.argmax(cosines)) if members else None
        keep = best is None or cosines[best] < threshold - ROUNDING
        nearest = (None, None) if best is None else (members[best], float(cosines[best]))
        decisions.append((keep, *nearest))
        if keep and against == "previous":
            members.clear()
        if keep or against == "all":
            members.append(number)
    return decisions


def decide(vectors, threshold, against, *, cuts=()):
    dedup = GreedyDedup(threshold, against=against)
    borders = [0, *sorted(cut for cut in cuts if cut <= len(vectors)), len(vectors)]
    return [
        (decision.keep, decision.nearest, decision.similarity)
        for start, end in itertools.pairwise(borders)
        for decision in dedup.add(vectors[start:end])
    ]


@given(
    exact_vectors,
    exact_thresholds,
    st.sampled_from(AGAINST),
    st.lists(st.integers(0, 60), max_size=8),
)
@settings(deadline=None)
def test_decides_as_the_definition_says_however_the_batches_are_cut(
    vectors, threshold, against, cuts
):
    expected = reference(vectors, threshold, against)
    assert decide(vectors, threshold, against, cuts=cuts) == expected


@given(
    st.integers(0, 10_000),
    st.integers(1, 70),
    st.floats(0.5, 0.999),
    st.sampled_from(AGAINST),
    st.lists(st.integers(0, 70), max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_decides_as_the_definition_says_on_clusters_with_copies(
    seed, count, threshold, against, cuts
):
    vectors = clusters(count, 16, seed=seed)
    # A cosine on the threshold itself may fall to either side with the order of summation.
    assume(np.abs(vectors @ vectors.T - threshold).min() > 1e-5)
    expected = reference(vectors, threshold, against)
    decided = decide(vectors, threshold, against, cuts=cuts)
    assert [keep for keep, *_ in decided] == [keep for keep, *_ in expected]
    for (_, nearest, similarity), (_, _, expected_similarity) in zip(
        decided, expected, strict=True
    ):
        assert (nearest is None) == (expected_similarity is None)
        if nearest is not None:
            assert similarity == pytest.approx(expected_similarity, abs=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 70), st.floats(-1, 1))
@settings(deadline=None, max_examples=60)
def test_every_dropped_vector_has_a_kept_one_that_near(seed, count, threshold):
    vectors = clusters(count, 16, seed=seed)
    decisions = GreedyDedup(threshold).add(vectors)
    for number, decision in enumerate(decisions):
        if not decision.keep:
            assert decision.nearest < number
            assert decisions[decision.nearest].keep
            cosine = float(vectors[number] @ vectors[decision.nearest])
            assert cosine >= threshold - 2 * ROUNDING
            assert decision.similarity == pytest.approx(cosine, abs=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 70), st.floats(-1, 1))
@settings(deadline=None, max_examples=60)
def test_no_two_kept_vectors_are_as_near_as_the_threshold(seed, count, threshold):
    vectors = clusters(count, 16, seed=seed)
    kept = [
        row for row, decision in enumerate(GreedyDedup(threshold).add(vectors)) if decision.keep
    ]
    cosines = np.triu(vectors[kept] @ vectors[kept].T, 1)
    assert (cosines[np.triu_indices(len(kept), 1)] < threshold + ROUNDING).all()


@pytest.mark.parametrize("against", AGAINST)
@pytest.mark.parametrize("count", [1, 4, 5, 6, 7, 8, 9, 15, 16, 17, 40, 41])
def test_counts_beside_the_block_and_chunk_limits(count, against):
    vectors = PALETTE[np.random.default_rng(count).integers(0, len(PALETTE), count)]
    assert decide(vectors, 0.75, against) == reference(vectors, 0.75, against)


def test_equal_vectors_repeat_each_other_at_threshold_one():
    # Of most vectors, the cosine with themselves is not exactly 1 in float32.
    vectors = np.repeat(clusters(20, 2048, seed=1, copies=0), 2, axis=0)
    decisions = GreedyDedup(1.0).add(vectors)
    assert [decision.keep for decision in decisions] == [True, False] * 20


def test_at_threshold_minus_one_only_the_first_is_kept():
    decisions = GreedyDedup(-1.0).add(np.float32([[1, 0], [-1, 0], [0, 1], [0.6, 0.8]]))
    assert [decision.keep for decision in decisions] == [True, False, False, False]


def drift(count, step_radians):
    angles = np.arange(count) * step_radians
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_slow_drift_keeps_a_frame_whenever_it_has_moved_far_enough():
    decisions = GreedyDedup(np.cos(0.35)).add(drift(13, 0.1))
    assert [n for n, decision in enumerate(decisions) if decision.keep] == [0, 4, 8, 12]


def test_against_all_a_slow_drift_keeps_only_its_first_frame():
    decisions = GreedyDedup(np.cos(0.35), against="all").add(drift(13, 0.1))
    assert [n for n, decision in enumerate(decisions) if decision.keep] == [0]
    assert [decision.nearest for decision in decisions] == [None, *range(12)]


def test_of_equally_near_vectors_the_earliest_counts():
    # The three equal ones lie in different blocks, the last of them in the block of the query.
    vectors = np.float32([[1, 0], *[[0, 1]] * 6, [1, 0], [1, 0]])
    assert GreedyDedup(0.9, against="all").add(vectors)[-1].nearest == 0


def test_similarities_are_cosines_and_never_leave_their_range():
    vectors = np.repeat(clusters(10, 2048, seed=2, copies=0), 3, axis=0)
    vectors *= np.float32(1 + 1e-6)
    for decision in GreedyDedup(0.9).add(vectors)[1:]:
        assert -1 <= decision.similarity <= 1


def test_no_vectors_give_no_decisions():
    dedup = GreedyDedup(0.9)
    assert dedup.add(np.empty((0, 8), np.float32)) == []
    assert [decision.keep for decision in dedup.add(PALETTE[:1])] == [True]


def test_later_changes_of_the_callers_array_do_not_matter():
    dedup = GreedyDedup(0.9)
    first = PALETTE[:1].copy()
    dedup.add(first)
    first[:] = PALETTE[1]
    assert not dedup.add(PALETTE[:1])[0].keep


@pytest.mark.parametrize("threshold", [1.01, -1.01, float("nan"), float("inf")])
def test_a_threshold_that_is_no_cosine_is_refused(threshold):
    with pytest.raises(NearframeError, match=f"between -1 and 1, not {threshold}"):
        GreedyDedup(threshold)


def test_unknown_against_is_refused():
    with pytest.raises(NearframeError, match="one of kept, all, previous, not 'nearest'"):
        GreedyDedup(0.9, against="nearest")


def test_memory_never_holds_all_pairs(monkeypatch):
    monkeypatch.setattr(greedy, "_BLOCK", 256)
    monkeypatch.setattr(candidates, "_CHUNK", 4096)
    count = 12_000
    vectors = clusters(count, 64, seed=4, spread=5, copies=0)
    dedup = GreedyDedup(0.999)
    tracemalloc.start()
    try:
        kept = sum(
            decision.keep
            for start in range(0, count, 500)
            for decision in dedup.add(vectors[start : start + 500])
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept > 0.9 * count
    # 3 MB of vectors and their positions, and the cosines of one block to one chunk (4 MB, twice);
    # all pairs would be 576 MB.
    assert peak < 20e6
