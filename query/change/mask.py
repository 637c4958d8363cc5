"""Which part of a fixed camera's picture counts: not its clock, nor the tree in the wind."""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from nearframe.common import NearframeError

from .light import Grey

Unmasked = npt.NDArray[np.bool_]
"""Where there is something to look at: bool, shape ``(height, width)``, True where it counts."""

Pixel = TypeVar("Pixel", np.uint8, np.float32)

Border = tuple[float, float, float, float]
"""What to leave out at the left, top, right and bottom, in percent of width and height."""

_NAMES = ("left", "top", "right", "bottom")
# Of a grey mask image: what is darker than this is left out.
_MIDDLE = 128
_EPSILON = 1e-9


@dataclass(frozen=True, eq=False)
class Mask:
    """A border and an image that say what to leave out.

    Attributes:
        border: Percent of the sides, from 0 on; left with right, and top with bottom, below 100.
        image: Black where nothing counts and white where things do, uint8 ``(height, width)`` or
            RGB ``(height, width, 3)``, or bool (True counts); None for everywhere.

    Raises:
        NearframeError: If a percentage is out of range, or the image is none.
    """

    border: Border = (0, 0, 0, 0)
    image: npt.NDArray[np.uint8] | npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        _check_border(self.border)
        if self.image is not None:
            object.__setattr__(self, "image", _grey_mask(self.image))

    def require_fits(self, shape: tuple[int, int]) -> None:
        """Make sure that the mask image has the form of a picture of `shape` (height, width).

        A camera may change its resolution, so another scale is fine.

        Raises:
            NearframeError: If it has another form.
        """
        if self.image is None:
            return
        height, width = shape
        mask_height, mask_width = self.image.shape[:2]
        # One pixel, or one in a hundred: 1366x768 shrunk to 854x480 is not quite the same form.
        if abs(mask_height - height * mask_width / width) > max(1.0, 0.01 * mask_height):
            raise NearframeError(
                f"the mask is {mask_width}x{mask_height} but the picture {width}x{height}; "
                "make it of the same size"
            )

    def unmasked(self, shape: tuple[int, int]) -> Unmasked | None:
        """Return where a grid of `shape` (height, width) counts; None where all of it does.

        A cell counts only when none of what it covers is masked.

        Raises:
            NearframeError: If nothing is left.
        """
        if self.image is None and not any(self.border):
            return None
        unmasked = np.zeros(shape, np.bool_)
        unmasked[_inside(self.border, shape)] = True
        if self.image is not None:
            # The share of each cell that is masked, exact since each is the mean of its area.
            masked = np.asarray(np.asarray(self.image, np.uint8) < _MIDDLE, np.float32)
            unmasked &= resized(masked, shape) <= 0
        if not unmasked.any():
            raise NearframeError(
                "the mask leaves nothing to look at; mask less "
                "(a mask image is black where nothing counts, and white elsewhere)"
            )
        return unmasked


def resized(image: npt.NDArray[Pixel], shape: tuple[int, int]) -> npt.NDArray[Pixel]:
    """Resize to `shape` (height, width), each pixel the mean of the area it comes from.

    Args:
        image: One channel or three.
        shape: Of the result.
    """
    height, width = shape
    if image.shape[:2] == shape:
        return image
    # One axis may shrink and the other grow, which INTER_AREA does not do well at once.
    smaller = min(image.shape[1], width), min(image.shape[0], height)
    shrunk = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
    grown = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(grown, image.dtype)


def _inside(border: Border, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns that the border does not touch."""
    height, width = shape
    left, top, right, bottom = (side / 100 for side in border)
    return (
        slice(int(np.ceil(top * height - _EPSILON)), int((1 - bottom) * height + _EPSILON)),
        slice(int(np.ceil(left * width - _EPSILON)), int((1 - right) * width + _EPSILON)),
    )


def _check_border(border: Border) -> None:
    if len(border) != 4:
        raise NearframeError(
            f"`black_mask` takes four percentages, left, top, right and bottom, not {len(border)}"
        )
    for name, side in zip(_NAMES, border, strict=True):
        # Written so that NaN is out of range too.
        if not 0 <= side < 100:
            raise NearframeError(
                f"`black_mask` {name} is a percentage from 0 to below 100, not {side:g}"
            )
    for first, second in ((0, 2), (1, 3)):
        if border[first] + border[second] >= 100:
            raise NearframeError(
                f"`black_mask` {_NAMES[first]} {border[first]:g} and {_NAMES[second]} "
                f"{border[second]:g} percent leave nothing; together they must be below 100"
            )


def _grey_mask(image: npt.NDArray[np.uint8] | npt.NDArray[np.bool_]) -> Grey:
    """Return a mask image as uint8 ``(height, width)``."""
    if isinstance(image, np.ndarray) and image.size:
        if image.dtype == np.bool_ and image.ndim == 2:
            return np.asarray(np.where(image, 255, 0), np.uint8)
        pixels = np.asarray(image, np.uint8)
        if image.dtype == np.uint8 and image.ndim == 2:
            return pixels
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    given = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else repr(image)
    raise NearframeError(
        f"a mask is an image: uint8 (height, width) or (height, width, 3), or bool, not {given}"
    )
