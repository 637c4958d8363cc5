"""The pictures of a search: its queries and the frames that were found, each once."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nearframe.common import run_ahead, show_time
from nearframe.embeddings import FrameRef, Unreadable
from nearframe.embeddings.sources import frames_at, kind_of

from ..search.search import QueryMatches
from .thumbnails import SIDE, Thumbnail, read_thumbnail

_AHEAD = 32


@dataclass(frozen=True, slots=True)
class MatchPictures:
    """Which pictures there are: files first, then the frames of one video after the other.

    Attributes:
        images: Image files.
        videos: Per video, the frames that are wanted, by number.
    """

    images: tuple[str, ...]
    videos: dict[str, tuple[FrameRef, ...]]

    @classmethod
    def of(cls, results: Iterable[QueryMatches]) -> "MatchPictures":
        """List the pictures of search results."""
        images: dict[str, None] = {}
        videos: dict[str, dict[int, FrameRef]] = {}
        for result in results:
            images.setdefault(os.fspath(result.query))
            for match in result.matches:
                frame = match.frame
                if is_video(frame):
                    videos.setdefault(frame.source, {})[frame.number] = frame
                else:
                    images.setdefault(frame.source)
        return cls(
            tuple(images),
            {
                source: tuple(frames[number] for number in sorted(frames))
                for source, frames in videos.items()
            },
        )

    def __len__(self) -> int:
        return len(self.images) + sum(map(len, self.videos.values()))

    def places(self) -> dict[str | tuple[str, int], int]:
        """Return where each picture comes: by its file, or by video and number."""
        keys: list[str | tuple[str, int]] = [*self.images]
        keys += [(source, ref.number) for source, refs in self.videos.items() for ref in refs]
        return {key: place for place, key in enumerate(keys)}

    def thumbnails(self, side: int = SIDE) -> Iterator[Thumbnail]:
        """Read the pictures, in order; one that is gone or broken says so.

        Args:
            side: Longer side of the thumbnails, in pixels.
        """
        tasks: Iterator[Callable[[], Thumbnail]] = (
            functools.partial(_of_file, path, side) for path in self.images
        )
        yield from run_ahead(tasks, ahead=_AHEAD)
        for source, refs in self.videos.items():
            for frame in frames_at(source, refs):
                if isinstance(frame, Unreadable):
                    gone = not os.path.lexists(source)
                    reason = "the file is gone" if gone else frame.reason
                    yield Thumbnail(None, problem=reason)
                else:
                    yield Thumbnail.of(frame.image, side)


def is_video(frame: FrameRef) -> bool:
    """Whether a frame is one of a video."""
    return frame.time_s is not None or kind_of(frame.source) == "video"


def key_of(frame: FrameRef) -> str | tuple[str, int]:
    """Return by which key `MatchPictures.places` knows a frame."""
    return (frame.source, frame.number) if is_video(frame) else frame.source


def describe_frame(frame: FrameRef) -> str:
    """Say which frame of its source it is: ``frame 99 · 0:00:03.300``."""
    time = "" if frame.time_s is None else f" · {show_time(frame.time_s)}"
    return f"frame {frame.number:,}{time}"


def _of_file(path: str, side: int) -> Thumbnail:
    if not path:
        return Thumbnail(None, problem="the index does not say from which file it is")
    return read_thumbnail(path, side)[0]
