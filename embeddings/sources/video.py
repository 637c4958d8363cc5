"""A video file as a stream of frames in presentation order, decoded with FFmpeg through PyAV."""

import logging
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import av.container
import av.video.stream
import numpy as np

from ..errors import SourceError, reading_errors, shown
from ..frame import Frame, Unreadable
from .sampling import Sampling
from .walk import File

logger = logging.getLogger(__name__)

# The stream is the thing decoded, so its packets carry the clock; a millionth of a second is far
# below any frame distance and far above the rounding of a time stamp.
_TIME_EPSILON_S = 1e-6


@dataclass(frozen=True, slots=True)
class VideoSource:
    """The first video stream of a file.

    Attributes:
        path: The file.
        sampling: Which of its frames are read.
        after: Only frames with a number above this are read; -1 reads from the start.
        frame_count: How many frames to expect, for a progress bar; None where neither the
            container's count nor its duration is known.
    """

    path: str
    sampling: Sampling
    frame_count: int | None
    after: int = -1
    kind: Literal["video"] = "video"

    @classmethod
    def open(cls, path: str | os.PathLike[str], sampling: Sampling | None = None) -> "VideoSource":
        """Look at a video's header; nothing is decoded.

        Raises:
            SourceError: If there is no such file, it is no video, or it has no video stream.
        """
        path = os.fspath(path)
        sampling = sampling or Sampling()
        with _opened(path) as (container, stream):
            if len(container.streams.video) > 1:
                logger.warning(
                    "%s has %d video streams; reading the first",
                    shown(path),
                    len(container.streams.video),
                )
            return cls(path, sampling, _expected_frames(container, stream, sampling))

    @property
    def file(self) -> File:
        """The file as it is now."""
        return File.look_at(self.path)

    def resume(self, *, after: int) -> "VideoSource":
        """Return the same source without the frames up to and including number `after`."""
        return replace(self, after=after)

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield one function per frame, which converts it to RGB; they may run in any thread.

        The stream itself is decoded here, in the thread that iterates. What does not decode is
        left out and said at the end, as an `Unreadable` without a number.

        Raises:
            SourceError: If the file cannot be opened as a video.
        """
        with _opened(self.path) as (container, stream):
            stream.thread_type = "AUTO"
            if self.sampling.keyframes:
                stream.codec_context.skip_frame = "NONKEY"
            decoding = _Decoding(self.path, by_rank=self.sampling.keyframes)
            slot = -1
            for number, frame in decoding.frames(container, stream):
                time_s = _time_s(frame)
                previous, slot = slot, self._slot(number, time_s)
                if slot == previous or number <= self.after:
                    continue
                yield _Converter(self.path, number, time_s, frame)
            loss = decoding.loss(stream, keyframes=self.sampling.keyframes)
        if loss:
            yield lambda: Unreadable(self.path, None, loss)

    def _slot(self, number: int, time_s: float | None) -> int:
        """Number the stretches of frames of which only the first is taken."""
        if self.sampling.every is not None:
            return number // self.sampling.every
        if self.sampling.fps is not None and time_s is not None:
            return math.floor((time_s + _TIME_EPSILON_S) * self.sampling.fps)
        return number


@dataclass(frozen=True, slots=True)
class _Converter:
    """A decoded frame, not yet converted to RGB."""

    path: str
    number: int
    time_s: float | None
    frame: av.VideoFrame

    def __call__(self) -> Frame:
        # Shape (height, width, 3), uint8; FFmpeg takes matrix and range from the frame's tags.
        image = self.frame.to_ndarray(format="rgb24")
        # A display matrix asks for a turn, counted in degrees counter-clockwise, as rot90 does.
        image = np.rot90(image, round(self.frame.rotation / 90) % 4)
        return Frame(self.path, self.number, self.time_s, np.ascontiguousarray(image))


class _Decoding:
    """One pass over a stream: numbers its frames and counts what did not decode."""

    def __init__(self, path: str, *, by_rank: bool) -> None:
        self._path = path
        self._ranks = _presentation_ranks(path) if by_rank else None
        self._decoded = 0
        self._discarded = 0
        self._errors: list[str] = []

    def frames(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield ``(number, frame)`` in presentation order."""
        number = -1
        for packet in self._packets(container, stream):
            self._discarded += packet.is_discard
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._failed(error)
                continue
            for frame in frames:
                self._decoded += 1
                # While nothing is missing, counting is exact. Once packets failed to decode or
                # were not asked for, only the time stamp tells how many frames came before.
                number += 1
                if self._ranks is not None and frame.pts is not None:
                    number = self._ranks.get(frame.pts, number)
                yield number, frame

    def loss(self, stream: av.video.stream.VideoStream, *, keyframes: bool) -> str | None:
        """Say what of the stream did not decode; None if everything did."""
        expected = stream.frames - self._discarded
        if not keyframes and self._decoded < expected:
            return f"only {self._decoded} of {expected} frames decode; the file is damaged or cut"
        if self._errors:
            return f"{len(self._errors)} parts of the stream do not decode ({self._errors[0]})"
        return None

    def _packets(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream
    ) -> Iterator[Any]:
        """Demux to the end, or to where the container breaks off; then flush the decoder."""
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                self._failed(error)
                flush = av.Packet()
                flush.stream = stream
                yield flush
                return
            yield packet

    def _failed(self, error: av.FFmpegError) -> None:
        self._errors.append(error.strerror or str(error))
        if self._ranks is None:
            self._ranks = _presentation_ranks(self._path)


@contextmanager
def _opened(
    path: str,
) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Open a file and its first video stream, with errors that say what is wrong."""
    with reading_errors(path), Path(path).open("rb") as file:
        if not file.read(1):
            raise SourceError(path, "the file is empty (0 bytes)")
    try:
        # The prefix, because FFmpeg would take names like `concat:a|b` or `-` for something else.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (av.FFmpegError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(
            path,
            f"not a video that can be read ({reason}); "
            "expected mp4, mkv, mov, avi, webm or another format of FFmpeg",
        ) from error
    with container:
        if not container.streams.video:
            raise SourceError(path, "has no video stream; expected a video")
        yield container, container.streams.video[0]


def _presentation_ranks(path: str) -> dict[int, int]:
    """Map each presentation time stamp (in the stream's time base) to its ordinal.

    Reads the packets without decoding them; where the container breaks off, the rest is missing.
    """
    stamps = set()
    with _opened(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                if packet.pts is not None and not packet.is_discard:
                    stamps.add(packet.pts)
        except av.FFmpegError as error:
            logger.debug("%s: packets end early: %s", shown(path), error)
    return {stamp: rank for rank, stamp in enumerate(sorted(stamps))}


def _time_s(frame: av.VideoFrame) -> float | None:
    """Return the presentation time stamp in seconds; old AVI files only have a decoding one."""
    stamp = frame.pts if frame.pts is not None else frame.dts
    if stamp is None or frame.time_base is None:
        return None
    return float(stamp * Fraction(frame.time_base))


def _expected_frames(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    sampling: Sampling,
) -> int | None:
    duration_s = container.duration / av.time_base if container.duration else None
    if sampling.keyframes:
        return None
    if sampling.fps is not None:
        return math.ceil(duration_s * sampling.fps) if duration_s else None
    count = stream.frames
    if not count and duration_s and stream.average_rate:
        count = round(duration_s * stream.average_rate)
    return math.ceil(count / (sampling.every or 1)) or None
