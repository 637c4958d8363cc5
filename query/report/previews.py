"""Previews of the frames of a plan for its report: thumbnails, and what changed."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from nearframe.common import NearframeError, run_ahead

from ..change.detection import ChangeDetection
from ..change.light import Grey
from ..dedup.rules import ChangeSettings
from .thumbnails import SIDE, Outlines, Thumbnail, read_thumbnail

_AHEAD = 32
_HELD_BYTES = 128 << 20
# Regions down to this share of the smallest one that counts are outlined too.
_FINER = 0.1


@dataclass(frozen=True, slots=True)
class ReportFrame:
    """A frame of a report.

    Attributes:
        path: Its file.
        camera: Which camera took it; None where nobody knows.
        other: Position of the frame that it is shown beside; None where there is none.
    """

    path: str
    camera: str | None
    other: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a report shows of a frame.

    Attributes:
        thumbnail: The picture, or why there is none.
        outlines: What changed from the other frame; None where that could not be looked at.
        score: Changed area, of the regions that count, in [0, 1].
        ignored: Area of the largest region that does not count, in [0, 1]; 0 where there is none.
    """

    thumbnail: Thumbnail
    outlines: Outlines | None = None
    score: float = 0.0
    ignored: float = 0.0


def preview_frames(
    frames: Sequence[ReportFrame], settings: ChangeSettings, side: int = SIDE
) -> Iterator[Preview]:
    """Make previews in threads; yields in order. A file that is gone or broken stops nothing.

    Args:
        frames: In an order in which those that are compared come close to each other.
        settings: How changes are found.
        side: Longer side of the thumbnails, in pixels.

    Raises:
        UnreadableImageError: If a mask image cannot be decoded.
        NearframeError: If a setting is out of range.
    """
    previewer = _Previewer(frames, settings, side)
    tasks: Iterator[Callable[[], Preview]] = (
        functools.partial(previewer.preview, position) for position in range(len(frames))
    )
    yield from run_ahead(tasks, ahead=_AHEAD)


class _Previewer:
    """Decodes each frame once where it can; called from several threads."""

    def __init__(self, frames: Sequence[ReportFrame], settings: ChangeSettings, side: int) -> None:
        self._frames = frames
        self._side = side
        self._detections: dict[str | None, ChangeDetection] = {}
        self._finer: dict[str | None, ChangeDetection] = {}
        height, width = settings.resize_to
        for camera in dict.fromkeys(frame.camera for frame in frames):
            usual = settings.detection(camera)
            # Also what only moved: the page shows what the rules left out, and why.
            finer = replace(usual, min_diff_area=_FINER * usual.min_diff_area, motion_tolerance=0)
            self._detections[camera], self._finer[camera] = usual, finer
        held = max(16, _HELD_BYTES // (height * width))
        # Threads may decode the same frame at the same time, which costs time but no harm.
        self._decoded = functools.lru_cache(maxsize=held)(self._decode)

    def preview(self, position: int) -> Preview:
        frame = self._frames[position]
        thumbnail, picture = self._decoded(position)
        if frame.other is None or picture is None:
            return Preview(thumbnail)
        other = self._decoded(frame.other)[1]
        if other is None:
            return Preview(thumbnail)
        change = self._detections[frame.camera].compare(other, picture)
        finer = self._finer[frame.camera].compare(other, picture)
        ignored = [region for region in finer.regions if region not in change.regions]
        return Preview(
            thumbnail,
            Outlines(change.regions, tuple(ignored)),
            score=change.score,
            ignored=ignored[0].area if ignored else 0.0,
        )

    def _decode(self, position: int) -> tuple[Thumbnail, Grey | None]:
        """Return a thumbnail, and the picture as it is compared, uint8 ``(height, width)``."""
        frame = self._frames[position]
        thumbnail, image = read_thumbnail(frame.path, self._side)
        if image is None:
            return thumbnail, None
        try:
            return thumbnail, self._detections[frame.camera].prepare(image)
        except NearframeError:
            return thumbnail, None  # the mask is of another form
