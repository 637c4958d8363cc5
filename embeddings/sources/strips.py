"""Large pictures a strip at a time: what Pillow and numpy copy on the way is small, then."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

# A smaller picture is one strip; what is made of one takes some tens of bytes per pixel.
_PIXELS = 1 << 21

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


def boxes(size: tuple[int, int]) -> Iterator[Box]:
    """Yield strips that cover a picture of a width and height, from the top."""
    width, height = size
    rows = max(1, _PIXELS // max(1, width))
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Yield the rows of each strip of an image, and the strip; a small image as it is."""
    for box in boxes(image.size):
        whole = box == (0, 0, *image.size)
        yield slice(box[1], box[3]), image if whole else image.crop(box)


def array_of(image: Image.Image, mode: str | None = None) -> npt.NDArray[np.generic]:
    """Return the samples of an image; `numpy.array` would need three times their memory.

    Args:
        image: Of any mode.
        mode: Pillow's mode to convert it to; its own by default.

    Returns:
        Shape ``(height, width)`` or ``(height, width, channels)``, of the type of the mode.

    Raises:
        OSError: If the image data is truncated (Pillow decodes lazily).
    """
    values: npt.NDArray[np.generic] | None = None
    for rows, strip in strips(image):
        part = np.asarray(strip if mode in (None, strip.mode) else strip.convert(mode))
        if len(part) == image.height:
            return np.array(part)
        if values is None:
            values = np.empty((image.height, *part.shape[1:]), part.dtype)
        values[rows] = part
    return np.asarray(image) if values is None else values
