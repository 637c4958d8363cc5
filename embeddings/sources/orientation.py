"""EXIF orientation, read by itself: whatever else in the block is damaged, pictures are upright."""

import contextlib
import struct

from PIL import Image

_ORIENTATION = 0x0112
_PREFIX = b"Exif\0\0"
_ENTRY_BYTES = 12
# Where the first directory starts, right behind a header that says nothing else.
_USUAL_START = 8
_ORDERS = {b"II": "<", b"MM": ">"}
_RATIONALS = (5, 10)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TURNED_SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn and mirror an image as its EXIF orientation, 1 to 8, asks for."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of a Pillow image, 1 to 8; 1 where it has none that is valid.

    Args:
        image: Loaded, because a PNG may have its EXIF behind its pixels. Of a TIFF, Pillow has
            then turned the pixels itself. Of a HEIF, what is in the EXIF does not count.
    """
    if image.format == "HEIF":
        return 1
    block = image.info.get("exif")
    found = read_orientation(block) if isinstance(block, bytes) else None
    if found is None:
        # XMP and older places in a PNG. Damage there says nothing about the pixels.
        with contextlib.suppress(Exception):
            found = image.getexif().get(_ORIENTATION)
    return found if isinstance(found, int) and found in range(1, 9) else 1


def read_orientation(block: bytes) -> int | None:
    """Read the orientation, 1 to 8, out of an EXIF block; None where there is no valid one.

    Only the first directory is looked through, entry by entry, as far as there are bytes. Numbers
    count whatever their type is said to be, digits as text too; of several, the first valid one.
    """
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    order = _ORDERS.get(block[:2])
    if order is None or len(block) < _USUAL_START:
        return None
    (stated,) = struct.unpack_from(f"{order}I", block, 4)
    for start in (stated, _USUAL_START):
        found = _in_directory(block, start, order)
        if found is not None:
            return found
    return None


def _in_directory(block: bytes, start: int, order: str) -> int | None:
    # The count of entries may be wrong: a block that ends before that many is read to its end.
    if start + 2 > len(block):
        return None
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for number in range(count):
        entry = block[start + 2 + number * _ENTRY_BYTES :][:_ENTRY_BYTES]
        if len(entry) < 10:
            return None
        tag, kind = struct.unpack_from(f"{order}HH", entry)
        if tag == _ORIENTATION:
            found = _value(block, entry, kind, order)
            if found is not None:
                return found
    return None


def _value(block: bytes, entry: bytes, kind: int, order: str) -> int | None:
    value = entry[8:].ljust(4, b"\0")
    numbers = [
        struct.unpack_from(f"{order}H", value)[0],
        struct.unpack_from(f"{order}I", value)[0],
        value[0],
    ]
    if value[:1].isdigit() and not value[1:].strip(b"\0 "):
        numbers.append(int(value[:1]))
    if kind in _RATIONALS and len(block) >= numbers[1] + 8:
        above, below = struct.unpack_from(f"{order}II", block, numbers[1])
        # Its own four bytes are only a place, however small.
        numbers = [above // below] if below and above % below == 0 else []
    return next((number for number in numbers if 1 <= number <= 8), None)
