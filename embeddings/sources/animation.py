"""Image files with several frames or pages, given alone: short videos with numbers and times."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from PIL import Image

from nearframe.common import UnreadableImageError

from ..frame import Frame, Unreadable
from .image import held, opened_image, to_rgb_array
from .limits import bytes_of_animation, is_suspicious
from .sampling import Sampling
from .transparency import DEFAULT_BACKGROUND, Colour, background_of, is_transparent
from .walk import File

# HEIF and MPO hold views, bursts and previews beside the picture; they count by that one.
_FORMATS = {"GIF", "WEBP", "PNG", "AVIF", "TIFF"}
# TIFF's NewSubfileType: its lowest bit marks a page that is a smaller version of another.
_SUBFILE_TYPE, _REDUCED = 254, 1
_PAGE_S = 1.0
# Browsers show frames of 10 ms or less for 100 ms.
_TOO_SHORT_S, _USUAL_S = 0.010, 0.1
# Frames that are looked at for the colour: as a rule, the first decides.
_MOST_FRAMES = 100


@dataclass(frozen=True, slots=True)
class Animation:
    """An image file with several frames or pages as a short video.

    Attributes:
        path: The file.
        sampling: Which of its frames are read; all of them decode on their own.
        count: How many it has.
        after: Frames up to and including this number are left out.
        kind: That of a source with numbers and times.
    """

    path: str
    sampling: Sampling
    count: int
    after: int = -1
    kind: Literal["video"] = field(default="video", init=False)

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], sampling: Sampling | None = None
    ) -> "Animation | None":
        """Open an image file; None if it holds one picture only, or cannot be read."""
        path = os.fspath(path)
        try:
            with opened_image(path) as image:
                count = len(frame_places(image))
        except UnreadableImageError:
            return None
        return cls(path, sampling or Sampling(), count) if count > 1 else None

    @property
    def frame_count(self) -> int | None:
        """How many frames to expect, for a progress bar."""
        if self.sampling.fps is not None:
            return None
        return -(-self.count // (self.sampling.every or 1))

    @property
    def read_as(self) -> str:
        """A short text that is equal exactly for equal samplings; another one than of a still."""
        return f"animation: {self.sampling.describe()}"

    @property
    def file(self) -> File:
        """The file as it is now."""
        return File.look_at(self.path)

    def resume(self, *, after: int) -> "Animation":
        """Return the same source without the frames up to and including number `after`."""
        return replace(self, after=after)

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield one function per frame, which returns it.

        Frames are decoded here, in the thread that iterates: most are changes to the one before.
        What does not decode is said at the end, as an `Unreadable` without a number.
        """
        run = None
        try:
            for frame in self._frames():
                previous, run = run, self.sampling.run_of(frame.number, frame.time_s)
                if run != previous and frame.number > self.after:
                    yield partial(_same, frame)
        except UnreadableImageError as error:
            yield partial(Unreadable.of, error)

    def _frames(self) -> Iterator[Frame]:
        with opened_image(self.path) as image:
            # Frames come out one by one, so that only their size is of concern.
            is_suspicious(self.path, image, bytes_of_animation(image))
            background = _background(self.path)
            time_s = 0.0
            for number, place in enumerate(frame_places(image)):
                image.seek(place)
                pixels = held(to_rgb_array(image, background))
                yield Frame(self.path, number, round(time_s, 6), pixels)
                # Of some formats it is known only once the frame is loaded.
                time_s += _duration_s(image)


def _same(frame: Frame) -> Frame:
    return frame


def frame_places(image: Image.Image) -> list[int]:
    """Return where the frames or pages of an image stand that are shown one after the other.

    Smaller versions of a page of a TIFF are none, nor is the picture of an APNG for programs that
    do not know APNG.
    """
    if image.format not in _FORMATS:
        return [0]
    places = range(int(getattr(image, "n_frames", 1)))
    if getattr(image, "default_image", False) and len(places) > 1:
        return list(places[1:])
    if image.format != "TIFF" or len(places) == 1:
        return list(places)
    return _full_pages(image, places)


def _full_pages(image: Image.Image, places: range) -> list[int]:
    full = []
    for place in places:
        image.seek(place)
        if not is_reduced(image):
            full.append(place)
    image.seek(0)
    return full


def is_reduced(image: Image.Image) -> bool:
    """Tell whether the present page of a TIFF is a smaller version of another."""
    tags: Any = getattr(image, "tag_v2", None)
    return tags is not None and bool(int(tags.get(_SUBFILE_TYPE) or 0) & _REDUCED)


def _duration_s(image: Image.Image) -> float:
    """Return how long the present frame is shown, in seconds; pages of a TIFF for one."""
    if image.format == "TIFF":
        return _PAGE_S
    duration_s = float(image.info.get("duration") or 0) / 1000
    return duration_s if duration_s > _TOO_SHORT_S else _USUAL_S


def _background(path: str) -> Colour:
    """Choose the colour that all frames are laid over.

    The first decides that has both, visible and transparent pixels, among the first 100.
    """
    with opened_image(path) as image:
        for place in frame_places(image)[:_MOST_FRAMES]:
            image.seek(place)
            # Of frames behind the first, Pillow knows it once they are loaded.
            image.load()
            if not is_transparent(image):
                continue
            colour = background_of(np.asarray(image.convert("RGBA")))
            if colour is not None:
                return colour
    return DEFAULT_BACKGROUND
