"""Checkpoints: written whole or not at all, so that the newest file is always usable."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Checkpoint:
    """A run's state between two steps.

    Attributes:
        step: steps done, which is also the next step's number.
        seed: the run's seed.
        network: state dict with torchvision's ResNet50 names, without the classifier.
        optimiser: state dict of the optimiser, or None in a finished run.
    """

    step: int
    seed: int
    network: dict[str, torch.Tensor]
    optimiser: dict[str, Any] | None


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint`` beside ``path`` under a temporary name, then rename it onto ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as file:
        torch.save(vars(checkpoint), file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU; nothing but tensors and plain values is unpickled."""
    return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
