"""Edits that move pixels: crop, squash, mirror, rotation, padding; all in one resampling.

A view looks at its scene through three frames: the output square, the content rectangle inside it
(smaller than the output where there is padding) and the crop of the scene that fills the content.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .randomness import Draws


@dataclass(frozen=True)
class Placement:
    """Where each of n views takes its pixels from; coordinates run over [-1, 1].

    Attributes:
        content_centre: ``float32`` (n, 2), x and y of the content's centre in the output.
        content_half: ``float32`` (n, 2), half its width and height; 1 fills the output.
        crop_centre: ``float32`` (n, 2), x and y of the crop's centre in the scene.
        crop_half: ``float32`` (n, 2), half its width and height; negative mirrors.
        angle: ``float32`` (n,), rotation in radians.
    """

    content_centre: torch.Tensor
    content_half: torch.Tensor
    crop_centre: torch.Tensor
    crop_half: torch.Tensor
    angle: torch.Tensor


@dataclass(frozen=True)
class PlacementRange:
    """How strongly views may be moved.

    Attributes:
        crop_probability: share of views that are cropped.
        smallest_crop: smallest share of the area that a crop keeps, in (0, 1].
        padding_probability: share of views whose content is smaller than the output.
        widest_padding: largest share of the output's width or height that padding takes.
        rotation_probability: share of views that are rotated.
        largest_angle: in radians.
    """

    crop_probability: float
    smallest_crop: float
    padding_probability: float
    widest_padding: float
    rotation_probability: float
    largest_angle: float


def draw_placement(draws: Draws, count: int, limits: PlacementRange) -> Placement:
    """Draw one placement per view, within ``limits``; half of all views are mirrored."""
    one = torch.ones((count, 2), device=draws.device)
    cropped = draws.chance(limits.crop_probability, count, 1)
    area = draws.uniform(limits.smallest_crop, 1, count, 1)
    aspect = draws.log_uniform(0.8, 1.25, count, 1)
    side = torch.cat([(area * aspect).sqrt(), (area / aspect).sqrt()], 1).clamp(max=1)
    crop_half = torch.where(cropped, side, one)
    crop_centre = (1 - crop_half) * draws.uniform(-1, 1, count, 2)
    mirror = torch.where(draws.chance(0.5, count), -1.0, 1.0)
    crop_half = crop_half * torch.stack([mirror, torch.ones_like(mirror)], 1)

    padded = draws.chance(limits.padding_probability, count, 1)
    # Letterbox, pillarbox or a frame all round: each axis is padded on its own.
    axes = padded & draws.chance(0.7, count, 2)
    content_half = torch.where(axes, 1 - draws.uniform(0, limits.widest_padding, count, 2), one)
    centred = draws.chance(0.6, count, 1)
    slack = torch.where(centred, 0.0, draws.uniform(-1, 1, count, 2))
    content_centre = (1 - content_half) * slack

    rotated = draws.chance(limits.rotation_probability, count)
    angle = torch.where(rotated, draws.uniform(-1, 1, count) * limits.largest_angle, 0.0)
    return Placement(content_centre, content_half, crop_centre, crop_half, angle)


def draw_windows(draws: Draws, count: int, smallest: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows that stand for whole scenes, so that one stored scene gives many pictures.

    Returns:
        Centre and half side, ``float32`` (count, 2) each, inside [-1, 1].
    """
    half = draws.uniform(smallest, 1, count, 1).expand(count, 2)
    flip = torch.where(draws.chance(0.5, count, 2), -1.0, 1.0)
    return (1 - half) * draws.uniform(-1, 1, count, 2), half * flip


def resample(
    scenes: torch.Tensor,
    window: tuple[torch.Tensor, torch.Tensor],
    placement: Placement,
    px: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take the views' pixels.

    Args:
        scenes: ``float32`` (n, 3, s, s), one per view.
        window: centre and half side, (n, 2) each, of the part that counts as the whole picture.
        placement: where each view looks.
        px: side of the views, in pixels.

    Returns:
        Views ``float32`` (n, 3, px, px), 0 outside the picture, and coverage (n, 1, px, px): the
        share of each pixel that shows the picture, in [0, 1].
    """
    # Two by two samples per pixel, averaged below, stand in for an antialiased resize.
    axis = (torch.arange(2 * px, device=scenes.device) + 0.5) / px - 1
    x, y = axis.view(1, 1, -1), axis.view(1, -1, 1)
    x = (x - _column(placement.content_centre, 0)) / _column(placement.content_half, 0)
    y = (y - _column(placement.content_centre, 1)) / _column(placement.content_half, 1)
    shown = (x.abs() <= 1) & (y.abs() <= 1)
    cos, sin = placement.angle.cos().view(-1, 1, 1), placement.angle.sin().view(-1, 1, 1)
    x, y = x * cos - y * sin, x * sin + y * cos
    x = _column(placement.crop_centre, 0) + _column(placement.crop_half, 0) * x
    y = _column(placement.crop_centre, 1) + _column(placement.crop_half, 1) * y
    shown = shown & (x.abs() <= 1) & (y.abs() <= 1)
    centre, half = window
    x = _column(centre, 0) + _column(half, 0) * x
    y = _column(centre, 1) + _column(half, 1) * y
    grid = torch.stack([x, y], -1)
    sampled = torch.nn.functional.grid_sample(
        scenes, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    coverage = shown.unsqueeze(1).to(sampled.dtype)
    pooled = torch.nn.functional.avg_pool2d(torch.cat([sampled * coverage, coverage], 1), 2)
    return pooled[:, :3], pooled[:, 3:]


def _column(pairs: torch.Tensor, index: int) -> torch.Tensor:
    return pairs[:, index].view(-1, 1, 1)
