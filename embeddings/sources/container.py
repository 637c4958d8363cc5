"""A video file opened with FFmpeg through PyAV, and what its header says."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import av
import av.container
import av.stream
import av.video.stream

from ..errors import SourceError, reading_errors


@contextmanager
def opened(
    path: str | os.PathLike[str],
) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Open a file and its first video stream, with errors that say what is wrong.

    Raises:
        SourceError: If there is no such file, it is no video, or FFmpeg cannot decode it.
    """
    with reading_errors(path):
        status = Path(path).stat()
        # Opening a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(path, "not a regular file; expected a video")
        Path(path).open("rb").close()
    if not status.st_size:
        raise SourceError(path, "the file is empty (0 bytes)")
    try:
        # The prefix, because FFmpeg would take names like `concat:a|b` or `-` for something else.
        container = av.open(f"file:{os.fspath(path)}", metadata_errors="replace")
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
        if streams[0].codec_context is None:
            raise SourceError(
                path,
                "FFmpeg knows no decoder for its video stream; convert it to H.264, for example",
            )
        yield container, streams[0]


def video_streams(
    container: av.container.InputContainer,
) -> list[av.video.stream.VideoStream]:
    """Return the moving pictures of a file; a cover picture is none."""
    cover = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover]


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
