"""A video file as a stream of frames in presentation order, decoded with FFmpeg through PyAV."""

import logging
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import av
import av.container
import av.video.stream
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import SideDataContainer

from nearframe.common import DECODED, shown

from ..frame import Frame, RgbImage, Unreadable
from .alpha import background_of_video, has_alpha, over
from .container import opened, video_streams
from .decoding import Decoded, Decoding
from .image import held
from .limits import frame_bytes
from .sampling import Sampling
from .transparency import Colour
from .walk import File

logger = logging.getLogger(__name__)

_JOINED = (
    "%s: at frame %d the time jumps back, as where recordings were joined; "
    "times repeat, frame numbers go on"
)


@dataclass(frozen=True, slots=True)
class VideoSource:
    """The largest video stream of a file.

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
        with opened(path) as (container, stream):
            if (count := len(video_streams(container))) > 1:
                logger.warning(
                    "%s has %d video streams; reading the largest: number %d, %d x %d pixels",
                    *(shown(path), count, 1 + video_streams(container).index(stream)),
                    *(stream.width, stream.height),
                )
            return cls(path, sampling, _expected_frames(container, stream, sampling))

    @property
    def read_as(self) -> str:
        """A short text that is equal exactly for equal samplings."""
        return self.sampling.describe()

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
        with opened(self.path) as (container, stream):
            decoding = Decoding(self.path, container, stream, keyframes=self.sampling.keyframes)
            run: tuple[int, int] | None = None
            joined = False
            for decoded in decoding.frames():
                if decoded.stretch and not joined:
                    joined = True
                    # It changes how to read the results, so that logs need it as well.
                    said = {"about_results": True}
                    logger.warning(_JOINED, shown(self.path), decoded.number, extra=said)
                previous = run
                run = self.sampling.run_of(decoded.number, decoded.time_s, decoded.stretch)
                if run == previous or decoded.number <= self.after:
                    continue
                yield Converter.of(self.path, decoded)
            loss = decoding.loss()
        if loss:
            yield partial(Unreadable, self.path, None, loss, decoding.is_slow)


@dataclass(frozen=True)
class Converter:
    """A decoded frame, not yet converted to RGB; it counts in the budget of what is decoded.

    Attributes:
        path: The video.
        decoded: The frame.
        background: What it is laid over; None where it has no alpha.
    """

    path: str
    decoded: Decoded
    background: Colour | None = None

    @classmethod
    def of(cls, path: str, decoded: Decoded) -> "Converter":
        """Return the converter of a frame; of one with alpha, over the colour of its video.

        Raises:
            SourceError: If the video cannot be opened for a look at its first frames.
        """
        transparent = has_alpha(decoded.picture)
        converter = cls(path, decoded, background_of_video(path) if transparent else None)
        DECODED.hold(converter, frame_bytes(decoded.picture))
        return converter

    def __call__(self) -> Frame | Unreadable:
        """Return the frame with RGB pixels; FFmpeg converts not all that damaged headers name."""
        try:
            return self._frame()
        except (av.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return Unreadable(self.path, self.decoded.number, f"cannot become RGB ({reason})")

    def _frame(self) -> Frame:
        picture = self.decoded.picture
        # Shape (height, width, 3), uint8; FFmpeg takes matrix and range from the frame's tags.
        if self.background is None:
            image = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
        else:
            image = over(picture, self.background)
        # Not `picture.side_data`: that and the frame hold each other, and with them the decoder's
        # threads, until the garbage collector runs.
        side_data = SideDataContainer(picture)  # type: ignore[call-arg]  # not in its types
        matrix: Any = side_data.get("DISPLAYMATRIX")
        if matrix is not None:
            image = _upright(image, np.frombuffer(matrix, np.int32))
        return Frame(
            self.path,
            self.decoded.number,
            self.decoded.time_s,
            held(np.ascontiguousarray(image)),
            stamp_s=self.decoded.stamp_s,
        )


def _upright(image: RgbImage, matrix: npt.NDArray[np.int32]) -> RgbImage:
    """Turn and mirror an image as its display matrix asks for; only by quarter turns.

    Args:
        image: As it is stored.
        matrix: ``(a, b, u, c, d, v, x, y, w)`` of ISO/IEC 14496-12: the pixel at (p, q) is shown
            at (a p + c q + x, b p + d q + y). Shifts do not matter here.
    """
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        # Exchange the axes: what is left is to look at where (q, p) goes.
        image = image.swapaxes(0, 1)
        a, d = c, b
    return image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


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
