"""Pictures that are much like another one and yet different: in one object, or in their layout."""

from __future__ import annotations

import torch

from .randomness import Draws


def with_changed_object(
    draws: Draws, pictures: torch.Tensor, window: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Replace one ellipse in each picture by a part of another or by a part moved within it.

    Args:
        draws: the random stream, on the device of ``pictures``.
        pictures: ``float32`` (n, 3, s, s) in [0, 1].
        window: centre and half side (n, 2), over [-1, 1], of the part that will be looked at; the
            ellipse lies well inside it and takes between 4 and 15 % of its side.

    Returns:
        ``float32`` (n, 3, s, s) in [0, 1].
    """
    count, _, side, _ = pictures.shape
    centre, half = window
    middle = centre + half.abs() * draws.uniform(-0.6, 0.6, count, 2)
    radius = half.abs() * draws.log_uniform(0.08, 0.3, count, 2)
    axis = torch.linspace(-1, 1, side, device=pictures.device)
    x = (axis.view(1, 1, -1) - middle[:, 0].view(-1, 1, 1)) / radius[:, 0].view(-1, 1, 1)
    y = (axis.view(1, -1, 1) - middle[:, 1].view(-1, 1, 1)) / radius[:, 1].view(-1, 1, 1)
    inside = (x.square() + y.square() < 1).unsqueeze(1)
    shift = int(draws.integers(side // 8, side // 2, 1))
    moved = pictures.roll((shift, shift), dims=(2, 3))
    source = torch.where(draws.chance(0.5, count, 1, 1, 1), moved, pictures.roll(1, dims=0))
    return torch.where(inside, source, pictures)


def shuffled_tiles(draws: Draws, pictures: torch.Tensor, grid: int) -> torch.Tensor:
    """Cut each picture into ``grid`` by ``grid`` tiles and put them into any order.

    Args:
        draws: the random stream, on the device of ``pictures``.
        pictures: ``float32`` (n, 3, s, s); where ``grid`` does not divide s, the rest is cut off.
        grid: tiles per side.

    Returns:
        ``float32`` (n, 3, s', s'), s' the largest multiple of ``grid`` in s.
    """
    count, channels, side, _ = pictures.shape
    tile = side // grid
    cut = pictures[:, :, : grid * tile, : grid * tile]
    # (n, 3, grid, tile, grid, tile) -> (n, grid * grid, 3, tile, tile)
    tiles = cut.reshape(count, channels, grid, tile, grid, tile).permute(0, 2, 4, 1, 3, 5)
    tiles = tiles.reshape(count, grid * grid, channels, tile, tile)
    order = draws.uniform(0, 1, count, grid * grid).argsort(1).view(count, -1, 1, 1, 1)
    tiles = tiles.gather(1, order.expand_as(tiles))
    whole = tiles.view(count, grid, grid, channels, tile, tile).permute(0, 3, 1, 4, 2, 5)
    return whole.reshape(count, channels, grid * tile, grid * tile)
