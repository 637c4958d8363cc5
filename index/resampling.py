"""Videos of an index of which a build asks for other frames than are there."""

from collections.abc import Iterable
from dataclasses import dataclass

from nearframe.common import absolute
from nearframe.embeddings.sources import VideoSource

from .catalog import Catalog


@dataclass(frozen=True, slots=True)
class Resampled:
    """What is read again because another sampling is asked for.

    Attributes:
        videos: The files, as the user gave them.
        frames: How many frames of them are in the index, and leave it.
        before: How they were sampled: ``all``, ``every 2``, ``fps 2.0`` or ``keyframes``.
        now: How they are to be.
    """

    videos: tuple[str, ...]
    frames: int
    before: tuple[str, ...]
    now: str


def resampled(catalog: Catalog, sources: Iterable[object]) -> Resampled | None:
    """Find the videos among some sources that an index has with another sampling."""
    videos: list[str] = []
    before: dict[str, None] = {}
    frames, now = 0, ""
    for source in sources:
        if not isinstance(source, VideoSource):
            continue
        path, now = absolute(source.path), source.sampling.describe()
        known = catalog.file(path)
        count = catalog.frame_count(path)
        if known is not None and count and known.sampling != now and source.path not in videos:
            videos.append(source.path)
            before[known.sampling] = None
            frames += count
    return Resampled(tuple(videos), frames, tuple(before), now) if videos else None
