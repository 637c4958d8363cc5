"""The images of a folder or an index, in the order in which they are compared."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from nearframe.common import SourceError, UnreadableImageError, shown
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import File, ImageFile, ImageSequence, open_source
from nearframe.index import FrameIndex

from ..cameras import Naming, Shot, read_shot, seconds_of
from ..cameras.naming import tell_cameras
from ..files.protection import Protection


@dataclass(frozen=True, slots=True)
class OrderedImage:
    """An image file at its place in the order.

    Attributes:
        file: As it was when the folder was listed; its number is that of `Frame`.
        camera: Which camera took it; None where its name does not tell.
        time: When, as a clock on the wall shows it; None where nobody asked for it.
        seconds: The same on a scale on which differences mean something; 0 where nobody asked.
        protected: Whether it only serves as a reference.
    """

    file: ImageFile
    camera: str | None
    time: datetime | None
    seconds: float
    protected: bool

    @property
    def key(self) -> str:
        """The path of its file."""
        return self.file.path


@dataclass(frozen=True, slots=True)
class Images:
    """Images in order: protected ones first, then camera by camera.

    Attributes:
        folder: Absolute path that all but protected ones lie below.
        ordered: The images.
        problems: Sub-folders that could not be entered, and files that changed since.
        tiny: Images that are too small to be compared, with their width and height in pixels.
    """

    folder: str
    ordered: tuple[OrderedImage, ...]
    problems: tuple[Unreadable, ...]
    tiny: tuple[tuple[OrderedImage, tuple[int, int]], ...] = ()

    @property
    def recognised(self) -> bool:
        """Whether the names tell cameras."""
        return tell_cameras([image.camera for image in self.ordered])

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras, in order."""
        return tuple(dict.fromkeys(image.camera for image in self.ordered if image.camera))


@dataclass(frozen=True, slots=True)
class Order:
    """In which order images are compared.

    Images of one camera come in the order of their times, where every name tells one or `timed`
    asks for it, and else in natural order of their names.

    Attributes:
        naming: How to read the names of files.
        protect: Folders whose images only serve as references; searched with their sub-folders.
        timed: Whether times are needed also where names do not tell them.
        across_cameras: Whether images of all cameras are compared, and come in one order.
    """

    naming: Naming
    protect: Sequence[str | os.PathLike[str]] = ()
    timed: bool = False
    across_cameras: bool = False


def images_of_folder(
    source: str | os.PathLike[str], order: Order, *, recursive: bool = False
) -> Images:
    """List the images of a folder in the order in which they are compared.

    Raises:
        SourceError: If there are no images in `source`, or a protected folder does not exist.
    """
    sequence = open_source(source, recursive=recursive)
    if not isinstance(sequence, ImageSequence) or sequence.kind != "folder":
        raise SourceError(source, "dedup takes a folder of images, an index of one, or a plan")
    listed = {os.path.realpath(file.path) for file in sequence.files} if order.protect else set()
    others: list[ImageFile] = []
    problems = list(sequence.problems)
    for folder in order.protect:
        outside = ImageSequence.of_folder(folder, recursive=True)
        others += [file for file in outside.files if os.path.realpath(file.path) not in listed]
        problems += outside.problems
    ordered = _in_order([*others, *sequence.files], order)
    if all(image.protected for image in ordered):
        raise SourceError(source, "all of its images are protected; there is nothing to drop")
    return Images(_absolute(source), ordered, tuple(problems))


def images_of_index(index: FrameIndex, order: Order) -> Images:
    """List the images of an index in the order in which they are compared; videos are left out.

    Raises:
        SourceError: If there are no images in the index, or none in a protected folder.
    """
    sources = [source for source in index.sources() if source.kind != "video" and source.frames]
    videos = {source.path for source in index.sources() if source.kind == "video"}
    if not sources:
        raise SourceError(index.path, "holds no images; dedup needs frames that are files")
    files = []
    problems = []
    for frame in index.catalog.frames():
        # Not by the time: frames of some videos have none, and no video may ever be dropped.
        if frame.ref.source in videos:
            continue
        state, file = index.catalog.file(frame.ref.source), File.look_at(frame.ref.source)
        if state is not None and (state.size, state.mtime_ns) == (file.size, file.mtime_ns):
            files.append(ImageFile(file.path, file.size, file.mtime_ns, frame.ref.number))
        else:
            reason = "changed since it was indexed; run buildIndex again"
            problems.append(Unreadable(frame.ref.source, frame.ref.number, reason))
    for folder in order.protect:
        protection = Protection([folder])
        if not any(protection.covers(file.path) for file in files):
            raise SourceError(folder, f"the index {shown(index.path)} has no images of this folder")
    folders = {
        source.path if source.kind == "folder" else os.path.dirname(source.path)  # noqa: PTH120
        for source in sources
    }
    ordered = _in_order(files, order)
    return Images(os.path.commonpath(folders), ordered, tuple(problems))


def _in_order(files: Sequence[ImageFile], order: Order) -> tuple[OrderedImage, ...]:
    groups: dict[tuple[bool, str | None], list[OrderedImage]] = {}
    for image in _look_at(files, order):
        camera = None if order.across_cameras else image.camera
        groups.setdefault((not image.protected, camera), []).append(image)
    ordered: list[OrderedImage] = []
    for key in sorted(groups, key=lambda key: key[0]):
        images = groups[key]
        # With `timed`, only what cannot be read has no time, and its place does not matter.
        if order.timed or all(image.time is not None for image in images):
            images = sorted(images, key=lambda image: (image.time is None, image.seconds))
        ordered += images
    return tuple(ordered)


def _look_at(files: Sequence[ImageFile], order: Order) -> Iterator[OrderedImage]:
    protection = Protection(order.protect)
    shots = [_shot(file, order.naming, timed=order.timed) for file in files]
    seconds = iter(seconds_of([shot for shot in shots if shot is not None]))
    for file, shot in zip(files, shots, strict=True):
        protected = protection.covers(file.path)
        if shot is None:
            yield OrderedImage(file, order.naming.read(file.path).camera, None, 0.0, protected)
        else:
            yield OrderedImage(file, shot.camera, shot.time, next(seconds), protected)


def _shot(file: ImageFile, naming: Naming, *, timed: bool) -> Shot | None:
    named = naming.read(file.path)
    if named.moment is not None:
        moment = named.moment
        return Shot(file.path, named.camera, moment.time, "name", moment.utc_offset)
    if not timed:
        return None
    try:
        return read_shot(file.path, naming=naming)
    except UnreadableImageError:
        return None


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(path)  # noqa: PTH100  # links stay as the user knows them
