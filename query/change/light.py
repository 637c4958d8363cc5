"""A change of light between two frames: what it was, and a difference that is free of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
"""A grey image: ``uint8``, shape ``(height, width)``."""

Values = npt.NDArray[np.float32]

MAX_GAIN = 4.0
"""A change of contrast beyond this factor is no light on the same scene."""

# Grey values outside of these may be clipped, and say nothing about gain and offset.
_DARKEST, _BRIGHTEST = 3, 252
# With fewer pixels in between, or a smaller share of all, there is nothing to go by.
_MIN_PIXELS, _MIN_SHARE = 16, 0.02
# Pixels that are looked at, evenly spread.
_SAMPLE = 6000
_GAINS = 33
_STEPS = 10
# Grey levels within which a pixel counts as explained by a line.
_NEAR = 12.0
# Standard deviation that rounding alone may give to a surface of one colour.
_ROUNDING = 1.0


@dataclass(frozen=True, slots=True)
class Light:
    """How the grey values of one frame became those of another: ``b = gain * a + offset``.

    Attributes:
        gain: Contrast of B relative to A, from 1/4 to 4.
        offset: In grey levels of 0 to 255.
    """

    gain: float = 1.0
    offset: float = 0.0

    def difference(
        self, a: Grey, b: Grey, *, unmasked: npt.NDArray[np.bool_] | None = None, reach: int = 1
    ) -> Grey:
        """Return how far B is from what A would look like in B's light.

        A highlight that one of the frames clips is no difference: A is compared as B's camera
        would have recorded it, and B as A's would have. Grey values near a clipped place are
        mixtures with it, since frames are shrunk and blurred; they may be off by as much as the
        brightest value there exceeds 255, or the darkest falls below 0.

        Args:
            a: Grey image, ``(height, width)``.
            b: The other, of the same shape.
            unmasked: Where there is something to look at; all by default. Bool, of that shape.
            reach: How many pixels away a place can have been mixed in.

        Returns:
            Absolute differences on a scale half-way between the contrasts of both frames, so that
            exchanging the frames changes nothing; uint8, ``(height, width)``.
        """
        if self == Light():
            return np.asarray(cv2.absdiff(a, b), np.uint8)
        gain, offset = np.float32(self.gain), np.float32(self.offset)
        levels = np.arange(256, dtype=np.float32)
        # By grey value: what A's would be in B's light, and what B's would have been in A's.
        there, back = levels * gain + offset, (levels - offset) / gain
        brightest_a, darkest_a = extremes(a, unmasked, reach)
        brightest_b, darkest_b = extremes(b, unmasked, reach)
        excess = b - cv2.LUT(a, there)
        brighter = excess - _beyond(-there, darkest_a) - gain * _beyond(back - 255, brightest_b)
        darker = -excess - _beyond(there - 255, brightest_a) - gain * _beyond(-back, darkest_b)
        difference = np.maximum(np.maximum(brighter, darker), 0) / np.sqrt(gain)
        return np.asarray(np.minimum(np.rint(difference), 255), np.uint8)


def fit_light(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> Light:
    """Estimate the change of light between two frames of one scene.

    Brightness and contrast are matched as in Radke, Andra, Al-Kofahi, Roysam, "Image change
    detection algorithms: a systematic survey", IEEE Transactions on Image Processing 14 (3), 2005
    ("intensity normalization"): the gain is the ratio of the standard deviations, and the offset
    makes the means equal. What really changed must not take part. So both come from the pixels
    that agree on one line, found as by Torr and Zisserman, "MLESAC: a new robust estimator with
    application to estimating image geometry", Computer Vision and Image Understanding 78 (1),
    2000: of many candidate lines, the one with the least squared distance, where no pixel counts
    for more than a fixed bound. A line has two parameters only, so the candidates are no random
    draws but one for each of 33 gains from 1/4 to 4, and "no change".

    The line that most pixels agree on wins, so up to about half of the picture may change. Clipped
    pixels are left out.

    Args:
        a: Grey values of any shape; what is masked is not among them.
        b: Those of the other frame at the same places.

    Returns:
        The change from `a` to `b`. No change where nearly all pixels are clipped, and where the
        gain would be outside of 1/4 to 4.
    """
    a, b = a.ravel()[:: a.size // _SAMPLE + 1], b.ravel()[:: b.size // _SAMPLE + 1]
    known = (np.minimum(a, b) >= _DARKEST) & (np.maximum(a, b) <= _BRIGHTEST)
    if known.sum() < max(_MIN_PIXELS, _MIN_SHARE * a.size):
        return Light()
    x, y = np.asarray(a[known], np.float32), np.asarray(b[known], np.float32)
    light = min(_candidates(x, y), key=lambda candidate: _cost(x, y, candidate))
    for _ in range(_STEPS):
        near = _distance(x, y, light) <= _NEAR
        if not near.any():
            break
        better = _match(x[near], y[near])
        if _cost(x, y, better) >= _cost(x, y, light):
            break
        light = better
    return light if 1 / MAX_GAIN <= light.gain <= MAX_GAIN else Light()


def _candidates(x: Values, y: Values) -> Iterator[Light]:
    yield Light()
    for gain in np.geomspace(1 / MAX_GAIN, MAX_GAIN, _GAINS):
        yield Light(float(gain), float(np.median(y - np.float32(gain) * x)))


def _match(x: Values, y: Values) -> Light:
    """Return the gain and offset that give `x` the mean and the standard deviation of `y`."""
    variances = [float(np.var(values, dtype=np.float64)) + _ROUNDING**2 for values in (x, y)]
    gain = (variances[1] / variances[0]) ** 0.5
    return Light(gain, float(y.mean(dtype=np.float64) - gain * x.mean(dtype=np.float64)))


def _distance(x: Values, y: Values, light: Light) -> Values:
    """Return the distances of points to a line, the same when `x` and `y` are exchanged."""
    distance = np.abs(y - np.float32(light.gain) * x - np.float32(light.offset))
    return np.asarray(distance / np.float32(light.gain**0.5), np.float32)


def _cost(x: Values, y: Values, light: Light) -> float:
    return float(np.mean(np.minimum(_distance(x, y, light), _NEAR) ** 2, dtype=np.float64))


def extremes(image: Grey, unmasked: npt.NDArray[np.bool_] | None, reach: int) -> tuple[Grey, Grey]:
    """Return the brightest and the darkest value around each pixel, of those not masked.

    Args:
        image: Grey, ``(height, width)``.
        unmasked: Where there is something to look at, of that shape; None for everywhere.
        reach: In pixels, to each side.
    """
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    low = high = image
    if unmasked is not None:
        low, high = (np.where(unmasked, image, np.uint8(fill)) for fill in (0, 255))
    return (
        np.asarray(cv2.dilate(low, around), np.uint8),
        np.asarray(cv2.erode(high, around), np.uint8),
    )


def _beyond(excess: Values, image: Grey) -> Values | float:
    """Return the positive part of what a table of grey values says of each pixel."""
    if excess.max() <= 0:
        return 0.0
    return np.asarray(cv2.LUT(image, np.maximum(excess, 0)), np.float32)
