"""The nearest pairs among many vectors, and how sure one can be of how near they are."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .retrieval import Cosines, Descriptors, Positions, normalised

_BLOCK = 1024
_RESAMPLINGS = 400


@dataclass(frozen=True, slots=True)
class NearestPairs:
    """The nearest of all pairs of some vectors, nearest first.

    Attributes:
        first: int64, shape ``(m,)``: position of the one vector.
        second: int64, shape ``(m,)``: position of the other, which comes later.
        cosines: float64, shape ``(m,)``, descending.
        vectors: How many vectors there are.
        total: How many pairs there are, those of one group left out.
        equal: How many pairs are of one group.
    """

    first: Positions
    second: Positions
    cosines: Cosines
    vectors: int
    total: int
    equal: int

    def allowed(self, rate: float) -> int:
        """Return how many pairs may reach a threshold of this rate."""
        # Of 10,000 pairs, 1e-4 * 10,000 must give 1 whatever the last digit of the product.
        return min(math.floor(rate * self.total + 1e-9), self.total - 1)

    def highest_refused(self, rate: float) -> float:
        """Return the cosine of the nearest pair that must not reach a threshold of this rate."""
        return float(self.cosines[self.allowed(rate)])

    def resampled(self, rate: float, *, seed: int) -> Cosines:
        """Return `highest_refused` of sets drawn at random from the vectors, as many each time.

        The vectors are drawn and not the pairs: one odd picture is near to many, so that pairs
        are not independent of each other (the bootstrap for U-statistics).
        """
        rng = np.random.default_rng((seed, len(self.cosines)))
        share = self.total / (self.total + self.equal)
        refused = np.empty(_RESAMPLINGS)
        for number in range(_RESAMPLINGS):
            drawn = np.bincount(rng.integers(0, self.vectors, self.vectors), minlength=self.vectors)
            pairs = (self.vectors**2 - (drawn**2).sum()) / 2 * share
            reached = np.cumsum(drawn[self.first] * drawn[self.second])
            place = int(np.searchsorted(reached, rate * pairs, side="right"))
            refused[number] = self.cosines[min(place, len(self.cosines) - 1)]
        return refused


def find_nearest_pairs(vectors: Descriptors, groups: Positions, *, rate: float) -> NearestPairs:
    """Find the nearest pairs of vectors, block by block and never with all cosines in memory.

    Args:
        vectors: Shape ``(n, d)``.
        groups: int64, shape ``(n,)``: pairs of one group are left out.
        rate: As many pairs are kept as this share of all may need, and some more.
    """
    sizes = np.unique(groups, return_counts=True)[1]
    equal = int((sizes * (sizes - 1) // 2).sum())
    total = len(vectors) * (len(vectors) - 1) // 2 - equal
    best = _Best(min(total, 3 * math.floor(rate * total) + 100))
    for top, left, cosines in _blocks(vectors, groups):
        row, column = np.nonzero(cosines >= best.lowest)
        best.add(row + top, column + left, cosines[row, column])
    return NearestPairs(*best.sorted(), len(vectors), total, equal)


def count_pairs(vectors: Descriptors, groups: Positions, *, lowest: float) -> int:
    """Count the pairs of at least a cosine, among what `find_nearest_pairs` looks at."""
    return sum(int((cosines >= lowest).sum()) for _, _, cosines in _blocks(vectors, groups))


def _blocks(vectors: Descriptors, groups: Positions) -> Iterator[tuple[int, int, Cosines]]:
    """Yield the cosines of each pair once, with its first row and column; others are nan."""
    for top in range(0, len(vectors), _BLOCK):
        rows = normalised(vectors[top : top + _BLOCK])
        for left in range(top, len(vectors), _BLOCK):
            cosines = rows @ normalised(vectors[left : left + _BLOCK]).T
            cosines[groups[top : top + _BLOCK, None] == groups[left : left + _BLOCK]] = np.nan
            if left == top:
                cosines[np.tril_indices(len(cosines))] = np.nan
            yield top, left, cosines


class _Best:
    """The highest of the cosines that were added."""

    def __init__(self, count: int) -> None:
        self.lowest = -2.0
        self._count = count
        self._first = np.empty(0, np.int64)
        self._second = np.empty(0, np.int64)
        self._cosines = np.empty(0)

    def add(self, first: Positions, second: Positions, cosines: Cosines) -> None:
        self._first = np.concatenate([self._first, first])
        self._second = np.concatenate([self._second, second])
        self._cosines = np.concatenate([self._cosines, cosines])
        if len(self._cosines) > self._count > 0:
            self._take(np.argpartition(-self._cosines, self._count - 1)[: self._count])
            self.lowest = float(self._cosines.min())

    def sorted(self) -> tuple[Positions, Positions, Cosines]:
        # Equal cosines in the order of the vectors, so that a run is the same each time.
        self._take(np.lexsort((self._second, self._first, -self._cosines)))
        return self._first, self._second, np.clip(self._cosines, -1.0, 1.0)

    def _take(self, places: Positions) -> None:
        self._first = self._first[places]
        self._second = self._second[places]
        self._cosines = self._cosines[places]
