"""What an image file says about itself: size and EXIF time, as a rule without its pixels."""

import contextlib
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nearframe.common import UnreadableImageError

from .image import opened_image, read_image
from .orientation import TURNED_SIDEWAYS, orientation_of

_EXIF_IFD = 0x8769
_TAKEN, _OFFSET, _OFFSET_OF_FILE, _FRACTION = 0x9003, 0x9011, 0x9010, 0x9291
# How a file of these formats ends when it was written to its end.
_ENDINGS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"\x00\x00\x00\x00IEND\xaeB`\x82"}


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What an image file says about itself.

    Attributes:
        width: In pixels, EXIF orientation applied.
        height: In pixels, EXIF orientation applied.
        taken: EXIF DateTimeOriginal as it is written, or None.
        taken_fraction: Digits of its fraction of a second (EXIF SubSecTimeOriginal), or None.
        taken_offset: Its offset from UTC (EXIF OffsetTimeOriginal or OffsetTime), or None.
    """

    width: int
    height: int
    taken: str | None = None
    taken_fraction: str | None = None
    taken_offset: str | None = None


def read_header(path: str | os.PathLike[str], *, check: bool = False) -> ImageHeader:
    """Read the header of an image, and make sure that the image is readable.

    A JPEG or PNG whose header and last bytes are in order passes for readable. Any other file,
    one that was cut off for example, is decoded to find out. So with `check` off, only damage in
    the middle of a file is missed.

    Args:
        path: The file. What it holds decides, not its suffix.
        check: Whether to decode every file.

    Raises:
        UnreadableImageError: If the file cannot be decoded.
    """
    header = None if check else _passing(path)
    if header is not None:
        return header
    height, width, _ = read_image(path).shape
    # Before that, Pillow might not have known the format: HEIF needs a plug-in.
    with contextlib.suppress(UnreadableImageError), opened_image(path) as image:
        return _header(image)
    return ImageHeader(width, height)


def _passing(path: str | os.PathLike[str]) -> ImageHeader | None:
    """Return the header of a JPEG or PNG that begins and ends as it should."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return None
        with Path(path).open("rb") as file, Image.open(file, formats=("JPEG", "PNG")) as image:
            header = _header(image)
            ending = _ENDINGS[image.format or ""]
            file.seek(-len(ending), os.SEEK_END)
            return header if file.read() == ending else None
    # Whatever is wrong, and whichever of Pillow's many errors it is: decoding will tell.
    except Exception:
        return None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image as it is shown, in pixels; only its header is read."""
    width, height = image.size
    if _says_nothing_more(image) or orientation_of(image) not in TURNED_SIDEWAYS:
        return width, height
    return height, width


def _says_nothing_more(image: Image.Image) -> bool:
    # A PNG without an EXIF block before its pixels would be decoded in search of one behind.
    return image.format == "PNG" and "exif" not in image.info


def _header(image: Image.Image) -> ImageHeader:
    width, height = upright_size(image)
    if _says_nothing_more(image):
        return ImageHeader(width, height)
    # A damaged EXIF block says nothing else about the image.
    with contextlib.suppress(SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        exif = image.getexif()
        details = exif.get_ifd(_EXIF_IFD)
        return ImageHeader(
            width,
            height,
            _text(details.get(_TAKEN)),
            _text(details.get(_FRACTION)),
            _text(details.get(_OFFSET)) or _text(details.get(_OFFSET_OF_FILE)),
        )
    return ImageHeader(width, height)


def _text(value: object) -> str | None:
    return value.strip(" \0") or None if isinstance(value, str) else None
