"""Edits that change values: colour, brightness, contrast, blur, JPEG and noise.

What is linear in RGB (saturation, hue, channel order, brightness) is one 3 x 3 matrix per view.
"""

from __future__ import annotations

import math

import torch

from .randomness import Draws
from .textures import gaussian_blur

_LUMA = (0.299, 0.587, 0.114)
# Rows: Y, I, Q. Hue turns the I-Q plane.
_YIQ_FROM_RGB = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
_PERMUTATIONS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
# Annex K of ITU-T T.81, the luminance table.
_JPEG_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def recolour(
    draws: Draws, views: torch.Tensor, strength: float, *, greyscale: float = 0.12
) -> torch.Tensor:
    """Contrast, saturation or greyscale, hue, channel order, brightness and gamma.

    Args:
        draws: the random stream.
        views: ``float32`` (n, 3, h, w) in [0, 1].
        strength: 0 changes little, 1 is the full range.
        greyscale: share of views in greyscale at strength 1; half of it at 0.

    Returns:
        ``float32`` (n, 3, h, w) in [0, 1].
    """
    count = views.shape[0]
    contrast = _factor(draws, count, 0.35 + 0.1 * strength, low=0.4, high=1.7, strength=strength)
    grey = _mean_grey(views).view(count, 1, 1, 1)
    views = (grey + contrast.view(count, 1, 1, 1) * (views - grey)).clamp_(0, 1)

    matrix = _hue_and_saturation(draws, count, strength, greyscale)
    matrix = _channel_orders(draws, count, 0.08 + 0.07 * strength) @ matrix
    brightness = _factor(draws, count, 0.45, low=0.45, high=1.8, strength=strength)
    matrix = matrix * brightness.view(count, 1, 1)
    flat = torch.bmm(matrix, views.flatten(2)).clamp_(0, 1)
    gamma = _factor(draws, count, 0.2, low=0.6, high=1.6, strength=strength)
    return flat.clamp_min_(1e-4).pow_(gamma.view(count, 1, 1)).view_as(views)


def degrade(draws: Draws, views: torch.Tensor, strength: float) -> torch.Tensor:
    """Blur, JPEG and noise, in this order; each reaches some of the views.

    Args:
        draws: the random stream.
        views: ``float32`` (n, 3, h, w) in [0, 1], sides divisible by 8.
        strength: 0 changes little, 1 is the full range.

    Returns:
        ``float32`` (n, 3, h, w) in [0, 1].
    """
    count, _, height, width = views.shape
    widest = height / 64 * (0.5 + 0.6 * strength)
    sigma = draws.uniform(0.2, widest, count) * draws.chance(0.25, count)
    blurred = gaussian_blur(views, sigma, reach=4)
    quality = draws.uniform(80 - 60 * strength, 95, count)
    compressed = jpeg_like(blurred, quality)
    views = torch.where(draws.chance(0.2, count, 1, 1, 1), compressed, blurred)
    amount = draws.uniform(0, 0.04 + 0.06 * strength, count, 1, 1, 1)
    amount = amount * draws.chance(0.25, count, 1, 1, 1)
    return (views + amount * draws.normal(count, 3, height, width)).clamp_(0, 1)


def jpeg_like(views: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """Round the coefficients of 8 x 8 cosine blocks as a JPEG encoder does.

    The luminance table serves all three RGB channels: near enough to teach blocking and ringing.

    Args:
        views: ``float32`` (n, c, h, w) in [0, 1], sides divisible by 8.
        quality: ``float32`` (n,), in [1, 100), the scale of libjpeg.

    Returns:
        ``float32`` (n, c, h, w), in [0, 1].
    """
    count, channels, height, width = views.shape
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50).view(count, 1, 1, 1, 1, 1)
    table = torch.tensor(_JPEG_LUMINANCE, device=views.device, dtype=views.dtype)
    step = (scale * table.view(1, 1, 1, 1, 8, 8)).clamp_min(1) / 255
    basis = _cosine_basis(views.device)
    blocks = views.view(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4) - 0.5
    coefficients = basis @ blocks @ basis.T  # (n, c, h/8, w/8, 8, 8)
    rounded = (coefficients / step).round_() * step
    restored = basis.T @ rounded @ basis + 0.5
    return restored.transpose(3, 4).reshape(count, channels, height, width).clamp_(0, 1)


def _cosine_basis(device: torch.device) -> torch.Tensor:
    """Orthonormal DCT-II of length 8, (8, 8), one basis vector per row."""
    position = torch.arange(8, device=device, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (position + 0.5) * position.view(8, 1)) / 2
    basis[0] /= math.sqrt(2)
    return basis


def _factor(
    draws: Draws, count: int, probability: float, *, low: float, high: float, strength: float
) -> torch.Tensor:
    """Factors (n,): 1, or with ``probability`` from [low, high], in half the log range at first."""
    reach = 0.5 + 0.5 * strength
    drawn = draws.log_uniform(low**reach, high**reach, count)
    return torch.where(draws.chance(probability, count), drawn, 1.0)


def _mean_grey(views: torch.Tensor) -> torch.Tensor:
    """Mean luminance of each view, (n,)."""
    luma = torch.tensor(_LUMA, device=views.device)
    return views.mean(dim=(2, 3)) @ luma


def _hue_and_saturation(
    draws: Draws, count: int, strength: float, greyscale: float
) -> torch.Tensor:
    """Matrices (n, 3, 3) that turn the hue and scale the saturation, some to greyscale."""
    to_yiq = torch.tensor(_YIQ_FROM_RGB, device=draws.device)
    largest = math.pi * (0.15 + 0.85 * strength)
    angle = draws.uniform(-largest, largest, count)
    angle = torch.where(draws.chance(0.15 + 0.1 * strength, count), angle, 0.0)
    saturation = _factor(draws, count, 0.3, low=0.4, high=1.8, strength=strength)
    grey = draws.chance(greyscale * (0.5 + 0.5 * strength), count)
    saturation = torch.where(grey, 0.0, saturation)
    turn = torch.zeros(count, 3, 3, device=draws.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * angle.cos()
    turn[:, 2, 1] = saturation * angle.sin()
    turn[:, 1, 2] = -turn[:, 2, 1]
    to_rgb: torch.Tensor = torch.linalg.inv(to_yiq)
    return to_rgb @ turn @ to_yiq


def _channel_orders(draws: Draws, count: int, probability: float) -> torch.Tensor:
    """Permutation matrices (n, 3, 3): the identity, or with ``probability`` another order."""
    identity = torch.eye(3, device=draws.device)
    orders = identity[torch.tensor(_PERMUTATIONS, device=draws.device)]
    drawn = orders[draws.integers(0, len(_PERMUTATIONS), count)]
    return torch.where(draws.chance(probability, count, 1, 1), drawn, identity)
