"""Fields with the statistics of natural images, and the muted colours that go with them.

The amplitude spectrum of photographs falls as 1/f^a with a near 1 (Field, "Relations between the
statistics of natural images and the response properties of cortical cells", JOSA A 1987); colours
of surfaces vary mostly in lightness, little in saturation, and share a few hues within one scene.
"""

from __future__ import annotations

import math

import torch

from .randomness import Draws


def spectral_noise(draws: Draws, count: int, size: int, *, low: float, high: float) -> torch.Tensor:
    """Gaussian fields whose amplitude spectrum falls as 1/f^a, a drawn from [low, high) per field.

    Some fields are stretched along a random direction, as wood, cloth and grass are.

    Returns:
        ``float32`` (count, size, size), zero mean and unit variance per field, periodic.
    """
    spectrum = torch.fft.rfft2(draws.normal(count, size, size))
    fy = torch.fft.fftfreq(size, device=draws.device).view(1, size, 1)
    fx = torch.fft.rfftfreq(size, device=draws.device).view(1, 1, size // 2 + 1)
    angle = draws.uniform(0, math.pi, count, 1, 1)
    stretch = draws.log_uniform(1, 6, count, 1, 1)
    stretch = torch.where(draws.chance(0.3, count, 1, 1), stretch, torch.ones_like(stretch))
    along = fx * angle.cos() + fy * angle.sin()
    across = fy * angle.cos() - fx * angle.sin()
    frequency = torch.sqrt((along * stretch) ** 2 + (across / stretch) ** 2).clamp_min_(1 / size)
    exponent = draws.uniform(low, high, count, 1, 1)
    amplitude = frequency ** (-exponent)
    amplitude[:, 0, 0] = 0
    field: torch.Tensor = torch.fft.irfft2(spectrum * amplitude, s=(size, size))
    return field / field.std(dim=(1, 2), keepdim=True).clamp_min_(1e-6)


def muted_palette(draws: Draws, count: int, colours: int) -> torch.Tensor:
    """Colours of scenes: hues cluster around one or two per scene, saturation is mostly low.

    Returns:
        ``float32`` (count, colours, 3), RGB in [0, 1].
    """
    main_hue = draws.uniform(0, 2 * math.pi, count, 1)
    opposite = draws.chance(0.3, count, colours) * math.pi
    hue = main_hue + opposite + 0.7 * draws.normal(count, colours)
    lightness = draws.uniform(0.08, 0.85, count, colours)
    saturation = 0.75 * draws.uniform(0, 1, count, colours) ** 1.7
    saturation = saturation * draws.uniform(0.3, 1.2, count, 1)
    thirds = torch.tensor([0.0, 2 * math.pi / 3, 4 * math.pi / 3], device=draws.device)
    chroma = torch.cos(hue.unsqueeze(-1) - thirds)
    return (lightness.unsqueeze(-1) * (1 + saturation.unsqueeze(-1) * chroma)).clamp_(0, 1)


def picked(draws: Draws, palette: torch.Tensor, spread: float = 0.05) -> torch.Tensor:
    """One colour of each scene's palette, varied a little.

    Args:
        draws: the random stream.
        palette: ``float32`` (n, colours, 3).
        spread: standard deviation of the variation.

    Returns:
        ``float32`` (n, 3, 1, 1), RGB in [0, 1].
    """
    count, colours, _ = palette.shape
    choice = draws.integers(0, colours, count)
    colour = palette[torch.arange(count, device=palette.device), choice]
    return (colour + spread * draws.normal(count, 3)).clamp_(0, 1).view(count, 3, 1, 1)


def gaussian_blur(images: torch.Tensor, sigma: torch.Tensor, *, reach: int) -> torch.Tensor:
    """Blur each image with its own Gaussian; separable, reflecting at the border.

    Args:
        images: ``float32`` (n, c, h, w).
        sigma: ``float32`` (n,), in pixels; close to 0 leaves an image as it is.
        reach: half-width of the kernel in pixels, below h and w.

    Returns:
        ``float32`` (n, c, h, w).
    """
    count, channels, height, width = images.shape
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma.clamp_min(0.05).unsqueeze(1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = images.reshape(1, count * channels, height, width)
    flat = torch.nn.functional.pad(flat, (reach, reach, reach, reach), mode="reflect")
    flat = torch.nn.functional.conv2d(flat, kernel[:, None, None, :], groups=count * channels)
    flat = torch.nn.functional.conv2d(flat, kernel[:, None, :, None], groups=count * channels)
    return flat.view(count, channels, height, width)
