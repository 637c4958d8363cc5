"""Random edits of a batch of scenes: the views that training compares.

Every kind that copies are asked back under is here: crop, squash, mirror, rotation, padding,
brightness, contrast, saturation and greyscale, hue, channel order, gamma, blur, JPEG, noise,
boxes, text and the bars of a screenshot. How strong they are grows with ``strength``.
"""

from __future__ import annotations

import math

import torch

from .colour import degrade, recolour
from .geometry import PlacementRange, draw_placement, draw_windows, resample
from .overlays import boxes_and_text, fill_outside, screen_bars
from .randomness import Draws


def placement_range(strength: float) -> PlacementRange:
    """The geometric limits at a strength in [0, 1]: mild crops first, 35 % of the area at last."""
    return PlacementRange(
        crop_probability=0.5 + 0.15 * strength,
        smallest_crop=0.85 - 0.5 * strength,
        padding_probability=0.1 + 0.2 * strength,
        widest_padding=0.1 + 0.35 * strength,
        rotation_probability=0.1 + 0.15 * strength,
        largest_angle=math.radians(5 + 15 * strength),
    )


def positive_pairs(
    draws: Draws, scenes: torch.Tensor, *, px: int, strength: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two independent edits of each scene.

    Args:
        draws: the random stream, on the device of ``scenes``.
        scenes: ``uint8`` (n, 3, s, s), RGB.
        px: side of the views in pixels, divisible by 8.
        strength: how strong the edits are, in [0, 1].

    Returns:
        Two ``float32`` tensors (n, 3, px, px) in [0, 1]; row i of both shows scene i.
    """
    pictures = scenes.float().div_(255)
    window = draw_windows(draws, len(scenes), smallest=0.65)
    first = edited(draws, pictures, window, px=px, strength=strength)
    second = edited(draws, pictures, window, px=px, strength=strength)
    return first, second


def edited(
    draws: Draws,
    pictures: torch.Tensor,
    window: tuple[torch.Tensor, torch.Tensor],
    *,
    px: int,
    strength: float,
) -> torch.Tensor:
    """One random edit of each picture.

    Args:
        draws: the random stream, on the device of ``pictures``.
        pictures: ``float32`` (n, 3, s, s) in [0, 1].
        window: centre and half side (n, 2) of the part of each that counts as the whole picture.
        px: side of the result in pixels, divisible by 8.
        strength: in [0, 1].

    Returns:
        ``float32`` (n, 3, px, px) in [0, 1].
    """
    placement = draw_placement(draws, len(pictures), placement_range(strength))
    views, coverage = resample(pictures, window, placement, px)
    views = recolour(draws, views, strength) * coverage
    views = fill_outside(draws, views, coverage)
    views = screen_bars(draws, views, 0.05 + 0.1 * strength, tallest=0.15)
    views = boxes_and_text(draws, views, strength)
    return degrade(draws, views, strength)
