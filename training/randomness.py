"""Seeded random numbers: every draw of the generator and of the edits goes through one object."""

from __future__ import annotations

import torch

_MASK64 = (1 << 64) - 1


def mixed_seed(*parts: int) -> int:
    """Fold several integers into one well spread 63-bit seed (splitmix64 over the parts)."""
    state = 0
    for part in parts:
        state = (state + part + 0x9E3779B97F4A7C15) & _MASK64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK64
        state ^= state >> 31
    return state >> 1


class Draws:
    """A stream of random tensors on one device.

    Args:
        *seed: integers that name the stream, for example ``(run seed, step)``. The same integers
            give the same numbers on the same kind of device.
        device: where the tensors are made.
    """

    def __init__(self, *seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(mixed_seed(*seed))

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """``float32`` of the given shape, uniform in [low, high)."""
        unit = torch.rand(shape, generator=self._generator, device=self.device)
        return unit.mul_(high - low).add_(low)

    def log_uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """``float32`` of the given shape in [low, high), uniform in its logarithm (low > 0)."""
        bounds = torch.tensor([low, high]).log()
        return self.uniform(float(bounds[0]), float(bounds[1]), *shape).exp_()

    def normal(self, *shape: int) -> torch.Tensor:
        """``float32`` of the given shape, standard normal."""
        return torch.randn(shape, generator=self._generator, device=self.device)

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """``int64`` of the given shape, uniform in [low, high)."""
        return torch.randint(low, high, shape, generator=self._generator, device=self.device)

    def chance(self, probability: float, *shape: int) -> torch.Tensor:
        """``bool`` of the given shape, True with the given probability."""
        return torch.rand(shape, generator=self._generator, device=self.device) < probability

    def distinct(self, count: int, below: int) -> torch.Tensor:
        """``int64`` (count,): different integers in [0, below)."""
        return torch.randperm(below, generator=self._generator, device=self.device)[:count]
