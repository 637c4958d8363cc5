"""Single frames of a video, found by their times; a search by number would decode all before it."""

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import av
import av.container
import av.video.stream

from ..errors import SourceError
from ..frame import Frame, FrameRef, Unreadable
from .alpha import decoder_of
from .animation import Animation
from .container import opened, start_of
from .decoding import Decoded, Decoding
from .kinds import kind_of
from .stretches import Stretches
from .video import Converter
from .walk import File

# Frames to decode behind a keyframe before a frame counts as not to be found that way.
_FARTHEST = 1000
# Formats that hold one list of all frames, or end with the first recording.
_NEVER_JOINED = {"mov", "mp4", "avi", "flv", "asf"}


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
            stream.thread_type = "AUTO"
            for ref in () if _is_joined(File.look_at(path)) else refs:
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
def _is_joined(file: File) -> bool:
    """Tell whether time stamps of a video jump back; its packets are read, and not decoded."""
    with opened(file.path) as (container, stream):
        if _NEVER_JOINED.intersection(container.format.name.split(",")):
            return False
        stretches = Stretches(stream.time_base, container.format.name)
        try:
            for packet in container.demux(stream):
                stretches.lay(packet)
                if stretches.count > 1:
                    return True
        except av.FFmpegError:
            pass  # where it breaks off, decoding ends as well
    return False


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
    try:
        container.seek(stamp, stream=stream, backward=True)
        for _, picture in zip(range(_FARTHEST), container.decode(stream), strict=False):
            if picture.pts == stamp:
                return picture
            if picture.pts is None or picture.pts > stamp:
                return None
    except av.FFmpegError:
        pass  # some formats cannot seek
    return None


def _from_start(path: str, refs: Sequence[FrameRef]) -> Iterator[Frame | Unreadable]:
    """Decode up to the last of some frames."""
    if not refs:
        return
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
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
