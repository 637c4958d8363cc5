"""What there was before networks: descriptors to compare a network's similarities with."""

import importlib.util
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from nearframe.embeddings import RgbImage

Baseline = Callable[[RgbImage], npt.NDArray[np.float32]]
"""Describes a picture by a vector: float32, shape ``(d,)``, L2-normalised, or zeros."""

_SIDE = 8


def thumbnail(image: RgbImage) -> npt.NDArray[np.float32]:
    """Return the 8x8 grey thumbnail, freed of its mean: shape ``(64,)``.

    The cosine of two of them is their correlation. A picture of one shade gives zeros.
    """
    grey = Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    values = np.array(grey, np.float32).ravel()
    values -= values.mean()
    values /= float(np.linalg.norm(values)) or 1.0
    return values


def perceptual_hash(image: RgbImage) -> npt.NDArray[np.float32]:
    """Return the 64 bits of imagehash's phash as -1/8 and 1/8: shape ``(64,)``.

    The cosine of two of them is 1 - 2 d / 64, where d is how many bits differ.
    """
    import imagehash

    bits = imagehash.phash(Image.fromarray(image), hash_size=_SIDE).hash.ravel()
    return np.where(bits, 1 / _SIDE, -1 / _SIDE).astype(np.float32)


BASELINES: Mapping[str, Baseline] = {"thumbnail": thumbnail, "phash": perceptual_hash}
"""All baselines by name."""


def available_baselines() -> Mapping[str, Baseline]:
    """Return the baselines that run here, by name: without imagehash there is no ``phash``."""
    if importlib.util.find_spec("imagehash") is not None:
        return BASELINES
    return {name: baseline for name, baseline in BASELINES.items() if name != "phash"}
