"""Pixels -> vectors: sources, preprocessing, backbone, weights, batching."""

from .embedder import DEFAULT_BATCH_SIZE, EmbeddedBatch, Embedder
from .errors import (
    DeviceError,
    DiskFullError,
    FingerprintMismatchError,
    NearframeError,
    OutputError,
    SourceError,
    UnreadableImageError,
    WeightsError,
    reading_errors,
    shown,
    writing_errors,
)
from .fingerprint import DIMENSION, Fingerprint
from .frame import Frame, FrameRef, RgbImage, Unreadable
from .preprocessing import FITS, Preprocessing
from .progress import Progress, Silent
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
    "FITS",
    "NAMED_WEIGHTS",
    "DeviceError",
    "DiskFullError",
    "EmbeddedBatch",
    "Embedder",
    "Fingerprint",
    "FingerprintMismatchError",
    "Frame",
    "FrameRef",
    "NearframeError",
    "OutputError",
    "Preprocessing",
    "Progress",
    "RgbImage",
    "Silent",
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
    "writing_errors",
]
