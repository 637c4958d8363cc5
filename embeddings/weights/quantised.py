"""State dicts with int8 convolutions: a quarter of the size, and the same vectors to 0.999."""

from collections.abc import Mapping

import numpy as np

from ..resnet50 import StateDict, Tensor

SCALE_SUFFIX = ".scale"
"""``NAME.scale`` holds the float32 ``(out,)`` scales of the int8 tensor ``NAME``."""

_LEVELS = 127


def quantised(state: StateDict) -> dict[str, Tensor]:
    """Return the tensors to store for a state dict.

    Each output channel of a convolution has its own scale, so that rounding costs at most half of
    1/127 of the channel's largest weight. Batch norms stay as they are: they are 2 % of the file.

    Args:
        state: torchvision's ResNet50 names; the 4-d tensors are convolutions.

    Returns:
        int8 ``(out, in, h, w)`` weights with float32 ``(out,)`` scales beside them for the
        convolutions, float32 for the rest. Counters of batches are left out.
    """
    stored: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        values = np.ascontiguousarray(tensor, np.float32)
        if values.ndim != 4:
            stored[name] = values
            continue
        scale = np.maximum(np.abs(values).max(axis=(1, 2, 3)), np.float32(1e-12)) / _LEVELS
        stored[name] = np.rint(values / scale[:, None, None, None]).astype(np.int8)
        stored[name + SCALE_SUFFIX] = scale
    return stored


def dequantised(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the float32 state dict of what `quantised` gave; others come back as they are."""
    state: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        scale = stored.get(name + SCALE_SUFFIX)
        if scale is not None:
            scales = scale.astype(np.float32)[:, None, None, None]
            state[name] = tensor.astype(np.float32) * scales
        elif not name.endswith(SCALE_SUFFIX):
            state[name] = tensor
    return state
