"""How alike are two images?"""

import numpy as np

from nearframe.embeddings import Embedder, ImageInput


def similarity(a: ImageInput, b: ImageInput, *, embedder: Embedder | None = None) -> float:
    """Return the cosine similarity of two images, in [-1, 1]; higher is nearer.

    Args:
        a: A path, a Pillow image, or an RGB uint8 array of shape ``(height, width, 3)``.
        b: The other one.
        embedder: By default one with the built-in weights; pass one when you compare many.

    Raises:
        UnreadableImageError: If a file is missing or cannot be decoded.
    """
    first, second = (embedder or Embedder()).embed([a, b])
    return float(np.clip(first @ second, -1.0, 1.0))
