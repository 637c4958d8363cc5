"""GreedyDedup with pictures, windows, cameras and references, against what the definition says."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.common import NearframeError
from nearframe.query import GreedyDedup, Window
from nearframe.query.dedup import candidates, greedy
from nearframe.query.search.threshold import ROUNDING

CAMERAS = [None, "c1", "c2"]


@pytest.fixture(autouse=True, scope="module")
def small_limits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(greedy, "_BLOCK", 5)
        patch.setattr(candidates, "_CHUNK", 8)
        yield


class Footage:
    """Frames at random: vectors with exact cosines, scores of their differences, times, cameras."""

    def __init__(self, seed, count):
        generator = np.random.default_rng(seed)
        self.vectors = np.zeros((count, 8), np.float32)
        for row in self.vectors:
            row[generator.choice(8, 4, replace=False)] = generator.choice([-0.5, 0.5], 4)
        scores = generator.random((count, count)).round(1)
        self.scores = np.maximum(scores, scores.T)
        self.seconds = np.cumsum(generator.integers(0, 4, count)).astype(float).tolist()
        self.cameras = [CAMERAS[pick] for pick in generator.integers(0, 3, count)]
        self.compared = []

    def compare(self, first, second):
        assert first < second
        self.compared.append((first, second))
        score = float(self.scores[first, second])
        return score >= 0.5, score


def reference(
    footage, *, threshold, hybrid, against, window, by_camera, references=0, vectors=True
):
    """Return (keep, nearest, similarity, change) of each frame, as the definition says it."""
    decisions, members, repeated = [], [], {}
    for number in range(len(footage.vectors)):
        if number < references:
            decisions.append((True, None, None, None))
            continue
        same = [m for m in range(number) if not by_camera or same_camera(footage, m, number)]
        known = [m for m in same if m < references]
        own = [m for m in same if m in members]
        if window.seconds is not None:
            since = footage.seconds[number] - window.seconds
            own = [m for m in own if footage.seconds[m] >= since]
        if against == "previous":
            own = own[-1:]
        elif window.frames is not None:
            own = own[-window.frames :]
        if vectors:
            camera = by_camera and footage.cameras[number]
            again = repeated.get(camera) if hybrid else None
            decision = by_vectors(
                footage, number, known + own, threshold, hybrid=hybrid, again=again
            )
            if not decision[0]:
                repeated[camera] = decision[1]
        else:
            order = own[::-1] + known[::-1]
            decision = by_changes(footage, number, [(m, None) for m in order])
        decisions.append(decision)
        if decision[0] or against == "all":
            members.append(number)
    return decisions


def same_camera(footage, first, second):
    return footage.cameras[first] == footage.cameras[second]


def by_vectors(footage, number, candidates, threshold, *, hybrid, again):
    cosines = {m: float(footage.vectors[m] @ footage.vectors[number]) for m in candidates}
    near = sorted(cosines, key=lambda m: (-cosines[m], m))[: 3 if hybrid else 1]
    if not near:
        return True, None, None, None
    if cosines[near[0]] < threshold - ROUNDING:
        return True, near[0], cosines[near[0]], None
    if not hybrid:
        return False, near[0], cosines[near[0]], None
    if again in candidates and again not in near:
        near.append(again)
    alike = [(m, cosines[m]) for m in near if cosines[m] >= threshold - ROUNDING]
    return by_changes(footage, number, alike)


def by_changes(footage, number, candidates):
    best = (True, None, None, None)
    for m, cosine in candidates:
        score = float(footage.scores[m, number])
        if score < 0.5:
            return False, m, cosine, score
        if best[3] is None or score < best[3]:
            best = (True, m, cosine, score)
    return best


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 40),
    method=st.sampled_from(["embedding", "hybrid", "change"]),
    threshold=st.sampled_from([-1.0, 0.0, 0.25, 0.5]),
    against=st.sampled_from(["kept", "all", "previous"]),
    window=st.sampled_from(
        [Window(), Window(seconds=3), Window(seconds=20), Window(frames=1), Window(frames=7)]
    ),
    by_camera=st.booleans(),
    references=st.sampled_from([0, 0, 3]),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
@settings(deadline=None, max_examples=400)
def test_decides_as_the_definition_says(
    seed, count, method, threshold, against, window, by_camera, references, cuts
):
    footage = Footage(seed, count)
    references = min(references, count)
    dedup = GreedyDedup(
        None if method == "change" else threshold,
        compare=None if method == "embedding" else footage.compare,
        against=against,
        window=window,
    )
    decided = []
    inner = [cut for cut in cuts if references <= cut <= count]
    for start, end in itertools.pairwise([0, references, *sorted(inner), count]):
        vectors = end - start if method == "change" else footage.vectors[start:end]
        cameras = footage.cameras[start:end] if by_camera else None
        if end <= references and start == 0:
            dedup.add_references(vectors, cameras=cameras)
            decided += [(True, None, None, None)] * (end - start)
            continue
        decided += [
            (decision.keep, decision.nearest, decision.similarity, decision.change)
            for decision in dedup.add(vectors, cameras=cameras, seconds=footage.seconds[start:end])
        ]
    assert decided == reference(
        footage,
        threshold=threshold,
        hybrid=method == "hybrid",
        against=against,
        window=window,
        by_camera=by_camera,
        references=references,
        vectors=method != "change",
    )


def test_hybrid_looks_at_few_pictures():
    footage = Footage(1, 40)
    footage.scores[:] = 1.0
    GreedyDedup(-1.0, compare=footage.compare).add(footage.vectors)
    most = max(sum(later == frame for _, later in footage.compared) for frame in range(40))
    assert most == greedy.CANDIDATES


def test_hybrid_knows_the_empty_scene_behind_things_that_are_nearer():
    # Cosines are no help: the kept frames with something in them are nearer to the empty scene
    # than the first frame of it is.
    footage = Footage(1, 12)
    footage.vectors[:] = 0.5
    footage.vectors[:2, :4] *= -1
    footage.scores[:] = 1.0
    empty = [0, 1, 7, 8, 11]
    footage.scores[np.ix_(empty, empty)] = 0.0
    footage.vectors /= np.linalg.norm(footage.vectors, axis=1, keepdims=True)
    decisions = GreedyDedup(-1.0, compare=footage.compare).add(footage.vectors)
    assert [decision.keep for decision in decisions] == [n not in empty[1:] for n in range(12)]
    assert decisions[11].nearest == 0


def test_hybrid_may_be_told_what_was_repeated():
    footage = Footage(1, 12)
    footage.vectors[:] = 0.5
    footage.vectors[:2, :4] *= -1
    footage.scores[:] = 1.0
    footage.scores[0, 9] = footage.scores[9, 0] = 0.0
    for told in (False, True):
        dedup = GreedyDedup(-1.0, compare=footage.compare)
        dedup.add(footage.vectors[:1])
        if told:
            dedup.skip(0)
        else:
            dedup.add(footage.vectors[1:2])
        decisions = dedup.add(footage.vectors[2:])
        assert decisions[7].keep is not told


def test_nothing_to_decide_by_is_refused():
    with pytest.raises(NearframeError, match="give a threshold or compare"):
        GreedyDedup(None)
