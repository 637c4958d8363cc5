"""Stretches in which a video stands still: frames that differ by the codec's noise only."""

import numpy as np

from .frame import RgbImage

# Cells to a side, 16 pixels wide at 224: in a mean over all, a small thing that moves is lost.
_CELLS = 14
# Mean difference in the cell that changed most, in levels of 255: what H.264 leaves on a still
# scene. Cosines to the vectors that were spared: docs/speed.md.
_NOISE = 2.0


class StillDetector:
    """Compares each frame with the last that was different, so that a slow drift is seen too."""

    def __init__(self) -> None:
        self._reference: RgbImage | None = None

    def repeats(self, pixels: RgbImage) -> bool:
        """Say whether a frame shows the same as the last one that did not repeat.

        Args:
            pixels: The network's input, uint8, shape ``(size, size, 3)``, always of one size.
        """
        if self._reference is not None and _difference(pixels, self._reference) <= _NOISE:
            return True
        self._reference = pixels
        return False


def _difference(a: RgbImage, b: RgbImage) -> float:
    """Return the mean difference in the cell that differs most, in the channel that does."""
    cell = max(1, len(a) // _CELLS)
    across = len(a) // cell
    # uint8 has no sign; (size, size), the largest difference of the three channels.
    apart = (np.maximum(a, b) - np.minimum(a, b)).max(axis=2)[: across * cell, : across * cell]
    cells = apart.reshape(across, cell, across, cell).mean(axis=(1, 3), dtype=np.float32)
    return float(cells.max())
