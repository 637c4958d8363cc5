"""What one picture or video frame may take: bytes by its header, scans, seconds."""

import functools
import os

import av
import av.video.stream
from PIL import Image

from nearframe.common import DECODED, PastLimitsError, SourceError, cores

from .deep import is_deep
from .orientation import read_orientation
from .scans import scan_count
from .transparency import is_transparent

LIMITS = 1
"""Version of the limits; an index tries what was past them again when they are others."""

MOST_BYTES = 1_400_000_000
"""Memory that decoding one picture may take: 175 megapixels of RGB, 85 of 16 bits per channel."""

MOST_PROBED_PIXELS = MOST_BYTES // 6
"""Pixels of a frame that is decoded to find out what a stream is, twice, and becomes RGB."""

MOST_SCANS = 500
"""Scans of a JPEG; a usual progressive one has 10."""

MOST_CORE_S, MOST_S = 20, 300
"""Seconds that decoding one picture may take: of a processor core, and of the clock, which goes on
while a busy machine does other things."""

# From here on a picture is decoded in a process of its own, which can be ended.
_LARGE_BYTES, _MANY_SCANS, _MANY_PIXELS = 400_000_000, 50, 2_000_000_000
# Of an animation, a decoder holds the picture before, the new part and what was below it.
_PICTURES_OF_ANIMATION = 3
# Bytes per pixel that decoders of some formats take besides Pillow's picture.
_DECODERS = {"JPEG2000": 16, "AVIF": 12, "WEBP": 12, "HEIF": 12, "TIFF": 4}
_COEFFICIENTS = 6
# Frames that a decoder may hold besides those of its threads: what other frames refer to.
_REFERENCES, _NO_REFERENCES = 12, 2
_MOST_THREADS = 16


def bytes_to_decode(
    image: Image.Image, *, stored: tuple[int, int] | None = None, whole: bool = True
) -> int:
    """Return about how many bytes decoding an image to RGB takes at its highest.

    Args:
        image: Just opened, and not loaded.
        stored: Width and height in the file, where `image` is to be decoded to a part of them.
        whole: Whether the result is an array of all pixels, besides Pillow's picture.
    """
    width, height = image.size
    per_pixel = own = 1 if image.mode in ("1", "L", "P") else 4
    if is_deep(image):
        # The samples, and for colour those of the lower half, of which alpha is one more.
        per_pixel += 6 if image.mode in ("F", "I") or image.mode.startswith("I;") else 14
    else:
        oriented = read_orientation(image.info.get("exif") or b"") or 1
        per_pixel += own if oriented > 1 else 0
        per_pixel += 4 if is_transparent(image) or not (whole or image.mode == "RGB") else 0
        per_pixel += 3 if whole else 0
    total = width * height * (per_pixel + _DECODERS.get(image.format or "", 0))
    if "progressive" in image.info:
        # All coefficients are in memory until the last scan, however small the result.
        full = stored or image.size
        total += full[0] * full[1] * _COEFFICIENTS
    return total


def bytes_of_animation(image: Image.Image) -> int:
    """Return about how many bytes decoding the frames of an image one by one takes."""
    return _PICTURES_OF_ANIMATION * 4 * image.width * image.height + bytes_to_decode(image)


def is_suspicious(
    path: str | os.PathLike[str], image: Image.Image, size: int, *, pictures: int = 1
) -> bool:
    """Tell whether an image is better decoded where a crash, or a long time, costs nothing else.

    Args:
        path: Its file.
        image: Just opened.
        size: Bytes that decoding it takes.
        pictures: How many of its frames are decoded.

    Raises:
        PastLimitsError: If it takes more memory than one picture may, or has too many scans.
    """
    if size > MOST_BYTES:
        raise PastLimitsError(
            path,
            f"{image.width} x {image.height} pixels of this kind take {size / 1e9:.1f} GB to "
            f"decode, and a picture may take {MOST_BYTES / 1e9:.1f} GB; make it smaller",
        )
    scans = scan_count(image)
    if scans > MOST_SCANS:
        raise PastLimitsError(
            path,
            f"a JPEG of {scans} scans, of which it may have {MOST_SCANS} and a usual one has 10; "
            "save it anew",
        )
    return (
        size > _LARGE_BYTES
        or scans > _MANY_SCANS
        or pictures * image.width * image.height > _MANY_PIXELS
    )


def set_up(path: str | os.PathLike[str], stream: av.video.stream.VideoStream) -> None:
    """Refuse a video whose frames take too much, and cap what its decoder may take.

    Raises:
        SourceError: If decoding it takes more memory than one picture may.
    """
    context = stream.codec_context
    pixel_format = pixel_format_of(stream) or "yuv420p"
    per_pixel = _bytes_per_pixel(pixel_format)
    references = _NO_REFERENCES if context.codec.intra_only else _REFERENCES
    most_pixels = int(MOST_BYTES / (per_pixel * references + 3))
    if context.width * context.height > most_pixels:
        raise SourceError(
            path,
            f"frames of {context.width} x {context.height} pixels, of which this kind of video may "
            f"have {most_pixels / 1e6:.0f} million; make them smaller",
        )
    # Frames may be larger than the header says.
    context.options = {**context.options, "max_pixels": str(most_pixels)}
    frame = max(1.0, context.width * context.height * per_pixel)
    context.thread_type = "AUTO"
    context.thread_count = max(1, min(cores(), _MOST_THREADS, int(DECODED.limit / 4 / frame)))


def pixel_format_of(stream: av.video.stream.VideoStream) -> str | None:
    """Return the pixel format of a stream, None where its header does not say.

    Not `pix_fmt` of its decoder: where there is none, that ends the process before PyAV 18.
    """
    known = stream.codec_context.format
    return None if known is None else known.name


def frame_bytes(picture: av.VideoFrame) -> int:
    """Return the bytes of a decoded frame, and of the RGB that it is to become."""
    return int(picture.width * picture.height * (_bytes_per_pixel(picture.format.name) + 3))


@functools.cache
def _bytes_per_pixel(pixel_format: str) -> float:
    return max(1.0, av.VideoFormat(pixel_format).padded_bits_per_pixel / 8)
