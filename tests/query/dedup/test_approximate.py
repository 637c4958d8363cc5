"""Comparisons with more earlier frames than are compared one by one."""

import gc
import itertools
import weakref

import numpy as np
import pytest

from nearframe.embeddings import DIMENSION
from nearframe.index import Recall
from nearframe.query import DedupPlan, GreedyDedup, Window, describe_recall
from nearframe.query.dedup import approximate, candidates, greedy

LIMIT = 60
ABOVE = 0.9


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(approximate, "EXACT_LIMIT", LIMIT)
    monkeypatch.setattr(greedy, "_BLOCK", 7)
    monkeypatch.setattr(candidates, "_CHUNK", 16)


@pytest.fixture
def learned(monkeypatch):
    """With how many frames lists were learned, in order."""
    counts = []
    build_lists = approximate.build_lists

    def counting(ids, *args, **options):
        counts.append(len(ids))
        return build_lists(ids, *args, **options)

    monkeypatch.setattr(approximate, "build_lists", counting)
    return counts


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def scenes(count, *, seed=0):
    """Vectors of one scene each: in 40 of all directions, as those of pictures are in some."""
    directions = np.random.default_rng(99).standard_normal((40, DIMENSION))
    return unit(np.random.default_rng(seed).standard_normal((count, 40)) @ directions)


def repeats_of(vectors, *, seed=1):
    """The same scenes at a cosine of about 0.95."""
    away = np.random.default_rng(seed).standard_normal(vectors.shape)
    return unit(vectors + 0.33 * unit(away))


def mixed(count, *, seed=0):
    """Scenes of which every other one is followed, much later, by a repeat."""
    vectors = scenes(count, seed=seed)
    return np.concatenate([vectors, repeats_of(vectors[::2]), scenes(9, seed=seed + 50)])


@pytest.mark.parametrize("seed", range(3))
def test_repeats_are_found_and_nothing_else(seed):
    count = 5 * LIMIT
    dedup = GreedyDedup(ABOVE)
    decisions = dedup.add(mixed(count, seed=seed))
    assert [decision.keep for decision in decisions[:count]] == [True] * count
    assert [decision.keep for decision in decisions[-9:]] == [True] * 9
    later = decisions[count:-9]
    assert np.mean([not decision.keep for decision in later]) >= 0.98
    for number, decision in enumerate(later):
        if not decision.keep:
            assert decision.nearest == 2 * number
    assert dedup.recall is not None
    assert dedup.recall.at_1 >= 0.99


def test_similarities_are_exact():
    vectors = mixed(2 * LIMIT)
    for decision, vector in zip(GreedyDedup(ABOVE).add(vectors), vectors, strict=True):
        if not decision.keep:
            cosine = float(vectors[decision.nearest] @ vector)
            assert decision.similarity == pytest.approx(cosine, abs=1e-6)
            assert decision.similarity >= ABOVE


def test_up_to_the_limit_comparisons_are_exact(learned):
    dedup = GreedyDedup(ABOVE)
    dedup.add(scenes(LIMIT))
    dedup.add(scenes(1, seed=5))
    assert (learned, dedup.recall) == ([], None)
    dedup.add(scenes(1, seed=6))
    assert learned == [LIMIT + 1]
    assert dedup.recall is not None


def test_vectors_go_with_their_last_use():
    # Not with a collection of cycles, which may come much later: a sweep holds them many times.
    gc.collect()
    gc.disable()
    try:
        dedup = GreedyDedup(ABOVE)
        dedup.add(scenes(2 * LIMIT))
        assert dedup.recall is not None
        (frames,) = dedup._earlier.values()
        gone = weakref.ref(frames), weakref.ref(frames._vectors)
        del dedup, frames
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()


def test_frames_that_are_dropped_do_not_count(learned):
    vectors = scenes(LIMIT)
    dedup = GreedyDedup(ABOVE)
    for seed in range(5):
        dedup.add(repeats_of(vectors, seed=seed) if seed else vectors)
    assert learned == []
    dedup = GreedyDedup(ABOVE, against="all")
    for seed in range(5):
        dedup.add(repeats_of(vectors, seed=seed) if seed else vectors)
    assert learned


def test_only_frames_of_one_camera_count(learned):
    vectors = scenes(2 * LIMIT)
    GreedyDedup(ABOVE).add(vectors, cameras=["a", "b"] * LIMIT)
    assert learned == []


def test_references_count(learned):
    references = scenes(2 * LIMIT)
    dedup = GreedyDedup(ABOVE)
    dedup.add_references(references)
    decisions = dedup.add(repeats_of(references[:20]))
    assert learned == [2 * LIMIT]
    assert [decision.nearest for decision in decisions] == list(range(20))


def test_lists_grow_and_are_learned_anew_when_there_are_twice_as_many(learned):
    vectors = scenes(9 * LIMIT)
    dedup = GreedyDedup(ABOVE)
    for start in range(0, len(vectors), 20):
        block = vectors[start : start + 20]
        assert all(decision.keep for decision in dedup.add(block))
        found = [decision.nearest for decision in dedup.add(repeats_of(block))]
        assert found == list(range(2 * start, 2 * start + 20))
    assert len(learned) == 3
    assert all(after >= 2 * before for before, after in itertools.pairwise(learned))


def test_within_a_window_frames_before_it_do_not_count():
    vectors = scenes(4 * LIMIT)
    dedup = GreedyDedup(ABOVE, window=Window(seconds=3 * LIMIT))
    dedup.add(vectors, seconds=range(len(vectors)))
    again = np.concatenate([vectors[LIMIT - 9 : LIMIT], vectors[-9:]])
    decisions = dedup.add(repeats_of(again), seconds=[len(vectors)] * 18)
    # The window begins at frame 60, which is the limit.
    assert [decision.keep for decision in decisions] == [True] * 9 + [False] * 9
    assert dedup.recall is not None


def test_a_short_window_is_exact_however_many_frames_there_were(learned):
    vectors = scenes(4 * LIMIT)
    GreedyDedup(ABOVE, window=Window(seconds=10)).add(vectors, seconds=range(len(vectors)))
    assert learned == []


def test_pictures_are_compared_with_those_of_the_nearest_vectors():
    vectors = scenes(3 * LIMIT)
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return True, 0.5

    dedup = GreedyDedup(-1.0, compare=compare)
    dedup.add(vectors)
    compared.clear()
    query = repeats_of(vectors[30:31])
    dedup.add(query)
    expected = np.argsort(-(query @ vectors.T)[0])[:3]
    assert compared == [(int(one), 3 * LIMIT) for one in expected]
    assert dedup.recall is not None


@pytest.mark.parametrize("why", ["nothing suffices", "too much to read"])
def test_where_lists_do_not_pay_comparisons_stay_exact(learned, monkeypatch, why):
    if why == "too much to read":
        monkeypatch.setattr(approximate, "_WORTH_READING", 0)
    else:
        monkeypatch.setattr("nearframe.index.search.recall._AIM_AT_1", 1.1)
    vectors = mixed(3 * LIMIT)
    dedup = GreedyDedup(ABOVE)
    decisions = dedup.add(vectors)
    assert dedup.recall is None
    assert learned[0] == LIMIT + 3  # a block of 7 ended there
    assert len(learned) == 2
    monkeypatch.setattr(approximate, "EXACT_LIMIT", 10**9)
    assert decisions == GreedyDedup(ABOVE).add(vectors)


def test_recall_is_measured_at_the_threshold_and_not_nearer_than_an_edit(monkeypatch):
    cosines = []
    build_lists = approximate.build_lists

    def noting(*args, cosine, **options):
        cosines.append(cosine)
        return build_lists(*args, cosine=cosine, **options)

    monkeypatch.setattr(approximate, "build_lists", noting)
    for threshold in (0.8, 0.99, -1.0):
        dedup = GreedyDedup(threshold, against="all")
        dedup.add(scenes(LIMIT + 1))
        dedup.add(scenes(1))
    assert cosines == pytest.approx([0.8, 0.9, 0.9], abs=1e-5)


class TestWhatIsSaid:
    @pytest.fixture
    def folder(self, make_folder, monkeypatch):
        monkeypatch.setattr(approximate, "EXACT_LIMIT", 10)
        return make_folder([*range(20), 3, 15])

    def test_a_plan_holds_the_recall(self, run, folder, tmp_path):
        result = run("dedup", folder, "--method", "embedding", "--threshold", "0.999")
        plan = DedupPlan.load(tmp_path / "frames.dedup.json")
        assert plan.recall is not None
        assert plan.recall.at_1 >= 0.99
        assert describe_recall(plan.recall) in result.stdout
        assert [file.repeats for file in plan.dropped] == ["000004.png", "000016.png"]

    def test_nothing_is_said_of_exact_comparisons(self, run, folder, tmp_path, monkeypatch):
        monkeypatch.setattr(approximate, "EXACT_LIMIT", 100)
        result = run("dedup", folder, "--method", "embedding", "--threshold", "0.999")
        assert "approximately" not in result.stdout
        assert DedupPlan.load(tmp_path / "frames.dedup.json").recall is None

    def test_a_sweep_says_it(self, run, folder):
        result = run("dedup", folder, "--method", "embedding", "--sweep")
        assert "Compared approximately" in result.stdout

    def test_json_has_it(self, run, folder):
        result = run("dedup", folder, "--method", "embedding", "--threshold", "0.999", "--json")
        assert '"at_1": ' in result.stdout

    def test_in_words(self):
        assert describe_recall(Recall(0.99609375, 0.9, 512)) == (
            "Compared approximately, as there are very many frames: 99.6% of the nearest were "
            "found (of 512 tried), so a few repeats may stay."
        )
