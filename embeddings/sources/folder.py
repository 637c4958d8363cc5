"""Image files as a numbered sequence: a folder in natural sort order, or a single file."""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from nearframe.common import SourceError, UnreadableImageError, reading_errors

from ..frame import Frame, Unreadable
from ..preprocessing import Preprocessing
from .image import read_image
from .kinds import IMAGE_SUFFIXES
from .left_out import LeftOut
from .walk import File, Listing, list_folder


@dataclass(frozen=True, slots=True)
class ImageFile(File):
    """One image file of a sequence: a `File` and its 0-based `number` in natural order."""

    number: int

    def decode(self, preprocessing: Preprocessing | None = None) -> Frame | Unreadable:
        """Read the pixels, and apply `preprocessing` to them; or say why that cannot be done."""
        try:
            image = read_image(self.path, preprocessing)
        except UnreadableImageError as error:
            return Unreadable.of(error, self.number)
        return Frame(source=self.path, number=self.number, time_s=None, image=image)


@dataclass(frozen=True, slots=True)
class ImageSequence:
    """The images of a folder, or one image file.

    Attributes:
        path: The folder or the file.
        kind: Which of the two it is.
        files: Its image files in natural order.
        problems: Sub-folders that could not be entered.
        recursive: Whether sub-folders were searched.
        left_out: What else is in the folder; None for a file.
    """

    path: str
    kind: Literal["image", "folder"]
    files: tuple[ImageFile, ...]
    problems: tuple[Unreadable, ...] = ()
    recursive: bool = False
    left_out: LeftOut | None = None

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> "ImageSequence":
        """Make a sequence of one image file.

        Raises:
            SourceError: If there is no such file.
        """
        path = os.fspath(path)
        with reading_errors(path):
            Path(path).stat()
        return cls(path=path, kind="image", files=(_image_file(path, 0),))

    @classmethod
    def of_folder(cls, path: str | os.PathLike[str], *, recursive: bool = False) -> "ImageSequence":
        """List the images of a folder; nothing is decoded.

        What counts as an image is decided by suffix, so that numbers do not change when a
        file breaks; see `kind_of`. Directories are never images.

        Raises:
            SourceError: If the folder does not exist or may not be read.
        """
        path = os.fspath(path)
        return cls.of_listing(path, list_folder(path, recursive=recursive), recursive=recursive)

    @classmethod
    def of_listing(cls, path: str, listing: Listing, *, recursive: bool) -> "ImageSequence":
        """Make the sequence of a folder that is listed already."""
        return cls(
            path=path,
            kind="folder",
            files=tuple(_image_file(name, number) for number, name in enumerate(listing.images)),
            problems=listing.problems,
            recursive=recursive,
            left_out=listing.left_out,
        )

    def select(self, paths: Collection[str]) -> "ImageSequence":
        """Keep only the given files; their numbers stay."""
        return replace(self, files=tuple(file for file in self.files if file.path in paths))

    @property
    def frame_count(self) -> int:
        """Number of frames that `decoders` will yield, for a progress bar."""
        return len(self.files)

    def decoders(
        self, preprocessing: Preprocessing | None = None
    ) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield one function per file, which decodes it; they may run in any thread.

        Args:
            preprocessing: Applied to each image by the function that decodes it.
        """
        for problem in self.problems:
            yield lambda problem=problem: problem  # type: ignore[misc]  # mypy/issues/12557
        for file in self.files:
            yield partial(file.decode, preprocessing)


def _image_file(path: str, number: int) -> ImageFile:
    file = File.look_at(path)
    return ImageFile(file.path, file.size, file.mtime_ns, number)


def require_images(sequence: ImageSequence) -> ImageSequence:
    """Return the sequence, or raise where a folder has no image at all.

    Raises:
        SourceError: If there is no image file; says what to try.
    """
    if not sequence.files:
        hint = "" if sequence.recursive else "; `recursive=True` also looks into its sub-folders"
        kinds = ", ".join(sorted(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES))
        there = f"; left out: {sequence.left_out.describe()}" if sequence.left_out else ""
        raise SourceError(
            sequence.path, f"no images in this folder (looked for {kinds}){there}{hint}"
        )
    return sequence
