"""Pixels -> vectors: sources, preprocessing, backbone, weights, batching."""

from nearframe.common import (
    FITS,
    DeviceError,
    DiskFullError,
    FingerprintMismatchError,
    NearframeError,
    OutputError,
    Progress,
    Silent,
    SourceError,
    UnreadableImageError,
    WeightsError,
)

from .embedder import (
    DEFAULT_BATCH_SIZE,
    EmbeddedBatch,
    Embedder,
    ImageInput,
    Vectors,
)
from .fingerprint import DIMENSION, Arithmetic, Fingerprint
from .frame import Frame, FrameRef, RgbImage, Unreadable
from .preprocessing import Preprocessing
from .resolve import MakeEmbedder, embedder_for, resolve_embedder, shared_embedder
from .thumbnail import THUMBNAIL_SIDE, THUMBNAIL_UNIT, Thumbnails
from .weights import (
    DEFAULT_WEIGHTS,
    NAMED_WEIGHTS,
    WeightsInfo,
    WeightsStatus,
    dedup_threshold,
    default_preprocessing,
    default_threshold,
    list_weights,
)

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "DEFAULT_WEIGHTS",
    "DIMENSION",
    "FITS",
    "NAMED_WEIGHTS",
    "THUMBNAIL_SIDE",
    "THUMBNAIL_UNIT",
    "Arithmetic",
    "DeviceError",
    "DiskFullError",
    "EmbeddedBatch",
    "Embedder",
    "Fingerprint",
    "FingerprintMismatchError",
    "Frame",
    "FrameRef",
    "ImageInput",
    "MakeEmbedder",
    "NearframeError",
    "OutputError",
    "Preprocessing",
    "Progress",
    "RgbImage",
    "Silent",
    "SourceError",
    "Thumbnails",
    "Unreadable",
    "UnreadableImageError",
    "Vectors",
    "WeightsError",
    "WeightsInfo",
    "WeightsStatus",
    "dedup_threshold",
    "default_preprocessing",
    "default_threshold",
    "embedder_for",
    "list_weights",
    "resolve_embedder",
    "shared_embedder",
]
