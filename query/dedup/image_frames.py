"""Images in order -> what is compared of them: vectors, prepared pictures; batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

import numpy as np

from nearframe.common import NearframeError, in_batches, run_ahead
from nearframe.embeddings import (
    THUMBNAIL_SIDE,
    Embedder,
    Frame,
    FrameRef,
    Thumbnails,
    Unreadable,
)
from nearframe.embeddings.sources import ImageSequence
from nearframe.embeddings.thumbnail import thumbnail
from nearframe.index import FrameBlock, FrameIndex

from .frames import FrameBatch
from .images import Images, OrderedImage
from .pictures import Inspection

Inspect = Callable[[Frame, OrderedImage], Inspection]
"""Takes what is needed from the pixels of a frame."""

_AHEAD = 32
_BATCH = 256

ImageBatch = FrameBatch[OrderedImage]


def embedded(images: Images, embedder: Embedder, inspect: Inspect | None) -> Iterator[ImageBatch]:
    """Embed images, and inspect their pixels in the same pass."""
    by_path = {image.file.path: image for image in images.ordered}
    watched = None if inspect is None else _Inspected(images, inspect)
    # Where nobody inspects them, they need not be decoded at their full size.
    files = tuple(image.file for image in images.ordered)
    source = watched or ImageSequence(images.folder, "folder", files)
    for batch in embedder.embed_source(source, reuse=True):
        found = tuple(by_path[frame.source] for frame in batch.frames)
        facts = None if watched is None else watched.take(batch.frames)
        yield FrameBatch(found, batch.vectors, facts, batch.unreadable, batch.thumbnails)


def indexed(
    index: FrameIndex, images: Images, inspect: Inspect | None, *, with_thumbnails: bool
) -> Iterator[ImageBatch]:
    """Take the vectors of images from an index, and inspect their pixels where that is needed."""
    stored = {frame.ref.source: frame for frame in index.catalog.frames()}
    by_path = {image.file.path: image for image in images.ordered}
    frames = [stored[path] for path in by_path]
    for block in index.blocks(_BATCH, frames=frames):
        found = [by_path[frame.ref.source] for frame in block.frames]
        small = _thumbnails(index, block, found) if with_thumbnails else None
        if inspect is None:
            yield FrameBatch(tuple(found), block.vectors, thumbnails=small)
            continue
        results = list(run_ahead(_tasks(found, inspect), ahead=_AHEAD))
        rows = [row for row, result in enumerate(results) if isinstance(result, Inspection)]
        yield FrameBatch(
            tuple(found[row] for row in rows),
            block.vectors[rows],
            tuple(result for result in results if isinstance(result, Inspection)),
            tuple(result for result in results if isinstance(result, Unreadable)),
            None if small is None else small[rows],
        )


def inspected(images: Images, inspect: Inspect) -> Iterator[ImageBatch]:
    """Inspect the pixels of images, without vectors."""
    results = run_ahead(_tasks(images.ordered, inspect), ahead=_AHEAD)
    both = zip(images.ordered, results, strict=True)
    for batch in in_batches(both, _AHEAD):
        yield FrameBatch(
            tuple(image for image, result in batch if isinstance(result, Inspection)),
            None,
            tuple(result for _, result in batch if isinstance(result, Inspection)),
            tuple(result for _, result in batch if isinstance(result, Unreadable)),
        )


def _thumbnails(index: FrameIndex, block: FrameBlock, images: Sequence[OrderedImage]) -> Thumbnails:
    """Return the thumbnails of some images; those that an older index lacks are made."""
    known = index.catalog.thumbnails.of([frame.id for frame in block.frames])
    preprocessing = index.fingerprint.preprocessing
    small = np.zeros((len(images), THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint16)
    for row, (frame, image) in enumerate(zip(block.frames, images, strict=True)):
        if frame.id in known:
            small[row] = known[frame.id]
            continue
        decoded = image.file.decode(preprocessing)
        # What cannot be decoded any more stays black, and so without a vote.
        if not isinstance(decoded, Unreadable):
            small[row] = thumbnail(decoded.image)
    return small


def _tasks(
    images: Sequence[OrderedImage], inspect: Inspect
) -> Iterator[Callable[[], Inspection | Unreadable]]:
    for image in images:
        yield partial(_decode_and_inspect, image, inspect)


def _decode_and_inspect(image: OrderedImage, inspect: Inspect) -> Inspection | Unreadable:
    return _inspection(image.file.decode(), image, inspect)


def _inspection(
    frame: Frame | Unreadable, image: OrderedImage, inspect: Inspect
) -> Inspection | Unreadable:
    if isinstance(frame, Unreadable):
        return frame
    try:
        return inspect(frame, image)
    except NearframeError as error:
        return Unreadable(frame.source, frame.number, str(error))


class _Inspected:
    """A sequence of images that are inspected while they are decoded: a `Source`."""

    kind: Literal["folder"] = "folder"

    def __init__(self, images: Images, inspect: Inspect) -> None:
        self.path = images.folder
        self.frame_count = len(images.ordered)
        self._images = images
        self._inspect = inspect
        self._results: dict[str, Inspection] = {}

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield functions that decode and inspect one image each; they run in any thread."""
        for image in self._images.ordered:
            yield partial(self._decode, image)

    def take(self, frames: Sequence[FrameRef]) -> tuple[Inspection, ...]:
        """Return the results of frames, and forget them."""
        return tuple(self._results.pop(frame.source) for frame in frames)

    def _decode(self, image: OrderedImage) -> Frame | Unreadable:
        frame = image.file.decode()
        if isinstance(frame, Unreadable):
            return frame
        result = _inspection(frame, image, self._inspect)
        if isinstance(result, Unreadable):
            return result
        self._results[frame.source] = result
        return frame
