"""Weights by name or path: what there is, where it is, and how it is loaded."""

from .load import (
    FoundWeights,
    LoadedWeights,
    WeightsStatus,
    find_weights,
    list_weights,
    load_weights,
    weights_path,
)
from .names import (
    DEFAULT_WEIGHTS,
    NAMED_WEIGHTS,
    WeightsInfo,
    dedup_threshold,
    default_preprocessing,
    default_threshold,
    name_of,
)
from .quantised import dequantised, quantised

__all__ = [
    "DEFAULT_WEIGHTS",
    "NAMED_WEIGHTS",
    "FoundWeights",
    "LoadedWeights",
    "WeightsInfo",
    "WeightsStatus",
    "dedup_threshold",
    "default_preprocessing",
    "default_threshold",
    "dequantised",
    "find_weights",
    "list_weights",
    "load_weights",
    "name_of",
    "quantised",
    "weights_path",
]
