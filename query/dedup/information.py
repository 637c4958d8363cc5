"""Pictures that show too little for a network to tell them apart: flat, dark, blurred, a sliver."""

import numpy as np
import numpy.typing as npt

from nearframe.embeddings import Thumbnails
from nearframe.embeddings.thumbnail import levels_of

LEAST_DETAIL = 0.15
"""Share of the cells of a picture's thumbnail that must have detail: less than any ordinary photo
has, more than a blurred or a dark one. ``benchmarks/dedup_threshold.py`` prints
how much."""
LEAST_AREA = 1 / 6
"""Share of the thumbnail that must not be a border of one colour."""

# In levels of 255. Noise of a standard deviation of 4 stays below both.
_DETAIL, _BORDER = 2.0, 2.0
_DARK, _FLAT = 32.0, 8.0


def too_little(thumbnail: Thumbnails) -> str | None:
    """Say why a picture tells too little to be compared by its vector, or None where it does not.

    Args:
        thumbnail: uint16 ``(32, 32)``, of the network's input, as an `Embedder` makes it.
    """
    levels = levels_of(thumbnail)
    area = _share_inside(levels)
    if detail_of(thumbnail) >= LEAST_DETAIL and area >= LEAST_AREA:
        return None
    flat = levels.std() < _FLAT
    if area < LEAST_AREA and not flat:
        return "of one colour for the most part"
    if levels.mean() < _DARK:
        return "dark"
    return "flat" if flat else "blurred"


def detail_of(thumbnail: Thumbnails) -> float:
    """Return which share of a thumbnail's cells differ from the mean of the four beside them."""
    levels = levels_of(thumbnail)
    beside = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    return float(np.mean(np.abs(levels[1:-1, 1:-1] - beside / 4) > _DETAIL))


def _share_inside(levels: npt.NDArray[np.float32]) -> float:
    """Return the share of the area that is left when borders of one colour are cut off."""
    rows, columns = (np.flatnonzero(np.ptp(levels, axis=axis) > _BORDER) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return 0.0
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    return float(height * width / levels.size)
