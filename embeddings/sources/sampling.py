"""Which frames of a video are read."""

import math
from dataclasses import dataclass

from ..errors import NearframeError


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
            raise NearframeError("--every, --fps and --keyframes exclude each other; give one")
        if self.every is not None and self.every < 1:
            raise NearframeError(f"--every must be 1 or more, not {self.every}")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise NearframeError(f"--fps must be above 0 and finite, not {self.fps}")

    def describe(self) -> str:
        """Return a short text that is equal exactly for equal samplings."""
        if self.every is not None and self.every > 1:
            return f"every {self.every}"
        if self.fps is not None:
            return f"fps {float(self.fps)!r}"
        return "keyframes" if self.keyframes else "all"
