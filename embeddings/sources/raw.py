"""Cameras' raw files: the preview that the camera put into them, read with rawpy."""

import functools
import io
import os
from typing import Any

from PIL import Image

from .orientation import read_orientation, upright

# How LibRaw says that a picture is to be turned, as EXIF says it.
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}

RAW_REMEDY = "pip install 'nearframe[raw]'"


class NoPreviewError(Exception):
    """A raw file without a preview that can be read."""


@functools.cache
def raw_available() -> bool:
    """Tell whether rawpy is installed."""
    try:
        import rawpy  # noqa: F401
    except ImportError:
        return False
    return True


def open_preview(path: str | os.PathLike[str]) -> Image.Image:
    """Open the largest preview of a raw file.

    Mostly it is a JPEG as large as the picture; nothing of what the sensor saw is developed.

    Raises:
        NoPreviewError: If rawpy cannot read the file, or finds no preview in it.
    """
    import rawpy

    try:
        with rawpy.imread(os.fspath(path)) as raw:
            preview, flip = raw.extract_thumb(), raw.sizes.flip
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise NoPreviewError("a raw file without a preview; convert it to JPEG or TIFF") from error
    except rawpy.LibRawError as error:
        raise NoPreviewError("not a raw file that can be read") from error
    orientation = _ORIENTATIONS.get(flip, 1)
    data: Any = preview.data
    if preview.format != rawpy.ThumbFormat.JPEG:
        return upright(Image.fromarray(data), orientation)
    image = Image.open(io.BytesIO(data), formats=["JPEG"])
    block: Any = image.info.get("exif", b"")
    # Where the preview says nothing of its own, the raw file does.
    return image if read_orientation(block) else upright(image, orientation)
