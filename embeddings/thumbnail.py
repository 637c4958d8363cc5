"""A picture as 32x32 grey pixels, which tell frames apart that are one to the network."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from .frame import RgbImage

THUMBNAIL_SIDE = 32
"""Side of a thumbnail, in pixels."""

Thumbnails = npt.NDArray[np.uint16]
"""Thumbnails: uint16, shape ``(n, 32, 32)``, luma of ITU-R BT.601 in 256ths of a level of 255."""

THUMBNAIL_UNIT = 256
"""Units of a thumbnail to one level: rounded to whole levels, neighbouring frames would tie."""


def thumbnail(pixels: RgbImage) -> Thumbnails:
    """Average the pixels of a picture in 32x32 cells.

    Args:
        pixels: The network's input, uint8, shape ``(size, size, 3)``.

    Returns:
        uint16, shape ``(32, 32)``.
    """
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    # "F" is float32, which resizing leaves unrounded.
    grey = Image.fromarray(pixels).convert("L").convert("F").resize(side, Image.Resampling.BOX)
    levels: npt.NDArray[np.float32] = np.asarray(grey)
    return np.rint(levels * THUMBNAIL_UNIT).astype(np.uint16)


def levels_of(thumbnails: Thumbnails) -> npt.NDArray[np.float32]:
    """Return thumbnails in levels of 255, float32, of the same shape."""
    levels: npt.NDArray[np.float32] = thumbnails.astype(np.float32) / np.float32(THUMBNAIL_UNIT)
    return levels


def thumbnails(pictures: Sequence[RgbImage]) -> Thumbnails:
    """Make the thumbnails of some pictures, shape ``(n, 32, 32)``, each as `thumbnail` does."""
    return np.array([thumbnail(picture) for picture in pictures], np.uint16).reshape(
        -1, THUMBNAIL_SIDE, THUMBNAIL_SIDE
    )
