"""How well queries bring their originals back: recall@1, and micro-AP with one threshold.

Micro-AP is the measure of the DISC21 benchmark of copy detection (Douze et al., "The 2021 image
similarity dataset and challenge", 2021): all pairs of query and original are ranked at once by
their similarity, so that scores must be comparable between queries, as one threshold needs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .histogram import SimilarityHistogram

Descriptors = npt.NDArray[np.float32]
"""One vector per picture: float32, shape ``(n, d)``, each row L2-normalised, or zeros."""
Positions = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float64]

_BLOCK = 1024
# Cosines nearer than this are ties: in float64, sums of one pair differ less in another order.
_TIE = 1e-12
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What became of each query.

    Attributes:
        hits: float64, shape ``(nq,)``: 1 where a right original comes first, 0 where a wrong one
            does, 1 / n where it is one of n that tie, nan where there is no right one.
        similarity: float64, shape ``(nq,)``: cosine to the nearest right original; nan where
            there is none.
        nearest_wrong: int64, shape ``(nq,)``: position of the nearest wrong original; -1 where
            there is none.
        micro_ap: Average precision over all pairs, in [0, 1].
        different: Similarities of all wrong pairs.
    """

    hits: npt.NDArray[np.float64]
    similarity: Cosines
    nearest_wrong: Positions
    micro_ap: float
    different: SimilarityHistogram


def score_retrieval(
    queries: Descriptors,
    originals: Descriptors,
    right: Sequence[Positions],
    *,
    ignored: Sequence[Positions] | None = None,
) -> Retrieval:
    """Ask queries back among originals.

    Cosines are summed in float64 and block by block: frames of a quiet scene differ by 1e-7, and
    a matrix of all pairs may not fit into memory.

    Args:
        queries: Shape ``(nq, d)``.
        originals: Shape ``(no, d)``.
        right: Per query, the positions of its right originals; may be empty, but not for all.
        ignored: Per query, positions that are neither right nor wrong, as where the query itself
            is among the originals.
    """
    asking, wanted = _as_pairs(right)
    right_cosines = paired_cosines(queries, originals, asking, wanted)
    similarity = np.full(len(queries), -np.inf)
    np.maximum.at(similarity, asking, right_cosines)

    nearer, tied = np.zeros((2, len(queries)), np.int64)
    nearest_wrong = np.full(len(queries), -1, np.int64)
    nearest_cosine = np.full(len(queries), -np.inf)
    ranking = PairRanking(right_cosines)
    different = SimilarityHistogram()
    if ignored is not None:
        both = [np.union1d(*positions) for positions in zip(right, ignored, strict=True)]
        asking, wanted = _as_pairs(both)
    for rows, columns, cosines in _cosine_blocks(queries, originals):
        inside = slice(*np.searchsorted(asking, (rows.start, rows.stop)))
        here = (wanted[inside] >= columns.start) & (wanted[inside] < columns.stop)
        wrong = np.ones(cosines.shape, bool)
        wrong[asking[inside][here] - rows.start, wanted[inside][here] - columns.start] = False
        ranking.add_wrong(cosines[wrong])
        different.add(cosines[wrong])
        cosines[~wrong] = -np.inf
        beyond = cosines - similarity[rows, None]
        nearer[rows] += (beyond > _TIE).sum(axis=1)
        tied[rows] += (np.abs(beyond) <= _TIE).sum(axis=1)
        best = cosines.argmax(axis=1)
        value = cosines[np.arange(len(best)), best]
        better = value > nearest_cosine[rows]
        nearest_wrong[rows][better] = best[better] + columns.start
        nearest_cosine[rows][better] = value[better]
    hits = np.where(nearer > 0, 0.0, 1 / (1 + tied))
    unanswerable = np.isinf(similarity)
    hits[unanswerable] = similarity[unanswerable] = np.nan
    return Retrieval(hits, similarity, nearest_wrong, ranking.micro_ap(), different)


def _as_pairs(positions: Sequence[Positions]) -> tuple[Positions, Positions]:
    """Return queries, ascending, and positions, as two arrays of shape ``(pairs,)``."""
    queries = np.repeat(np.arange(len(positions)), [len(row) for row in positions])
    return queries, np.concatenate([np.empty(0, np.int64), *positions]).astype(np.int64)


def average_precision(scores: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Return the mean over the right pairs of the precision at their score.

    The precision at a score is the share of right pairs among all with that score or a higher one.
    So pairs that tie count together, and their order does not matter.

    Args:
        scores: Shape ``(n,)``; higher ranks first.
        right: bool, shape ``(n,)``, at least one True.
    """
    values, is_right = np.asarray(scores, np.float64), np.asarray(right, bool)
    ranking = PairRanking(values[is_right])
    ranking.add_wrong(values[~is_right])
    return ranking.micro_ap()


class PairRanking:
    """Ranks right pairs among wrong ones, of which it keeps only how many rank where.

    Args:
        right: Scores of all right pairs, shape ``(n,)``, n >= 1.
    """

    def __init__(self, right: npt.NDArray[np.float64]) -> None:
        self._right = np.sort(right)
        # Entry i: how many wrong pairs reach the i lowest right scores, and no more.
        self._reach = np.zeros(len(right) + 1, np.int64)

    def add_wrong(self, scores: npt.NDArray[np.float64]) -> None:
        """Rank some wrong pairs, given by their scores of shape ``(m,)``."""
        reach = np.searchsorted(self._right, scores + _TIE, side="right")
        self._reach += np.bincount(reach, minlength=len(self._reach))

    def micro_ap(self) -> float:
        """Return the average precision, in [0, 1]."""
        # Entry i: how many pairs score as much as right pair i, or more.
        wrong = self._reach.sum() - np.cumsum(self._reach)[:-1]
        right = len(self._right) - np.searchsorted(self._right, self._right - _TIE, side="left")
        return float((right / (right + wrong)).mean())


def paired_cosines(
    first: Descriptors, second: Descriptors, first_rows: Positions, second_rows: Positions
) -> Cosines:
    """Return the cosine of each pair of a row of `first` and a row of `second`, shape ``(n,)``."""
    cosines = np.empty(len(first_rows))
    for start in range(0, len(first_rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        pair = normalised(first[first_rows[block]]), normalised(second[second_rows[block]])
        cosines[block] = np.einsum("nd,nd->n", *pair)
    return cosines


def normalised(vectors: Descriptors) -> npt.NDArray[np.float64]:
    """Return vectors as float64 of length 1; zeros stay zeros."""
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    exact /= np.maximum(lengths, _TINY)
    return exact


def _cosine_blocks(
    queries: Descriptors, originals: Descriptors
) -> Iterator[tuple[slice, slice, Cosines]]:
    """Yield all cosines block by block, with the rows of the two arrays that each is of."""
    for top in range(0, len(queries), _BLOCK):
        asked = normalised(queries[top : top + _BLOCK])
        for left in range(0, len(originals), _BLOCK):
            block = asked @ normalised(originals[left : left + _BLOCK]).T
            yield slice(top, top + block.shape[0]), slice(left, left + block.shape[1]), block
