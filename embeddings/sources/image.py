"""One image file -> 8-bit RGB pixels, whatever format, mode or orientation it is stored in."""

import contextlib
import functools
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import UnreadableImageError
from ..frame import RgbImage
from ..preprocessing import Preprocessing

_ORIENTATION = 0x0112
HEIF_SUFFIXES = frozenset({".heic", ".heif"})
IMAGE_SUFFIXES = (
    frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif"})
    | HEIF_SUFFIXES
)
"""Lower-case suffixes of the files that a folder counts as images."""


@functools.cache
def _heif_available() -> bool:
    """Register pillow-heif with Pillow when it is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def read_image(
    path: str | os.PathLike[str], preprocessing: Preprocessing | None = None
) -> RgbImage:
    """Decode an image file.

    EXIF orientation is applied, transparency is laid over white, and 16-bit, palette, grey and
    CMYK images become 8-bit RGB. Of an animation, the first frame is taken.

    Args:
        path: The file. What it holds decides, not its suffix.
        preprocessing: Applied at once, where it can spare the work on pixels that it drops.

    Returns:
        RGB pixels, uint8, shape ``(height, width, 3)``, or what `preprocessing` makes of them.

    Raises:
        UnreadableImageError: If it is no regular file, cannot be opened, or does not decode to
            its end.
    """
    with opened_image(path) as image:
        if preprocessing is None:
            return to_rgb_array(image)
        preprocessing.reduce(image)
        return preprocessing.resize(to_rgb(image))


@contextlib.contextmanager
def opened_image(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Open an image file whose pixels are decoded within the context.

    Raises:
        UnreadableImageError: If it is no regular file, cannot be opened, or if the body of the
            context finds that it does not decode.
    """
    # The heif opener must be registered before Pillow looks for one that takes the file.
    heif = _heif_available()
    try:
        # Opening a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise UnreadableImageError(path, "not a regular file; expected an image")
        with Image.open(path) as image:
            # Pillow would start Ghostscript, whatever the suffix; a photo is never PostScript.
            if image.format == "EPS":
                raise UnreadableImageError(path, "PostScript, which is a program, not an image")
            yield image
    except UnreadableImageError:
        raise
    # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error, … on
    # broken data. Whichever it is, this one file is unreadable and the run goes on.
    except Exception as error:
        raise UnreadableImageError(path, _reason(Path(path), error, heif=heif)) from error


def _reason(path: Path, error: Exception, *, heif: bool) -> str:
    """Say in a few words what a decoder's error means."""
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        return f"more than {limit:.0f} megapixels, which is past the limit for a safe decode"
    if isinstance(error, UnidentifiedImageError):
        if path.stat().st_size == 0:
            return "the file is empty"
        if path.suffix.lower() in HEIF_SUFFIXES and not heif:
            return "HEIC needs pillow-heif; pip install 'nearframe[heif]'"
        return "not an image that can be decoded"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


def to_rgb_array(image: Image.Image) -> RgbImage:
    """Convert a Pillow image to RGB pixels, uint8, shape ``(height, width, 3)``.

    Raises:
        OSError: If the image data is truncated (Pillow decodes lazily).
    """
    return np.array(to_rgb(image))


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a Pillow image to mode ``RGB``, as it is meant to be seen.

    Raises:
        OSError: If the image data is truncated (Pillow decodes lazily).
    """
    image.load()
    # A damaged EXIF block says nothing about the pixels.
    with contextlib.suppress(SyntaxError, ValueError, KeyError, TypeError, struct.error):
        # It copies also what needs no turning.
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bit_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and float grey to 8 bits; Pillow's own conversion would clip at 255.

    16 bits are divided by 257, so that 65535 becomes 255. Files of 32 bits hold 16-bit data or
    less in practice; floats run from 0 to 1, or from 0 to 255 where they exceed 1.
    """
    values = np.asarray(image, dtype=np.float32)
    if image.mode == "F":
        scale = 255.0 if values.max(initial=0.0) <= 1.0 else 1.0
    else:
        scale = 1 / 257 if image.mode.startswith("I;16") or values.max(initial=0.0) > 255 else 1.0
    return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))
