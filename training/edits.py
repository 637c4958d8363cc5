"""Random edits of a batch of scenes: the views that training compares.

Every kind with which weights are measured is here: crop, squash, mirror, rotation, padding,
brightness, contrast, saturation and greyscale, hue, channel order, gamma, blur, JPEG, noise,
boxes, text and the bars of a screenshot. How strong they are grows with ``strength``.
"""

from __future__ import annotations

import math

import torch

from .colour import degrade, recolour
from .geometry import PlacementRange, draw_placement, draw_windows, resample
from .near_misses import shuffled_tiles, with_changed_object
from .overlays import boxes_and_text, fill_outside, screen_bars
from .randomness import Draws
from .recipes import ALIKE, Recipe

_NEAR_MISS_STRENGTH = 0.0
"""A change that edits could hide would teach nothing."""
_SHUFFLED_STRENGTH = 0.3
_GRIDS = (2, 4, 5)

Window = tuple[torch.Tensor, torch.Tensor]
"""Centre and half side (n, 2) of the part of each scene that counts as the whole picture."""


def placement_range(strength: float, smallest_crop: float) -> PlacementRange:
    """The geometric limits at a strength in [0, 1]: mild crops first, ``smallest_crop`` at 1."""
    return PlacementRange(
        crop_probability=0.5 + 0.15 * strength,
        smallest_crop=0.85 + (smallest_crop - 0.85) * strength,
        padding_probability=0.1 + 0.2 * strength,
        widest_padding=0.1 + 0.35 * strength,
        rotation_probability=0.1 + 0.15 * strength,
        largest_angle=math.radians(5 + 15 * strength),
    )


def positive_pairs(
    draws: Draws,
    scenes: torch.Tensor,
    *,
    px: int,
    strength: float,
    recipe: Recipe = ALIKE,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two independent edits of each scene, and of pictures much like some of them.

    Args:
        draws: the random stream, on the device of ``scenes``.
        scenes: ``uint8`` (n, 3, s, s), RGB.
        px: side of the views in pixels, divisible by 8.
        strength: how strong the edits are, in [0, 1].
        recipe: how the views differ in strength and what is edited how often; its near misses and
            shuffled pictures are made of the last scenes.

    Returns:
        Two ``float32`` tensors (n + ``recipe.extra``, 3, px, px) in [0, 1]; row i of both shows
        the same picture, and all rows differ in theirs.
    """
    pictures = scenes.float().div_(255)
    window = draw_windows(draws, len(scenes), smallest=0.65)
    few = recipe.near_misses
    tiled = recipe.shuffled // 2
    plain = len(scenes) - few - tiled
    groups: list[tuple[torch.Tensor, Window, float | None]]
    groups = [(pictures[:plain], _rows(window, slice(plain)), None)]
    if few:
        original, inside = pictures[plain : plain + few], _rows(window, slice(plain, plain + few))
        changed = with_changed_object(draws, original, inside)
        groups.append((torch.cat([original, changed]), _twice(inside), _NEAR_MISS_STRENGTH))
    if tiled:
        original, inside = pictures[plain + few :], _rows(window, slice(plain + few, None))
        # Both have one grid, or else the grid would tell them apart.
        grid = _GRIDS[int(draws.integers(0, len(_GRIDS), 1))]
        orders = [shuffled_tiles(draws, original, grid) for _ in range(2)]
        groups.append((torch.cat(orders), _twice(inside), _SHUFFLED_STRENGTH))
    first, second = (
        torch.cat(
            [
                edited(
                    draws,
                    shown,
                    inside,
                    px=px,
                    strength=usual if own is None else own,
                    recipe=recipe,
                )
                for shown, inside, own in groups
            ]
        )
        for usual in (recipe.first_strength * strength, strength)
    )
    return first, second


def _rows(window: Window, rows: slice) -> Window:
    return window[0][rows], window[1][rows]


def _twice(window: Window) -> Window:
    return window[0].repeat(2, 1), window[1].repeat(2, 1)


def edited(
    draws: Draws,
    pictures: torch.Tensor,
    window: tuple[torch.Tensor, torch.Tensor],
    *,
    px: int,
    strength: float,
    recipe: Recipe,
) -> torch.Tensor:
    """One random edit of each picture.

    Args:
        draws: the random stream, on the device of ``pictures``.
        pictures: ``float32`` (n, 3, s, s) in [0, 1].
        window: centre and half side (n, 2) of the part of each that counts as the whole picture.
        px: side of the result in pixels, divisible by 8.
        strength: in [0, 1].
        recipe: what is edited how often.

    Returns:
        ``float32`` (n, 3, px, px) in [0, 1].
    """
    limits = placement_range(strength, recipe.smallest_crop)
    placement = draw_placement(draws, len(pictures), limits)
    views, coverage = resample(pictures, window, placement, px)
    views = recolour(draws, views, strength, greyscale=recipe.greyscale) * coverage
    views = fill_outside(draws, views, coverage)
    views = screen_bars(draws, views, 0.05 + 0.1 * strength, tallest=0.15)
    views = boxes_and_text(draws, views, strength)
    return degrade(draws, views, strength)
