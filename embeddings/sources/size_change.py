"""Where the picture size of MPEG-1, 2 and 4 changes, whose decoders then lose a frame."""

from typing import Any

import av

_START = b"\x00\x00\x01"
_SEQUENCE = b"\x00\x00\x01\xb3"
# Start codes of a video object layer of MPEG-4 end with these bytes.
_LAYERS = range(0x20, 0x30)
_LONGEST = 256


class SizeChange:
    """Finds packets that begin with another picture size than the packets before them.

    These decoders hold the last frame back, and drop it when the size changes. So they are to be
    emptied first.

    Args:
        codec: FFmpeg's name of it. For others than MPEG-1, 2 and 4 nothing is looked at.
    """

    def __init__(self, codec: str) -> None:
        self._find = {
            "mpeg1video": _size_of_sequence,
            "mpeg2video": _size_of_sequence,
            "mpeg4": _layer,
        }.get(codec)
        self._size: bytes | None = None

    def is_at(self, packet: "av.Packet[Any]") -> bool:
        """Tell whether the next packet of the stream has another size."""
        if self._find is None or not packet.is_keyframe:
            return False
        size = self._find(bytes(memoryview(packet)[:_LONGEST]))
        if size is None:
            return False
        before, self._size = self._size, size
        return before not in (None, size)


def _size_of_sequence(data: bytes) -> bytes | None:
    """Return the 12 + 12 bits of a sequence header that are width and height."""
    begin = data.find(_SEQUENCE)
    return None if begin < 0 else data[begin + 4 : begin + 7]


def _layer(data: bytes) -> bytes | None:
    """Return the header of a video object layer; the size is somewhere in it."""
    begin = data.find(_START)
    while begin >= 0:
        end = data.find(_START, begin + 3)
        if data[begin + 3 : begin + 4] and data[begin + 3] in _LAYERS:
            return data[begin : end if end >= 0 else None]
        begin = end
    return None
