"""Time stamps that jump, where recordings were joined into one file or begin in the middle."""

from bisect import bisect_right
from fractions import Fraction
from typing import Any

import av

# Packets in the middle of a recording may jump back by a little: where stamps are made up.
_JITTER_S = Fraction(1, 2)
# Packets that come behind the first of a stretch are shown at most this much before it.
_MARGIN_S = 10
# Behind a longer gap, something is missing.
_GAP_S = 1


class Stretches:
    """Lays the stretches of a stream one behind the other, so that its time stamps only rise.

    The stamps of ``cat a.ts b.ts`` start again at the joint. Sorted by them, frames of both
    recordings would mix. So the stamps of each further stretch are moved behind those before::

        in the file     0 1 2 3 4 | 0 1 2 3
        laid            0 1 2 3 4 | 9 10 11 12      (the gap leaves room for reordered frames)

    Args:
        time_base: Of the stream, in seconds per tick; None where it has none.

    Attributes:
        leading: Whether the packet laid last is shown before the first keyframe of its stretch.
            It may refer to frames that were cut away; then a decoder leaves it out, and so do
            players.
        keyframe: Laid stamp of the last keyframe with which a stretch begins.
    """

    def __init__(self, time_base: Fraction | None) -> None:
        tick_s = time_base or Fraction(1, 1000)
        self._jitter = int(_JITTER_S / tick_s)
        self._margin = max(1, int(_MARGIN_S / tick_s))
        self._gap = max(1, int(_GAP_S / tick_s))
        self.leading = False
        self.keyframe: int | None = None
        self._fresh = True
        self._behind_keyframe = False
        self._starts: list[int] = []
        self._offsets = [0]
        self._latest: int | None = None
        self._last_date: int | None = None
        self._end = 0

    @property
    def count(self) -> int:
        """How many stretches have begun."""
        return len(self._offsets)

    def lay(self, packet: "av.Packet[Any]") -> None:
        """Move the stamps of the next packet in the file, in place."""
        date = packet.dts if packet.dts is not None else packet.pts
        if date is None:
            return
        if self._last_date is not None and date > self._last_date + self._gap:
            self._fresh = True
        if self._jumps_back(packet, date):
            self._fresh = True
            lowest = min(date, date if packet.pts is None else packet.pts)
            self._starts.append(self._end)
            self._offsets.append(self._end + self._margin - lowest)
            self._latest = None
        self._last_date = date
        if packet.pts is not None:
            self._latest = max(packet.pts, packet.pts if self._latest is None else self._latest)
        if offset := self._offsets[-1]:
            packet.dts = None if packet.dts is None else packet.dts + offset
            packet.pts = None if packet.pts is None else packet.pts + offset
        self._look_for_leading(packet)
        stamp = max(date + offset, date + offset if packet.pts is None else packet.pts)
        self._end = max(self._end, stamp + max(1, packet.duration or 0))

    def stretch(self, laid: int) -> int:
        """Return in which stretch a laid stamp is, counted from 0."""
        return bisect_right(self._starts, laid)

    def stamp(self, laid: int) -> int:
        """Return the stamp that stands in the file."""
        return laid - self._offsets[self.stretch(laid)]

    def _look_for_leading(self, packet: "av.Packet[Any]") -> None:
        if self._fresh:
            self._fresh = self._behind_keyframe = False
        if packet.is_keyframe and not self._behind_keyframe:
            self._behind_keyframe, self.keyframe = True, packet.pts
            self.leading = False
            return
        before = packet.pts is not None and self.keyframe is not None and packet.pts < self.keyframe
        self.leading = not self._behind_keyframe or before

    def _jumps_back(self, packet: "av.Packet[Any]", date: int) -> bool:
        """Tell whether a packet begins a new stretch."""
        if self._last_date is not None and date < self._last_date - self._jitter:
            return True
        # Whatever is stored before a keyframe is shown before it.
        return (
            packet.is_keyframe
            and packet.pts is not None
            and self._latest is not None
            and packet.pts <= self._latest
        )
