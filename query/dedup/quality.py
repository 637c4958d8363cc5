"""Which of several repeats is the better picture, and why."""

import statistics
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from nearframe.common import Keep, NearframeError
from nearframe.embeddings import RgbImage, Unreadable
from nearframe.embeddings.sources import ImageFile, natural_key
from nearframe.embeddings.sources.header import upright_size
from nearframe.embeddings.sources.image import opened_image

_SHARPNESS_AREA = 640 * 360
# Mean of the table for brightness that JPEG quality 50 stands for (ITU-T T.81, table K.1).
_MEAN_STEP = 57.625
# Of different sizes, less than this share apart is as sharp: a scaled copy is off by as much.
_AS_SHARP = 0.8
_FAR_SMALLER = 0.25
_LOSSLESS = frozenset({"PNG", "BMP", "PPM", "TGA"})
_LOSSY_TIFF = frozenset({"jpeg", "tiff_jpeg", "webp"})


@dataclass(frozen=True, slots=True)
class Quality:
    """What of an image file tells how good its picture is.

    Attributes:
        name: Path of the file.
        width: In pixels, upright.
        height: In pixels, upright.
        size: Of the file, in bytes.
        lossless: Whether its format keeps all levels of all pixels.
        jpeg_quality: In (0, 100], as libjpeg counts; None for another format.
        sharpness: What the function `sharpness` returns; 0 where nobody asked.
    """

    name: str
    width: int
    height: int
    size: int
    lossless: bool = False
    jpeg_quality: float | None = None
    sharpness: float = 0.0

    @property
    def pixels(self) -> int:
        """How many pixels there are."""
        return self.width * self.height


def quality_of(file: ImageFile, sharpness: float) -> Quality:
    """Read what a file's header tells; one that is gone or damaged is the poorest.

    Args:
        file: Of the picture.
        sharpness: Its sharpness; 0 where nobody asked.
    """
    try:
        with opened_image(file.path) as picture:
            return Quality(
                file.path,
                *upright_size(picture),
                file.size,
                _is_lossless(picture, file.path),
                _jpeg_quality(picture),
                sharpness,
            )
    except NearframeError:
        # Decoding knows more formats than Pillow.
        frame = file.decode()
    if isinstance(frame, Unreadable):
        return Quality(file.path, 0, 0, 0)
    height, width = frame.image.shape[:2]
    return Quality(file.path, width, height, file.size, sharpness=sharpness)


def best_first(qualities: Mapping[int, Quality], keep: Keep) -> list[int]:
    """Return the positions of repeats, the best picture first.

    ``largest`` counts pixels; of equally many, what was compressed less is better (lossless before
    lossy; where all others are JPEGs, the quality they were saved with), then more bytes, then the
    first name.
    ``sharpest`` puts what has at most a quarter of another's pixels behind, then what is clearly
    less sharp; of pictures about as sharp, the one with more pixels is better, and of one size the
    sharpest.
    """
    among = list(qualities.values())
    all_jpeg = None not in [quality.jpeg_quality for quality in among if not quality.lossless]
    most = max(quality.pixels for quality in among)
    large = [quality for quality in among if quality.pixels > _FAR_SMALLER * most]
    sharp = _AS_SHARP * max(quality.sharpness for quality in large or among)

    def size_first(quality: Quality) -> tuple[Any, ...]:
        jpeg = round(quality.jpeg_quality or 0.0) if all_jpeg else 0
        name = natural_key(quality.name)
        return -quality.pixels, not quality.lossless, -jpeg, -quality.size, name, quality.name

    def sharpness_first(quality: Quality) -> tuple[Any, ...]:
        poorer = quality.pixels <= _FAR_SMALLER * most, quality.sharpness < sharp
        least = -quality.sharpness if quality.sharpness < sharp else 0.0
        return *poorer, least, -quality.pixels, -quality.sharpness, *size_first(quality)[1:]

    key = sharpness_first if keep == "sharpest" else size_first
    return sorted(qualities, key=lambda position: key(qualities[position]))


def reason_to_keep(kept: Quality, other: Quality, keep: Keep) -> str:
    """Say why one picture stands for another, as in ``largest: 1600x1200 against 240x180``."""
    if keep == "sharpest" and other.pixels > _FAR_SMALLER * kept.pixels:
        if kept.sharpness > other.sharpness:
            return f"sharpest: {kept.sharpness:.1f} against {other.sharpness:.1f}"
        if kept.pixels > other.pixels:
            return f"sharpest: about as sharp, {_sizes(kept, other)}"
    if kept.pixels != other.pixels:
        return f"{keep}: {_sizes(kept, other)}"
    return f"same size, {_difference(kept, other)}"


def _difference(kept: Quality, other: Quality) -> str:
    if kept.lossless != other.lossless:
        return "compressed less: lossless against lossy"
    if kept.jpeg_quality is not None and other.jpeg_quality is not None:
        qualities = round(kept.jpeg_quality), round(other.jpeg_quality)
        if qualities[0] != qualities[1]:
            return f"compressed less: quality {qualities[0]} against {qualities[1]}"
    if kept.size != other.size:
        return f"more bytes: {kept.size:,} against {other.size:,}"
    return "as many bytes: first by name"


def _sizes(kept: Quality, other: Quality) -> str:
    return f"{kept.width}x{kept.height} against {other.width}x{other.height}"


def _is_lossless(image: Image.Image, path: str) -> bool:
    if image.format == "TIFF":
        return image.info.get("compression") not in _LOSSY_TIFF
    if image.format == "WEBP":
        return _is_lossless_webp(Path(path))
    # A palette has lost colours.
    return image.format in _LOSSLESS and image.mode != "P"


def _is_lossless_webp(path: Path) -> bool:
    """Tell whether the first picture of a WebP lies in a chunk ``VP8L``."""
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            kind, length = struct.unpack("<4sI", head)
            if kind in (b"VP8 ", b"VP8L", b"ANMF"):
                return bool(kind == b"VP8L")
            file.seek(length + length % 2, 1)
    return False


def _jpeg_quality(image: Image.Image) -> float | None:
    """Return the quality a JPEG was saved with, of its table for brightness."""
    tables: Mapping[int, Sequence[int]] = getattr(image, "quantization", None) or {}
    table = tables.get(0) or next(iter(tables.values()), None)
    if table is None:
        return None
    scale = 100 * statistics.fmean(table) / _MEAN_STEP
    return 100 - scale / 2 if scale < 100 else 5000 / scale


def sharpness(image: RgbImage) -> float:
    """Return how sharp a picture is: the variance of its Laplacian, in grey levels squared.

    Pech-Pacheco, Cristóbal, Chamorro-Martínez, Fernández-Valdivia, "Diatom autofocusing in
    brightfield microscopy: a comparative study", ICPR 2000. Taken of every picture at the area of
    640x360, larger or smaller, so that pictures of several resolutions can be compared.

    Args:
        image: RGB uint8, ``(height, width, 3)``.
    """
    height, width = image.shape[:2]
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    scale = (_SHARPNESS_AREA / (height * width)) ** 0.5
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size != (width, height):
        # Steps between enlarged pixels would be taken for edges.
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        grey = np.asarray(cv2.resize(grey, size, interpolation=how), np.uint8)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())
