"""Pixels that differ -> the connected regions they make up."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from .mask import Unmasked

# Dilations by one pixel, which join the pieces that one object falls into.
_DILATIONS = 2


@dataclass(frozen=True, slots=True)
class Region:
    """One connected part of a picture that changed.

    Coordinates run from 0 to 1: x from the left to the right side, y from top to bottom.

    Attributes:
        left: Of its bounding box.
        top: Of its bounding box.
        right: Of its bounding box.
        bottom: Of its bounding box.
        area: Relative to the area that is not masked, in [0, 1].
        outline: Corners ``(x, y)`` of the polygon around it, in order.
    """

    left: float
    top: float
    right: float
    bottom: float
    area: float
    outline: tuple[tuple[float, float], ...] = field(repr=False)


def find_regions(
    differs: npt.NDArray[np.bool_], unmasked: Unmasked | None, *, min_area: float
) -> tuple[Region, ...]:
    """Find the connected regions of pixels that differ, after growing them by two pixels.

    A region is everything inside its outer contour, and its area is that of the polygon through
    the middles of the outermost pixels, as OpenCV measures it. Masked islands inside it do not
    count.

    Args:
        differs: Bool, ``(height, width)``.
        unmasked: Where there is something to look at, of that shape; None for everywhere.
        min_area: Smaller regions are left out; relative to the area that is not masked.

    Returns:
        The regions, the largest first.
    """
    height, width = differs.shape
    grown = cv2.dilate(differs.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=_DILATIONS)
    if unmasked is not None:
        grown = np.where(unmasked, grown, np.uint8(0))
    total = differs.size if unmasked is None else int(unmasked.sum())
    regions = []
    for found in cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        contour = np.asarray(found, np.int32)
        area = cv2.contourArea(contour) / total
        if area >= min_area and unmasked is not None:
            area *= _unmasked_share(contour, unmasked)
        if area > 0 and area >= min_area:
            regions.append(_region(contour, area, (height, width)))
    return tuple(sorted(regions, key=lambda region: -region.area))


def _region(contour: npt.NDArray[np.int32], area: float, shape: tuple[int, int]) -> Region:
    height, width = shape
    x, y, box_width, box_height = cv2.boundingRect(contour)
    # (n, 1, 2) -> (n, 2): a pixel's coordinates are those of its middle.
    outline = (contour.reshape(-1, 2) + 0.5) / (width, height)
    return Region(
        left=x / width,
        top=y / height,
        right=(x + box_width) / width,
        bottom=(y + box_height) / height,
        area=area,
        outline=tuple((float(point[0]), float(point[1])) for point in outline),
    )


def _unmasked_share(contour: npt.NDArray[np.int32], unmasked: Unmasked) -> float:
    """Return which share of the inside of a contour counts; a mask may have islands."""
    x, y, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour], -1, 1, cv2.FILLED, offset=(-x, -y))
    return float(unmasked[y : y + height, x : x + width][inside > 0].mean())
