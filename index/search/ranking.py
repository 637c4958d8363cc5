"""The exact order of candidates, whichever search found them."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from nearframe.embeddings import Vectors

from ..tables import Ids

TIE_MARGIN = 32
"""Neighbours that are fetched beyond `k`, so that frames of equal cosine (a scene that stands
still) come in their own order and not in that of a heap."""

# So many passes over a row take less time than to sort it.
_FEW = 8
# A vector of zeros has no direction; its cosine to anything is 0.
_TINY = 1e-30


class Search(Protocol):
    """Finds the nearest of some vectors."""

    def nearest(
        self, queries: Vectors, k: int, *, among: Ids | None = None
    ) -> list[list[tuple[int, float]]]:
        """Find the vectors of highest cosine.

        Args:
            queries: float32, shape ``(nq, 2048)``, normalised.
            k: How many per query at most (>= 1).
            among: Only these ids, shape ``(m,)``; None for all.

        Returns:
            Per query up to `k` pairs of id and cosine in [-1, 1], nearest first, equal cosines
            by id.
        """
        ...


def ranked(query: Vectors, ids: Ids, vectors: Vectors) -> list[tuple[int, float]]:
    """Order candidates ``(m,)`` with their vectors ``(m, 2048)`` by their exact cosine to a query.

    In float64: frames of a quiet scene differ by 1e-7, which float32 sums cannot tell apart.
    """
    exact, wanted = vectors.astype(np.float64), query.astype(np.float64)
    norms = np.linalg.norm(exact, axis=1) * np.linalg.norm(wanted)
    # Not `@`, whose result depends on a row's place, so that equal vectors would differ.
    products = np.einsum("ij,j->i", exact, wanted)
    cosines = np.clip(products / np.maximum(norms, _TINY), -1.0, 1.0)
    order = np.lexsort((ids, -cosines))
    return [(int(ids[i]), float(cosines[i])) for i in order]


def largest(values: npt.NDArray[np.float32], top: int) -> npt.NDArray[np.int64]:
    """Return the columns of the largest values of each row, the largest first.

    Of equal values the first column comes first.

    Args:
        values: float32, ``(b, c)``. Which column of minus infinity is returned where
            there are no others is not said.
        top: How many columns; fewer where there are not as many.

    Returns:
        int64, ``(b, min(top, c))``.
    """
    if top == 1:
        return np.asarray(values.argmax(axis=1), np.int64)[:, None]
    if top > _FEW:
        return np.argsort(-values, axis=1, kind="stable")[:, :top]
    columns = np.empty((len(values), min(top, values.shape[1])), np.int64)
    values = values.copy()
    for rank in range(columns.shape[1]):
        columns[:, rank] = values.argmax(axis=1)
        values[np.arange(len(values)), columns[:, rank]] = -np.inf
    return columns
