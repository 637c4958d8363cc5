"""Whether a TIFF is a camera's raw file, of which Pillow would decode only a small preview."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PHOTOMETRIC, _SUB_DIRECTORIES, _DNG_VERSION = 262, 330, 50706
# Colour filter array, and linear raw.
_RAW_PHOTOMETRICS = (32803, 34892)
_ORDERS = {b"II": "<", b"MM": ">"}
_ENTRY_BYTES = 12
_BYTES_OF_TYPE = {3: 2, 4: 4, 13: 4}
# More than any camera writes; damaged files may point in circles.
_MOST_DIRECTORIES = 32
_MOST_ENTRIES = 1000

Entry = tuple[int, tuple[int, ...]]
"""Tag and its whole numbers; none where it holds something else."""


def is_raw_tiff(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a TIFF that holds what a sensor saw: DNG, NEF, ARW, PEF and others.

    What cannot be read is none.
    """
    try:
        with Path(path).open("rb") as file:
            return any(
                tag == _DNG_VERSION
                or (tag == _PHOTOMETRIC and any(value in _RAW_PHOTOMETRICS for value in values))
                for tag, values in _entries(file)
            )
    except (OSError, struct.error):
        return False


def _entries(file: BinaryIO) -> Iterator[Entry]:
    """Yield the entries of all directories, those inside others too."""
    head = file.read(8)
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < 8:
        return
    magic, first = struct.unpack(f"{order}HI", head[2:])
    if magic != 42:
        return
    pending, seen = [first], set[int]()
    while pending and len(seen) < _MOST_DIRECTORIES:
        place = pending.pop()
        if not place or place in seen:
            continue
        seen.add(place)
        file.seek(place)
        (count,) = struct.unpack(f"{order}H", file.read(2))
        directory = file.read(count * _ENTRY_BYTES + 4)
        for number in range(min(count, _MOST_ENTRIES)):
            tag, values = _entry(file, directory[number * _ENTRY_BYTES :], order)
            yield tag, values
            if tag == _SUB_DIRECTORIES:
                pending += values
        pending += struct.unpack(f"{order}I", directory[count * _ENTRY_BYTES :][:4])


def _entry(file: BinaryIO, entry: bytes, order: str) -> Entry:
    tag, kind, count = struct.unpack(f"{order}HHI", entry[:8])
    size = _BYTES_OF_TYPE.get(kind)
    if size is None or tag not in (_PHOTOMETRIC, _SUB_DIRECTORIES):
        return tag, ()
    count = min(count, _MOST_DIRECTORIES)
    value = entry[8:12]
    if size * count > len(value):
        file.seek(struct.unpack(f"{order}I", value)[0])
        value = file.read(size * count)
    return tag, struct.unpack(f"{order}{count}{'H' if size == 2 else 'I'}", value[: size * count])
