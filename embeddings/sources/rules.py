"""The rules by which files are read, as a version: what it changed, and which files it concerns."""

import os

from PIL import Image

from nearframe.common import NearframeError

from .alpha import decoder_of, is_format_with_alpha
from .container import opened, start_of, video_streams
from .deep import is_deep
from .image import opened_image
from .kinds import IMAGE_SUFFIXES, VIDEO_SUFFIXES, kind_of, suffix_of
from .limits import pixel_format_of
from .matroska import is_one_segment
from .orientation import orientation_of
from .transparency import is_transparent

DECODING_RULES = 2
"""Version of the rules by which pixels, frame numbers and times are read from a file.

It counts up with every change that may give the same file other pixels, numbers or times; say here
what changed, and in `reads_otherwise` which files that concerns.

1: As the first indexes were made.
2: Pictures: transparency over a colour that differs from what is visible, deep samples by what they
   hold, EXIF orientation whatever else in its block is damaged. Videos: times from the start that
   players show, joined recordings in order, the largest of several streams, alpha. A file whose
   content is not what its suffix says is read as what it is.
"""

# What can be told from the header of a file.
_PLAIN_PICTURES = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_ORIENTATION = 0x0112


def reads_otherwise(path: str | os.PathLike[str], rules: int) -> bool:
    """Tell whether today's rules may read a file otherwise than earlier ones, by its header.

    Args:
        path: The file.
        rules: Version of the rules by which it was read.
    """
    if rules >= DECODING_RULES:
        return False
    kind, suffix = kind_of(path), suffix_of(path)
    try:
        if kind == "image" and suffix not in VIDEO_SUFFIXES:
            return not _is_plain_picture(path)
        if kind == "video" and suffix not in IMAGE_SUFFIXES:
            return not _is_plain_video(path)
    except NearframeError:
        pass  # it is for a build to say what is wrong with it
    return True


def _is_plain_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a picture is opaque, has 8 bits, and was turned upright by the rules before 2."""
    with opened_image(path) as image:
        if image.format not in _PLAIN_PICTURES or is_deep(image) or is_transparent(image):
            return False
        return _was_turned(image)


def _was_turned(image: Image.Image) -> bool:
    orientation = orientation_of(image)
    try:
        if image.getexif().get(_ORIENTATION, 1) != orientation:
            return False
        if orientation != 1:
            # The picture was left as it was where the block could not be written again.
            image.getexif().tobytes()
    except Exception:
        return orientation == 1
    return True


def _is_plain_video(path: str | os.PathLike[str]) -> bool:
    """Whether a video has one opaque stream that starts at 0, in a container that is never joined.

    What of it did not decode is for the caller to know.
    """
    with opened(path) as (container, stream):
        formats = container.format.name.split(",")
        pixel_format = pixel_format_of(stream)
        return (
            ("mp4" in formats or ("matroska" in formats and is_one_segment(path)))
            and len(video_streams(container)) == 1
            and not start_of(stream)
            and decoder_of(stream) is stream.codec_context
            and pixel_format is not None
            and not is_format_with_alpha(pixel_format)
        )
