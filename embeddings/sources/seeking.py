"""Single frames of a video, found by their times; a search by number would decode all before it."""

from collections.abc import Iterator, Sequence

import av
import av.container
import av.video.stream

from ..errors import SourceError
from ..frame import Frame, FrameRef, Unreadable
from .alpha import decoder_of
from .container import opened
from .decoding import Decoded, Decoding
from .video import Converter

# Frames to decode behind a keyframe before a frame counts as not to be found that way.
_FARTHEST = 1000


def frames_at(path: str, refs: Sequence[FrameRef]) -> Iterator[Frame | Unreadable]:
    """Decode some frames of a video.

    Each is looked for from the keyframe before its time. Where a frame is not at its time to the
    tick, or has none, the stream is decoded from its start instead, which counts the frames.

    Args:
        path: The video.
        refs: Which of its frames, in the order of their numbers, each once.

    Yields:
        For each of `refs`, in order, the frame; an `Unreadable` where there is none.
    """
    done = 0
    try:
        with opened(path) as (container, stream):
            stream.thread_type = "AUTO"
            for ref in refs:
                picture = _seek(container, stream, ref.time_s)
                if picture is None:
                    break
                yield Converter.of(path, Decoded(ref.number, ref.time_s, picture))()
                done += 1
        yield from _from_start(path, refs[done:])
    except SourceError as error:
        yield from (Unreadable(path, ref.number, error.reason) for ref in refs[done:])


def _seek(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    time_s: float | None,
) -> av.VideoFrame | None:
    """Return the frame that is shown at a time; None where it is not found from a keyframe."""
    if time_s is None or not stream.time_base or decoder_of(stream) is not stream.codec_context:
        return None
    stamp = round(time_s / stream.time_base)
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
    remaining = list(refs)
    if not remaining:
        return
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        for decoded in Decoding(path, container, stream, keyframes=False).frames():
            while remaining and decoded.number > remaining[0].number:
                yield _missing(path, remaining.pop(0))
            if remaining and decoded.number == remaining[0].number:
                yield Converter.of(path, decoded)()
                remaining.pop(0)
            if not remaining:
                return
    yield from (_missing(path, ref) for ref in remaining)


def _missing(path: str, ref: FrameRef) -> Unreadable:
    return Unreadable(path, ref.number, "the video has no such frame, or it does not decode")
