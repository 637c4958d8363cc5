"""The fewest lists and candidates with which an approximate search finds what an exact one does."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import faiss
import numpy as np

from nearframe.embeddings import Vectors

from ..tables import Ids
from .ivf import IvfLists
from .record import Recall

logger = logging.getLogger(__name__)

QUERIES = 512
"""How many frames of an index are asked for when its recall is measured."""

# Recall that is promised, 0.99 and 0.98, and something for the error of a sample.
_AIM_AT_1, _AIM_AT_10 = 0.995, 0.99
_CANDIDATES = (32, 64, 128, 256, 512)
# Neighbours that are known exactly: more than ten, as many may be equally near in a still scene.
_KNOWN = 128
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Parameters:
    """How a search of lists is done, and how much it finds."""

    probed: int
    candidates: int
    recall: Recall


class ExactNeighbours:
    """The nearest other frames of some frames, gathered while all vectors pass by once.

    Args:
        ids: The frames that are asked for, shape ``(nq,)``.
        vectors: Theirs, shape ``(nq, 2048)``.
    """

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self.ids = ids
        self.vectors = vectors
        self._heap = faiss.ResultHeap(len(ids), _KNOWN + 1, keep_max=True)

    def watch(self, blocks: Iterable[tuple[Ids, Vectors]]) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all blocks as they are, and keep what is near."""
        for ids, vectors in blocks:
            if len(self.ids):
                similarities, rows = faiss.knn(
                    self.vectors,
                    vectors,
                    min(_KNOWN + 1, len(ids)),
                    metric=faiss.METRIC_INNER_PRODUCT,
                )
                self._heap.add_result(similarities, ids[rows])
            yield ids, vectors

    def acceptable(self, *counts: int) -> list[list[set[int]]]:
        """Return per count and frame the ids of so many nearest others, and of those equally near.

        To be called once, at the end.
        """
        self._heap.finalize()
        found: list[list[set[int]]] = [[] for _ in counts]
        for own, similarities, ids in zip(self.ids, self._heap.D, self._heap.I, strict=True):
            others = (ids != own) & (ids >= 0)
            similarities, ids = similarities[others], ids[others]
            for count, sets in zip(counts, found, strict=True):
                lowest = similarities[min(count, len(ids)) - 1] - _EQUAL
                sets.append(set(ids[similarities >= lowest].tolist()))
        return found


def choose_parameters(lists: IvfLists, exact: ExactNeighbours) -> Parameters:
    """Take the fewest lists, then the fewest candidates, that reach the recall aimed at.

    Where none do, all lists are searched, and the recall says what that finds.
    """
    nearest, ten = exact.acceptable(1, 10)
    most, all_lists = _CANDIDATES[-1], int(lists.index.nlist)
    probed = 1
    while True:
        # A frame finds itself, which is none of its neighbours.
        _, found = lists.candidates(exact.vectors, most + 1, probed=probed)
        others = [
            [id_ for id_ in row if id_ not in (own, -1)]
            for own, row in zip(exact.ids.tolist(), found.tolist(), strict=True)
        ]
        recall = _recall(others, nearest, ten, most)
        if _suffices(recall) or probed == all_lists:
            break
        probed = min(2 * probed, all_lists)
    for candidates in _CANDIDATES:
        fewer = _recall(others, nearest, ten, candidates)
        if _suffices(fewer):
            return Parameters(probed, candidates, fewer)
    logger.warning(
        "the approximate search finds the nearest frame in %.1f %% of the cases only; "
        "an exact one finds all",
        100 * recall.at_1,
    )
    return Parameters(probed, most, recall)


def _recall(
    found: list[list[int]], nearest: list[set[int]], ten: list[set[int]], candidates: int
) -> Recall:
    """Say how much is among the first candidates; these are compared exactly, so it is found."""
    hits_1, hits_10 = [], []
    for row, best, bests in zip(found, nearest, ten, strict=True):
        first = set(row[:candidates])
        hits_1.append(bool(first & best))
        hits_10.append(min(len(first & bests), 10) / 10)
    return Recall(float(np.mean(hits_1)), float(np.mean(hits_10)), len(found))


def _suffices(recall: Recall) -> bool:
    return recall.at_1 >= _AIM_AT_1 and recall.at_10 >= _AIM_AT_10
