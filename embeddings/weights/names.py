"""The weights that are known by name, and what each is worth."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..preprocessing import DEFAULT_SIZE, Preprocessing

DEFAULT_WEIGHTS = "builtin"
RANDOM_SEED = 0
"""Seed of the weights ``random``."""
_RANDOM_SHA256 = "e88b0047b69b1082a7490c30abb12abeb9a85869b94be641fbb2b9eced2df1b3"


@dataclass(frozen=True, slots=True)
class DedupThreshold:
    """The cosine from which pictures of a collection repeat each other; it grows with their number.

    Different pictures reach a cosine c about as often as ``(1 - c) ** tail``. There are more pairs
    per picture the more pictures there are, so the distance falls with ``count ** (-1 / tail)``
    where the share of wrong repeats is to stay the same. `benchmarks/dedup_threshold.py` measures
    all of it.

    Attributes:
        value: The cosine for 1,000 pictures.
        tail: The exponent.
        least: No threshold is lower, however few pictures there are.
        most: None is higher, however many: copies that were saved again reach this one.
        precision: The share of dropped pictures that have a copy which stays, at least.
    """

    value: float
    tail: float
    least: float
    most: float
    precision: float

    def of(self, count: int) -> float:
        """Return the cosine for so many pictures, rounded up to four digits."""
        distance: float = (1 - self.value) * (1000 / max(count, 1)) ** (1 / self.tail)
        return min(max(math.ceil(1e4 * (1 - distance)) / 1e4, self.least), self.most)


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """One entry of the list of weights.

    Attributes:
        name: What ``--weights`` takes.
        description: What they are, in a few words.
        trained: Whether they learned anything; a random network still tells pictures apart.
        threshold: Cosine from which two frames count as the same picture, in [-1, 1], calibrated
            for these weights; None where nobody has measured one.
        dedup: The threshold for the pictures of a collection, each compared with all others; None
            where `threshold` counts there, too.
        sha256: Of the file, or of the tensors where there is none, that the threshold was found
            with; None where there is no threshold.
        file: Name of their file in this package; None where they do not come with it.
        torchvision: Member of ``torchvision.models.ResNet50_Weights``; None for other kinds.
        size: Side of the square input they are made for, in pixels; `Preprocessing` takes it
            where none is given.
    """

    name: str
    description: str
    trained: bool
    threshold: float | None = None
    dedup: DedupThreshold | None = None
    sha256: str | None = None
    file: str | None = None
    torchvision: str | None = None
    size: int = DEFAULT_SIZE


NAMED_WEIGHTS: Mapping[str, WeightsInfo] = {
    info.name: info
    for info in (
        WeightsInfo(
            "builtin",
            "ResNet50 that this project trained for finding copies; comes with the package",
            trained=True,
            threshold=0.7188,
            dedup=DedupThreshold(0.981, tail=6.0, least=0.95, most=0.99, precision=0.999),
            sha256="d4de20eee523709e722238371615cc3b671df11420d1d7b4f8d1ff3901bc1a34",
            file="builtin.safetensors",
            size=128,
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
        WeightsInfo(
            "random",
            f"random initialisation under seed {RANDOM_SEED}, not trained; needs no file",
            trained=False,
            threshold=0.9999,
            sha256=_RANDOM_SHA256,
        ),
    )
}


def default_threshold(weights: str, sha256: str) -> float | None:
    """Return the calibrated threshold of named weights, None where there is none.

    Args:
        weights: A name or path.
        sha256: Of the weights that made the vectors. Other versions have hashes of their own, and
            no threshold here.
    """
    info = NAMED_WEIGHTS.get(weights)
    return info.threshold if info and info.sha256 == sha256 else None


def dedup_threshold(weights: str, sha256: str) -> DedupThreshold | None:
    """Return the threshold of named weights for the pictures of a collection, None without one.

    Args:
        weights: Name of the weights.
        sha256: Of their file; another version of the weights has no known threshold.
    """
    info = NAMED_WEIGHTS.get(weights)
    return info.dedup if info and info.sha256 == sha256 else None


def name_of(sha256: str) -> str | None:
    """Return the name of the weights with that hash, None where none is known."""
    return next((info.name for info in NAMED_WEIGHTS.values() if info.sha256 == sha256), None)


def default_preprocessing(weights: str) -> Preprocessing:
    """Return how pixels are prepared for a weights name or path, where nobody says otherwise."""
    info = NAMED_WEIGHTS.get(weights)
    return Preprocessing(size=info.size) if info else Preprocessing()
