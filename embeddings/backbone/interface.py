"""What every runtime offers: a batch of pixels -> a batch of vectors."""

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

INPUT, OUTPUT = "pixels", "features"
"""What the input and the output of the ONNX networks are called."""


class Backbone(Protocol):
    """Anything that turns preprocessed pixels into vectors.

    Attributes:
        at_once: How many threads should call it at the same time, to be fastest.
    """

    at_once: int

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed a batch.

        Args:
            pixels: RGB, uint8, shape ``(n, size, size, 3)``, n >= 1.

        Returns:
            float32, shape ``(n, 2048)``, each row L2-normalised.
        """
        ...


@runtime_checkable
class Identified(Protocol):
    """A backbone whose vectors may be kept, since it is known what they depend on.

    Attributes:
        identity: Equal for networks that give equal vectors for equal pixels, also in other
            processes; empty where that is not known.
    """

    identity: str
