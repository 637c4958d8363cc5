"""Which camera took an image, and when: by its name, its EXIF block or its modification time."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from nearframe.common import (
    NearframeError,
    ProgressOption,
    SourceError,
    UnreadableImageError,
    as_progress,
    run_ahead,
    shown,
)
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import File, ImageFile, ImageSequence, open_source
from nearframe.embeddings.sources.header import ImageHeader, read_header

from .naming import UTC_EPOCH, Moment, Naming

TimeOrigin = Literal["name", "exif", "modified"]

_WALL_EPOCH = datetime(1970, 1, 1)
# Images that are looked at and not yet taken; each of them may be decoded.
_AHEAD = 32


@dataclass(frozen=True, slots=True)
class Shot:
    """Which camera took an image, and when.

    Attributes:
        path: The file.
        camera: Its name; None where the file name does not tell.
        time: As a clock on the wall shows it, without a time zone.
        time_origin: Where the time is from.
        utc_offset: Of that clock from UTC; None where nobody knows.
    """

    path: str
    camera: str | None
    time: datetime
    time_origin: TimeOrigin
    utc_offset: timedelta | None


@dataclass(frozen=True, slots=True)
class ImageShot(Shot):
    """A `Shot` whose file was looked at.

    Attributes:
        size: Of the file in bytes.
        width: In pixels, EXIF orientation applied.
        height: In pixels, EXIF orientation applied.
    """

    size: int
    width: int
    height: int


def read_shot(
    path: str | os.PathLike[str], *, naming: Naming | None = None, check: bool = False
) -> ImageShot:
    """Look at one image.

    The time is that of the name, else that of the EXIF block (DateTimeOriginal), else when the
    file was modified.

    Args:
        path: The image file.
        naming: How to read its name.
        check: Whether to decode it fully, which finds damage behind its header.

    Raises:
        UnreadableImageError: If it is not an image that can be decoded.
    """
    return _read_shot(File.look_at(os.fspath(path)), naming or Naming(), check)


def read_shots(
    folder: str | os.PathLike[str],
    *,
    naming: Naming | None = None,
    recursive: bool = False,
    check: bool = False,
    progress: ProgressOption = None,
) -> Iterator[ImageShot | Unreadable]:
    """Look at all images of a folder, in natural order of their names.

    Args:
        folder: Where they are.
        naming: How to read their names.
        recursive: Whether to search sub-folders.
        check: Whether to decode every image fully, which finds damage behind headers.
        progress: Told what it is at.

    Raises:
        SourceError: If there is no such folder, or no image in it.
        NearframeError: If a pattern was given and no name matches it.
    """
    sequence = open_source(folder, recursive=recursive)
    if not isinstance(sequence, ImageSequence) or sequence.kind != "folder":
        raise SourceError(folder, "not a folder; expected a folder of images")
    naming = naming or Naming()
    _require_matches(naming, sequence.files)
    progress = as_progress(progress)
    progress.start(f"look at {shown(folder)}", len(sequence.files))
    yield from sequence.problems
    for shot in run_ahead(_tasks(sequence.files, naming, check), ahead=_AHEAD):
        yield shot
        progress.advance(1)


def seconds_of(shots: Sequence[Shot]) -> list[float]:
    """Return the times of shots in seconds on one scale, so that differences mean something.

    Where the UTC offset of each is known, they are exact also when the clocks change; otherwise
    they are those of the wall clock.
    """
    exact = all(shot.utc_offset is not None for shot in shots)
    zero = timedelta()
    return [
        (shot.time - _WALL_EPOCH - ((shot.utc_offset or zero) if exact else zero)).total_seconds()
        for shot in shots
    ]


def _tasks(
    files: Sequence[ImageFile], naming: Naming, check: bool
) -> Iterator[Callable[[], ImageShot | Unreadable]]:
    for file in files:
        yield partial(_look_at, file, naming, check)


def _look_at(file: ImageFile, naming: Naming, check: bool) -> ImageShot | Unreadable:
    try:
        return _read_shot(file, naming, check)
    except UnreadableImageError as error:
        return Unreadable(file.path, file.number, error.reason)


def _read_shot(file: File, naming: Naming, check: bool) -> ImageShot:
    header = read_header(file.path, check=check)
    named = naming.read(file.path)
    origin: TimeOrigin = "name"
    moment = named.moment
    if moment is None:
        origin, moment = "exif", _exif_moment(header, naming)
    if moment is None:
        origin, moment = "modified", _modified(file, naming)
    return ImageShot(
        path=file.path,
        camera=named.camera,
        time=moment.time,
        time_origin=origin,
        utc_offset=moment.utc_offset,
        size=file.size,
        width=header.width,
        height=header.height,
    )


def _exif_moment(header: ImageHeader, naming: Naming) -> Moment | None:
    if header.taken is None:
        return None
    try:
        time = datetime.strptime(header.taken, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None  # a camera whose clock was never set writes blanks or zeros
    if header.taken_fraction is not None and re.fullmatch(r"[0-9]+", header.taken_fraction):
        time += timedelta(seconds=float(f"0.{header.taken_fraction}"))
    try:
        offset = datetime.strptime(header.taken_offset or "", "%z").tzinfo
        return naming.at(time.replace(tzinfo=offset))
    except (ValueError, OverflowError, OSError):
        return Moment(time)


def _modified(file: File, naming: Naming) -> Moment:
    # Some file systems hold years that a datetime does not.
    microseconds = max(-(2**53), min(file.mtime_ns // 1000, 2**53))
    return naming.at(UTC_EPOCH + timedelta(microseconds=microseconds))


def _require_matches(naming: Naming, files: Sequence[ImageFile]) -> None:
    if naming.pattern is None or any(naming.matches(file.path) for file in files):
        return
    raise NearframeError(
        f"`pattern` {shown(naming.pattern.pattern)} matches none of the {len(files)} names, "
        f"{shown(Path(files[0].path).name)} for one; it must match the whole name without its "
        "suffix"
    )
