"""Single frames of a video, found by their times; a search by number would decode all before it."""

import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import av
import av.container
import av.video.stream

from nearframe.common import SourceError

from ..frame import Frame, FrameRef, Unreadable
from .alpha import decoder_of
from .animation import Animation
from .container import opened, start_of
from .decoding import Decoded, Decoding
from .kinds import kind_of
from .matroska import is_one_segment
from .stretches import Stretches
from .video import Converter
from .walk import File

# Frames to read before a frame counts as not to be found behind a keyframe.
_FARTHEST = 1000
# How much earlier than a frame to look for its keyframe, where a format does not lead there.
_EARLIER_S = (0, 2, 15)
# Formats that hold one list of all frames, or end with the first recording.
_NEVER_JOINED = {"mov", "mp4", "avi", "flv", "asf"}
# MPEG program streams date one frame of several; FFmpeg dates the others by those it has read.
_PARTLY_DATED = {"mpeg"}


def frames_at(path: str, refs: Sequence[FrameRef]) -> Iterator[Frame | Unreadable]:
    """Decode some frames of a video.

    Each is looked for from the keyframe before its time stamp. Where a frame is not there to the
    tick, its stamp is not known, or stamps repeat because recordings were joined, the stream is
    decoded from its start instead, which counts the frames.

    Args:
        path: The video, or an image file with several frames.
        refs: Which of its frames, in the order of their numbers, each once.

    Yields:
        For each of `refs`, in order, the frame; an `Unreadable` where there is none.
    """
    if kind_of(path) == "image":
        yield from _of_animation(path, refs)
        return
    done = 0
    try:
        with opened(path) as (container, stream):
            for ref in refs if _tells_frames_apart(File.look_at(path)) else ():
                picture = _seek(container, stream, _stamp_s(ref, stream))
                if picture is None:
                    break
                decoded = Decoded(ref.number, ref.time_s, picture, ref.stamp_s)
                yield Converter.of(path, decoded)()
                done += 1
        yield from _from_start(path, refs[done:])
    except SourceError as error:
        yield from (Unreadable(path, ref.number, error.reason) for ref in refs[done:])


@functools.lru_cache(maxsize=64)
def _tells_frames_apart(file: File) -> bool:
    """Tell whether a time stamp names one frame; packets are read for it, and not decoded."""
    with opened(file.path) as (container, stream):
        formats = set(container.format.name.split(","))
        if formats & (_NEVER_JOINED | _PARTLY_DATED):
            return not formats & _PARTLY_DATED
        if "matroska" in formats and is_one_segment(file.path):
            return True
        stretches = Stretches(stream.time_base, container.format.name)
        seen: set[int] = set()
        try:
            for packet in container.demux(stream):
                stretches.lay(packet)
                if stretches.count > 1 or packet.pts in seen:
                    return False
                if packet.pts is not None:
                    seen.add(packet.pts)
        except av.FFmpegError:
            pass  # where it breaks off, decoding ends as well
    return True


def _stamp_s(ref: FrameRef, stream: av.video.stream.VideoStream) -> float | None:
    """Return the time stamp of a frame; None where it is not known for sure."""
    if ref.stamp_s is not None:
        return ref.stamp_s
    # Older indexes hold stamps as times: only where the stream starts at 0 it is the same.
    return None if start_of(stream) else ref.time_s


def _seek(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    stamp_s: float | None,
) -> av.VideoFrame | None:
    """Return the frame with a time stamp; None where it is not found from a keyframe."""
    if stamp_s is None or not stream.time_base or decoder_of(stream) is not stream.codec_context:
        return None
    stamp = round(stamp_s / stream.time_base)
    for earlier_s in _EARLIER_S:
        try:
            container.seek(stamp - round(earlier_s / stream.time_base), stream=stream)
            picture = _behind_keyframe(container.demux(stream), stamp)
        except av.FFmpegError:
            return None  # some formats cannot seek
        if picture is not None:
            return picture
    return None


def _behind_keyframe(packets: Iterator["av.Packet[Any]"], stamp: int) -> av.VideoFrame | None:
    """Decode from the next keyframe on, to a frame; None where it is not behind that one."""
    started = False
    for packet in itertools.islice(packets, _FARTHEST):
        # Some formats lead to any frame. Decoded without its keyframe, it would be a mess.
        if not started and not packet.is_keyframe:
            continue
        if not started and (packet.pts is None or packet.pts > stamp):
            return None
        started = True
        for picture in packet.decode():
            if picture.pts == stamp:
                return picture
            if picture.pts is None or picture.pts > stamp:
                return None
    return None


def _from_start(path: str, refs: Sequence[FrameRef]) -> Iterator[Frame | Unreadable]:
    """Decode up to the last of some frames."""
    if not refs:
        return
    with opened(path) as (container, stream):
        decoding = Decoding(path, container, stream, keyframes=False)
        numbered = ((each.number, Converter.of(path, each)) for each in decoding.frames())
        yield from _picked(path, refs, numbered)


def _of_animation(path: str, refs: Sequence[FrameRef]) -> Iterator[Frame | Unreadable]:
    """Decode up to the last of some frames of an image file."""
    animation = Animation.open(path)
    frames = (decode() for decode in animation.decoders()) if animation else iter(())
    whole = (frame for frame in frames if isinstance(frame, Frame))
    yield from _picked(path, refs, ((frame.number, frame) for frame in whole))


def _picked(
    path: str,
    refs: Sequence[FrameRef],
    numbered: Iterable[tuple[int, Frame | Converter]],
) -> Iterator[Frame | Unreadable]:
    """Yield some of the frames of a video that come in order, or that they are missing."""
    remaining = deque(refs)
    for number, found in numbered:
        while remaining and number > remaining[0].number:
            yield _missing(path, remaining.popleft())
        if remaining and number == remaining[0].number:
            yield found() if isinstance(found, Converter) else found
            remaining.popleft()
        if not remaining:
            return
    yield from (_missing(path, ref) for ref in remaining)


def _missing(path: str, ref: FrameRef) -> Unreadable:
    return Unreadable(path, ref.number, "the video has no such frame, or it does not decode")
