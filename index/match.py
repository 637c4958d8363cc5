"""What a search gives, and what it is restricted to."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from nearframe.common import shown
from nearframe.embeddings import FrameRef

_LISTED = 5


@dataclass(frozen=True, slots=True)
class Match:
    """A frame that is near to a query.

    Attributes:
        frame: Where it is.
        similarity: Cosine in [-1, 1]; higher is nearer.
        pixels: Standard deviation of the difference of their thumbnails, in levels of 255;
            None where their pixels were not compared.
    """

    frame: FrameRef
    similarity: float
    pixels: float | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """Which frames a search looks at.

    Attributes:
        source: A file, a folder (every file below it), or the bare name of a file; None for all.
        start_s: Earliest time in seconds, inclusive; None for no limit.
        end_s: Latest time in seconds, inclusive; None for no limit. With either limit, frames
            without a time (images) are left out.
    """

    source: str | None = None
    start_s: float | None = None
    end_s: float | None = None

    def admits(self, frame: FrameRef) -> bool:
        """Whether a frame is among those looked at."""
        return self._admits_time(frame.time_s) and self.admits_source(frame.source)

    def admits_source(self, path: str) -> bool:
        """Whether the frames of a file are among those looked at, as far as its path says."""
        if self.source is None:
            return True
        wanted = os.path.abspath(self.source)  # noqa: PTH100  # must not resolve links
        return (
            path == wanted
            or path.startswith(wanted.rstrip(os.sep) + os.sep)
            or os.path.basename(path) == self.source  # noqa: PTH119  # plain text in, plain out
        )

    def describe(self) -> str:
        """Say in a few words what is admitted."""
        parts = [f"of {shown(self.source)}"] if self.source is not None else []
        if self.start_s is not None:
            parts.append(f"at {self.start_s:g} s or later")
        if self.end_s is not None:
            parts.append(f"at {self.end_s:g} s or earlier")
        return " and ".join(parts)

    def admits_nothing(self, holder: str, sources: Iterable[str]) -> str:
        """Say that no frame of `holder` is admitted, and what there is instead."""
        some = ", ".join(shown(source) for source in islice(sources, _LISTED))
        return f"no frame of {holder} is {self.describe()}; it holds: {some or 'nothing'}"

    def _admits_time(self, time_s: float | None) -> bool:
        if self.start_s is None and self.end_s is None:
            return True
        if time_s is None:
            return False
        return (self.start_s is None or time_s >= self.start_s) and (
            self.end_s is None or time_s <= self.end_s
        )
