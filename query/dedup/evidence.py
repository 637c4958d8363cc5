"""Whether one image may be dropped for another, besides how alike their vectors or pictures are."""

import hashlib
from collections.abc import Sequence

import numpy as np

from nearframe.common import NearframeError
from nearframe.embeddings import RgbImage, Thumbnails, Unreadable
from nearframe.embeddings.sources import ContentBeyondRgb, content_beyond_rgb, content_may_repeat

from .images import OrderedImage
from .information import too_little


class Evidence:
    """Tells which images may be dropped for which; what it learns of a file it remembers.

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

    def look_at(self, images: Sequence[OrderedImage], thumbnails: Thumbnails | None) -> None:
        """Note which pictures show too little.

        Args:
            images: The images.
            thumbnails: uint16, ``(len(images), 32, 32)``; None where there are no vectors, or
                where the images were noted before.
        """
        if not self._by_vectors_only or thumbnails is None:
            return
        for image, small in zip(images, thumbnails, strict=True):
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


class FramePixels:
    """Tells which frames of a video may be dropped for which where vectors alone decide."""

    def __init__(self) -> None:
        self._digests: list[bytes | None] = []

    @property
    def uninformative(self) -> int:
        """How many frames show too little."""
        return sum(digest is not None for digest in self._digests)

    def look_at(self, image: RgbImage, thumbnail: Thumbnails) -> None:
        """Note the next frame.

        Args:
            image: uint8 ``(height, width, 3)``.
            thumbnail: uint16, ``(32, 32)``, as an `Embedder` makes it.
        """
        self._digests.append(None if too_little(thumbnail) is None else _digest(image))

    def admits(self, kept: int, dropped: int) -> bool:
        """As of `GreedyDedup`: one that shows too little repeats only one of equal pixels."""
        return self._digests[kept] == self._digests[dropped]


def _digest(image: RgbImage) -> bytes:
    digest = hashlib.sha256(f"{image.shape}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()
