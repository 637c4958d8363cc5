"""Generated pictures that drive a network through the range that photographs do."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from ..frame import RgbImage

_GRIDS = (2, 4, 8, 16, 32, 64, 128)


def generated_pictures(count: int, size: int, *, seed: int) -> Iterator[RgbImage]:
    """Draw noise of the spectrum of photographs (1/f^a), with shapes over it.

    In turn nothing but noise, a few shapes of any colour, and piles of things that are alike: a
    heap of lemons drives some channels further than noise does. Stripes would drive them further
    than any photograph, and leave int8 too few levels for what photographs need.

    Args:
        count: How many.
        size: Side in pixels.
        seed: Pictures of different seeds have nothing in common.

    Yields:
        RGB, uint8, shape ``(size, size, 3)``.
    """
    draws = np.random.default_rng(seed)
    for number in range(count):
        picture = Image.fromarray(_noise(draws, size))
        pencil = ImageDraw.Draw(picture)
        if number % 3 == 1:
            for _ in range(draws.integers(1, 12)):
                _shape(pencil, draws, size * draws.uniform(0.03, 0.5), _colour(draws), size)
        elif number % 3 == 2:
            _pile(pencil, draws, size)
        yield np.asarray(picture)


def _noise(draws: np.random.Generator, size: int) -> RgbImage:
    """Add up coarse and fine noise; how much of which, and of colour, differs between pictures."""
    total = np.zeros((size, size, 3), np.float32)
    steepness, greyness = draws.uniform(0.3, 1.2), draws.uniform(0, 1)
    for grid in _GRIDS:
        coarse = draws.standard_normal((grid, grid, 3)).astype(np.float32) * grid**-steepness
        coarse += greyness * (coarse.mean(axis=2, keepdims=True) - coarse)
        for channel in range(3):
            total[..., channel] += np.asarray(
                Image.fromarray(coarse[..., channel]).resize((size, size), Image.Resampling.BICUBIC)
            )
    contrast, brightness = draws.uniform(10, 90), draws.uniform(20, 230)
    levels = (total - total.mean()) / total.std() * contrast + brightness
    picture: RgbImage = np.clip(levels, 0, 255).astype(np.uint8)
    return picture


def _pile(pencil: ImageDraw.ImageDraw, draws: np.random.Generator, size: int) -> None:
    """Cover the picture with things of one size and nearly one colour, lit from above."""
    side = size * draws.uniform(0.04, 0.3)
    colours = [_colour(draws) for _ in range(draws.integers(1, 3))]
    for _ in range(int(2 * (size / side) ** 2)):
        colour = colours[draws.integers(len(colours))] + draws.normal(0, 12, 3)
        _shape(pencil, draws, side, colour, size, lit=True)


def _shape(
    pencil: ImageDraw.ImageDraw,
    draws: np.random.Generator,
    side: float,
    colour: np.ndarray,
    size: int,
    *,
    lit: bool = False,
) -> None:
    """Draw an ellipse or a rectangle somewhere; a lit one has a shadow and a light."""
    left, top = draws.uniform(-side / 2, size, 2)
    wide, high = side * draws.uniform(0.6, 1.4, 2)
    draw = pencil.ellipse if lit or draws.random() < 0.5 else pencil.rectangle
    steps = ((0.0, 0.6), (0.12, 1.0), (0.3, 1.25)) if lit else ((0.0, 1.0),)
    for inset, light in steps:
        box = (left + inset * wide, top + inset * high / 2)
        draw(
            (*box, left + (1 - inset) * wide, top + (1 - 1.5 * inset) * high),
            fill=_level(colour * light),
        )


def _colour(draws: np.random.Generator) -> np.ndarray:
    return draws.uniform(0, 255, 3)


def _level(colour: np.ndarray) -> tuple[int, ...]:
    return tuple(int(value) for value in np.clip(colour, 0, 255))
