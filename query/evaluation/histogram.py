"""How many of very many similarities lie where, in little memory."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_BINS = 1 << 15


class SimilarityHistogram:
    """Counts similarities in fine bins.

    The bins are even in the angle between two vectors, 0.0001 radians wide, so that they are
    finest near 1: about 0.000001 at a similarity of 0.9999, and 0.0001 at 0.
    """

    def __init__(self) -> None:
        # Bin 0 is a similarity of 1, the last one -1.
        self._counts = np.zeros(_BINS, np.int64)
        self.highest = -1.0

    def add(self, similarities: npt.NDArray[np.float64]) -> None:
        """Count similarities in [-1, 1], of any shape."""
        if not similarities.size:
            return
        flat = np.clip(similarities.ravel(), -1.0, 1.0)
        bins = np.minimum((np.arccos(flat) * (_BINS / np.pi)).astype(np.int64), _BINS - 1)
        self._counts += np.bincount(bins, minlength=_BINS)
        self.highest = max(self.highest, float(flat.max()))

    def __len__(self) -> int:
        return int(self._counts.sum())

    def quantile(self, share: float) -> float:
        """Return the similarity that this share of them is below, to the width of a bin."""
        from_lowest = np.cumsum(self._counts[::-1])
        place = int(np.searchsorted(from_lowest, share * from_lowest[-1]))
        return min(float(_similarities()[::-1][min(place, _BINS - 1)]), self.highest)

    def counts(self, edges: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Count between ascending edges: shape ``(len(edges) - 1,)``; what is outside is not."""
        counted, _ = np.histogram(_similarities(), bins=edges, weights=self._counts)
        return counted.astype(np.int64)


def _similarities() -> npt.NDArray[np.float64]:
    """The similarity in the middle of each bin, shape ``(bins,)``, descending."""
    middles: npt.NDArray[np.float64] = np.cos((np.arange(_BINS) + 0.5) * np.pi / _BINS)
    return middles
