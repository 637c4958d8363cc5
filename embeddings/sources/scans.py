"""How many scans a JPEG has: each goes over the whole picture, and takes as few as 10 bytes."""

import mmap
import re
from pathlib import Path
from typing import BinaryIO

from PIL import Image

_START, _END = 0xDA, 0xD9
START_OF_SCAN = b"\xff\xda"
# A marker that ends what a scan holds: no stuffed byte, no restart, no filling.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Usual files, with the thumbnails in them, have no more: only beyond, scans are told from chance.
_USUAL = 24
_CHUNK = 1 << 20


def scan_count(image: Image.Image) -> int:
    """Return the number of scans of a JPEG, at most; of any other image 1.

    Args:
        image: Just opened.
    """
    filename = getattr(image, "filename", "")
    if image.format not in ("JPEG", "MPO") or not filename:
        return 1
    with Path(filename).open("rb") as file:
        found = _starts(file)
        if found <= _USUAL:
            return found
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return scans_in(data)


def scans_in(data: "mmap.mmap | bytes") -> int:
    """Return the number of scans of the first picture in the bytes of a JPEG."""
    place, count = 2, 0
    while (marker := _MARKER.search(data, place)) is not None:
        place = marker.end()
        kind = data[place - 1]
        if kind == _END:
            break
        count += kind == _START
        # What a segment holds is no marker, whatever it looks like.
        place += int.from_bytes(data[place : place + 2], "big")
    return count


def _starts(file: BinaryIO) -> int:
    """Count what looks like the start of a scan, wherever it stands; much faster than to parse."""
    count, last = 0, b""
    while chunk := file.read(_CHUNK):
        count += (last + chunk).count(START_OF_SCAN)
        last = chunk[-1:]
    return count
