"""Weights by name or path: finding their file, and loading it."""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearframe.common import SourceError, WeightsError, file_sha256, reading_errors, shown

from ..resnet50 import SHAPES, StateDict
from .checkpoint import checked, network_in
from .names import NAMED_WEIGHTS, RANDOM_SEED, WeightsInfo
from .quantised import dequantised

# torchvision's own names of its files; asking torchvision would take seconds.
_FILES = {"IMAGENET1K_V1": "resnet50-0676ba61.pth", "IMAGENET1K_V2": "resnet50-11ad3fa6.pth"}


@dataclass(frozen=True)
class LoadedWeights:
    """A ResNet50 state dict with its identity.

    Attributes:
        name: The name or path it was asked for by.
        sha256: Of the file, or of the tensors where there is no file.
        state_dict: torchvision's names -> float32 arrays; the classifier (``fc``) is left out.
    """

    name: str
    sha256: str
    state_dict: StateDict


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """Weights that are there, and not read yet.

    Attributes:
        name: The name or path they were asked for by.
        sha256: Of the file, or of the tensors where there is no file.
        load: Reads them; raises a `WeightsError` if they are no ResNet50.
    """

    name: str
    sha256: str
    load: Callable[[], LoadedWeights]


def find_weights(weights: str) -> FoundWeights:
    """Find weights by name or path, and tell them apart by their content.

    Args:
        weights: A name of `NAMED_WEIGHTS`, or the path of a ``.pth``, ``.pt`` (read with
            ``weights_only=True``, so that no code in it runs) or ``.safetensors`` file that holds
            a state dict with torchvision's ResNet50 names, wrapped as training often does:
            ``{"state_dict": …}``, ``module.conv1.weight``.

    Raises:
        WeightsError: If the name is unknown, the file is missing, or a download is needed and
            there is no network.
    """
    info = NAMED_WEIGHTS.get(weights)
    if info is None:
        return _find_file(Path(weights), weights)
    path = weights_path(info)
    if path is None:
        loaded = _random_weights(weights)
        return FoundWeights(weights, loaded.sha256, lambda: loaded)
    if info.torchvision is not None and not path.exists():
        _download(info, path)
    return _find_file(path, weights)


def load_weights(weights: str) -> LoadedWeights:
    """Find weights, and read them.

    Raises:
        WeightsError: If there are no such weights, or the file is damaged or no state dict of a
            ResNet50.
    """
    return find_weights(weights).load()


@dataclass(frozen=True, slots=True)
class WeightsStatus:
    """Named weights on this machine.

    Attributes:
        info: The entry of `NAMED_WEIGHTS`.
        path: Where their file is or would be; None where there is no file.
        sha256: Of the file, or of the tensors where there is none; None while the file is missing.
    """

    info: WeightsInfo
    path: Path | None
    sha256: str | None


def list_weights() -> list[WeightsStatus]:
    """Return all named weights and what this machine has of them; loads and downloads nothing."""
    statuses = []
    for info in NAMED_WEIGHTS.values():
        path = weights_path(info)
        # To compute the hash of tensors, the network would have to be made, which imports torch.
        sha256 = info.sha256 if path is None else None
        if path is not None and path.exists():
            sha256 = file_sha256(path)
        statuses.append(WeightsStatus(info, path, sha256))
    return statuses


def weights_path(info: WeightsInfo) -> Path | None:
    """Return where the file of named weights is or would be; None where there is no file."""
    if info.file is not None:
        return Path(__file__).with_name(info.file)
    if info.torchvision is None:
        return None
    # As torch.hub.get_dir(), whose import takes seconds.
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))  # noqa: PTH118
    return Path(os.path.expanduser(home), "hub", "checkpoints", _FILES[info.torchvision])  # noqa: PTH111


def _torchvision(info: WeightsInfo) -> Any:
    from torchvision.models import ResNet50_Weights

    return ResNet50_Weights[info.torchvision]


def _random_weights(name: str) -> LoadedWeights:
    import torch
    from torchvision.models import resnet50

    # fork_rng leaves the caller's random numbers as they were.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        state = _arrays(resnet50(weights=None).state_dict())
    digest = hashlib.sha256()
    for key in sorted(state):
        if not key.startswith("fc."):
            digest.update(key.encode())
            digest.update(state[key].tobytes())
    needed = {key: tensor for key, tensor in state.items() if key in SHAPES}
    return LoadedWeights(name, digest.hexdigest(), needed)


def _download(info: WeightsInfo, path: Path) -> None:
    """Let torchvision download its own file into its own cache.

    Raises:
        WeightsError: If that fails; says where to put the file and what works without one.
    """
    import http.client
    import socket

    import torch

    url = _torchvision(info).url
    # Without a limit, a network that drops packets would hold the user for minutes.
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file's name ends in the start of its hash.
        torch.hub.download_url_to_file(
            url, str(path), path.stem.rpartition("-")[2], progress=sys.stderr.isatty()
        )
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise WeightsError(
            f"cannot download weights {info.name} ({error}); put the file {path.name} from "
            f"{url} into {shown(path.parent)}, or use `weights=builtin`, "
            "which needs no network"
        ) from error
    finally:
        socket.setdefaulttimeout(previous)


def _find_file(path: Path, name: str) -> FoundWeights:
    readers: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
        ".pth": _read_pickle,
        ".pt": _read_pickle,
        ".safetensors": _read_safetensors,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise WeightsError(
            f"unknown weights {shown(name)}; expected one of {', '.join(NAMED_WEIGHTS)}, or the "
            "path of a .pth, .pt or .safetensors file"
        )
    try:
        with reading_errors(path):
            sha256 = file_sha256(path)
    except SourceError as error:
        raise WeightsError(f"weights {error}") from error

    def load() -> LoadedWeights:
        try:
            state = reader(path)
        except WeightsError:
            raise
        # pickle, zip and safetensors each have errors of their own for a file that is damaged.
        except Exception as error:
            raise WeightsError(
                f"{shown(path)} is damaged, or holds objects that could run code; expected a "
                "state dict with torchvision's ResNet50 names, saved with torch.save or "
                "safetensors"
            ) from error
        return LoadedWeights(name, sha256, checked(state, path))

    return FoundWeights(name, sha256, load)


def _read_pickle(path: Path) -> Mapping[str, Any]:
    import torch

    loaded = torch.load(path, map_location="cpu", weights_only=True)
    return _arrays(network_in(loaded, path))


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors.numpy import load_file

    try:
        stored = load_file(path)
    # numpy has no bfloat16.
    except TypeError:
        from safetensors.torch import load_file as load_tensors

        stored = _arrays(load_tensors(path))
    return dequantised(network_in(stored, path))


def _arrays(state: Mapping[str, Any]) -> dict[str, Any]:
    """Turn torch's tensors into arrays, those that numpy has no type for into float32."""
    import torch

    return {
        key: (value.float() if value.dtype == torch.bfloat16 else value).detach().numpy()
        if isinstance(value, torch.Tensor)
        else value
        for key, value in state.items()
    }
