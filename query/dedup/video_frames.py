"""The frames of a video, with what is compared of them: vectors in batches, or when asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from nearframe.common import SourceError, run_ahead
from nearframe.embeddings import Embedder, Frame, FrameRef, Unreadable
from nearframe.embeddings.sources import Animation, VideoSource

from ..change.detection import ChangeDetection
from .frames import FrameBatch
from .pictures import Inspection, inspect

_AHEAD = 16
_HELD_BYTES = 256 << 20
"""Bytes that whole frames may take while the network sees them."""


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A frame of a video at its place in the order.

    Attributes:
        number: 0-based, in presentation order of the whole stream.
        seconds: A time that never falls: where recordings were joined, it goes on.
        camera: The name of the video, as all its frames are of one camera.
        protected: False, as no frame of a video serves as a reference only.
    """

    number: int
    seconds: float
    camera: str
    protected: bool = False

    @property
    def key(self) -> int:
        """Its number."""
        return self.number


class VideoFrames:
    """The frames of one video in presentation order: a `FrameSource`.

    Where vectors alone decide, frames are embedded in batches. Otherwise they come one by one, with
    their picture, and are embedded when somebody asks for it.

    Args:
        video: Where they are decoded.
        embedder: Makes the vectors; None where none are compared.
        detection: Prepares the pictures; None where vectors alone decide.
        timed: Whether times count.
    """

    def __init__(
        self,
        video: VideoSource | Animation,
        embedder: Embedder | None,
        detection: ChangeDetection | None,
        *,
        timed: bool,
    ) -> None:
        self.path = video.path
        self.frame_count = video.frame_count
        self._video = video
        self._embedder = embedder
        self._detection = detection
        self._timed = timed
        self._camera = Path(video.path).stem
        self._latest_s: float | None = None
        self._shift_s = 0.0

    def batches(self) -> Iterator[FrameBatch[VideoFrame]]:
        """Yield all frames.

        Raises:
            SourceError: If times count, and a frame has none.
        """
        return self._embedded() if self._detection is None else self._inspected(self._detection)

    def _embedded(self) -> Iterator[FrameBatch[VideoFrame]]:
        assert self._embedder is not None
        whole = _WholeFrames(self._video)
        held = whole.count_of(_HELD_BYTES)
        for batch in self._embedder.embed_source(whole, in_memory=held):
            yield FrameBatch(
                tuple(self._ordered(frame) for frame in batch.frames),
                batch.vectors,
                None,
                batch.unreadable,
                batch.thumbnails,
                whole.take(batch.frames),
            )

    def _inspected(self, detection: ChangeDetection) -> Iterator[FrameBatch[VideoFrame]]:
        tasks = (partial(_decode_and_inspect, each, detection) for each in self._video.decoders())
        for result in run_ahead(tasks, ahead=_AHEAD):
            if isinstance(result, Unreadable):
                yield FrameBatch((), unreadable=(result,))
                continue
            frame, inspection = result
            embedder = self._embedder
            yield FrameBatch(
                (self._ordered(frame),),
                inspections=(inspection,),
                images=(frame,),
                embed=None if embedder is None else partial(embedder.embed, [frame.image]),
            )

    def _ordered(self, frame: FrameRef) -> VideoFrame:
        if self._timed and frame.time_s is None:
            raise SourceError(frame.source, "its frames have no times; give a number of frames")
        return VideoFrame(frame.number, self._running_s(frame.time_s or 0.0), self._camera)

    def _running_s(self, time_s: float) -> float:
        """Return a time that never falls: where recordings were joined, times start again."""
        latest = self._latest_s
        if latest is not None and time_s + self._shift_s < latest:
            self._shift_s = latest - time_s
        self._latest_s = time_s + self._shift_s
        return self._latest_s


def _decode_and_inspect(
    decode: Callable[[], Frame | Unreadable], detection: ChangeDetection
) -> tuple[Frame, Inspection] | Unreadable:
    frame = decode()
    if isinstance(frame, Unreadable):
        return frame
    return frame, inspect(frame.image, detection, sharpness_counts=False)


class _WholeFrames:
    """A video whose frames are also kept whole while the network sees them: a `Source`."""

    kind: Literal["video"] = "video"

    def __init__(self, video: VideoSource | Animation) -> None:
        self.path = video.path
        self.frame_count = video.frame_count
        self._video = video
        self._frames: dict[int, Frame] = {}

    def count_of(self, size: int) -> int:
        """Return how many frames like the first take so many bytes."""
        for decode in self._video.decoders():
            frame = decode()
            if isinstance(frame, Frame):
                return size // frame.image.nbytes
        return 0

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield functions that decode one frame each; they run in any thread."""
        for decode in self._video.decoders():
            yield partial(self._decode, decode)

    def take(self, frames: Sequence[FrameRef]) -> tuple[Frame, ...]:
        """Return frames that were decoded, and keep them no longer."""
        return tuple(self._frames.pop(frame.number) for frame in frames)

    def _decode(self, decode: Callable[[], Frame | Unreadable]) -> Frame | Unreadable:
        frame = decode()
        if isinstance(frame, Frame):
            self._frames[frame.number] = frame
        return frame
