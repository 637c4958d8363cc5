"""What training minimises: InfoNCE over pairs, with an entropy term that spreads the vectors.

After the SSCD descriptor (Pizzi et al., "A self-supervised descriptor for image copy detection",
CVPR 2022): the contrastive term is SimCLR's NT-Xent (Chen et al., ICML 2020), the entropy term the
Kozachenko-Leonenko estimator (Sablayrolles et al., "Spreading vectors for similarity search",
ICLR 2019), which makes one threshold fit all queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class PairLoss:
    """The parts of the loss of one batch.

    Attributes:
        total: scalar to minimise, ``contrast + entropy_weight * spread``.
        contrast: scalar InfoNCE, in nats; log(2n - 1) for vectors that tell nothing apart.
        spread: scalar entropy term, lower is more evenly spread.
        hits: scalar share of views whose nearest other view is their partner, in [0, 1].
    """

    total: torch.Tensor
    contrast: torch.Tensor
    spread: torch.Tensor
    hits: torch.Tensor


def pair_loss(
    first: torch.Tensor, second: torch.Tensor, *, temperature: float, entropy_weight: float
) -> PairLoss:
    """Compare two edits of each picture with one another and with everything else in the batch.

    Args:
        first: ``float32`` (n, d), L2-normalised.
        second: ``float32`` (n, d), L2-normalised; row i shows the picture of ``first``'s row i.
        temperature: divides the cosines, above 0.
        entropy_weight: weight of the entropy term, 0 or more.
    """
    count = len(first)
    vectors = torch.cat([first, second])
    cosines = vectors @ vectors.T
    itself = torch.eye(2 * count, dtype=torch.bool, device=cosines.device)
    partner = torch.arange(2 * count, device=cosines.device).roll(count)
    logits = (cosines / temperature).masked_fill(itself, -torch.inf)
    contrast = torch.nn.functional.cross_entropy(logits, partner)

    own = itself | itself.roll(count, 1)
    nearest = cosines.masked_fill(own, -1).amax(1)
    # |a - b|^2 = 2 - 2 cos for unit vectors; the floor keeps the gradient finite for twins.
    distance = (2 - 2 * nearest).clamp_min(1e-4).sqrt()
    spread = -distance.log().mean()
    hits = (logits.argmax(1) == partner).float().mean()
    total = contrast + entropy_weight * spread
    return PairLoss(total, contrast.detach(), spread.detach(), hits)
