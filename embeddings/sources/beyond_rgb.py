"""What an image file holds besides its 8-bit RGB picture: alpha, further frames, deeper samples.

A picture is compared as 8-bit RGB. Of two files whose pictures look the same, one may still hold
what the other has not: these digests tell.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nearframe.common import DECODED

from .animation import is_reduced
from .contained import contained
from .deep import is_deep, samples
from .image import opened_image
from .kinds import is_raw
from .limits import bytes_of_animation, bytes_to_decode, is_suspicious
from .signatures import head_of
from .strips import strips
from .transparency import is_transparent


@dataclass(frozen=True, slots=True)
class ContentBeyondRgb:
    """Digests (SHA-256, hexadecimal) of what a file holds besides its 8-bit RGB picture.

    Attributes:
        alpha: Of alpha and of the pixels visible under it, 8 bits; None where all is opaque.
        frames: Of all frames or pages, with alpha, at their full depth, and with their durations;
            None where there is one only.
        depth: Of the samples at full depth; None where they have 8 bits or less.
        raw: Of all the bytes of a camera's raw file, as nothing else holds what its sensor saw;
            None of any other file.
    """

    alpha: str | None = None
    frames: str | None = None
    depth: str | None = None
    raw: str | None = None

    def may_repeat(self, kept: "ContentBeyondRgb | None") -> bool:
        """Tell whether nothing of this is lost where only another file is kept.

        Alpha, frames and raw must be equal in both. An 8-bit picture may repeat a deeper one, a
        deeper one only what has the same samples.

        Args:
            kept: Of the other file.
        """
        kept = kept or _NOTHING
        return (
            self.alpha == kept.alpha
            and self.frames == kept.frames
            and self.raw == kept.raw
            and self.depth in (None, kept.depth)
        )


_NOTHING = ContentBeyondRgb()


def content_may_repeat(dropped: ContentBeyondRgb | None, kept: ContentBeyondRgb | None) -> bool:
    """Tell whether one file may count as a repeat of another, as far as this content goes.

    It says nothing about how alike the pictures are.

    Args:
        dropped: Of the file that would be dropped; None where it is all in its RGB picture.
        kept: Of the file that would stay.
    """
    return (dropped or _NOTHING).may_repeat(kept)


def content_beyond_rgb(path: str | os.PathLike[str]) -> ContentBeyondRgb | None:
    """Tell what an image file holds besides its 8-bit RGB picture.

    Of ordinary files, JPEGs for example, only the header is read. A JPEG with further pictures
    behind it (MPO) counts by its first.

    Returns:
        The digests, or None where the 8-bit RGB picture is all of it.

    Raises:
        PastLimitsError: If it takes more memory or time than one picture may.
        UnreadableImageError: If it is no image or does not decode.
    """
    with opened_image(path) as image:
        if is_raw(path, head_of(path)):
            return ContentBeyondRgb(raw=_digest_of_file(path))
        count = picture_count(image)
        if image.format in ("JPEG", "MPO") or not (
            count > 1 or is_deep(image) or is_transparent(image)
        ):
            return None
        size = bytes_of_animation(image) if count > 1 else bytes_to_decode(image)
        if is_suspicious(path, image, size, pictures=count):
            with DECODED.decoding(size):
                content: ContentBeyondRgb | None = contained("content", path)
                return content
        with DECODED.decoding(size):
            return _content(path, image)


def content_here(path: str | os.PathLike[str]) -> ContentBeyondRgb | None:
    """Return the content of an image file that is no raw one, decoded in this process."""
    with opened_image(path) as image:
        return _content(path, image)


def _content(path: str | os.PathLike[str], image: Image.Image) -> ContentBeyondRgb | None:
    alpha = frames = depth = None
    deep = is_deep(image)
    if picture_count(image) > 1:
        frames = _digest_of_frames(image, path)
        image.seek(0)
    if deep:
        depth = _digest_of_samples(image, path)
    if is_transparent(image):
        alpha = _digest_of_alpha(image)
    content = ContentBeyondRgb(alpha, frames, depth)
    return None if content == _NOTHING else content


def picture_count(image: Image.Image) -> int:
    """Return the number of frames or pages; of an MPO, which counts by its first picture, 1."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def _digest_of_alpha(image: Image.Image) -> str | None:
    digest, opaque = _digest_of_array(np.dtype(np.uint8), (image.height, image.width, 4)), True
    for _, strip in strips(image):
        pixels = _visible(strip)
        opaque &= bool((pixels[..., 3] == 255).all())
        digest.update(pixels.data)
    return None if opaque else digest.hexdigest()


def _digest_of_frames(image: Image.Image, path: str | os.PathLike[str]) -> str | None:
    """Return the digest of all frames; None where only one is no smaller version of another."""
    digest, count = hashlib.sha256(), 0
    for number in range(picture_count(image)):
        image.seek(number)
        if is_reduced(image):
            continue
        count += 1
        if is_deep(image):
            digest.update(_digest_of_samples(image, path).encode())
        digest.update(_digest_of_visible(image).encode())
        # Of some formats it is known only once the frame is loaded.
        digest.update(f"{round(float(image.info.get('duration') or 0))};".encode())
    return digest.hexdigest() if count > 1 else None


def _digest_of_samples(image: Image.Image, path: str | os.PathLike[str]) -> str:
    values = samples(image)
    if values is None:
        # Nothing decodes it at full depth, so that only the same bytes are surely the same.
        return _digest_of_file(path)
    return _sha256(values)


def _digest_of_file(path: str | os.PathLike[str]) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _digest_of_visible(image: Image.Image) -> str:
    digest = _digest_of_array(np.dtype(np.uint8), (image.height, image.width, 4))
    for _, strip in strips(image):
        digest.update(_visible(strip).data)
    return digest.hexdigest()


def _visible(image: Image.Image) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Return RGBA, uint8, shape ``(height, width, 4)``; black where nothing is visible."""
    if image.mode == "F" or image.mode.startswith("I"):
        # Its samples are in the digest of its depth: only what is transparent is asked for here.
        pixels = np.full((image.height, image.width, 4), 255, np.uint8)
        if "transparency" in image.info:
            pixels[np.asarray(image) == image.info["transparency"]] = 0
        return pixels
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def _sha256(values: "np.ndarray[Any, Any]") -> str:
    """Return the digest of an array's type, shape and content."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    digest = _digest_of_array(values.dtype, values.shape)
    digest.update(values.data)
    return digest.hexdigest()


def _digest_of_array(kind: "np.dtype[Any]", shape: tuple[int, ...]) -> "hashlib._Hash":
    """Return the digest of an array's type and shape, to which its content is to be added."""
    return hashlib.sha256(f"{kind.str}{shape}".encode())
