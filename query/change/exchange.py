"""Did something move a little, or does something else stand where it stood?

What moved brings its grey values along, and looks as it did from near by. Who takes another's place
does neither, even where all of their grey values occur there anyway. What is only out of focus
looks different, but is the same once both are blurred.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from .light import Grey, Light, Values
from .regions import Region

OTHER_GREYS = 0.5
"""From this share of the difference on, grey values were exchanged and not moved. Chosen, like the
next, on rendered persons and the labelled videos; `benchmarks/events.py` prints what they cost."""
OTHER_LOOK = 0.4
"""From this share of the differing pixels on, what is around them is nowhere near in the other
picture."""

# Patches are compared at a size at which the reach is this many pixels.
_REACH = 6
# Standard deviation of the blur under which grey values are compared, relative to the reach.
_BLUR = 0.27
# Side of a patch, in pixels of that size, and the mean difference of those that look alike.
_PATCH, _ALIKE = 3, 12.0


def exchanged(
    moved: Sequence[Region],
    a: Grey,
    b: Grey,
    differs: npt.NDArray[np.bool_],
    light: Light,
    *,
    reach: int,
) -> tuple[Region, ...]:
    """Return the regions in which something else stands now.

    Args:
        moved: Regions whose grey values occur near by in both pictures.
        a: Grey picture, ``(height, width)``.
        b: The other, of the same shape.
        differs: The pixels that differ, of that shape.
        light: The change of light from A to B.
        reach: How far something may have moved, in pixels.
    """
    if not moved:
        return ()
    levels = np.clip(np.arange(256) * light.gain + light.offset, 0, 255).astype(np.float32)
    pictures = np.asarray(cv2.LUT(a, levels), np.float32), b.astype(np.float32)
    blurred = _blurred(pictures[0], reach), _blurred(pictures[1], reach)
    groups, numbers = _groups(moved, differs.shape, reach)
    found: list[Region] = []
    for number in range(1, numbers.max(initial=0) + 1):
        # Both edges of one thing: what one region lost, another won.
        together = [region for region, group in zip(moved, groups, strict=True) if group == number]
        if _other_greys(*pictures, *blurred, numbers == number) < OTHER_GREYS:
            continue
        if max(_other_look(*pictures, differs, region, reach) for region in together) >= OTHER_LOOK:
            found += together
    return tuple(region for region in moved if region in found)


def _blurred(values: Values, reach: int) -> Values:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _BLUR * reach), np.float32)


def _groups(
    regions: Sequence[Region], shape: tuple[int, ...], reach: int
) -> tuple[list[int], npt.NDArray[np.int32]]:
    """Return of each region its group, from 1, and of each pixel, ``(height, width)``; 0 for none.

    Regions within the reach of each other are of one group.
    """
    height, width = shape
    inside = np.zeros((height, width), np.uint8)
    outlines = []
    for region in regions:
        corners = np.rint(np.array(region.outline) * (width, height) - 0.5).astype(np.int32)
        cv2.fillPoly(inside, [corners], 1)
        outlines.append(corners)
    side = reach // 2 * 2 + 1
    grown = cv2.dilate(inside, np.ones((side, side), np.uint8))
    numbers = np.asarray(cv2.connectedComponents(grown)[1], np.int32)
    return [int(numbers[corners[0][1], corners[0][0]]) for corners in outlines], numbers


def _other_greys(
    a: Values, b: Values, blurred_a: Values, blurred_b: Values, where: npt.NDArray[np.bool_]
) -> float:
    """Return how much of a difference is left when blurred pixels may change places, from 0."""
    total = float(np.abs(a[where] - b[where]).sum())
    left = float(np.abs(np.sort(blurred_a[where]) - np.sort(blurred_b[where])).sum())
    return left / total if total else 0.0


def _other_look(
    a: Values, b: Values, differs: npt.NDArray[np.bool_], region: Region, reach: int
) -> float:
    """Return the share of a region's differing pixels whose patch is nowhere near, in [0, 1]."""
    height, width = a.shape
    scale = min(1.0, _REACH / reach)
    small = max(1, round(width * scale)), max(1, round(height * scale))
    steps = max(1, round(reach * scale))
    a, b, share = (
        np.asarray(cv2.resize(values, small, interpolation=cv2.INTER_AREA), np.float32)
        for values in (a, b, differs.astype(np.float32))
    )
    left, top = int(region.left * small[0]), int(region.top * small[1])
    right, bottom = int(np.ceil(region.right * small[0])), int(np.ceil(region.bottom * small[1]))
    inside = share[top:bottom, left:right] >= 0.5
    if not inside.any():
        return 0.0
    box = left, top, right, bottom
    apart = np.maximum(_nearest_patch(a, b, box, steps), _nearest_patch(b, a, box, steps))
    return float((apart[inside] > _ALIKE).mean())


def _nearest_patch(a: Values, b: Values, box: tuple[int, int, int, int], steps: int) -> Values:
    """Return of each pixel in a box of B how far its patch is from the nearest of A, in levels."""
    left, top, right, bottom = box
    border = steps + _PATCH
    a, b = (
        np.asarray(
            cv2.copyMakeBorder(values, border, border, border, border, cv2.BORDER_REPLICATE),
            np.float32,
        )
        for values in (a, b)
    )
    width, height = right - left + 2 * _PATCH, bottom - top + 2 * _PATCH

    def window(values: Values, dx: int, dy: int) -> Values:
        x, y = left + steps + dx, top + steps + dy
        return values[y : y + height, x : x + width]

    wanted = window(b, 0, 0)
    nearest = np.full(wanted.shape, 255, np.float32)
    for dy in range(-steps, steps + 1):
        for dx in range(-steps, steps + 1):
            difference = cv2.absdiff(wanted, window(a, dx, dy))
            np.minimum(nearest, cv2.blur(difference, (_PATCH, _PATCH)), out=nearest)
    return nearest[_PATCH:-_PATCH, _PATCH:-_PATCH]
