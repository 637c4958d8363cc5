"""A video file opened with FFmpeg through PyAV, and what its header says."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.container
import av.stream
import av.video.stream

from nearframe.common import SourceError, reading_errors

from .kinds import DEMUXERS, VIDEO_SUFFIXES, suffix_of
from .limits import MOST_PROBED_PIXELS, set_up
from .signatures import head_of, is_script, mpeg_format

# Whatever a file is called, FFmpeg tells by its content how to read it. It reads nothing that opens
# other files, and opens none.
_ONLY = {"format_whitelist": ",".join(DEMUXERS), "protocol_whitelist": "file"}
# FFmpeg may decode a frame already to find out what a stream is.
_PROBED = {"max_pixels": str(MOST_PROBED_PIXELS)}
# Titles and comments may be no UTF-8; from version 19 on, PyAV takes them as they are.
_LENIENT: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)


@contextmanager
def opened(
    path: str | os.PathLike[str],
) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Open a file and its largest video stream, with errors that say what is wrong.

    Its decoder may use several threads.

    Raises:
        SourceError: If there is no such file, it is no video, FFmpeg cannot decode it, or its
            frames take more memory than one may.
    """
    with reading_errors(path):
        status = Path(path).stat()
        # Opening a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(path, "not a regular file; expected a video")
        Path(path).open("rb").close()
    if not status.st_size:
        raise SourceError(path, "the file is empty (0 bytes)")
    head = head_of(path)
    if is_script(head):
        raise SourceError(
            path,
            "text that names other files (a playlist or the like), not a video; give those files",
        )
    # Of an MPEG stream that is called a picture, FFmpeg would believe the name.
    known = None if suffix_of(path) in VIDEO_SUFFIXES else mpeg_format(head)
    try:
        # The prefix, because FFmpeg would take names like `concat:a|b` or `-` for something else.
        container = av.open(
            f"file:{os.fspath(path)}",
            format=known,
            options={**_ONLY, **_PROBED},
            **_LENIENT,
        )
    except (av.FFmpegError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(
            path,
            f"not a video that can be read ({reason}); "
            "expected mp4, mkv, mov, avi, webm or another format of FFmpeg",
        ) from error
    with container:
        streams = video_streams(container)
        if not streams:
            raise SourceError(path, "has no video stream; expected a video")
        stream = _largest(streams)
        if stream.codec_context is None:
            raise SourceError(
                path,
                "FFmpeg knows no decoder for its video stream; convert it to H.264, for example",
            )
        set_up(path, stream)
        yield container, stream


def video_streams(
    container: av.container.InputContainer,
) -> list[av.video.stream.VideoStream]:
    """Return the moving pictures of a file; a cover picture is none."""
    cover = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & cover]


def _largest(streams: list[av.video.stream.VideoStream]) -> av.video.stream.VideoStream:
    """Return the stream with most pixels; of equal ones the default, then the first."""

    def rank(stream: av.video.stream.VideoStream) -> tuple[int, bool]:
        # Without a decoder it has no size, either.
        pixels = 0 if stream.codec_context is None else stream.width * stream.height
        return pixels, bool(stream.disposition & av.stream.Disposition.default)

    return max(streams, key=rank)


def start_of(stream: av.video.stream.VideoStream) -> Fraction | None:
    """Return the time stamp that players show as 0:00, in seconds.

    It is the earliest of all streams, so that sound which begins first counts. Below zero, sound
    holds only what its decoder needs to start, and does not count. None where no stream says.
    """
    own = None
    if stream.start_time is not None and stream.time_base:
        own = Fraction(stream.start_time * stream.time_base)
    # PyAV's types hide that it may be None, and that this container is one that is read.
    earliest = cast("int | None", cast(av.container.InputContainer, stream.container).start_time)
    if earliest is None:
        return own
    start = Fraction(earliest, av.time_base)
    if own is not None:
        # That of the container is rounded to a millionth.
        if abs(start - own) <= Fraction(2, av.time_base):
            return own
        return max(start, min(Fraction(0), own))
    return start


def announced_s(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> float | None:
    """Return where the stream ends according to the file's header, in seconds.

    None where the header does not say: of other formats, FFmpeg guesses from the size of the file.
    """
    formats = container.format.name.split(",")
    if "mp4" in formats and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if "avi" in formats and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)
    if "matroska" in formats or "flv" in formats:
        if "DURATION" in stream.metadata:
            return _seconds(stream.metadata["DURATION"])
        # Of several streams, the container's duration is that of the longest.
        if container.duration and len(container.streams) == 1:
            return container.duration / av.time_base
    return None


def _seconds(clock: str) -> float | None:
    """Read ``00:01:23.400000000``."""
    try:
        hours, minutes, seconds = clock.split(":")
        return timedelta(
            hours=int(hours), minutes=int(minutes), seconds=float(seconds)
        ).total_seconds()
    except (ValueError, OverflowError):
        return None
