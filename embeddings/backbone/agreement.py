"""How near the vectors of a network come to those of the same network in float32."""

from dataclasses import dataclass

import numpy as np

from .interface import Backbone
from .pictures import generated_pictures

_PICTURES = 24
_BATCH = 8
_SEED = 2  # not that of the pictures for calibration

LOWEST_COSINE = 0.99
# Generated pictures are harder than photographs: at 96 px, their worst had 0.9968 where that of 150
# photos had 0.9984, and 0.998 on every photo is what the built-in weights are held to.
LOWEST_COSINE_BUILTIN = 0.996
# An error that is small beside the differences of pictures does not change which are nearest.
_LARGEST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cosines measured on generated pictures.

    Attributes:
        lowest: Of a picture's vector to its vector in float32, over all pictures.
        spread: 1 - cosine of two different pictures in float32, the median over all pairs.
    """

    lowest: float
    spread: float

    def suffices(self, *, builtin: bool) -> bool:
        """Whether the vectors can stand in for those in float32.

        They cannot where all vectors are nearly alike, as those of a random network are.
        """
        bound = LOWEST_COSINE_BUILTIN if builtin else LOWEST_COSINE
        return self.lowest >= bound and 1 - self.lowest <= _LARGEST_SHARE * self.spread


def measure_agreement(backbone: Backbone, reference: Backbone, size: int) -> Agreement:
    """Compare a network with the one in float32, on pictures that calibrated neither.

    Args:
        backbone: The one to judge.
        reference: The same weights in float32.
        size: Side of the input of both, in pixels.
    """
    pictures = np.stack(list(generated_pictures(_PICTURES, size, seed=_SEED)))
    batches = [pictures[first : first + _BATCH] for first in range(0, _PICTURES, _BATCH)]
    mine, theirs = (
        np.concatenate([network(batch) for batch in batches]).astype(np.float64)
        for network in (backbone, reference)
    )
    others = (theirs @ theirs.T)[np.triu_indices(_PICTURES, 1)]
    lowest = np.einsum("ij,ij->i", mine, theirs).min()
    return Agreement(lowest=float(lowest), spread=float(1 - np.median(others)))
