"""ResNet50 in torch, on any device; the reference for other runtimes."""

import numpy as np
import numpy.typing as npt
import torch
from torchvision.models import resnet50

from ..device import Placement
from ..fingerprint import DIMENSION
from ..preprocessing import Preprocessing
from ..resnet50 import CONVOLUTIONS, StateDict


class TorchBackbone:
    """The global average pool of a torchvision ResNet50 (He et al., 2015), L2-normalised."""

    def __init__(
        self,
        state: StateDict,
        preprocessing: Preprocessing,
        placement: Placement,
        *,
        identity: str = "",
    ) -> None:
        self.identity = identity
        self._device = placement.device
        self._dtype = placement.dtype
        # On a CPU torch itself uses all cores. With two batches, a GPU has always work: one is
        # stacked and sent while it computes the other.
        self.at_once = 2 if placement.device.type == "cuda" else 1
        # Convolutions with channels last are faster on every device that torch runs on.
        network = _folded(state).to(self._device, self._dtype)
        self._network = network.to(memory_format=torch.channels_last)
        # Pixels are 0 to 255; the mean and the deviation are given for 0 to 1.
        self._mean = 255 * torch.tensor(preprocessing.mean, device=self._device).view(1, 3, 1, 1)
        self._std = 255 * torch.tensor(preprocessing.std, device=self._device).view(1, 3, 1, 1)

    @torch.inference_mode()
    def __call__(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed a batch; see `Backbone`."""
        batch = sent(pixels, self._device)
        # (n, h, w, 3) -> (n, 3, h, w): the memory stays as it is, which is channels last.
        batch = (batch.permute(0, 3, 1, 2).float() - self._mean) / self._std
        pooled = self._network(batch.to(self._dtype)).float()
        assert pooled.shape == (len(pixels), DIMENSION)
        vectors: npt.NDArray[np.float32] = torch.nn.functional.normalize(pooled).cpu().numpy()
        return vectors


def sent(pixels: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Bring a batch to a device, as bytes; to CUDA, it may still be on its way."""
    batch = torch.from_numpy(pixels)
    if device.type != "cuda":
        return batch.to(device)
    # What lies in pinned memory is copied by the device, and what uses the copy waits there. torch
    # keeps the memory until then.
    return batch.pin_memory().to(device, non_blocking=True)


def _folded(state: StateDict) -> torch.nn.Module:
    """Build the network with its batch norms multiplied into the convolutions."""
    # On the meta device nothing is initialised, which would take longer than loading.
    with torch.device("meta"):
        network: torch.nn.Module = resnet50(weights=None)
    network.fc = torch.nn.Identity()
    for convolution in CONVOLUTIONS:
        layer = network.get_submodule(convolution.name)
        weight, bias = (torch.from_numpy(array) for array in convolution.folded(state))
        layer.weight, layer.bias = torch.nn.Parameter(weight), torch.nn.Parameter(bias)
        parent, _, norm = convolution.norm.rpartition(".")
        setattr(network.get_submodule(parent), norm, torch.nn.Identity())
    return network.eval()
