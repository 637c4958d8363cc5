"""Single objects of a scene: a silhouette, its two-colour surface, and how light falls on it.

All objects of one call share the window they are drawn in; shape, surface and light differ per
object. Silhouettes are one family: a superellipse whose radius may wave around the outline. It
holds discs, boxes, lozenges, bars, leaves, stars and blobs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from .randomness import Draws
from .textures import picked


@dataclass(frozen=True)
class Surfaces:
    """Objects ready to be painted, each in a square window.

    Attributes:
        colour: ``float32`` (n, 3, w, w), lit RGB in about [0, 1].
        alpha: ``float32`` (n, 1, w, w), coverage in [0, 1].
        shadow: ``float32`` (n, 1, w, w), darkening in [0, 1] that the object throws.
    """

    colour: torch.Tensor
    alpha: torch.Tensor
    shadow: torch.Tensor


def draw_surfaces(
    draws: Draws,
    palette: torch.Tensor,
    noise: torch.Tensor,
    light: torch.Tensor,
) -> Surfaces:
    """Draw one object per scene.

    Args:
        draws: the random stream.
        palette: ``float32`` (n, colours, 3), the colours of each scene.
        noise: ``float32`` (n, 1, w, w), natural texture for each object.
        light: ``float32`` (n, 3, 1, 1), unit vector towards the light, z towards the viewer.
    """
    count, _, window, _ = noise.shape
    axis = torch.linspace(-1, 1, window, device=draws.device)
    angle = torch.where(
        draws.chance(0.5, count, 1, 1),
        0.1 * draws.normal(count, 1, 1),
        draws.uniform(0, 2 * math.pi, count, 1, 1),
    )
    cos, sin = angle.cos(), angle.sin()
    width = draws.uniform(0.55, 0.95, count, 1, 1)
    thin = torch.where(
        draws.chance(0.2, count, 1, 1),
        draws.log_uniform(0.06, 0.3, count, 1, 1),
        draws.uniform(0.35, 1.0, count, 1, 1),
    )
    u = (axis.view(1, 1, -1) * cos + axis.view(1, -1, 1) * sin) / width
    v = (axis.view(1, -1, 1) * cos - axis.view(1, 1, -1) * sin) / (width * thin)
    turn = torch.atan2(v, u)

    radius = _outline_radius(draws, u, v, turn)
    sharpness = draws.uniform(0.25, 1.0, count, 1, 1) * window
    alpha = torch.sigmoid((1 - radius) * sharpness)
    rim = draws.uniform(0.08, 0.3, count, 1, 1)
    hollow = draws.chance(0.08, count, 1, 1)
    alpha = torch.where(
        hollow, alpha * torch.sigmoid((radius - 1 + rim) * sharpness), alpha
    ).unsqueeze(1)
    shadow = torch.sigmoid((1.05 - radius) * 8) * draws.uniform(0, 0.6, count, 1, 1)

    colour = _pattern(draws, palette, u, v, noise)
    shade = _shading(draws, u, v, radius, turn, (cos, sin), light)
    return Surfaces(colour=colour * shade, alpha=alpha, shadow=shadow.unsqueeze(1))


def _outline_radius(
    draws: Draws, u: torch.Tensor, v: torch.Tensor, turn: torch.Tensor
) -> torch.Tensor:
    """Distance from the centre in units of the outline's, (n, w, w): 1 on the outline."""
    count = u.shape[0]
    power = draws.log_uniform(1.1, 14, count, 1, 1)
    power = torch.where(draws.chance(0.4, count, 1, 1), 2.0, power)
    radius = (u.abs() ** power + v.abs() ** power + 1e-6) ** (1 / power)
    lobes = draws.integers(2, 8, count, 1, 1)
    depth = draws.uniform(0.05, 0.35, count, 1, 1) * draws.chance(0.4, count, 1, 1)
    phase = draws.uniform(0, 2 * math.pi, count, 1, 1)
    return radius * (1 + depth) / (1 + depth * torch.cos(lobes * turn + phase))


def _pattern(
    draws: Draws, palette: torch.Tensor, u: torch.Tensor, v: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Two colours mixed by noise or stripes, with a finer grain over both, (n, 3, w, w)."""
    count = u.shape[0]
    first, second = picked(draws, palette), picked(draws, palette)
    heading = draws.uniform(0, 2 * math.pi, count, 1, 1)
    cycles = draws.log_uniform(3, 30, count, 1, 1)
    stripes = torch.sin(cycles * (u * heading.cos() + v * heading.sin()) + 3 * heading)
    striped = draws.chance(0.3, count, 1, 1)
    plain = draws.chance(0.35, count, 1, 1)
    steepness = draws.log_uniform(0.5, 8, count, 1, 1)
    mixing = torch.where(striped, stripes, noise.squeeze(1)) + draws.uniform(-1, 1, count, 1, 1)
    mixing = torch.where(plain, 0.0, torch.sigmoid(steepness * mixing)).unsqueeze(1)
    grain = draws.uniform(0.02, 0.25, count, 1, 1, 1) * noise
    return torch.lerp(first, second, mixing) * (1 + grain)


def _shading(
    draws: Draws,
    u: torch.Tensor,
    v: torch.Tensor,
    radius: torch.Tensor,
    turn: torch.Tensor,
    rotation: tuple[torch.Tensor, torch.Tensor],
    light: torch.Tensor,
) -> torch.Tensor:
    """Brightness (n, 1, w, w): Lambert plus a highlight on a ball, tube, crystal or flat sheet."""
    count = u.shape[0]
    cos, sin = rotation
    kind = draws.integers(0, 4, count, 1, 1)
    ball, tube, crystal = kind == 0, kind == 1, kind == 2
    facets = draws.integers(3, 6, count, 1, 1)
    sector = torch.floor((turn / (2 * math.pi) + 0.5) * facets) / facets * 2 * math.pi
    bend_u = torch.where(crystal, 0.6 * sector.cos(), u)
    bend_v = torch.where(crystal, 0.6 * sector.sin(), torch.where(ball, v, 0.0))
    curved = (ball | tube | crystal).float()
    bend_u, bend_v = 0.9 * bend_u * curved, 0.9 * bend_v * curved
    height = torch.sqrt((1 - bend_u**2 - bend_v**2).clamp_min(0.02))
    across = bend_u * cos - bend_v * sin
    down = bend_u * sin + bend_v * cos
    facing = across * light[:, 0] + down * light[:, 1] + height * light[:, 2]
    ambient = draws.uniform(0.25, 0.7, count, 1, 1)
    diffuse = ambient + (1.25 - ambient) * facing.clamp_min(0)
    gloss = draws.uniform(0, 0.6, count, 1, 1) * draws.chance(0.3, count, 1, 1)
    highlight = gloss * facing.clamp(0, 1) ** 24 * curved
    edge = 1 - draws.uniform(0, 0.5, count, 1, 1) * radius.clamp(0, 1) ** 6
    return ((diffuse + highlight) * edge).unsqueeze(1)
