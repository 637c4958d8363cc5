"""What a deduplication needs to know before it looks at the first image."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from nearframe.common import NearframeError, shown
from nearframe.embeddings import (
    Embedder,
    Fingerprint,
    Frame,
    MakeEmbedder,
    Unreadable,
    resolve_embedder,
)
from nearframe.index import FrameIndex

from ..cameras import Naming
from ..change.light import Grey
from .decider import PictureStore
from .evidence import FileEvidence
from .frames import FrameSource
from .image_frames import ImageBatch, embedded, indexed, inspected
from .images import Images, Order, OrderedImage, images_of_folder, images_of_index
from .options import DedupOptions, resolve_rules
from .pictures import Detections, Inspection, inspect
from .rules import DedupRules
from .tiny import without_tiny


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a deduplication needs to know before it looks at the first image.

    Attributes:
        images: What is looked at.
        rules: How it is decided.
        detections: How changes are found; None where they are not looked for.
        fingerprint: What the vectors are made with; None where there are none.
        source: Yields the images with what is compared of them.
        indexed: The index that vectors come from, if any.
        protected_folders: Absolute paths of the folders in which nothing is ever touched.
        evidence: Tells which images may be dropped for which.
        pictures: Gives prepared pictures once more.
    """

    images: Images
    rules: DedupRules
    detections: Detections | None
    fingerprint: Fingerprint | None
    source: FrameSource[OrderedImage]
    indexed: FrameIndex | None
    protected_folders: tuple[str, ...]
    evidence: FileEvidence
    pictures: PictureStore[OrderedImage]


def prepare(
    source: str | os.PathLike[str],
    options: DedupOptions,
    embedder: Embedder | MakeEmbedder | None,
    stack: ExitStack,
    *,
    unknown_threshold: bool = False,
) -> Job:
    """Check everything and list the images.

    Args:
        source: A folder, or an index, whose images are then not embedded again.
        options: How to compare them.
        embedder: An embedder or a function that makes one; None for the built-in weights.
        stack: Closes the index at the end.
        unknown_threshold: Whether a threshold is yet to be found, so that 1 will do.

    Raises:
        SourceError: If there are no images in `source`.
        NearframeError: If an option is out of range, or the weights have no default threshold.
    """
    index = None
    if FrameIndex.exists(source):
        index = stack.enter_context(FrameIndex.open(source))
    images = without_tiny(_listed(source, index, options), options.min_side)
    method = options.method or ("hybrid" if images.recognised else "embedding")
    made = fingerprint = None
    if method != "change":
        made, fingerprint = _embedder(index, embedder)
    rules = resolve_rules(
        options,
        method,
        fingerprint,
        index,
        count=len(images.ordered),
        unknown_threshold=unknown_threshold,
    )
    detections = None if rules.change is None else Detections(rules.change, images.cameras)
    sharpness_counts = rules.keep == "sharpest"
    inspect = partial(_inspect, detections, sharpness_counts=sharpness_counts)
    needs_pixels = detections is not None or sharpness_counts
    batches: Callable[[], Iterator[ImageBatch]]
    if method == "change":
        batches = partial(inspected, images, inspect)
    elif index is not None:
        batches = partial(
            indexed,
            index,
            images,
            inspect if needs_pixels else None,
            with_thumbnails=method == "embedding",
        )
    else:
        assert made is not None
        batches = partial(embedded, images, made, inspect if needs_pixels else None)
    folders = tuple(os.path.abspath(folder) for folder in options.protect)  # noqa: PTH100  # links stay
    return Job(
        images,
        rules,
        detections,
        fingerprint,
        _ImageFrames(images.folder, len(images.ordered), batches),
        index,
        folders,
        FileEvidence(by_vectors_only=method == "embedding"),
        DecodedPictures(detections),
    )


@dataclass(frozen=True, slots=True)
class _ImageFrames:
    """The images of a folder or an index: a `FrameSource`."""

    path: str
    frame_count: int
    batches: Callable[[], Iterator[ImageBatch]]


class DecodedPictures:
    """Decodes image files once more: a `PictureStore`.

    Args:
        detections: The change detection of each camera; None where pictures are not compared.
    """

    def __init__(self, detections: Detections | None) -> None:
        self._detections = detections

    def keep(self, frame: OrderedImage, picture: Grey) -> None:
        """Do nothing, as the file is there."""

    def read(self, frame: OrderedImage) -> Grey:
        """Return the prepared picture of a file.

        Raises:
            NearframeError: If it cannot be decoded any more.
        """
        assert self._detections is not None
        decoded = frame.file.decode()
        if isinstance(decoded, Unreadable):
            raise NearframeError(decoded.reason)
        return self._detections.of(frame.camera).prepare(decoded.image)


def _listed(
    source: str | os.PathLike[str], index: FrameIndex | None, options: DedupOptions
) -> Images:
    order = Order(
        naming=options.naming or Naming(),
        protect=options.protect,
        timed=options.window.seconds is not None,
        across_cameras=options.across_cameras,
    )
    if index is not None:
        return images_of_index(index, order)
    return images_of_folder(source, order, recursive=options.recursive)


def _embedder(
    index: FrameIndex | None, given: Embedder | MakeEmbedder | None
) -> tuple[Embedder | None, Fingerprint]:
    """Return what makes the vectors, and their fingerprint; an index has them already."""
    if index is None:
        made = resolve_embedder(given, None, holder="")
        return made, made.fingerprint
    if isinstance(given, Embedder):
        resolve_embedder(given, index.fingerprint, holder=f"the index {shown(index.path)}")
    return None, index.fingerprint


def _inspect(
    detections: Detections | None, frame: Frame, image: OrderedImage, *, sharpness_counts: bool
) -> Inspection:
    detection = None if detections is None else detections.of(image.camera)
    return inspect(frame.image, detection, sharpness_counts=sharpness_counts)
