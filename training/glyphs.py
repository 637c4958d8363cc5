"""Invented letters: short strokes between the points of a small lattice, set in lines."""

from __future__ import annotations

from functools import lru_cache

import torch

from .randomness import Draws

GLYPH_HEIGHT = 14
GLYPH_WIDTH = 9
_ALPHABET = 96
_ALPHABET_SEED = 20


@lru_cache(maxsize=4)
def alphabet(device: torch.device) -> torch.Tensor:
    """The fixed set of glyphs, ``float32`` (96, 14, 9) in [0, 1]; the last one is a space.

    Each is two to four straight strokes between points of a lattice of 3 x 4, drawn as the
    distance to the stroke, so that edges are smooth.
    """
    draws = Draws(_ALPHABET_SEED)
    y = torch.arange(GLYPH_HEIGHT).view(1, 1, -1, 1) + 0.5
    x = torch.arange(GLYPH_WIDTH).view(1, 1, 1, -1) + 0.5
    shape = (_ALPHABET, 4, 1, 1)
    columns = draws.integers(0, 3, 2, *shape) * 3.0 + 1.5
    rows = draws.integers(0, 4, 2, *shape) * 3.4 + 1.8
    dx, dy = columns[1] - columns[0], rows[1] - rows[0]
    along = ((x - columns[0]) * dx + (y - rows[0]) * dy) / (dx * dx + dy * dy).clamp_min(1e-3)
    along = along.clamp(0, 1)
    distance = torch.hypot(x - columns[0] - along * dx, y - rows[0] - along * dy)
    distance = distance + 99 * draws.chance(0.3, *shape)
    ink = (1.5 - distance.amin(1)).clamp(0, 1)
    ink[-1] = 0
    return ink.to(device)


def text_lines(draws: Draws, count: int, *, length: int) -> torch.Tensor:
    """Lines of random glyphs with spaces between the words and ragged ends.

    Returns:
        ``float32`` (count, 1, 14, 9 * length): ink coverage in [0, 1].
    """
    letters = draws.integers(0, _ALPHABET, count, length)
    space = draws.chance(0.15, count, length)
    last = draws.integers(2, length + 1, count, 1)
    ragged = torch.arange(length, device=draws.device) >= last
    letters = torch.where(space | ragged, _ALPHABET - 1, letters)
    ink = alphabet(draws.device)[letters]  # (count, length, 14, 9)
    return ink.permute(0, 2, 1, 3).reshape(count, 1, GLYPH_HEIGHT, GLYPH_WIDTH * length)
