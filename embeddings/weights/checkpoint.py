"""What a file of weights holds -> the tensors of a ResNet50, or one line that says what it is."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nearframe.common import WeightsError, shown

from ..resnet50 import SHAPES, StateDict

_EXPECTED = "a state dict with torchvision's ResNet50 names"
# Of two networks in one file, that under one of these names is meant; the first counts.
_USUAL = ("state_dict", "model_state_dict", "model", "network", "net", "weights")
_DEPTH = 3
# Every ResNet has this tensor; what stands before its name stands before all.
_ANCHOR = "layer1.0.conv1.weight"
_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.")
# Parts of the network itself. Others, such as a head for training, do not change its vectors.
_INSIDE = re.compile(r"(layer\d|conv\d|bn\d|stem|downsample|attnpool)")
_BASIC: Mapping[tuple[int, ...], str] = {(2, 2, 2, 2): "ResNet18", (3, 4, 6, 3): "ResNet34"}
_BOTTLENECK: Mapping[tuple[int, ...], str] = {
    (3, 4, 6, 3): "50",
    (3, 4, 23, 3): "101",
    (3, 8, 36, 3): "152",
}
_WIDTH = 64


class _Found(NamedTuple):
    """A network in a file: the dict that holds it, and what stands before its tensors' names."""

    names: tuple[str, ...]
    prefix: str
    state: Mapping[Any, Any]


def network_in(loaded: Any, path: Path) -> Mapping[str, Any]:
    """Find the network in what training wrote: in a dict of dicts, under names with a prefix.

    Args:
        loaded: What the file holds: ``{"model": …}``, ``{"state_dict": …}`` and the like, with
            names such as ``module.conv1.weight`` or ``backbone.conv1.weight``.
        path: The file, for messages.

    Returns:
        Its tensors by torchvision's names; where there is no such network, all that is there.

    Raises:
        WeightsError: If it is no dict, or holds several networks.
    """
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{shown(path)} holds a {type(loaded).__name__}; expected {_EXPECTED}")
    found = list(_networks(loaded, ()))
    for usual in _USUAL:
        found = [each for each in found if each.names[:1] == (usual,)] or found
    if len(found) > 1:
        names = ", ".join(shown(".".join((*each.names, each.prefix))) for each in found)
        raise WeightsError(
            f"{shown(path)} holds {len(found)} networks ({names}); save the state dict of the one "
            "that is meant in a file of its own"
        )
    if not found:
        return _innermost(loaded)
    (_, prefix, state), *_ = found
    return {
        name.removeprefix(prefix): value
        for name, value in state.items()
        if isinstance(name, str) and name.startswith(prefix)
    }


def checked(state: Mapping[str, Any], path: Path) -> StateDict:
    """Check that tensors are those of a ResNet50, and return them as float32.

    Args:
        state: numpy's arrays by torchvision's names.
        path: The file, for messages.

    Raises:
        WeightsError: If they are not; says of which network they are, or names the first that is
            missing, of another shape, or holds what is no number.
    """
    kind = _kind(state)
    if kind not in (None, "ResNet50"):
        raise WeightsError(
            f"{shown(path)} is a {kind}; expected a ResNet50, by torchvision's names: other "
            "networks have other vectors"
        )
    tensors = {name: _tensor(state, name, path) for name in SHAPES}
    for name in state:
        if name in SHAPES or name.endswith("num_batches_tracked") or not _INSIDE.match(name):
            continue
        raise WeightsError(
            f"{shown(path)} has a tensor {shown(name)!r}, which a ResNet50 has not; expected "
            f"{_EXPECTED}"
        )
    return tensors


def _networks(loaded: Mapping[Any, Any], names: tuple[str, ...]) -> Iterator[_Found]:
    prefixes = {
        name.removesuffix(_ANCHOR)
        for name in loaded
        if isinstance(name, str) and name.endswith(_ANCHOR)
    }
    for prefix in sorted(prefixes):
        if not prefix or prefix.endswith("."):
            yield _Found(names, prefix, loaded)
    if len(names) < _DEPTH:
        for name, value in loaded.items():
            if isinstance(value, Mapping):
                yield from _networks(value, (*names, str(name)))


def _innermost(loaded: Mapping[Any, Any]) -> dict[str, Any]:
    """Unwrap a dict that holds no such network, so that messages name what it does hold."""
    for name in _USUAL * _DEPTH:
        inner = loaded.get(name)
        if isinstance(inner, Mapping):
            loaded = inner
    return {str(name): value for name, value in loaded.items()}


def _kind(state: Mapping[str, Any]) -> str | None:
    """Name the ResNet that tensors are of, by its blocks; None where they are of none."""
    numbers: dict[str, set[str]] = {}
    for name in state:
        if match := _BLOCK.match(name):
            numbers.setdefault(match[1], set()).add(match[2])
    if not numbers:
        return None
    blocks = tuple(len(numbers.get(stage, ())) for stage in "1234")
    if "layer1.0.conv3.weight" not in state:
        return _BASIC.get(blocks, f"ResNet of {_listed(blocks)} basic blocks")
    depth = _BOTTLENECK.get(blocks)
    if depth is None:
        return f"ResNet of {_listed(blocks)} blocks"
    shape: tuple[int, ...] = getattr(state.get("layer1.0.conv2.weight"), "shape", ())
    if len(shape) == 4 and shape[0] > _WIDTH:
        return f"Wide ResNet{depth}" if shape[0] == shape[1] else f"ResNeXt{depth}"
    return f"ResNet{depth}"


def _listed(blocks: tuple[int, ...]) -> str:
    return ", ".join(map(str, blocks[:-1])) + f" and {blocks[-1]}"


def _tensor(state: Mapping[str, Any], name: str, path: Path) -> np.ndarray:
    """Return a tensor as float32, if it is what it should be."""
    if name not in state:
        some = [shown(each) for each in state if isinstance(each, str)][:3]
        there = f" (it has {', '.join(some)}, …)" if some and "conv1.weight" not in state else ""
        raise WeightsError(f"{shown(path)} has no tensor {name!r}{there}; expected {_EXPECTED}")
    tensor = state[name]
    # Not numpy's own test, to which ml_dtypes' bfloat16 is no float.
    kind = getattr(tensor, "dtype", type(tensor).__name__)
    if not isinstance(tensor, np.ndarray) or "float" not in str(kind):
        raise WeightsError(f"{shown(path)}: {name!r} is {kind}, expected a tensor of floats")
    if tensor.shape != SHAPES[name]:
        raise WeightsError(
            f"{shown(path)}: tensor {name!r} has shape {tensor.shape}, expected {SHAPES[name]} as "
            "in ResNet50"
        )
    with np.errstate(over="ignore"):
        values = tensor.astype(np.float32, copy=False)
    wrong = values.size - np.count_nonzero(np.isfinite(values))
    if wrong:
        raise WeightsError(
            f"{shown(path)}: tensor {name!r} holds NaN or infinite values ({wrong:,} of "
            f"{values.size:,}), so its vectors would mean nothing; take a checkpoint from before "
            "its training went wrong"
        )
    if name.endswith("running_var") and values.min() < 0:
        raise WeightsError(
            f"{shown(path)}: tensor {name!r} holds negative values, which no variance has; take "
            "another checkpoint"
        )
    return values
