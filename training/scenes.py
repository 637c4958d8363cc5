"""Pictures to learn from, made by the program: occluding lit objects over a textured ground.

The layout is a dead-leaves model: opaque objects with power-law sizes cover one another, which
alone reproduces much of what natural images measure (Lee, Mumford and Huang, "Occlusion models for
natural images", IJCV 2001; Baradad et al., "Learning to see by looking at noise", NeurIPS 2021).
Rows of equal objects, lines of glyphs, a perspective floor, shadows, uneven light, lens blur and
grain bring the pictures nearer to photographs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from .glyphs import text_lines
from .randomness import Draws
from .surfaces import Surfaces, draw_surfaces
from .textures import gaussian_blur, muted_palette, picked, spectral_noise

PALETTE_COLOURS = 6


@dataclass(frozen=True)
class Layer:
    """One round of painting: an object per scene, drawn in a window of ``window`` of the canvas.

    Attributes:
        window: side of the window as a share of the canvas, in (0, 1].
        repeats: how often the same object is painted at most, in a row or scattered.
    """

    window: float
    repeats: int


LAYERS = (
    *(Layer(0.7, 1),) * 3,
    *(Layer(0.45, 3),) * 4,
    *(Layer(0.3, 5),) * 4,
    Layer(0.25, 16),
    *(Layer(0.2, 7),) * 6,
    *(Layer(0.12, 8),) * 7,
)
"""Large objects first, then ever smaller and more: about 1/r^3 in number, as in dead leaves."""


def render_scenes(draws: Draws, count: int, size: int) -> torch.Tensor:
    """Render scenes on the device of ``draws``.

    Args:
        draws: the random stream; the same stream gives the same scenes.
        count: how many scenes.
        size: side of the square scenes, in pixels.

    Returns:
        ``uint8`` (count, 3, size, size), RGB.
    """
    margin = size // 10
    side = size + 2 * margin
    palette = muted_palette(draws, count, PALETTE_COLOURS)
    noise = spectral_noise(draws, count, side, low=0.7, high=1.9)
    light = _light(draws, count)
    density = draws.uniform(0.1, 1, count)
    canvas = _ground(draws, palette, noise)
    for layer in LAYERS:
        window = max(8, int(layer.window * side))
        objects = draw_surfaces(draws, palette, _swatches(draws, noise, window), light)
        _paint(draws, canvas, objects, density, repeats=layer.repeats)
    for _ in range(2):
        _write(draws, canvas, palette)
    photographed = _photographed(draws, canvas)
    inner = photographed[:, :, margin : margin + size, margin : margin + size]
    return (inner * 255).round_().to(torch.uint8).contiguous()


def _light(draws: Draws, count: int) -> torch.Tensor:
    """Unit vectors towards the light, (n, 3, 1, 1), mostly from above (negative y)."""
    azimuth = -math.pi / 2 + draws.normal(count)
    elevation = draws.uniform(0.4, 1.3, count)
    parts = (azimuth.cos() * elevation.cos(), azimuth.sin() * elevation.cos(), elevation.sin())
    return torch.stack(parts, 1).view(count, 3, 1, 1)


def _ground(draws: Draws, palette: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """What lies behind all objects, (n, 3, s, s): a wall, and in half the scenes a floor."""
    count, side, _ = noise.shape
    axis = torch.linspace(-1, 1, side, device=draws.device)
    ramp = axis.view(1, 1, -1) * draws.normal(count, 1, 1) + axis.view(1, -1, 1) * draws.normal(
        count, 1, 1
    )
    steepness = draws.log_uniform(0.3, 3, count, 1, 1)
    mixing = torch.sigmoid(ramp + steepness * noise).unsqueeze(1)
    wall = torch.lerp(picked(draws, palette), picked(draws, palette), mixing)

    horizon = draws.uniform(-0.5, 0.6, count, 1, 1)
    depth = 1 / (axis.view(1, -1, 1) - horizon).clamp_min(0.03)
    heading = draws.uniform(-0.6, 0.6, count, 1, 1)
    across = axis.view(1, 1, -1) * depth + heading * depth
    tiles = draws.uniform(2, 9, count, 1, 1)
    pattern = torch.sin(tiles * across) + draws.chance(0.5, count, 1, 1) * torch.sin(tiles * depth)
    pattern = torch.sigmoid(3 * pattern / (1 + 0.3 * depth) + noise).unsqueeze(1)
    floor = torch.lerp(picked(draws, palette), picked(draws, palette), pattern)
    floor = floor * (1 + 0.1 * noise.unsqueeze(1))
    below = (axis.view(1, 1, -1, 1) > horizon.unsqueeze(1)) & draws.chance(0.5, count, 1, 1, 1)
    return torch.where(below, floor, wall)


def _swatches(draws: Draws, noise: torch.Tensor, window: int) -> torch.Tensor:
    """A random piece of a random scene's noise for each scene, (n, 1, window, window)."""
    count, side, _ = noise.shape
    owner = draws.distinct(count, count).view(count, 1, 1)
    step = torch.arange(window, device=noise.device)
    rows = draws.integers(0, side - window + 1, count, 1, 1) + step.view(1, -1, 1)
    columns = draws.integers(0, side - window + 1, count, 1, 1) + step.view(1, 1, -1)
    return noise[owner, rows, columns].unsqueeze(1)


def _paint(
    draws: Draws,
    canvas: torch.Tensor,
    objects: Surfaces,
    density: torch.Tensor,
    *,
    repeats: int,
) -> None:
    """Paint each object onto its scene, in place, once or several times.

    Args:
        draws: the random stream.
        canvas: ``float32`` (n, 3, s, s), changed.
        objects: one per scene.
        density: ``float32`` (n,), the probability that a scene takes its object at all.
        repeats: most copies of an object; half the scenes place theirs in a row, half at random.
    """
    count, _, side, _ = canvas.shape
    window = objects.alpha.shape[-1]
    copies = draws.integers(1, repeats + 1, count)
    present = draws.uniform(0, 1, count) < density
    in_row = draws.chance(0.5, count, 1)
    top_left = draws.uniform(-0.1, 0.9, count, 2) * (side - window)
    pitch = window * draws.uniform(0.5, 1.1, count, 1)
    heading = torch.where(draws.chance(0.6, count, 1), 0.0, draws.uniform(0, 2 * math.pi, count, 1))
    stride = pitch * torch.cat([heading.sin(), heading.cos()], 1)
    offset = max(1, window // 12)
    shadow = torch.roll(objects.shadow, (offset, offset // 2), (2, 3))
    coverage = objects.alpha
    for copy in range(repeats):
        scattered = draws.uniform(-0.1, 1.1, count, 2) * (side - window)
        corner = torch.where(in_row, top_left + copy * stride, scattered)
        inside = (corner >= 0).all(1) & (corner <= side - window).all(1)
        shown = (present & inside & (copy < copies)).float().view(count, 1, 1, 1)
        rows, columns = _window(corner.clamp(0, side - window).round().long(), window)
        owner = torch.arange(count, device=canvas.device).view(count, 1, 1)
        under = canvas[owner, :, rows, columns].permute(0, 3, 1, 2)
        shaded = under * (1 - shown * shadow * (1 - coverage))
        mixed = torch.lerp(shaded, objects.colour, shown * coverage)
        canvas[owner, :, rows, columns] = mixed.permute(0, 2, 3, 1)


def _window(corner: torch.Tensor, window: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Row (n, window, 1) and column (n, 1, window) indices of windows at ``corner`` (n, 2)."""
    step = torch.arange(window, device=corner.device)
    return corner[:, :1, None] + step.view(1, -1, 1), corner[:, 1:, None] + step.view(1, 1, -1)


def _write(draws: Draws, canvas: torch.Tensor, palette: torch.Tensor) -> None:
    """Write a line of glyphs onto some scenes, in place, often on a label of its own colour."""
    count, _, side, _ = canvas.shape
    height = int(draws.integers(side // 16, side // 6, 1))
    width = int(draws.integers(side // 3, side * 2 // 3, 1))
    ink = text_lines(draws, count, length=int(draws.integers(5, 13, 1)))
    ink = torch.nn.functional.interpolate(ink, (height, width), mode="bilinear", antialias=True)
    shown = draws.chance(0.4, count, 1, 1, 1).float()
    corner = draws.uniform(0, 1, count, 2) * torch.tensor(
        [side - height, side - width], device=canvas.device
    )
    corner = corner.long()
    rows = corner[:, :1, None] + torch.arange(height, device=canvas.device).view(1, -1, 1)
    columns = corner[:, 1:, None] + torch.arange(width, device=canvas.device).view(1, 1, -1)
    owner = torch.arange(count, device=canvas.device).view(count, 1, 1)
    under = canvas[owner, :, rows, columns].permute(0, 3, 1, 2)
    label = shown * draws.chance(0.6, count, 1, 1, 1)
    under = torch.lerp(under, picked(draws, palette).expand_as(under), label)
    mixed = torch.lerp(under, picked(draws, palette).expand_as(under), shown * ink)
    canvas[owner, :, rows, columns] = mixed.permute(0, 2, 3, 1)


def _photographed(draws: Draws, canvas: torch.Tensor) -> torch.Tensor:
    """What a camera makes of the scene, in [0, 1]: uneven light, exposure, blur and grain."""
    count, _, side, _ = canvas.shape
    illumination = spectral_noise(draws, count, side, low=1.8, high=2.4).unsqueeze(1)
    image = canvas * torch.exp(draws.uniform(0, 0.35, count, 1, 1, 1) * illumination)
    image = image * draws.uniform(0.85, 1.15, count, 3, 1, 1)
    mean = image.mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-3)
    exposure = draws.uniform(0.25, 0.6, count, 1, 1, 1) / mean
    image = (image * exposure).clamp_min_(0)
    image = image / (1 + image**4) ** 0.25  # rolls off softly below 1
    image = gaussian_blur(image, draws.uniform(0, 1.2, count), reach=3)
    grain = draws.uniform(0, 0.03, count, 1, 1, 1) * draws.normal(count, 1, side, side)
    return (image + grain).clamp_(0, 1)
