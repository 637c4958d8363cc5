"""Did something only move a little? Then the scene is the same, although much of it changed."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from .light import Grey, Light, Values, extremes
from .mask import Unmasked
from .regions import Region

STAYING_SHARE = 0.1
"""A region counts when motion leaves at least this share of its differing pixels unexplained."""


def unexplained_difference(
    a: Grey, b: Grey, light: Light, *, unmasked: Unmasked | None, reach: int
) -> Values:
    """Return how far each pixel is from everything near its place in the other picture.

    What moved by up to `reach` pixels leaves next to nothing: where it is now, it was near before,
    and where it was, its surroundings were near. What appeared or vanished stays, unless its grey
    values occur around it anyway.

    Args:
        a: Grey picture, ``(height, width)``.
        b: The other, of the same shape.
        light: The change of light from A to B.
        unmasked: Where there is something to look at, of that shape; None for everywhere.
        reach: In pixels, to each side.

    Returns:
        float32, ``(height, width)``; on the scale of `Light.difference`, negative where the value
        occurs in the other picture.
    """
    gain, offset = np.float32(light.gain), np.float32(light.offset)
    levels = np.clip(np.arange(256, dtype=np.float32) * gain + offset, 0, 255)
    brightest_a, darkest_a = extremes(a, unmasked, reach)
    brightest_b, darkest_b = extremes(b, unmasked, reach)
    in_light = cv2.LUT(a, levels)
    appeared = np.maximum(b - cv2.LUT(brightest_a, levels), cv2.LUT(darkest_a, levels) - b)
    vanished = np.maximum(in_light - brightest_b, darkest_b - in_light)
    return np.asarray(np.maximum(appeared, vanished) / np.sqrt(gain), np.float32)


def without_motion(
    regions: Sequence[Region],
    differs: npt.NDArray[np.bool_],
    unexplained: npt.NDArray[np.bool_],
) -> tuple[Region, ...]:
    """Leave out the regions in which something only moved a little.

    Args:
        regions: What changed.
        differs: The pixels that differ, ``(height, width)``.
        unexplained: Those that differ from everything near their place, of that shape.
    """
    return tuple(
        region for region in regions if _staying_share(region, differs, unexplained) > STAYING_SHARE
    )


def _staying_share(
    region: Region, differs: npt.NDArray[np.bool_], unexplained: npt.NDArray[np.bool_]
) -> float:
    height, width = differs.shape
    corners = np.rint(np.array(region.outline) * (width, height) - 0.5).astype(np.int32)
    x, y, box_width, box_height = cv2.boundingRect(corners)
    inside = np.zeros((box_height, box_width), np.uint8)
    cv2.fillPoly(inside, [corners], 1, offset=(-x, -y))
    box = slice(y, y + box_height), slice(x, x + box_width)
    changed = differs[box] & (inside > 0)
    return float(unexplained[box][changed].mean()) if changed.any() else 0.0
