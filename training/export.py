"""Checkpoint -> the file that the product ships."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.numpy import save_file

from nearframe.embeddings.weights import quantised


def export(state: dict[str, torch.Tensor], path: Path, *, about: dict[str, str]) -> None:
    """Write the quantised file, whole or not at all.

    Args:
        state: state dict with torchvision's ResNet50 names.
        path: the ``.safetensors`` file to write.
        about: where the weights come from, kept in the file's header.
    """
    unfinished = path.with_name(path.name + ".unfinished")
    arrays = {name: tensor.float().cpu().numpy() for name, tensor in state.items()}
    save_file(quantised(arrays), unfinished, metadata=about)
    unfinished.replace(path)
