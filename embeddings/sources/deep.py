"""Samples of more than 8 bits: which image files hold them, and all of their bits."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from .strips import array_of, strips

Samples = npt.NDArray[Any]
"""Shape ``(height, width)`` or ``(height, width, channels)``: integers of 16 or 32 bits, floats."""

# What precedes the depth in the header of an AVIF, and how much of the file may precede that.
_AVIF_CONFIGURATION, _AVIF_HEADER, _AVIF_HIGH_DEPTH = b"av1C", 65536, 0x40
# JPEG 2000: start of the code stream and marker SIZ; bytes from there to the first sample's depth.
_JP2_SIZE, _JP2_DEPTH = b"\xff\x4f\xff\x51", 42
_BITS_PER_SAMPLE, _MAX_SAMPLE_VALUE = 258, 281
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if np.little_endian else "L"}


def is_deep(image: Image.Image) -> bool:
    """Tell whether an image has more than 8 bits per sample, by its header.

    Args:
        image: Just opened, and not loaded.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return True
    if image.format in ("PNG", "TIFF"):
        return ";16" in _raw_mode(image)
    if image.format == "HEIF":
        return int(image.info.get("bit_depth", 8)) > 8
    if image.format in ("AVIF", "JPEG2000"):
        return _states_high_depth(image.filename, image.format)  # type: ignore[attr-defined]
    return False


def samples(image: Image.Image) -> Samples | None:
    """Return the samples of a deep image with all their bits; None where Pillow drops some.

    Args:
        image: Just opened, and not loaded.

    Raises:
        OSError: If the image data is truncated.
    """
    raw_mode = _raw_mode(image)
    if image.mode == "F" or image.mode.startswith("I"):
        values = array_of(image)
        # Pillow holds unsigned samples of 32 bits as if they had a sign.
        unsigned = raw_mode.startswith("I;32") and not raw_mode.endswith("S")
        return values.view(np.uint32) if unsigned and values.dtype == np.int32 else values
    if raw_mode.split(";")[0] not in ("RGB", "RGBA", "RGBX") or raw_mode[-4:-1] != ";16":
        return None
    return _sixteen_bit_colour(image)


def stated_maximum(image: Image.Image) -> int | None:
    """Return the largest sample according to a file's header, where it is not that of its type.

    It comes from sBIT of a PNG, and from BitsPerSample or MaxSampleValue of a TIFF.
    """
    tags: Any = getattr(image, "tag_v2", None)
    if tags is not None:
        bits = _first_integer(tags.get(_BITS_PER_SAMPLE))
        largest = _first_integer(tags.get(_MAX_SAMPLE_VALUE))
        if 8 < bits < 16:
            return int(2**bits - 1)
        return largest if 255 < largest < 65535 else None
    filename = getattr(image, "filename", "")
    if image.format != "PNG" or not filename:
        return None
    bits = _significant_bits(filename)
    return int(2**bits - 1) if 8 < bits < 16 else None


def _first_integer(value: Any) -> int:
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else 0


def _significant_bits(path: str | os.PathLike[str]) -> int:
    """Return the most bits that a PNG's sBIT states; 0 where it has none before its pixels."""
    with Path(path).open("rb") as file:
        file.seek(len(b"\x89PNG\r\n\x1a\n"))
        while len(head := file.read(8)) == 8:
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind == b"sBIT":
                return max(file.read(min(length, 4)), default=0)
            if kind == b"IDAT":
                return 0
            file.seek(length + 4, os.SEEK_CUR)
    return 0


def _sixteen_bit_colour(image: Image.Image) -> Samples | None:
    """Read colour of 16 bits, of which Pillow keeps only the upper byte.

    Told that the file has the other order of bytes, it keeps the lower one.
    """
    filename, page = getattr(image, "filename", ""), image.tell()
    if not filename:
        return None
    with Image.open(filename, formats=[str(image.format)]) as lower:
        lower.seek(page)
        lower.tile = [
            type(tile)(tile[0], tile[1], tile[2], _in_other_order(tile[3])) for tile in lower.tile
        ]
        if lower.mode != image.mode or lower.size != image.size:
            return None
        values = np.empty((image.height, image.width, len(image.getbands())), np.uint16)
        for (rows, high), (_, low) in zip(strips(image), strips(lower), strict=True):
            values[rows] = np.asarray(high)
            values[rows] <<= 8
            values[rows] |= np.asarray(low)
    return values


def _in_other_order(arguments: Any) -> Any:
    """Return the arguments of one of Pillow's tiles with the order of bytes exchanged."""
    if isinstance(arguments, str):
        return arguments[:-1] + _OTHER_ORDER[arguments[-1]]
    return (_in_other_order(arguments[0]), *arguments[1:])


def _raw_mode(image: Image.Image) -> str:
    """Return how Pillow will read the samples: ``RGB;16B`` for example; empty once it has."""
    tiles = getattr(image, "tile", None)
    if not tiles or not tiles[0][3]:
        return ""
    arguments = tiles[0][3]
    first = arguments if isinstance(arguments, str) else arguments[0]
    return first if isinstance(first, str) else ""


def _states_high_depth(path: str | os.PathLike[str], kind: str) -> bool:
    """Tell whether a file that Pillow opens as 8-bit says that it has more."""
    if not path:
        return False
    with Path(path).open("rb") as file:
        head = file.read(_AVIF_HEADER)
    if kind == "AVIF":
        place = head.find(_AVIF_CONFIGURATION)
        flags = head[place + 6 : place + 7]
        return place >= 0 and bool(flags) and bool(flags[0] & _AVIF_HIGH_DEPTH)
    place = head.find(_JP2_SIZE)
    depth = head[place + _JP2_DEPTH : place + _JP2_DEPTH + 1]
    return place >= 0 and bool(depth) and (depth[0] & 0x7F) + 1 > 8
