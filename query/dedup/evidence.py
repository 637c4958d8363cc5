"""Whether one frame may be dropped for another, besides how alike their vectors or pictures are."""

import hashlib
from typing import Protocol

import numpy as np

from nearframe.common import NearframeError
from nearframe.embeddings import RgbImage, Unreadable
from nearframe.embeddings.sources import ContentBeyondRgb, content_beyond_rgb, content_may_repeat

from .frames import F_contra, FrameBatch
from .images import OrderedImage
from .information import too_little
from .video_frames import VideoFrame


class Evidence(Protocol[F_contra]):
    """Tells which frames may be dropped for which."""

    def note(self, batch: FrameBatch[F_contra]) -> None:
        """Note what is needed of some frames before they are decided about."""
        ...

    def admits(self, kept: F_contra, dropped: F_contra) -> bool:
        """Whether a frame may be dropped for another that stays."""
        ...


class FileEvidence:
    """Tells which image files may be dropped for which; what it learns of one it remembers.

    A picture is compared as 8-bit RGB. A file that holds more (alpha, further frames or pages,
    deeper samples) is dropped only for one that holds the same. Where vectors alone decide, a
    picture that shows too little for them is dropped only for one of equal pixels, and so is
    whatever comes near it.

    Args:
        by_vectors_only: Whether no pictures are compared.

    Attributes:
        uninformative: Why pictures show too little, by the paths of their files.
    """

    def __init__(self, *, by_vectors_only: bool) -> None:
        self.uninformative: dict[str, str] = {}
        self._by_vectors_only = by_vectors_only
        self._contents: dict[str, ContentBeyondRgb | None] = {}
        self._pixels: dict[str, bytes] = {}

    def note(self, batch: FrameBatch[OrderedImage]) -> None:
        """Note which pictures show too little."""
        if not self._by_vectors_only or batch.thumbnails is None:
            return
        for image, small in zip(batch.frames, batch.thumbnails, strict=True):
            reason = too_little(small)
            if reason is not None:
                self.uninformative[image.file.path] = reason

    def admits(self, kept: OrderedImage, dropped: OrderedImage) -> bool:
        """Whether an image may be dropped for another that stays.

        What cannot be read any more is no evidence: then the image stays.
        """
        try:
            if not content_may_repeat(self._content(dropped), self._content(kept)):
                return False
            if not self.uninformative.keys().isdisjoint((kept.file.path, dropped.file.path)):
                return self._pixels_of(dropped) == self._pixels_of(kept)
        except NearframeError:
            return False
        return True

    def _content(self, image: OrderedImage) -> ContentBeyondRgb | None:
        path = image.file.path
        if path not in self._contents:
            self._contents[path] = content_beyond_rgb(path)
        return self._contents[path]

    def _pixels_of(self, image: OrderedImage) -> bytes:
        """Return the digest of the decoded picture."""
        path = image.file.path
        if path not in self._pixels:
            frame = image.file.decode()
            if isinstance(frame, Unreadable):
                raise NearframeError(frame.reason)
            self._pixels[path] = _digest(frame.image)
        return self._pixels[path]


class VideoEvidence:
    """Tells which frames of a video may be dropped for which.

    Where vectors alone decide, one that shows too little for them repeats only one of equal pixels.
    """

    def __init__(self) -> None:
        self._digests: dict[int, bytes] = {}

    @property
    def uninformative(self) -> int:
        """How many frames show too little."""
        return len(self._digests)

    def note(self, batch: FrameBatch[VideoFrame]) -> None:
        """Note which frames show too little."""
        if batch.thumbnails is None or batch.images is None:
            return
        for image, small in zip(batch.images, batch.thumbnails, strict=True):
            if too_little(small) is not None:
                self._digests[image.number] = _digest(image.image)

    def admits(self, kept: VideoFrame, dropped: VideoFrame) -> bool:
        """Whether a frame may be dropped for another that stays."""
        return self._digests.get(kept.key) == self._digests.get(dropped.key)


def _digest(image: RgbImage) -> bytes:
    digest = hashlib.sha256(f"{image.shape}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()
