"""One pass over a video stream: its frames in presentation order, numbered, and what is lost."""

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.container
import av.video.stream

from .alpha import decoder_of
from .container import announced_s, opened, start_of
from .limits import MOST_PROBED_PIXELS, MOST_S, MOST_SCANS
from .ordinals import Ordinals
from .places import is_shown, is_undated, places_of
from .scans import START_OF_SCAN
from .size_change import SizeChange
from .stretches import Stretches

# Rounding of the durations in headers, and a last frame that is shown longer than the others.
_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded frame, not yet RGB.

    Attributes:
        number: 0-based ordinal among all frames of the stream, in presentation order.
        time_s: Presentation time in seconds from the start of the stream; None where the file has
            none.
        picture: The frame as FFmpeg hands it out.
        stamp_s: The time stamp that stands in the file, in seconds.
        stretch: How many times the time jumped back before it, as where recordings were joined.
    """

    number: int
    time_s: float | None
    picture: av.VideoFrame
    stamp_s: float | None = None
    stretch: int = 0


class Decoding:
    """Decodes a stream once, from its start.

    Args:
        path: The file that `container` was opened from.
        container: Just opened.
        stream: Of that container, with its decoder set up.
        keyframes: Whether only frames that decode on their own are wanted.

    Attributes:
        is_slow: Whether decoding ended with a frame that took too long.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        container: av.container.InputContainer,
        stream: av.video.stream.VideoStream,
        *,
        keyframes: bool,
    ) -> None:
        self._path = path
        self._container = container
        self._stream = stream
        start = start_of(stream)
        self._starts: dict[int, Fraction] = {} if start is None else {0: start}
        time_base = stream.time_base or Fraction(0)
        self._time_base = time_base.numerator, time_base.denominator
        self._stretches = Stretches(stream.time_base, container.format.name)
        self._decoder = decoder_of(stream)
        self._announced_s = announced_s(container, stream)
        self._undated = is_undated(container, stream)
        # Asked for once: see `is_shown`.
        self._codec = stream.codec_context.name
        self._size_change = SizeChange(self._decoder.name)
        self._keyframe_places = places_of(path, self._stamps) if keyframes else None
        # Where packets do not tell the numbers of keyframes, all frames are decoded for them.
        self._sifts = keyframes and self._keyframe_places is None
        if self._keyframe_places is not None:
            stream.codec_context.skip_frame = "NONKEY"
        self._ordinals = Ordinals()
        self._undated_stamps: deque[int] = deque()
        self._shown = self._discarded = self._decoded = 0
        self._interlaced = self.is_slow = False
        self._errors: list[str] = []
        self._first: int | None = None
        self._last_dts: int | None = None
        self._end = self._longest_gap = 0

    def frames(self) -> Iterator[Decoded]:
        """Yield the frames that decode, in presentation order."""
        for packet in self._packets():
            for picture in self._pictures(packet):
                # Where the file is cut off, packets that are shown before this frame may be
                # missing, and its number would be too low.
                if packet is None and self._is_cut() and self._is_behind(picture):
                    continue
                self._decoded += 1
                self._interlaced |= picture.interlaced_frame
                decoded = self._placed(picture)
                if picture.key_frame or not self._sifts:
                    yield decoded
            if self.is_slow:
                break

    def _pictures(self, packet: "av.Packet[Any] | None") -> Iterator[av.VideoFrame]:
        """Decode a packet; None for the frames that the decoder still holds."""
        if packet is not None and self._size_change.is_at(packet):
            yield from self._pictures(None)
            self._decoder.flush_buffers()
        if packet is not None and self._codec == "mjpeg":
            scans = bytes(packet).count(START_OF_SCAN)
            if scans > MOST_SCANS:
                self._errors.append(
                    f"a picture of {scans} scans, of which it may have {MOST_SCANS}"
                )
                return
        start = time.monotonic()
        try:
            pictures = self._decoder.decode(packet)
        # A ValueError: there is no decoder any more, because it could not be opened.
        except (av.FFmpegError, ValueError) as error:
            self._errors.append(getattr(error, "strerror", None) or str(error))
            return
        self.is_slow |= time.monotonic() - start > MOST_S
        yield from pictures

    def loss(self) -> str | None:
        """Say what of the stream did not decode, after `frames`; None if everything did."""
        if self.is_slow:
            return f"a frame takes more than {MOST_S} seconds to decode; what follows is left out"
        if not self._decoded and not self._stream.width:
            return (
                "frames of an unknown size, or of more than "
                f"{MOST_PROBED_PIXELS / 1e6:.0f} million pixels; make them smaller"
            )
        expected = self._stream.frames - self._discarded
        if not self._is_cut():
            # The two fields of an interlaced frame may come in one packet or in two.
            uncertain = self._interlaced or self._ordinals.only_counts
            expected = 0 if uncertain else self._shown - self._ordinals.left_out
        elif self._keyframe_places is not None or expected <= 0:
            return (
                f"the video ends at {self._end_s():.1f} of {self._announced_s:.1f} seconds; "
                "the file is cut off"
            )
        if self._keyframe_places is None and self._decoded < expected:
            return f"only {self._decoded} of {expected} frames decode; the file is damaged or cut"
        if self._errors:
            places = "1 place" if len(self._errors) == 1 else f"{len(self._errors)} places"
            return f"damaged in {places} ({self._errors[0]})"
        return None

    def _end_s(self) -> float:
        """Return where the last packet so far ends."""
        return self._seconds(self._end - min(0, self._first or 0))

    def _is_cut(self) -> bool:
        """Tell whether the packets end before the stream should."""
        slack_s = _SLACK_S + 2 * self._seconds(self._longest_gap)
        return self._announced_s is not None and self._end_s() < self._announced_s - slack_s

    def _is_behind(self, picture: av.VideoFrame) -> bool:
        """Tell whether a frame is shown after the time to which decoding got."""
        if picture.pts is None or self._last_dts is None:
            return False
        return picture.pts > self._last_dts

    def _packets(self) -> Iterator["av.Packet[Any] | None"]:
        """Demux to the end, or to where the container breaks off; then None for a flush."""
        partial = None
        try:
            for packet in self._container.demux(self._stream):
                # Those that only flush; an empty one in the middle would end the decoding.
                if not packet.size:
                    continue
                self._note(packet)
                if self._keyframe_places is not None and not packet.is_keyframe:
                    continue
                if partial is not None:
                    yield partial
                # The last packet of a file that is cut off. Its error would surface in the flush
                # and cost all frames that the decoder's threads are still busy with.
                partial = packet if packet.is_corrupt else None
                if partial is None:
                    yield packet
        except av.FFmpegError as error:
            self._errors.append(error.strerror or str(error))
        if partial is not None:
            self._errors.append("the last frame is incomplete")
        yield None

    def _note(self, packet: "av.Packet[Any]") -> None:
        """Take note of a packet's place in time; lay its stamps behind those before a joint."""
        if not self._undated:
            self._stretches.lay(packet)
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self._first = stamp if self._first is None else min(self._first, stamp)
            self._end = max(self._end, stamp + (packet.duration or 0))
        if packet.dts is not None:
            if self._last_dts is not None:
                self._longest_gap = max(self._longest_gap, packet.dts - self._last_dts)
            self._last_dts = packet.dts
            if self._undated:
                self._undated_stamps.append(packet.dts)
        self._discarded += packet.is_discard
        if packet.pts is not None and is_shown(packet, self._codec):
            self._shown += 1
            if self._keyframe_places is None and not self._undated:
                self._ordinals.read(packet.pts, optional=self._stretches.leading)
                if self._stretches.torn and not self._ordinals.only_counts:
                    self._ordinals.count()

    def _placed(self, picture: av.VideoFrame) -> Decoded:
        laid = picture.pts if picture.pts is not None else picture.dts
        if self._keyframe_places is not None and laid in self._keyframe_places:
            place = self._keyframe_places[laid]
            number, laid = place.number, place.stamp
        elif self._undated:
            number = self._ordinals.number(None)
            laid = self._undated_stamps.popleft() if self._undated_stamps else None
        else:
            number = self._ordinals.number(picture.pts)
        if laid is None:
            return Decoded(number, None, picture)
        stamp, stretch = self._stretches.stamp(laid), self._stretches.stretch(laid)
        time_s, stamp_s = self._time_s(stamp, stretch), self._seconds(stamp)
        return Decoded(number, time_s, picture, stamp_s, stretch)

    def _time_s(self, stamp: int, stretch: int) -> float:
        """Return the time of a frame; the first of a stretch that is asked for decides its 0:00."""
        ticks, base = self._time_base
        if stretch not in self._starts:
            first = Fraction(stamp * ticks, base)
            # A recording that begins before the start of the file would have times below 0.
            self._starts[stretch] = min(self._starts.get(0, first), first)
        start = self._starts[stretch]
        # Fractions are slow, floats not exact.
        above = stamp * ticks * start.denominator - start.numerator * base
        return above / (base * start.denominator)

    def _stamps(self) -> Iterator[int | None]:
        """Decode the file in another pass, for the time stamps of its frames."""
        with opened(self._path) as (container, stream):
            for decoded in Decoding(self._path, container, stream, keyframes=False).frames():
                yield decoded.picture.pts

    def _seconds(self, stamp: int) -> float:
        """Convert from the stream's time base."""
        ticks, base = self._time_base
        return stamp * ticks / base
