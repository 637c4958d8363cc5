"""The pictures of frames as change detection compares them, of which only some are in memory."""

import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np

from nearframe.common import NearframeError, shown, temporary_errors
from nearframe.embeddings import RgbImage

from ..change import ChangeDetection
from ..change.light import Grey
from .quality import sharpness
from .rules import ChangeSettings

_HELD_BYTES = 128 << 20
_TASK = "note the pictures that are compared"


class Detections:
    """The change detection of each camera.

    Args:
        settings: How changes are found.
        cameras: Their names.

    Raises:
        UnreadableImageError: If a mask cannot be decoded.
        NearframeError: If a setting is out of range.
    """

    def __init__(self, settings: ChangeSettings, cameras: Collection[str]) -> None:
        for camera in settings.masks:
            if camera and camera not in cameras:
                raise NearframeError(
                    f"there is a mask for camera {shown(camera)}, but no image of it; the cameras "
                    f"are {shown(', '.join(cameras)) or 'not told by the names'}"
                )
        self._usual = settings.detection(None)
        self._own = {camera: settings.detection(camera) for camera in settings.masks}

    def of(self, camera: str | None) -> ChangeDetection:
        """Return that of a camera."""
        return self._own.get(camera or "", self._usual)


class Pictures:
    """Prepared pictures by position; those that were not asked for lately are read again.

    Args:
        read: Gives the picture of a frame once more.
    """

    def __init__(self, read: Callable[[int], Grey]) -> None:
        self._read = read
        self._held: OrderedDict[int, Grey] = OrderedDict()
        self._bytes = 0

    def put(self, position: int, picture: Grey) -> None:
        """Hold a picture, in the place of any other of that position."""
        self.discard(position)
        self._held[position] = picture
        self._bytes += picture.nbytes
        # Two always stay: those that are being compared.
        while self._bytes > _HELD_BYTES and len(self._held) > 2:
            self._bytes -= self._held.popitem(last=False)[1].nbytes

    def discard(self, position: int) -> None:
        """Hold a picture no longer."""
        if position in self._held:
            self._bytes -= self._held.pop(position).nbytes

    def get(self, position: int) -> Grey:
        """Return a picture.

        Raises:
            NearframeError: If its file cannot be read any more.
        """
        if position not in self._held:
            self.put(position, self._read(position))
        self._held.move_to_end(position)
        return self._held[position]


class PictureSpool:
    """Prepared pictures in a file, without loss, by the keys of their frames.

    Args:
        file: Open for reading and writing, and empty.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: dict[Hashable, tuple[int, int]] = {}

    def keep(self, key: Hashable, picture: Grey) -> None:
        """Write a picture."""
        content = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        with temporary_errors(_TASK):
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(content)
        self._places[key] = start, len(content)

    def read(self, key: Hashable) -> Grey:
        """Read a picture that was kept."""
        start, length = self._places[key]
        # What was written last may not be on the disk before this.
        with temporary_errors(_TASK):
            self._file.seek(start)
            content = np.frombuffer(self._file.read(length), np.uint8)
        return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What is needed of a frame besides its vector.

    Attributes:
        picture: Prepared for change detection, uint8 ``(height, width)``; None where changes are
            not looked for, or where it was kept when the frame was yielded before.
        sharpness: The variance of the Laplacian, see `quality.sharpness`; 0 where it does not
            count.
    """

    picture: Grey | None
    sharpness: float


def inspect(
    image: RgbImage, detection: ChangeDetection | None, *, sharpness_counts: bool
) -> Inspection:
    """Return what is needed of a frame.

    Args:
        image: RGB uint8, ``(height, width, 3)``.
        detection: Prepares it; None where changes are not looked for.
        sharpness_counts: Whether the sharpest frame represents others.

    Raises:
        NearframeError: If the mask does not fit the image.
    """
    picture = None if detection is None else detection.prepare(image)
    return Inspection(picture, sharpness(image) if sharpness_counts else 0.0)
