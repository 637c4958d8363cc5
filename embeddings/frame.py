"""What a decoded picture is called, wherever it came from."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nearframe.common import PastLimitsError, SourceError, short_repr

RgbImage = npt.NDArray[np.uint8]
"""An image as array: ``uint8``, shape ``(height, width, 3)``, RGB, values 0 to 255."""


@dataclass(frozen=True, slots=True)
class FrameRef:
    """Where a frame is, without its pixels.

    Attributes:
        source: The file that holds it: an image file or a video.
        number: 0-based. In a folder, the position in the natural sort order of all its image
            files, unreadable ones included. In a video, the ordinal in presentation order of the
            whole stream, also when only some of its frames are read.
        time_s: The presentation time in seconds, counted from the start of the stream as players
            show it; None for images. Never number / fps: frame rates vary. Where recordings were
            joined, it may jump back and repeat; the number does not.
        stamp_s: The presentation time stamp that stands in the file, in seconds; None where that
            is not known. It does not start at 0 in many files, and helps to find a frame again.
    """

    source: str
    number: int
    time_s: float | None
    stamp_s: float | None = field(default=None, kw_only=True, compare=False)


@short_repr
@dataclass(frozen=True, slots=True)
class Frame(FrameRef):
    """A frame with its pixels: a `FrameRef` and the `image`, RGB uint8 ``(height, width, 3)``."""

    image: RgbImage

    @property
    def ref(self) -> FrameRef:
        """The frame's place, without the pixels that keep memory busy."""
        return FrameRef(self.source, self.number, self.time_s, stamp_s=self.stamp_s)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, or a part of a video, that could not be decoded.

    Attributes:
        source: The file.
        number: Its 0-based number in the folder; None for a part of a video.
        reason: What is wrong with it, in a few words.
        past_limits: Whether it took too much memory or time, or its decoder crashed: to try again
            costs as much.
    """

    source: str
    number: int | None
    reason: str
    past_limits: bool = False

    @classmethod
    def of(cls, error: SourceError, number: int | None = None) -> "Unreadable":
        """Return what an error says of its file."""
        return cls(error.path, number, error.reason, isinstance(error, PastLimitsError))
