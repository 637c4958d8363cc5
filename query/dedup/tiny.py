"""Pictures too small to be compared."""

from dataclasses import replace
from functools import partial

from nearframe.common import UnreadableImageError, run_ahead
from nearframe.embeddings.sources.image import opened_image

from .images import Images, OrderedImage

_AHEAD = 32


def without_tiny(images: Images, min_side: int) -> Images:
    """Set aside the images of which a side is shorter; only headers are read.

    What cannot be read is left to who decodes it.

    Args:
        images: All of them.
        min_side: In pixels.
    """
    if min_side <= 1:
        return images
    sizes = run_ahead((partial(_size, image) for image in images.ordered), ahead=_AHEAD)
    kept, tiny = [], []
    for image, size in zip(images.ordered, sizes, strict=True):
        if size is not None and min(size) < min_side:
            tiny.append((image, size))
        else:
            kept.append(image)
    return replace(images, ordered=tuple(kept), tiny=tuple(tiny))


def _size(image: OrderedImage) -> tuple[int, int] | None:
    """Return width and height of an image in pixels; None where its header cannot be read."""
    try:
        with opened_image(image.file.path) as opened:
            return opened.size
    except UnreadableImageError:
        return None
