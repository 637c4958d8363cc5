"""Pictures as a page holds them: small WebP files, each with what is wrong or outlined."""

import base64
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from nearframe.common import UnreadableImageError
from nearframe.embeddings import RgbImage
from nearframe.embeddings.sources import read_image

from ..change import Region
from .page import to_json

SIDE = 240
"""The longer side of a thumbnail, in pixels, where there are many."""

_LARGE_SIDE, _FEW = 360, 300
# Little effort, so that thousands take seconds; a third smaller than JPEG all the same.
_QUALITY, _EFFORT = 60, 2
# The page draws outlines on a grid of this many units, and corners nearer than these are one.
_GRID, _TOLERANCE = 1000, 2.5
_MOST_REGIONS = 20


def side_for(pictures: int) -> int:
    """Return the longer side of the thumbnails of a page with so many, in pixels."""
    return _LARGE_SIDE if pictures <= _FEW else SIDE


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture for a page, or why there is none.

    Attributes:
        webp: The file; None where the picture cannot be shown.
        width: In pixels.
        height: In pixels.
        problem: Why it cannot be shown.
    """

    webp: bytes | None
    width: int = 0
    height: int = 0
    problem: str = ""

    @classmethod
    def of(cls, image: RgbImage, side: int = SIDE) -> "Thumbnail":
        """Shrink a picture to at most `side` pixels wide and high; a smaller one keeps its size."""
        small = Image.fromarray(image)
        small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=3)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=_QUALITY, method=_EFFORT)
        return cls(buffer.getvalue(), small.width, small.height)


def read_thumbnail(path: str, side: int = SIDE) -> tuple[Thumbnail, RgbImage | None]:
    """Read a picture; where it cannot be read, the thumbnail says why, and there is no image."""
    try:
        image = read_image(path)
    except UnreadableImageError as error:
        gone = not os.path.lexists(path)
        return Thumbnail(None, problem="the file is gone" if gone else error.reason), None
    return Thumbnail.of(image, side), image


@dataclass(frozen=True, slots=True)
class Outlines:
    """What changed in a picture.

    Attributes:
        regions: The parts that changed, the largest first.
        ignored: Those that differ and do not count: too small, or only moved a little.
    """

    regions: tuple[Region, ...] = field(repr=False)
    ignored: tuple[Region, ...] = field(repr=False)


def picture_json(thumbnail: Thumbnail, outlines: Outlines | None = None) -> str:
    """Return a picture as the page's script reads it: WebP, width, height, problem, outlines."""
    webp = None if thumbnail.webp is None else base64.b64encode(thumbnail.webp).decode()
    values = [webp, thumbnail.width, thumbnail.height, thumbnail.problem]
    return to_json([*values, [] if outlines is None else list(_lines(outlines))])


def _lines(outlines: Outlines) -> Iterable[list[int]]:
    """Yield per region whether it counts, 1 or 0, and the coordinates of its corners in turn."""
    regions = [*outlines.regions, *outlines.ignored][:_MOST_REGIONS]
    for number, region in enumerate(regions):
        # (n, 2) in grid units; a thumbnail is too small for every corner.
        corners = np.rint(np.array(region.outline, np.float32) * _GRID).astype(np.int32)
        fewer = np.asarray(cv2.approxPolyDP(corners, _TOLERANCE, closed=True))
        yield [int(number < len(outlines.regions)), *map(int, fewer.reshape(-1))]
