"""The fewest lists and candidates with which an approximate search finds what an exact one does."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import faiss
import numpy as np

from nearframe.embeddings import Vectors

from ..tables import Ids
from .ivf import IvfLists
from .record import Recall

QUERIES = 512
"""With how many queries the recall of an index is measured."""

# Recall that is promised, 0.99 and 0.98, and something for the error of a sample.
_AIM_AT_1, _AIM_AT_10 = 0.993, 0.985
EDITED = 0.9
"""The cosine of a query to the frame that it was made of: that of an edited copy."""

_CANDIDATES = (32, 64, 128, 256, 512)
# Neighbours that are known exactly: more than ten, as many may be equally near in a still scene.
_KNOWN = 128
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Parameters:
    """How a search of lists is done, and how much it finds.

    Attributes:
        probed: How many lists are searched.
        candidates: How many frames found there are compared exactly.
        recall: What that finds.
        suffice: Whether that is the recall aimed at.
    """

    probed: int
    candidates: int
    recall: Recall
    suffice: bool


def edited(vectors: Vectors, generator: np.random.Generator, *, cosine: float = EDITED) -> Vectors:
    """Move vectors ``(n, 2048)`` as an edit of the picture might: to a cosine of 0.9, or another.

    They move along differences of others of them, because the features of pictures vary much more
    in some directions than in others. Frames as they are would be too easy to find: a frame and
    its neighbours in time lie in the same list.
    """
    order = generator.permutation(len(vectors))
    away = vectors[order] - vectors[np.roll(order, 1)]
    away -= np.sum(away * vectors, axis=1, keepdims=True) * vectors
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), _EQUAL)
    moved = cosine * vectors + (1 - cosine**2) ** 0.5 * away
    return np.ascontiguousarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


class ExactNeighbours:
    """The nearest frames of some queries, gathered while all vectors pass by once.

    Args:
        queries: float32, shape ``(nq, 2048)``, normalised.
    """

    def __init__(self, queries: Vectors) -> None:
        self.queries = queries
        self._complete = False
        self._heap = faiss.ResultHeap(len(queries), _KNOWN, keep_max=True)

    def watch(self, blocks: Iterable[tuple[Ids, Vectors]]) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all blocks as they are, and keep what is near."""
        for ids, vectors in blocks:
            similarities, rows = faiss.knn(
                self.queries, vectors, min(_KNOWN, len(ids)), metric=faiss.METRIC_INNER_PRODUCT
            )
            self._heap.add_result(similarities, ids[rows])
            yield ids, vectors

    def acceptable(self, *counts: int) -> list[list[set[int]]]:
        """Return per count and query the ids of so many nearest, and of those equally near.

        To be called when all vectors have passed by.
        """
        if not self._complete:
            self._heap.finalize()
            self._complete = True
        found: list[list[set[int]]] = [[] for _ in counts]
        for similarities, ids in zip(self._heap.D, self._heap.I, strict=True):
            similarities, ids = similarities[ids >= 0], ids[ids >= 0]
            for count, sets in zip(counts, found, strict=True):
                lowest = similarities[min(count, len(ids)) - 1] - _EQUAL
                sets.append(set(ids[similarities >= lowest].tolist()))
        return found


def choose_parameters(
    lists: IvfLists, exact: ExactNeighbours, *, only_nearest: bool = False
) -> Parameters:
    """Take the fewest lists, then the fewest candidates, that reach the recall aimed at.

    Where none do, all lists are searched, and the recall says what that finds.

    Args:
        lists: With all frames.
        exact: What they are to find.
        only_nearest: Whether nobody asks for more than the nearest frame.
    """
    nearest, ten = exact.acceptable(1, 10)
    most, all_lists = _CANDIDATES[-1], lists.count

    def found(probed: int) -> list[list[int]]:
        _, ids = lists.candidates(exact.queries, most, probed=probed)
        return [[id_ for id_ in row if id_ >= 0] for row in ids.tolist()]

    def suffice(probed: int) -> bool:
        return suffices(_recall(found(probed), nearest, ten, most), only_nearest=only_nearest)

    probed = 1
    while probed < all_lists and not suffice(probed):
        probed = min(2 * probed, all_lists)
    # Half as many do not suffice; to an eighth, how many between do.
    step = probed // 4
    while step >= max(probed // 16, 1):
        if suffice(probed - step):
            probed -= step
        step //= 2
    rows = found(probed)
    for candidates in _CANDIDATES:
        recall = _recall(rows, nearest, ten, candidates)
        if suffices(recall, only_nearest=only_nearest):
            return Parameters(probed, candidates, recall, suffice=True)
    return Parameters(probed, most, recall, suffice=False)


def suffices(recall: Recall, *, only_nearest: bool = False) -> bool:
    """Whether that is the recall aimed at; with `only_nearest`, recall@1 alone counts."""
    return recall.at_1 >= _AIM_AT_1 and (only_nearest or recall.at_10 >= _AIM_AT_10)


def _recall(
    found: list[list[int]], nearest: list[set[int]], ten: list[set[int]], candidates: int
) -> Recall:
    """Say how much is among the first candidates; these are compared exactly, so it is found."""
    hits_1, hits_10 = [], []
    for row, best, bests in zip(found, nearest, ten, strict=True):
        first = set(row[:candidates])
        hits_1.append(bool(first & best))
        hits_10.append(min(len(first & bests) / min(len(bests), 10), 1.0))
    return Recall(float(np.mean(hits_1)), float(np.mean(hits_10)), len(found))
