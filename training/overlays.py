"""Edits that put something on top or around: padding colour, boxes, text, the bars of a screen."""

from __future__ import annotations

import torch

from .glyphs import text_lines
from .randomness import Draws


def fill_outside(draws: Draws, views: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
    """Colour what does not show the picture: black, white, grey or any colour.

    Args:
        draws: the random stream.
        views: ``float32`` (n, 3, h, w), already multiplied by ``coverage``.
        coverage: ``float32`` (n, 1, h, w) in [0, 1].

    Returns:
        ``float32`` (n, 3, h, w) in [0, 1].
    """
    return views + (1 - coverage) * _flat_colours(draws, views.shape[0])


def screen_bars(
    draws: Draws, views: torch.Tensor, probability: float, *, tallest: float
) -> torch.Tensor:
    """Cover the top, and sometimes the bottom, with a bar that carries text, as a program does.

    Args:
        draws: the random stream.
        views: ``float32`` (n, 3, h, w) in [0, 1].
        probability: share of views that get bars.
        tallest: tallest bar as a share of the height.

    Returns:
        ``float32`` (n, 3, h, w) in [0, 1].
    """
    count = views.shape[0]
    barred = draws.chance(probability, count)
    bottom = draws.chance(0.5, count)
    for at_top in (True, False):
        wanted = barred if at_top else barred & bottom
        height = draws.uniform(0.04, tallest, count) * wanted
        centre = -1 + height if at_top else 1 - height
        half = torch.stack([torch.ones_like(height), height], 1)
        middle = torch.stack([torch.zeros_like(centre), centre], 1)
        views = _with_box(views, middle, half, _flat_colours(draws, count))
        views = _with_text(draws, views, middle, half * 0.7, wanted)
    return views


def boxes_and_text(draws: Draws, views: torch.Tensor, strength: float) -> torch.Tensor:
    """Up to three boxes and a line of text anywhere on some of the views.

    Args:
        draws: the random stream.
        views: ``float32`` (n, 3, h, w) in [0, 1].
        strength: 0 gives small and few boxes, 1 boxes of up to half the side.

    Returns:
        ``float32`` (n, 3, h, w) in [0, 1].
    """
    count = views.shape[0]
    touched = draws.chance(0.1 + 0.2 * strength, count)
    for _ in range(3):
        wanted = (touched & draws.chance(0.6, count)).float().unsqueeze(1)
        half = draws.uniform(0.04, 0.2 + 0.3 * strength, count, 2) * wanted
        centre = draws.uniform(-0.95, 0.95, count, 2)
        views = _with_box(views, centre, half, _flat_colours(draws, count))
    half = torch.cat([draws.uniform(0.3, 0.9, count, 1), draws.uniform(0.05, 0.2, count, 1)], 1)
    centre = (1 - half) * draws.uniform(-1, 1, count, 2)
    return _with_text(draws, views, centre, half, draws.chance(0.1 + 0.2 * strength, count))


def _flat_colours(draws: Draws, count: int) -> torch.Tensor:
    """One colour per view, (n, 3, 1, 1): a third each black or white, grey, anything."""
    kind = draws.integers(0, 3, count, 1)
    extreme = draws.chance(0.5, count, 1).float().expand(count, 3)
    grey = draws.uniform(0, 1, count, 1).expand(count, 3)
    colour = torch.where(kind == 0, extreme, grey)
    colour = torch.where(kind == 2, draws.uniform(0, 1, count, 3), colour)
    return colour.view(count, 3, 1, 1)


def _with_box(
    views: torch.Tensor, centre: torch.Tensor, half: torch.Tensor, colour: torch.Tensor
) -> torch.Tensor:
    """Views with a filled box each; centre and half sides (n, 2) as x, y over [-1, 1]."""
    height, width = views.shape[2:]
    x = torch.linspace(-1, 1, width, device=views.device).view(1, 1, 1, -1)
    y = torch.linspace(-1, 1, height, device=views.device).view(1, 1, -1, 1)
    centre, half = centre[..., None, None, None], half[..., None, None, None]
    inside = ((x - centre[:, 0]).abs() < half[:, 0]) & ((y - centre[:, 1]).abs() < half[:, 1])
    return torch.where(inside, colour, views)


def _with_text(
    draws: Draws,
    views: torch.Tensor,
    centre: torch.Tensor,
    half: torch.Tensor,
    wanted: torch.Tensor,
) -> torch.Tensor:
    """Views with a line of glyphs stretched over the given rectangle where ``wanted`` (n,)."""
    count, _, height, width = views.shape
    ink = text_lines(draws, count, length=14)
    half = half.clamp_min(0.02)
    theta = torch.zeros(count, 2, 3, device=views.device)
    theta[:, 0, 0], theta[:, 1, 1] = 1 / half[:, 0], 1 / half[:, 1]
    theta[:, :, 2] = -centre / half
    grid = torch.nn.functional.affine_grid(theta, [count, 1, height, width], align_corners=False)
    ink = torch.nn.functional.grid_sample(ink, grid, padding_mode="zeros", align_corners=False)
    ink = ink * wanted.float().view(count, 1, 1, 1)
    return torch.lerp(views, _flat_colours(draws, count).expand_as(views), ink)
