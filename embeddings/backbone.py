"""ResNet50 without its classifier: a batch of pixels -> a batch of vectors."""

from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import resnet50

from .device import Placement
from .fingerprint import DIMENSION
from .preprocessing import Preprocessing
from .weights import LoadedWeights


class Backbone(Protocol):
    """Anything that turns preprocessed pixels into vectors."""

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed a batch.

        Args:
            pixels: RGB, uint8, shape ``(n, size, size, 3)``, n >= 1.

        Returns:
            float32, shape ``(n, 2048)``, each row L2-normalised.
        """
        ...


class TorchBackbone:
    """The global average pool of a torchvision ResNet50 (He et al., 2015), L2-normalised."""

    def __init__(
        self, weights: LoadedWeights, preprocessing: Preprocessing, placement: Placement
    ) -> None:
        self._device = placement.device
        self._dtype = placement.dtype
        # On the meta device nothing is initialised, which would take longer than loading.
        with torch.device("meta"):
            network = resnet50(weights=None)
        network.fc = torch.nn.Identity()
        network.load_state_dict(dict(weights.state_dict), assign=True, strict=False)
        network.eval()
        _fold_batch_norms(network)
        # Convolutions with channels last are faster on every device that torch runs on.
        self._network = network.to(self._device, self._dtype, memory_format=torch.channels_last)
        # Pixels are 0 to 255; the mean and the deviation are given for 0 to 1.
        self._mean = 255 * torch.tensor(preprocessing.mean, device=self._device).view(1, 3, 1, 1)
        self._std = 255 * torch.tensor(preprocessing.std, device=self._device).view(1, 3, 1, 1)

    @torch.inference_mode()
    def __call__(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed a batch; see `Backbone`."""
        batch = torch.from_numpy(pixels).to(self._device)
        # (n, h, w, 3) -> (n, 3, h, w): the memory stays as it is, which is channels last.
        batch = (batch.permute(0, 3, 1, 2).float() - self._mean) / self._std
        pooled = self._network(batch.to(self._dtype)).float()
        assert pooled.shape == (len(pixels), DIMENSION)
        vectors: npt.NDArray[np.float32] = torch.nn.functional.normalize(pooled).cpu().numpy()
        return vectors


def _fold_batch_norms(module: torch.nn.Module) -> None:
    """Multiply each batch norm into the convolution before it: the same function, less work."""
    children = list(module.named_children())
    for (name, convolution), (norm_name, norm) in pairwise(children):
        if isinstance(convolution, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(convolution, norm))
            setattr(module, norm_name, torch.nn.Identity())
    for _, child in children:
        _fold_batch_norms(child)
