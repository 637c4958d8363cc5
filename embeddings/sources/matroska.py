"""Whether a Matroska or WebM file is one recording, by the size that its header states."""

import os
from pathlib import Path
from typing import BinaryIO

_HEADER, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def is_one_segment(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is one segment to its end; False where its header does not say."""
    try:
        with Path(path).open("rb") as file:
            header = _size_of(file, _HEADER)
            if header is None:
                return False
            file.seek(header, os.SEEK_CUR)
            segment = _size_of(file, _SEGMENT)
            return segment is not None and file.tell() + segment >= os.fstat(file.fileno()).st_size
    except OSError:
        return False


def _size_of(file: BinaryIO, identifier: bytes) -> int | None:
    """Read the head of an element; return the size of what follows, None where it is unknown."""
    if file.read(len(identifier)) != identifier:
        return None
    first = file.read(1)
    if not first or not first[0]:
        return None
    # The leading zeros of the first byte say how many bytes follow it.
    length = 8 - first[0].bit_length()
    size = int.from_bytes(bytes([first[0] & (0x7F >> length)]) + file.read(length), "big")
    unknown = (1 << 7 * (length + 1)) - 1
    return None if size == unknown else size
