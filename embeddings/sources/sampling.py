"""Which frames of a video are read."""

import math
from dataclasses import dataclass

from nearframe.common import NearframeError

# A millionth of a second is far below any frame distance and far above the rounding of a stamp.
_TIME_EPSILON_S = 1e-6


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames of a video are read; all of them unless one field is set.

    Attributes:
        every: Take frames 0, N, 2N, … (N >= 1).
        fps: Take the first frame at or after each multiple of 1 / fps seconds (fps > 0).
        keyframes: Take only the frames that decode on their own. Only they are decoded, so this
            is many times faster than the other two.

    Raises:
        NearframeError: If more than one is given, or one is out of range.
    """

    every: int | None = None
    fps: float | None = None
    keyframes: bool = False

    def __post_init__(self) -> None:
        given = [self.every is not None, self.fps is not None, self.keyframes]
        if sum(given) > 1:
            raise NearframeError("`every`, `fps` and `keyframes` exclude each other; give one")
        if self.every is not None and self.every < 1:
            raise NearframeError(f"`every` must be 1 or more, not {self.every}")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise NearframeError(f"`fps` must be above 0 and finite, not {self.fps}")

    def describe(self) -> str:
        """Return a short text that is equal exactly for equal samplings."""
        if self.every is not None and self.every > 1:
            return f"every {self.every}"
        if self.fps is not None:
            return f"fps {float(self.fps)!r}"
        return "keyframes" if self.keyframes else "all"

    def run_of(self, number: int, time_s: float | None, stretch: int = 0) -> tuple[int, int]:
        """Return in which run of frames a frame is; of each run, only the first is taken.

        Args:
            number: Of the frame.
            time_s: Of the frame; None where it has none.
            stretch: How many times the time started again before it.
        """
        if self.every is not None:
            return 0, number // self.every
        if self.fps is not None and time_s is not None:
            return stretch, math.floor((time_s + _TIME_EPSILON_S) * self.fps)
        return 0, number
