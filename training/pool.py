"""A store of rendered scenes that is renewed block by block while training goes on.

Rendering costs more than editing, so each scene serves many pairs. What the pool holds depends on
the seed and the step alone: a resumed run has the same scenes, from the cache or rendered again.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .randomness import Draws
from .scenes import render_scenes

_STREAM = 1
"""Keeps the scenes' random numbers apart from those of edits."""


class ScenePool:
    """Rendered scenes on one device.

    Args:
        seed: the run's seed.
        blocks: how many blocks the pool holds.
        block_scenes: scenes in a block.
        size: side of the scenes, in pixels.
        steps_per_block: after so many steps the oldest block is replaced by a new one.
        device: where scenes are rendered and kept.
        cache: folder that keeps the blocks now held, for a quick resume; None keeps nothing.
    """

    def __init__(
        self,
        seed: int,
        *,
        blocks: int,
        block_scenes: int,
        size: int,
        steps_per_block: int,
        device: torch.device,
        cache: Path | None = None,
    ) -> None:
        self._seed = seed
        self._blocks = blocks
        self._block_scenes = block_scenes
        self._size = size
        self._steps_per_block = steps_per_block
        self._cache = cache
        self._held: list[int | None] = [None] * blocks
        shape = (blocks * block_scenes, 3, size, size)
        self._scenes = torch.empty(shape, dtype=torch.uint8, device=device)

    def advance(self, step: int) -> None:
        """Render what the pool must hold at ``step`` and does not hold yet."""
        newest = self._blocks + step // self._steps_per_block - 1
        for slot in range(self._blocks):
            wanted = newest - (newest - slot) % self._blocks
            if self._held[slot] != wanted:
                start = slot * self._block_scenes
                self._scenes[start : start + self._block_scenes] = self._block(wanted)
                self._held[slot] = wanted

    def sample(self, draws: Draws, count: int) -> torch.Tensor:
        """Different scenes, ``uint8`` (count, 3, size, size)."""
        return self._scenes[draws.distinct(count, len(self._scenes))]

    def _block(self, number: int) -> torch.Tensor:
        """Block ``number``, ``uint8`` (block_scenes, 3, size, size), cached or rendered."""
        if self._cache is None:
            return self._rendered(number)
        name = f"seed{self._seed}-{self._block_scenes}x{self._size}px-{{}}.safetensors"
        path = self._cache / name.format(number)
        if path.exists():
            return load_file(path)["scenes"].to(self._scenes.device)
        block = self._rendered(number)
        self._cache.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        save_file({"scenes": block}, unfinished)
        unfinished.replace(path)
        (self._cache / name.format(number - self._blocks)).unlink(missing_ok=True)
        return block

    def _rendered(self, number: int) -> torch.Tensor:
        draws = Draws(self._seed, _STREAM, number, device=self._scenes.device)
        return render_scenes(draws, self._block_scenes, self._size)
