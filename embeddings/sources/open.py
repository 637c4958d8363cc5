"""A path of the user -> the sources it stands for."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

from nearframe.common import SourceError, reading_errors

from ..frame import Frame, Unreadable
from .animation import Animation
from .folder import ImageSequence, require_images
from .kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES, kind_of
from .raw import RAW_REMEDY, raw_available
from .sampling import Sampling
from .video import VideoSource
from .walk import list_folder


class Source(Protocol):
    """Something that yields frames: an `ImageSequence`, a `VideoSource` or an `Animation`."""

    @property
    def path(self) -> str:
        """The file or folder, as the user gave it."""
        ...

    @property
    def kind(self) -> Literal["image", "folder", "video"]:
        """What `path` is."""
        ...

    @property
    def frame_count(self) -> int | None:
        """How many frames to expect, for a progress bar."""
        ...

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield, in order, functions that decode one frame each and may run in any thread."""
        ...


def open_source(
    path: str | os.PathLike[str],
    *,
    recursive: bool = False,
    sampling: Sampling | None = None,
) -> ImageSequence | VideoSource | Animation:
    """Open one image, one video, or the images of a folder.

    An image file with several frames or pages, given alone, is a short video.

    Raises:
        SourceError: If there is nothing of the kind at `path`.
    """
    if _is_folder(path):
        return require_images(ImageSequence.of_folder(path, recursive=recursive))
    kind = kind_of(path)
    if kind == "image":
        return Animation.open(path, sampling) or ImageSequence.of_file(path)
    if kind == "raw" and raw_available():
        return ImageSequence.of_file(path)
    if kind == "video":
        return VideoSource.open(path, sampling)
    if kind == "raw":
        raise SourceError(path, f"a camera's raw file, which needs rawpy; {RAW_REMEDY}")
    raise SourceError(
        path,
        "neither a folder nor a known kind of image or video; expected one of "
        + ", ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES)),
    )


def open_sources(
    path: str | os.PathLike[str],
    *,
    recursive: bool = False,
    sampling: Sampling | None = None,
) -> list[ImageSequence | VideoSource | Animation | SourceError]:
    """Open everything at `path`: of a folder, its images as one sequence and each of its videos.

    A video of a folder that cannot be opened stands in the list as its error, so that one broken
    file does not hide the others.

    Raises:
        SourceError: If there is nothing at `path`, or it is a single file that cannot be read.
    """
    if not _is_folder(path):
        return [open_source(path, recursive=recursive, sampling=sampling)]
    folder = os.fspath(path)
    listing = list_folder(folder, recursive=recursive)
    images = ImageSequence.of_listing(folder, listing, recursive=recursive)
    sources: list[ImageSequence | VideoSource | Animation | SourceError] = []
    # The sub-folders that could not be entered stand in the sequence of images.
    if images.files or images.problems:
        sources.append(images)
    for video in listing.videos:
        try:
            sources.append(VideoSource.open(video, sampling))
        except SourceError as error:
            sources.append(error)
    if not sources:
        require_images(images)
    return sources


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether `open_source` takes a path for a video: also an image file with several frames."""
    if Path(path).is_dir():
        return False
    kind = kind_of(path)
    return kind == "video" or (kind == "image" and Animation.open(path) is not None)


def _is_folder(path: str | os.PathLike[str]) -> bool:
    """Tell a folder from a file.

    Raises:
        SourceError: If there is neither at `path`, or it may not be looked at.
    """
    with reading_errors(path):
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116  # Path("") would be "."
