"""Images in order -> what is compared: vectors, prepared pictures, qualities; batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
    Vectors,
)
from nearframe.embeddings.sources import ImageSequence
from nearframe.embeddings.thumbnail import thumbnail
from nearframe.index import FrameBlock, FrameIndex

from .images import Images, OrderedImage
from .pictures import Seen

Look = Callable[[Frame, OrderedImage], Seen]
"""Takes what is needed from the pixels of a frame."""

_AHEAD = 32
_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some consecutive images with what is compared of them.

    Attributes:
        images: Those that could be read.
        vectors: float32, ``(len(images), 2048)``; None where vectors are not compared.
        seen: What their pixels showed, one for each; None where nobody looked.
        unreadable: What lay between them and could not be read.
        thumbnails: uint16, ``(len(images), 32, 32)``; None where there are no vectors, or where the
            images were yielded before.
    """

    images: tuple[OrderedImage, ...]
    vectors: Vectors | None
    seen: tuple[Seen, ...] | None
    unreadable: tuple[Unreadable, ...]
    thumbnails: Thumbnails | None = None


def embedded(images: Images, embedder: Embedder, look: Look | None) -> Iterator[Batch]:
    """Embed images, and look at their pixels in the same pass."""
    by_path = {image.file.path: image for image in images.ordered}
    watched = None if look is None else _Watched(images, look)
    # Where nobody looks, they need not be decoded at their full size.
    files = tuple(image.file for image in images.ordered)
    source = watched or ImageSequence(images.folder, "folder", files)
    for batch in embedder.embed_source(source, reuse=True):
        found = tuple(by_path[frame.source] for frame in batch.frames)
        seen = None if watched is None else watched.take(batch.frames)
        yield Batch(found, batch.vectors, seen, batch.unreadable, batch.thumbnails)


def indexed(
    index: FrameIndex, images: Images, look: Look | None, *, with_thumbnails: bool
) -> Iterator[Batch]:
    """Take the vectors of images from an index, and look at their pixels where that is needed."""
    stored = {frame.ref.source: frame for frame in index.catalog.frames()}
    by_path = {image.file.path: image for image in images.ordered}
    frames = [stored[path] for path in by_path]
    for block in index.blocks(_BATCH, frames=frames):
        found = [by_path[frame.ref.source] for frame in block.frames]
        small = _thumbnails(index, block, found) if with_thumbnails else None
        if look is None:
            yield Batch(tuple(found), block.vectors, None, (), small)
            continue
        looked = list(run_ahead(_tasks(found, look), ahead=_AHEAD))
        rows = [row for row, seen in enumerate(looked) if isinstance(seen, Seen)]
        yield Batch(
            tuple(found[row] for row in rows),
            block.vectors[rows],
            tuple(seen for seen in looked if isinstance(seen, Seen)),
            tuple(seen for seen in looked if isinstance(seen, Unreadable)),
            None if small is None else small[rows],
        )


def looked_at(images: Images, look: Look) -> Iterator[Batch]:
    """Look at the pixels of images, without vectors."""
    seen_in_order = run_ahead(_tasks(images.ordered, look), ahead=_AHEAD)
    both = zip(images.ordered, seen_in_order, strict=True)
    for batch in in_batches(both, _AHEAD):
        yield Batch(
            tuple(image for image, seen in batch if isinstance(seen, Seen)),
            None,
            tuple(seen for _, seen in batch if isinstance(seen, Seen)),
            tuple(seen for _, seen in batch if isinstance(seen, Unreadable)),
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


def _tasks(images: Sequence[OrderedImage], look: Look) -> Iterator[Callable[[], Seen | Unreadable]]:
    for image in images:
        yield partial(_decode_and_look, image, look)


def _decode_and_look(image: OrderedImage, look: Look) -> Seen | Unreadable:
    return _looked(image.file.decode(), image, look)


def _looked(frame: Frame | Unreadable, image: OrderedImage, look: Look) -> Seen | Unreadable:
    if isinstance(frame, Unreadable):
        return frame
    try:
        return look(frame, image)
    except NearframeError as error:
        return Unreadable(frame.source, frame.number, str(error))


class _Watched:
    """A sequence of images whose pixels somebody looks at while they are decoded: a `Source`."""

    kind: Literal["folder"] = "folder"

    def __init__(self, images: Images, look: Look) -> None:
        self.path = images.folder
        self.frame_count = len(images.ordered)
        self._images = images
        self._look = look
        self._seen: dict[str, Seen] = {}

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield functions that decode one image each and look at it; they run in any thread."""
        for image in self._images.ordered:
            yield partial(self._decode, image)

    def take(self, frames: Sequence[FrameRef]) -> tuple[Seen, ...]:
        """Return what was seen of frames, and forget it."""
        return tuple(self._seen.pop(frame.source) for frame in frames)

    def _decode(self, image: OrderedImage) -> Frame | Unreadable:
        frame = image.file.decode()
        if isinstance(frame, Unreadable):
            return frame
        seen = _looked(frame, image, self._look)
        if isinstance(seen, Unreadable):
            return seen
        self._seen[frame.source] = seen
        return frame
