"""The network as the product uses it: ResNet50 without classifier, pooled and L2-normalised."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torchvision.models import resnet50

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def headless_resnet50(seed: int, *, zero_init_residual: bool = False) -> torch.nn.Module:
    """A seeded, untrained ResNet50 that gives ``float`` (n, 2048): the global average pool.

    Args:
        seed: of the weights.
        zero_init_residual: start every residual block as the identity (Goyal et al., "Accurate,
            large minibatch SGD", 2017). Training needs it: after 60 steps the loss was 2.3 with
            it and 4.0, hardly below chance, without.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: torch.nn.Module = resnet50(zero_init_residual=zero_init_residual)
    network.fc = torch.nn.Identity()
    return network.to(memory_format=torch.channels_last)


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Images ``float32`` (n, 3, h, w) in [0, 1] with ImageNet's mean and deviation taken out."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1)
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def embed(network: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Vectors of images.

    Args:
        network: gives (n, d) for normalised images.
        images: ``float32`` (n, 3, h, w) in [0, 1].

    Returns:
        ``float32`` (n, d), L2-normalised.
    """
    return torch.nn.functional.normalize(network(normalised(images)).float())


@torch.no_grad()
def recalibrate(network: torch.nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Replace the running statistics of batch norm by averages over ``batches``, in place.

    The running averages of training lag behind the weights and lean on its last few batches.

    Args:
        network: left in evaluation mode.
        batches: ``float32`` (n, 3, h, w) in [0, 1] each.
    """
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    network.train()
    for batch in batches:
        network(normalised(batch))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
