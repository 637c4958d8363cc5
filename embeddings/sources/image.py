"""One image file -> 8-bit RGB pixels, whatever format, mode or orientation it is stored in."""

import contextlib
import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from nearframe.common import DECODED, PastLimitsError, UnreadableImageError

from ..frame import RgbImage
from ..preprocessing import Preprocessing
from .contained import contained
from .deep import Samples, is_deep, samples, stated_maximum
from .kinds import HEIF_SUFFIXES, IMAGE_FORMATS, TGA_SUFFIXES, is_raw, suffix_of
from .levels import to_eight_bits
from .libtiff import silence_libtiff
from .limits import bytes_to_decode, is_suspicious
from .orientation import orientation_of, upright
from .raw import RAW_REMEDY, NoPreviewError, open_preview, raw_available
from .signatures import content_of, head_of, is_postscript, is_script
from .strips import array_of, boxes
from .transparency import Colour, flattened, is_transparent

_PHOTOMETRIC = 262
# Smaller pictures are many only where their users keep them.
_COUNTED_BYTES = 1 << 20


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

    EXIF orientation is applied, transparency is laid over a colour that differs from what is
    visible (`background_of`), and palette, grey, CMYK and deeper images become 8-bit RGB
    (`to_eight_bits`). Of an animation, the first frame is taken.

    Args:
        path: The file. What it holds decides, not its suffix.
        preprocessing: Applied at once, where it can spare the work on pixels that it drops.

    Returns:
        RGB pixels, uint8, shape ``(height, width, 3)``, or what `preprocessing` makes of them.

    Raises:
        PastLimitsError: If it takes more memory or time than one picture may.
        UnreadableImageError: If it is no regular file, cannot be opened, or does not decode to
            its end.
    """
    with opened_image(path) as image:
        size = _reduced(image, preprocessing)
        if not is_suspicious(path, image, size):
            with DECODED.decoding(size):
                return held(_pixels(image, preprocessing))
        with DECODED.decoding(size):
            pixels: RgbImage = contained("read_image", path, preprocessing)
            return held(pixels)


def read_here(path: str | os.PathLike[str], preprocessing: Preprocessing | None) -> RgbImage:
    """Decode an image file in this process, however large it is; otherwise as `read_image`."""
    with opened_image(path) as image:
        _reduced(image, preprocessing)
        return _pixels(image, preprocessing)


def _reduced(image: Image.Image, preprocessing: Preprocessing | None) -> int:
    """Let an image be decoded no larger than needed; return the bytes that this takes."""
    stored = image.size
    if preprocessing is not None:
        preprocessing.reduce(image)
    return bytes_to_decode(image, stored=stored, whole=preprocessing is None)


def _pixels(image: Image.Image, preprocessing: Preprocessing | None) -> RgbImage:
    return to_rgb_array(image) if preprocessing is None else preprocessing.resize(to_rgb(image))


def held(pixels: RgbImage) -> RgbImage:
    """Let pixels count in the budget for as long as somebody has them."""
    if pixels.nbytes >= _COUNTED_BYTES:
        DECODED.hold(pixels, pixels.nbytes)
    return pixels


@contextlib.contextmanager
def opened_image(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Open an image file whose pixels are decoded within the context.

    Raises:
        UnreadableImageError: If it is no regular file, cannot be opened, or if the body of the
            context finds that it does not decode.
    """
    # The heif opener must be registered before Pillow looks for one that takes the file.
    heif = _heif_available()
    silence_libtiff()
    try:
        # Opening a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise UnreadableImageError(path, "not a regular file; expected an image")
        head = head_of(path)
        if is_postscript(head):
            raise UnreadableImageError(path, "PostScript, which is a program, not an image")
        with _opened(path, head) as image:
            yield image
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise PastLimitsError(path, "memory runs out while it is decoded") from error
    # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error, … on
    # broken data. Whichever it is, this one file is unreadable and the run goes on.
    except Exception as error:
        raise UnreadableImageError(path, _reason(Path(path), error, heif=heif)) from error


def _opened(path: str | os.PathLike[str], head: bytes) -> Image.Image:
    if not is_raw(path, head):
        return Image.open(path, formats=_formats(path, head))
    if not raw_available():
        raise UnreadableImageError(path, f"a camera's raw file, which needs rawpy; {RAW_REMEDY}")
    try:
        return open_preview(path)
    except NoPreviewError as error:
        raise UnreadableImageError(path, str(error)) from error


def _formats(path: str | os.PathLike[str], head: bytes) -> list[str]:
    """Return the formats of Pillow that a file may have.

    A TGA has no signature, so that almost anything would pass for one: its suffix decides.
    """
    Image.init()
    formats = [name for name in IMAGE_FORMATS if name in Image.OPEN]
    if suffix_of(path) in TGA_SUFFIXES and content_of(head) is None:
        formats.append("TGA")
    return formats


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
        if is_script(head_of(path)):
            return "text that names other files (a playlist or the like), not an image"
        return "not an image that can be decoded"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


def to_rgb_array(image: Image.Image, background: Colour | None = None) -> RgbImage:
    """Convert a Pillow image to RGB pixels, uint8, shape ``(height, width, 3)``.

    Args:
        image: The image.
        background: Colour behind transparent pixels.

    Raises:
        OSError: If the image data is truncated (Pillow decodes lazily).
    """
    picture = _as_seen(image)
    if is_transparent(picture):
        picture = flattened(picture, background)
    return np.asarray(array_of(picture, "RGB"), np.uint8)


def to_rgb(image: Image.Image, background: Colour | None = None) -> Image.Image:
    """Convert a Pillow image to mode ``RGB``, as it is meant to be seen.

    Args:
        image: The image.
        background: What a transparent one is laid over; by default `background_of` decides.

    Raises:
        OSError: If the image data is truncated (Pillow decodes lazily).
    """
    picture = _as_seen(image)
    if is_transparent(picture):
        return flattened(picture, background)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _as_seen(image: Image.Image) -> Image.Image:
    """Load an image; of 8 bits and upright, in whatever mode."""
    return upright(_eight_bits(image), orientation_of(image))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Load an image; scale deeper samples, which Pillow's own conversion would clip or cut."""
    values = samples(image) if is_deep(image) else None
    image.load()
    if values is None:
        return image
    colour = values[..., :3] if values.ndim == 3 else values
    levels = to_eight_bits(colour, stated_maximum(image))
    alpha = None
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
    elif "transparency" in image.info:
        alpha = _all_but(colour, image.info["transparency"])
    del values, colour
    if _is_inverted(image):
        levels ^= 255
    picture = Image.fromarray(levels)
    if alpha is not None:
        picture.putalpha(alpha)
    return picture


def _all_but(values: Samples, transparent: Any) -> Image.Image:
    """Return the alpha of a picture in which one colour, or grey, is transparent."""
    alpha = np.full(values.shape[:2], 255, np.uint8)
    for _, top, _, bottom in boxes((values.shape[1], values.shape[0])):
        alike = np.atleast_3d(values[top:bottom]) == np.atleast_1d(transparent)
        alpha[top:bottom][alike.all(axis=2)] = 0
    return Image.fromarray(alpha)


def _is_inverted(image: Image.Image) -> bool:
    """Tell whether 0 is white in a TIFF; Pillow inverts only 8-bit ones."""
    tags: Any = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PHOTOMETRIC) == 0
