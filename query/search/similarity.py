"""How alike are two images?"""

import numpy as np

from nearframe.embeddings import Embedder, ImageInput, shared_embedder


def similarity(a: ImageInput, b: ImageInput, *, embedder: Embedder | None = None) -> float:
    """Return the cosine similarity of two images, in [-1, 1]; higher is nearer.

    Args:
        a: A path, a Pillow image, or an RGB uint8 array of shape ``(height, width, 3)``.
        b: The other one.
        embedder: By default one with the built-in weights, loaded once per process.

    Raises:
        UnreadableImageError: If a file is missing or cannot be decoded.
    """
    first, second = (embedder or shared_embedder()).embed([a, b])
    return float(np.clip(first @ second, -1.0, 1.0))
