"""The public way from pictures to vectors."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from nearframe.common import (
    Device,
    NearframeError,
    Precision,
    Runtime,
    in_batches,
    run_ahead,
    short_repr,
)

from .backbone import Identified, load_backbone
from .fingerprint import DIMENSION, Arithmetic
from .frame import Frame, FrameRef, RgbImage, Unreadable
from .known_files import KeyedFrame, KnownFiles, KnownFrame
from .preprocessing import Preprocessing
from .sources import ImageSequence, Sampling, Source, open_source, read_image, to_rgb
from .still import StillDetector
from .thumbnail import THUMBNAIL_SIDE, Thumbnails, thumbnails
from .vector_cache import Embedded
from .weights import DEFAULT_WEIGHTS, default_preprocessing

T = TypeVar("T")

ImageInput = str | os.PathLike[str] | Image.Image | RgbImage
Vectors = npt.NDArray[np.float32]
"""Vectors: float32, shape ``(n, 2048)``, each row L2-normalised."""

DEFAULT_BATCH_SIZE = 16


@short_repr
@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """Some consecutive frames of a source with their vectors.

    Attributes:
        frames: Where each frame is.
        vectors: float32, shape ``(len(frames), 2048)``, each row L2-normalised.
        thumbnails: uint16, shape ``(len(frames), 32, 32)``: thumbnails of what the network saw.
        unreadable: What lay between those frames and did not decode.
    """

    frames: tuple[FrameRef, ...]
    vectors: Vectors
    thumbnails: Thumbnails
    unreadable: tuple[Unreadable, ...]


class Embedder:
    """Turns images and video frames into 2048-d vectors.

    Args:
        weights: A name (``builtin``, ``imagenet``, ``imagenet-v2``, ``random``) or the path of a
            state dict, as a string or `os.PathLike`.
        device: ``auto`` takes a GPU where there is one.
        runtime: ``torch``, ``onnxruntime``, or ``auto``: onnxruntime on a CPU, torch elsewhere.
        precision: Of the network's arithmetic; ``auto`` is the fastest whose vectors agree with
            those in fp32.
        batch_size: Images that go through the network at once; more memory, more speed on GPUs.
        preprocessing: How pixels become the network's input; by default at the size that the
            weights are made for.
        skip_still: In a source, give a frame that differs from the last by a codec's noise only
            the vector of that one, and do not compute its own.
        like: Arithmetic of vectors that these will be compared with, which ``auto`` then follows.

    Attributes:
        fingerprint: What the vectors are made with.

    Raises:
        WeightsError: If the weights cannot be found or loaded.
        DeviceError: If the machine has no such device, runtime or precision.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] = DEFAULT_WEIGHTS,
        *,
        device: Device = "auto",
        runtime: Runtime = "auto",
        precision: Precision = "auto",
        batch_size: int = DEFAULT_BATCH_SIZE,
        preprocessing: Preprocessing | None = None,
        skip_still: bool = False,
        like: Arithmetic | None = None,
    ) -> None:
        if batch_size < 1:
            raise NearframeError(f"`batch_size` must be 1 or more, not {batch_size}")
        weights = os.fspath(weights)
        self.fingerprint, self._backbone = load_backbone(
            weights,
            preprocessing or default_preprocessing(weights),
            device=device,
            runtime=runtime,
            precision=precision,
            like=like,
        )
        self._batch_size = batch_size
        self._at_once = self._backbone.at_once
        self._skip_still = skip_still

    def __repr__(self) -> str:
        made = self.fingerprint
        return (
            f"<Embedder {made.describe()}; {made.arithmetic.runtime}, {made.arithmetic.precision}>"
        )

    def embed(self, images: ImageInput | Iterable[ImageInput]) -> Vectors:
        """Embed any number of images.

        Args:
            images: Paths, Pillow images, or RGB uint8 arrays of shape ``(height, width, 3)``;
                sizes may differ. Read one by one, so a generator need not fit into memory. A
                single image counts as one.

        Returns:
            float32, shape ``(n, 2048)``, in the order of `images`, each row L2-normalised.

        Raises:
            UnreadableImageError: If a file cannot be decoded.
            TypeError: If an item is no image.
            ValueError: If an array is not uint8 of shape ``(height, width, 3)``.
        """
        return self.describe(images)[0]

    def describe(self, images: ImageInput | Iterable[ImageInput]) -> tuple[Vectors, Thumbnails]:
        """Embed any number of images, and make the thumbnails that tell near ones apart.

        Returns:
            Vectors: float32, shape ``(n, 2048)``, each row L2-normalised; and thumbnails: uint16,
            shape ``(n, 32, 32)``.

        Raises:
            UnreadableImageError: If a file cannot be decoded.
            TypeError: If an item is no image.
            ValueError: If an array is not uint8 of shape ``(height, width, 3)``.
        """
        if isinstance(images, (str, os.PathLike, Image.Image, np.ndarray)):
            images = [images]
        if isinstance(images, list) and len(images) == 1:
            # Threads would have nothing to do side by side.
            return self._embed([self._task(images[0])()])
        pixels = run_ahead(map(self._task, images), ahead=2 * self._batch_size)
        batches = (partial(self._embed, batch) for batch in in_batches(pixels, self._batch_size))
        made = [_NOTHING, *self._side_by_side(batches)]
        vectors, small = zip(*made, strict=True)
        return np.concatenate(vectors), np.concatenate(small)

    def embed_source(
        self,
        source: str | os.PathLike[str] | Source,
        *,
        recursive: bool = False,
        sampling: Sampling | None = None,
        reuse: bool = False,
        in_memory: int | None = None,
    ) -> Iterator[EmbeddedBatch]:
        """Embed an image, the images of a folder, or a video, batch by batch.

        Decoding runs in threads beside the network, and no more than a few batches are in memory
        at a time, however long the source is.

        Args:
            source: A path, or a source that is open already.
            recursive: Whether a folder's sub-folders count.
            sampling: Which frames of a video; all by default.
            reuse: Whether what this user's cache knows of a file's content is taken from there, and
                what it does not know is kept there. Each frame of the source must be a whole image
                file, as it is.
            in_memory: How many frames may be decoded and not yet yielded, where the source keeps
                more of them than the network's input; by default a few batches. Fewer make smaller
                batches, of one frame at least.

        Yields:
            The frames in order; files that do not decode are in `EmbeddedBatch.unreadable`.

        Raises:
            SourceError: If there is nothing to read at a path.
        """
        if isinstance(source, (str, os.PathLike)):
            source = open_source(source, recursive=recursive, sampling=sampling)
        with ExitStack() as stack:
            known = self._known_files() if reuse else None
            if known is not None:
                stack.callback(known.close)
            size = self._batch_size if in_memory is None else self._largest_batch(in_memory)
            prepared = run_ahead(self._tasks(source, known), ahead=2 * size)
            items = _without_repeats(prepared) if self._skip_still else prepared
            batches = in_batches(items, size)
            last = _NO_FRAME
            made = self._side_by_side(partial(self._embed_new, each) for each in batches)
            for batch, fresh in made:
                embedded = _assembled(batch, fresh, last)
                last = (
                    (embedded.vectors[-1:], embedded.thumbnails[-1:]) if embedded.frames else last
                )
                if known is not None:
                    _note(known, batch, embedded)
                yield embedded

    def _largest_batch(self, in_memory: int) -> int:
        """Return the size of batches with which so many frames are decoded and not yet yielded."""
        # Two batches decoded ahead, one that is being put together, and those at the network.
        return max(1, min(self._batch_size, in_memory // (self._at_once + 4)))

    def _side_by_side(self, batches: Iterator[Callable[[], T]]) -> Iterator[T]:
        """Embed batches in as many threads as the network likes, one ahead of who takes them."""
        return run_ahead(batches, ahead=self._at_once + 1, workers=self._at_once)

    def _embed(self, pixels: Sequence[RgbImage]) -> tuple[Vectors, Thumbnails]:
        return (self._backbone(np.stack(pixels)), thumbnails(pixels)) if pixels else _NOTHING

    def _embed_new(self, batch: "_Items") -> tuple["_Items", tuple[Vectors, Thumbnails]]:
        """Embed the frames of a batch that repeat no other; the result is that of them only."""
        return batch, self._embed([item.image for item in batch if isinstance(item, Frame)])

    def _task(self, image: ImageInput) -> Callable[[], RgbImage]:
        return lambda: _prepared(image, self.fingerprint.preprocessing)

    def _known_files(self) -> KnownFiles | None:
        """Open the cache; None where it is not known what the vectors depend on.

        Which frames of a source stand still depends on the pixels of all.
        """
        backbone = self._backbone
        identity = backbone.identity if isinstance(backbone, Identified) else ""
        if not identity or self._skip_still:
            return None
        return KnownFiles(identity, self.fingerprint.preprocessing)

    def _tasks(
        self, source: Source, known: KnownFiles | None
    ) -> Iterator[Callable[[], Frame | KnownFrame | Unreadable]]:
        """Yield functions that decode a frame each and bring it to the size of the input."""
        preprocessing = self.fingerprint.preprocessing
        if known is not None:
            return known.tasks(source)
        if isinstance(source, ImageSequence):
            return source.decoders(preprocessing)
        return (partial(_resized, decode, preprocessing) for decode in source.decoders())


_NOTHING = (np.empty((0, DIMENSION), np.float32), thumbnails([]))

_NO_FRAME = (
    np.zeros((1, DIMENSION), np.float32),
    np.zeros((1, THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint16),
)

# A frame whose pixels are there, one that is known, or the place of one that repeats the last.
_Item = Frame | KnownFrame | FrameRef | Unreadable
_Items = Sequence[_Item]


def _assembled(
    batch: _Items, fresh: tuple[Vectors, Thumbnails], last: tuple[Vectors, Thumbnails]
) -> EmbeddedBatch:
    """Put the frames of a batch together with what was computed and what is known of them.

    Args:
        batch: The frames, and what did not decode.
        fresh: Vectors and thumbnails of those with pixels, in their order.
        last: Those of the frame before the batch, shapes ``(1, 2048)`` and ``(1, 32, 32)``.
    """
    frames = [item for item in batch if not isinstance(item, Unreadable)]
    known = [frame.embedded for frame in frames if isinstance(frame, KnownFrame)]
    # Row 0 is that of the batch before, which the first frames may repeat.
    vectors = np.concatenate([last[0], fresh[0], *(each.vector[None] for each in known)])
    small = np.concatenate([last[1], fresh[1], *(each.thumbnail[None] for each in known)])
    next_fresh, next_known = count(1), count(1 + len(fresh[0]))
    rows = [0]
    for frame in frames:
        if isinstance(frame, Frame):
            rows.append(next(next_fresh))
        else:
            rows.append(next(next_known) if isinstance(frame, KnownFrame) else rows[-1])
    return EmbeddedBatch(
        frames=tuple(_place(frame) for frame in frames),
        vectors=vectors[rows[1:]],
        thumbnails=small[rows[1:]],
        unreadable=tuple(item for item in batch if isinstance(item, Unreadable)),
    )


def _place(frame: FrameRef) -> FrameRef:
    """Return where a frame is, and nothing else that keeps memory busy."""
    if isinstance(frame, Frame):
        return frame.ref
    return FrameRef(frame.source, frame.number, frame.time_s, stamp_s=frame.stamp_s)


def _note(known: KnownFiles, batch: _Items, embedded: EmbeddedBatch) -> None:
    """Keep what was computed of the frames of a batch."""
    frames = (item for item in batch if not isinstance(item, Unreadable))
    made = zip(frames, embedded.vectors, embedded.thumbnails, strict=True)
    for frame, vector, small in made:
        if isinstance(frame, KeyedFrame):
            known.add(frame.key, Embedded(vector, small))


def _without_repeats(items: Iterable[_Item]) -> Iterator[_Item]:
    """Drop the pixels of frames that stand still."""
    still = StillDetector()
    for item in items:
        if isinstance(item, Frame) and still.repeats(item.image):
            yield item.ref
        else:
            yield item


def _resized(
    decode: Callable[[], Frame | Unreadable], preprocessing: Preprocessing
) -> Frame | Unreadable:
    frame = decode()
    if isinstance(frame, Unreadable):
        return frame
    return replace(frame, image=preprocessing.resize(frame.image))


def _prepared(image: ImageInput, preprocessing: Preprocessing) -> RgbImage:
    """Return the network's input, uint8 ``(size, size, 3)``, of what `Embedder.embed` takes."""
    if isinstance(image, (str, os.PathLike)):
        return read_image(image, preprocessing)
    if isinstance(image, Image.Image):
        return preprocessing.resize(to_rgb(image))
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"cannot embed a {type(image).__name__}; expected a path, a Pillow image or an array"
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"array of {image.dtype} {image.shape}; expected uint8 of shape (height, width, 3), RGB"
        )
    return preprocessing.resize(image)
