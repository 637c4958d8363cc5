"""Pixels -> vectors: sources, preprocessing, backbone, weights, batching."""

from .embedder import DEFAULT_BATCH_SIZE, EmbeddedBatch, Embedder
from .errors import (
    DeviceError,
    FingerprintMismatchError,
    NearframeError,
    SourceError,
    UnreadableImageError,
    WeightsError,
    reading_errors,
    shown,
)
from .fingerprint import DIMENSION, Fingerprint
from .frame import Frame, FrameRef, RgbImage, Unreadable
from .preprocessing import Preprocessing
from .weights import (
    DEFAULT_WEIGHTS,
    NAMED_WEIGHTS,
    WeightsInfo,
    default_threshold,
    file_sha256,
    weights_path,
)

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "DEFAULT_WEIGHTS",
    "DIMENSION",
    "NAMED_WEIGHTS",
    "DeviceError",
    "EmbeddedBatch",
    "Embedder",
    "Fingerprint",
    "FingerprintMismatchError",
    "Frame",
    "FrameRef",
    "NearframeError",
    "Preprocessing",
    "RgbImage",
    "SourceError",
    "Unreadable",
    "UnreadableImageError",
    "WeightsError",
    "WeightsInfo",
    "default_threshold",
    "file_sha256",
    "reading_errors",
    "shown",
    "weights_path",
]
