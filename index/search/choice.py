"""Which kind of search an index of some size gets."""

from nearframe.common import AnnChoice
from nearframe.embeddings import DIMENSION

# What an exact search of one query reads within 50 ms, with one core of a server processor: it
# goes through all vectors, so its time follows from their bytes (8.6 GB/s where this was measured,
# with benchmarks/search.py).
_BYTES_IN_50_MS = 400_000_000

EXACT_LIMIT = _BYTES_IN_50_MS // (4 * DIMENSION)
"""Frames up to which a search is exact, unless somebody wants it otherwise."""

# With fewer vectors than this there is nothing to learn lists from.
_FEWEST_FOR_LISTS = 100


def is_approximate(count: int, ann: AnnChoice) -> bool:
    """Whether `count` frames are searched approximately when `ann` was asked for."""
    if ann == "auto":
        return count > EXACT_LIMIT
    return ann == "ivf" and count >= _FEWEST_FOR_LISTS
