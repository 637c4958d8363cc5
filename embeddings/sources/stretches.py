"""Time stamps that jump, where recordings were joined into one file or begin in the middle."""

from bisect import bisect_right
from fractions import Fraction
from typing import Any, Protocol

import av

# Where stamps do not stand in the file packet by packet, some are made up, and may jump back by a
# little in the middle of a recording: by so many frames, or by so much.
_JITTER_FRAMES = {"mpegts": 0, "mpeg": 2}
_JITTER_S = Fraction(1, 2)
# Packets that come behind the first of a stretch are shown at most this much before it.
_MARGIN_S = 10
# Behind a gap of this much, and of several frames, something is missing.
_GAP_S = Fraction(1, 5)
_GAP_FRAMES = 4
# No two frames are nearer than this part of what one lasts.
_PARTS_OF_FRAME = 8
# MPEG counts 2^33 ticks, 26.5 hours, then starts again, and FFmpeg goes on. It also does so where a
# recording is joined whose stamps are far lower; then, hours are missing before the new lap.
_MPEG_TICK_S = Fraction(1, 90000)
_LAP = 1 << 33
_LONGEST_PAUSE = _LAP // 24


class Ratio(Protocol):
    """A fraction: Python's own, or that of PyAV 19 and later."""

    @property
    def numerator(self) -> int:
        """What is divided."""
        ...

    @property
    def denominator(self) -> int:
        """By what it is divided."""
        ...


class Stretches:
    """Lays the stretches of a stream one behind the other, so that its time stamps only rise.

    The stamps of ``cat a.ts b.ts`` start again at the joint. Sorted by them, frames of both
    recordings would mix. So the stamps of each further stretch are moved behind those before::

        in the file     0 1 2 3 4 | 0 1 2 3
        laid            0 1 2 3 4 | 9 10 11 12      (the gap leaves room for reordered frames)

    Args:
        time_base: Of the stream, in seconds per tick; None where it has none.
        container_format: FFmpeg's names of it.

    Attributes:
        leading: Whether the packet laid last is shown before the first keyframe of its recording.
            It may refer to frames that were cut away; then a decoder leaves it out, and so do
            players.
        torn: Whether that was so of a packet behind a joint or a gap: there a decoder may take
            frames from before for those cut away, and show anything in any order.
    """

    def __init__(self, time_base: Ratio | None, container_format: str) -> None:
        tick_s = Fraction(1, 1000)
        if time_base:
            tick_s = Fraction(time_base.numerator, time_base.denominator)
        self._jitter_frames = _JITTER_FRAMES.get(container_format)
        self._jitter = int(_JITTER_S / tick_s)
        self._margin = max(1, int(_MARGIN_S / tick_s))
        self._gap = max(1, int(_GAP_S / tick_s))
        self._lap = _LAP if tick_s == _MPEG_TICK_S else None
        self._lapped = False
        self.leading = False
        self.torn = False
        self._recordings = 0
        self._fresh = True
        self._keyframe: int | None = None
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
        date = self._unlapped(packet)
        if date is None:
            return
        gap = max(self._gap, _GAP_FRAMES * (packet.duration or 0))
        if self._last_date is not None and date > self._last_date + gap:
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
        offset = self._offsets[-1]
        _move(packet, offset)
        self._look_for_leading(packet)
        stamp = max(date + offset, date + offset if packet.pts is None else packet.pts)
        self._end = max(self._end, stamp + max(1, packet.duration or 0))

    def stretch(self, laid: int) -> int:
        """Return in which stretch a laid stamp is, counted from 0."""
        return bisect_right(self._starts, laid)

    def stamp(self, laid: int) -> int:
        """Return the stamp that stands in the file."""
        return laid - self._offsets[self.stretch(laid)]

    def _unlapped(self, packet: "av.Packet[Any]") -> int | None:
        """Undo a lap of MPEG's clock that FFmpeg takes for one; return the decoding time stamp."""
        date: int | None = packet.dts if packet.dts is not None else packet.pts
        if date is None or self._lap is None:
            return date
        if date < self._lap:
            self._lapped = False
        elif self._last_date is not None and date - self._last_date > _LONGEST_PAUSE:
            self._lapped = True
        if self._lapped:
            _move(packet, -self._lap)
            date -= self._lap
        return date

    def _look_for_leading(self, packet: "av.Packet[Any]") -> None:
        if self._fresh:
            self._fresh, self._keyframe = False, None
            self._recordings += 1
        if packet.is_keyframe and self._keyframe is None:
            self._keyframe = packet.pts if packet.pts is not None else packet.dts
            self.leading = False
            return
        self.leading = self._keyframe is None or (
            packet.pts is not None
            # Where FFmpeg cuts a file, it moves them to just behind the keyframe.
            and packet.pts < self._keyframe + (packet.duration or 0) // _PARTS_OF_FRAME
        )
        self.torn |= self.leading and self._recordings > 1

    def _jumps_back(self, packet: "av.Packet[Any]", date: int) -> bool:
        """Tell whether a packet begins a new stretch."""
        jitter = self._jitter
        if self._jitter_frames is not None:
            jitter = self._jitter_frames * (packet.duration or 0)
        if self._last_date is not None and date < self._last_date - jitter:
            return True
        # What is stored before a keyframe is shown before it; but some files call all frames so.
        return (
            packet.is_keyframe
            and packet.pts is not None
            and self._latest is not None
            and packet.pts <= self._latest
            and self._last_date is not None
            and date <= self._last_date
        )


def _move(packet: "av.Packet[Any]", ticks: int) -> None:
    """Add to both stamps of a packet."""
    if ticks:
        packet.dts = None if packet.dts is None else packet.dts + ticks
        packet.pts = None if packet.pts is None else packet.pts + ticks
