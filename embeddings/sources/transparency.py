"""Transparent pictures, laid over a colour that differs from what is visible of them."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from .strips import strips

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""

DEFAULT_BACKGROUND: Colour = (255, 255, 255)
"""For pictures of which nothing is visible."""

_NEUTRAL: tuple[Colour, ...] = (DEFAULT_BACKGROUND, (0, 0, 0), (128, 128, 128))
_SATURATED: tuple[Colour, ...] = (
    (255, 0, 255),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 0),
)
# Distances in RGB; white and mid-grey are 220 apart. From `_FAR` on, farther is no better; a
# neutral colour nearer than `_NEAR` gives way to a saturated one.
_FAR, _NEAR = 160.0, 64.0
# The share of what is visible that may be nearer to the background than its distance says.
_SPARED = 0.05
# Colours are counted in levels of this width.
_LEVEL = 16


def is_transparent(image: Image.Image) -> bool:
    """Tell whether a Pillow image may have pixels that are not opaque."""
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def flattened(image: Image.Image, background: Colour | None = None) -> Image.Image:
    """Lay an image over one colour.

    Args:
        image: Of any mode that converts to ``RGBA``.
        background: The colour; by default `background_of` decides.

    Returns:
        Mode ``RGB``.
    """
    if background is None:
        background = background_of_image(image) or DEFAULT_BACKGROUND
    flat = Image.new("RGB", image.size)
    for rows, strip in strips(image):
        flat.paste(_over(strip.convert("RGBA"), background), (0, rows.start))
    return flat


def _over(image: Image.Image, background: Colour) -> Image.Image:
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def background_of_image(image: Image.Image) -> Colour | None:
    """Choose the colour to lay an image over, as `background_of`."""
    visible = _Visible()
    for _, strip in strips(image):
        visible.add(np.asarray(strip.convert("RGBA")))
    return visible.background()


def background_of(pixels: npt.NDArray[np.uint8]) -> Colour | None:
    """Choose the colour to lay a picture over, so that what is visible of it stands out.

    Of white, black and mid-grey it is the one farthest from the visible colours, where 5 % of
    what is visible, weighted by its alpha, may be nearer; the first of them where several are far.
    Where all three are near, as for a photo with a transparent margin, it is the saturated colour
    that is farthest.

    Args:
        pixels: RGBA, uint8, shape ``(height, width, 4)``.

    Returns:
        The colour; None where nothing is visible or nothing is transparent, so that any would do.
    """
    visible = _Visible()
    visible.add(pixels)
    return visible.background()


class _Visible:
    """What is visible of a picture: the sum of alpha of each of some levels of colour."""

    def __init__(self) -> None:
        self._levels = 256 // _LEVEL
        self._weights = np.zeros(self._levels**3)
        self._opaque = True

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Count some pixels: RGBA, uint8, shape ``(height, width, 4)``."""
        alpha = pixels[..., 3]
        self._opaque &= bool((alpha == 255).all())
        if not alpha.any():
            return
        red, green, blue = (pixels[..., channel].astype(np.int32) // _LEVEL for channel in range(3))
        places = ((red * self._levels + green) * self._levels + blue).ravel()
        self._weights += np.bincount(places, alpha.ravel(), len(self._weights))

    def background(self) -> Colour | None:
        """Return the colour that shows off what was counted."""
        visible = np.flatnonzero(self._weights)
        if self._opaque or not len(visible):
            return None
        weights = self._weights[visible]
        # Shape (n, 3); the lowest level is 0 and the highest 255.
        places = np.stack(np.unravel_index(visible, (self._levels,) * 3), axis=1)
        colours = places * (255 // (self._levels - 1))
        neutral = [min(_distance(colours, weights, colour), _FAR) for colour in _NEUTRAL]
        if max(neutral) >= _NEAR:
            return _NEUTRAL[int(np.argmax(neutral))]
        saturated = [_distance(colours, weights, colour) for colour in _SATURATED]
        if max(saturated) > max(neutral):
            return _SATURATED[int(np.argmax(saturated))]
        return _NEUTRAL[int(np.argmax(neutral))]


def _distance(
    colours: npt.NDArray[np.int_], weights: npt.NDArray[np.float64], background: Colour
) -> float:
    """Return the distance that all but `_SPARED` of the weight keeps from a colour.

    Args:
        colours: Shape ``(n, 3)``.
        weights: Shape ``(n,)``.
        background: The colour.
    """
    distances = np.sqrt(((colours - np.asarray(background)) ** 2).sum(axis=1))
    order = np.argsort(distances, kind="stable")
    passed = np.cumsum(weights[order]) > _SPARED * weights.sum()
    return float(distances[order][int(np.argmax(passed))])
