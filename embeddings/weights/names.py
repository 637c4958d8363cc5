"""The weights that are known by name, and what each is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..preprocessing import DEFAULT_SIZE, Preprocessing

DEFAULT_WEIGHTS = "builtin"
RANDOM_SEED = 0
"""Seed of the built-in weights, while they are not trained."""


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """One entry of the list of weights.

    Attributes:
        name: What ``--weights`` takes.
        description: What they are, in a few words.
        trained: Whether they learned anything; a random network still tells pictures apart.
        threshold: Cosine from which two frames count as the same picture, in [-1, 1], calibrated
            for these weights; None where nobody has measured one.
        torchvision: Member of ``torchvision.models.ResNet50_Weights``; None for other kinds.
        size: Side of the square input they are made for, in pixels; `Preprocessing` takes it
            where none is given.
    """

    name: str
    description: str
    trained: bool
    threshold: float | None = None
    torchvision: str | None = None
    size: int = DEFAULT_SIZE


NAMED_WEIGHTS: Mapping[str, WeightsInfo] = {
    info.name: info
    for info in (
        WeightsInfo(
            "builtin",
            f"random initialisation under seed {RANDOM_SEED}, not trained; needs no file",
            trained=False,
            threshold=0.9999,
        ),
        WeightsInfo(
            "imagenet",
            "torchvision ResNet50 IMAGENET1K_V1",
            trained=True,
            torchvision="IMAGENET1K_V1",
        ),
        WeightsInfo(
            "imagenet-v2",
            "torchvision ResNet50 IMAGENET1K_V2",
            trained=True,
            torchvision="IMAGENET1K_V2",
        ),
    )
}


def default_threshold(weights: str) -> float | None:
    """Return the calibrated dedup threshold of a weights name, None where there is none."""
    info = NAMED_WEIGHTS.get(weights)
    return info.threshold if info else None


def default_preprocessing(weights: str) -> Preprocessing:
    """Return how pixels are prepared for a weights name or path, where nobody says otherwise."""
    info = NAMED_WEIGHTS.get(weights)
    return Preprocessing(size=info.size) if info else Preprocessing()
