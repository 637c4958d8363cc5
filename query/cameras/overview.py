"""What is in a folder of images of fixed cameras: how many, from when to when, and what is odd."""

import itertools
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
import numpy.typing as npt

from nearframe.common import (
    NearframeError,
    ProgressOption,
    SourceError,
    as_progress,
    short_repr,
)
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import natural_key

from .identical import identical_files
from .naming import Naming
from .shots import ImageShot, Shot, TimeOrigin, read_shots, seconds_of

GAP_FACTOR = 10.0
"""How many times the median an interval must exceed to be a gap."""

SMALL_SIDE = 32
"""An image with a shorter side, in pixels, is suspiciously small."""

SMALL_SHARE = 0.25
"""So is one with a side under this share of the median side of its camera."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without images that is much longer than usual.

    Attributes:
        after: The last image before it.
        before: The first image behind it.
        seconds: How long it is.
    """

    after: Shot
    before: Shot
    seconds: float


@dataclass(frozen=True, slots=True)
class Resolution:
    """How many images of a camera have a size, in pixels."""

    width: int
    height: int
    images: int


@short_repr
@dataclass(frozen=True, slots=True)
class CameraOverview:
    """The images of one camera.

    Attributes:
        camera: Its name; None for all images whose name tells no camera.
        shots: Its images in natural order of their names.
        dated: In order of time, those whose name or EXIF tells it: when a file was modified may
            be when it was copied, and counts for nothing here.
        intervals_s: Seconds between images that follow each other, images of the same time
            counting as one: float64, at most ``(len(dated) - 1,)``.
        median_interval_s: Their median; None where all images have the same time.
        gaps: Intervals over `Overview.gap_factor` times the median, in order of time.
        resolutions: The most frequent first.
        time_origins: How many times are from where.
    """

    camera: str | None
    shots: tuple[ImageShot, ...]
    dated: tuple[ImageShot, ...]
    intervals_s: npt.NDArray[np.float64]
    median_interval_s: float | None
    gaps: tuple[Gap, ...]
    resolutions: tuple[Resolution, ...]
    time_origins: Mapping[TimeOrigin, int]


@short_repr
@dataclass(frozen=True, slots=True)
class Overview:
    """What is in a folder.

    Attributes:
        folder: As given.
        cameras: In natural order of their names, the images without one last.
        unreadable: Files that are no images or do not decode, and sub-folders that could not be
            entered.
        small: Images with a side under `SMALL_SIDE` pixels, or under `SMALL_SHARE` of the median
            of that side over the camera's images.
        duplicates: Groups of paths with the same content.
        checked: Whether every image was decoded.
        gap_factor: An interval over so many medians is a gap.
        zone: Time zone of the cameras' clocks; None for that of this computer.
    """

    folder: str
    cameras: tuple[CameraOverview, ...]
    unreadable: tuple[Unreadable, ...]
    small: tuple[ImageShot, ...]
    duplicates: tuple[tuple[str, ...], ...]
    checked: bool
    gap_factor: float
    zone: tzinfo | None

    @property
    def images(self) -> int:
        """How many images can be read."""
        return sum(len(camera.shots) for camera in self.cameras)

    @property
    def time_origins(self) -> Mapping[TimeOrigin, int]:
        """How many times are from where."""
        return sum((Counter(camera.time_origins) for camera in self.cameras), Counter())


def survey(
    folder: str | os.PathLike[str],
    *,
    naming: Naming | None = None,
    recursive: bool = False,
    check: bool = False,
    gap_factor: float = GAP_FACTOR,
    progress: ProgressOption = None,
) -> Overview:
    """Look at all images of a folder; a few words per image stay in memory, no pixels.

    Args:
        folder: Where they are.
        naming: How to read their names.
        recursive: Whether to search sub-folders.
        check: Whether to decode every image fully; without it, damage in the middle of a file is
            not seen.
        gap_factor: How many times the median an interval must exceed to be a gap (over 1).
        progress: Told what it is at.

    Raises:
        SourceError: If there are no images in the folder, or none can be read.
        NearframeError: If the factor is out of range, or no name matches the pattern.
    """
    if not gap_factor > 1:
        raise NearframeError(f"`gap_factor` must be over 1, not {gap_factor:g}")
    naming = naming or Naming()
    progress = as_progress(progress)
    by_camera: dict[str | None, list[ImageShot]] = {}
    unreadable: list[Unreadable] = []
    for shot in read_shots(
        folder, naming=naming, recursive=recursive, check=check, progress=progress
    ):
        if isinstance(shot, Unreadable):
            unreadable.append(shot)
        else:
            by_camera.setdefault(shot.camera, []).append(shot)
    if not by_camera:
        raise SourceError(folder, f"none of its {len(unreadable)} images can be read")
    sizes = {shot.path: shot.size for shots in by_camera.values() for shot in shots}
    identical = identical_files(sizes, progress=progress)
    cameras = sorted(by_camera, key=_camera_order)
    return Overview(
        folder=os.fspath(folder),
        cameras=tuple(
            _camera_overview(camera, by_camera[camera], gap_factor) for camera in cameras
        ),
        unreadable=(*unreadable, *identical.unreadable),
        small=tuple(itertools.chain.from_iterable(_small(by_camera[camera]) for camera in cameras)),
        duplicates=identical.groups,
        checked=check,
        gap_factor=gap_factor,
        zone=naming.zone,
    )


def _camera_order(camera: str | None) -> tuple[bool, tuple[object, ...]]:
    return camera is None, natural_key(camera or "")


def _camera_overview(
    camera: str | None, shots: Sequence[ImageShot], gap_factor: float
) -> CameraOverview:
    dated = [shot for shot in shots if shot.time_origin != "modified"]
    times = np.array(seconds_of(dated), np.float64)
    order = np.argsort(times, kind="stable")
    in_order = tuple(dated[position] for position in order)
    differences = np.diff(times[order])
    intervals = differences[differences > 0]
    median = float(np.median(intervals)) if len(intervals) else None
    gaps = np.flatnonzero(differences > gap_factor * (median or np.inf))
    return CameraOverview(
        camera=camera,
        shots=tuple(shots),
        dated=in_order,
        intervals_s=intervals,
        median_interval_s=median,
        gaps=tuple(Gap(in_order[n], in_order[n + 1], float(differences[n])) for n in gaps),
        resolutions=tuple(
            Resolution(*size, images)
            for size, images in Counter((s.width, s.height) for s in shots).most_common()
        ),
        time_origins=Counter(shot.time_origin for shot in shots),
    )


def _small(shots: Sequence[ImageShot]) -> list[ImageShot]:
    """Choose the images of one camera that are suspiciously small."""
    least = np.maximum(
        SMALL_SIDE, SMALL_SHARE * np.median([(shot.width, shot.height) for shot in shots], axis=0)
    )
    return [shot for shot in shots if shot.width < least[0] or shot.height < least[1]]
