"""Which original comes first where vectors hardly tell them apart, as in an index."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nearframe.index import PIXEL_CANDIDATES, order_by_pixels, thumbnail_differences
from nearframe.index.search import largest

from .describe import NETWORK, Described
from .retrieval import Positions, Retrieval

_BLOCK = 64


def settled_by_pixels(
    found: Retrieval,
    queries: Described,
    originals: Described,
    right: Sequence[Positions],
    *,
    ignored: Sequence[Positions] | None = None,
) -> Retrieval:
    """Say what a search finds first, which looks at thumbnails after the vectors.

    Args:
        found: By vectors alone.
        queries: Shape ``(nq, …)``.
        originals: Shape ``(no, …)``.
        right: Per query, the positions of its right originals.
        ignored: Per query, positions that are neither right nor wrong.

    Returns:
        `found` with other `hits` and `nearest_wrong`; similarities and micro-AP stay.
    """
    hits, nearest_wrong = found.hits.copy(), found.nearest_wrong.copy()
    asked, among = queries.vectors[NETWORK], originals.vectors[NETWORK]
    for first in range(0, len(asked), _BLOCK):
        for row, cosines in enumerate(asked[first : first + _BLOCK] @ among.T, first):
            if ignored is not None:
                cosines[ignored[row]] = -np.inf
            nearest = largest(cosines[None], PIXEL_CANDIDATES)[0]
            apart = thumbnail_differences(queries.thumbnails[row], originals.thumbnails[nearest])
            order = order_by_pixels(cosines[nearest], apart)
            if order is None or np.isnan(hits[row]):
                continue
            best = nearest[order[0]]
            hits[row] = float(best in right[row])
            if not hits[row]:
                nearest_wrong[row] = best
    return replace(found, hits=hits, nearest_wrong=nearest_wrong)
