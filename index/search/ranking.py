"""The exact order of candidates, whichever search found them."""

from typing import Protocol

import numpy as np

from nearframe.embeddings import Vectors

from ..tables import Ids

TIE_MARGIN = 32
"""Neighbours that are fetched beyond `k`, so that frames of equal cosine (a scene that stands
still) come in their own order and not in that of a heap."""

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
