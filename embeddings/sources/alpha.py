"""Transparency of videos: a decoder that reads it, and the one colour that a video is laid over."""

import contextlib
import functools
import itertools
import os
from collections.abc import Iterator
from typing import Any

import av
import av.container
import av.video.stream
import numpy as np
from PIL import Image

from ..frame import RgbImage
from .container import opened
from .transparency import DEFAULT_BACKGROUND, Colour, background_of, flattened
from .walk import File

# FFmpeg's own decoders of these codecs leave the alpha of a WebM out.
_DECODERS_OF_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# Frames that are looked at for the colour: as a rule, the first decides.
_MOST_FRAMES = 100
_PALETTE = "pal8"


def decoder_of(stream: av.video.stream.VideoStream) -> Any:
    """Return the decoder to use for a stream: its own, or one that reads its alpha too."""
    context = stream.codec_context
    name = _DECODERS_OF_ALPHA.get(context.name)
    # The key is in capitals where it was written as a tag.
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if name is None or tags.get("alpha_mode") != "1" or name not in av.codecs_available:
        return context
    decoder = av.CodecContext.create(name, "r")
    decoder.extradata = context.extradata
    decoder.options, decoder.thread_count = context.options, context.thread_count
    return decoder


def has_alpha(picture: av.VideoFrame) -> bool:
    """Tell whether a frame may have pixels that are not opaque."""
    return is_format_with_alpha(picture.format.name)


def over(picture: av.VideoFrame, background: Colour) -> RgbImage:
    """Lay a frame over one colour; RGB, uint8, shape ``(height, width, 3)``."""
    return np.asarray(flattened(Image.fromarray(_rgba(picture)), background))


def background_of_video(path: str) -> Colour:
    """Choose the colour that all frames of a video are laid over.

    The first frame decides that has both, visible and transparent pixels, among the first 100. It
    is always the same, whichever of the frames are read.

    Raises:
        SourceError: If the file cannot be opened as a video.
    """
    return _background(File.look_at(os.path.abspath(path)))  # noqa: PTH100  # resolves no links


@functools.lru_cache(maxsize=64)
def _background(file: File) -> Colour:
    with opened(file.path) as (container, stream):
        for picture in itertools.islice(_pictures(container, stream), _MOST_FRAMES):
            # What does not convert is said of the frame itself.
            with contextlib.suppress(av.FFmpegError, ValueError):
                colour = background_of(_rgba(picture)) if has_alpha(picture) else None
                if colour is not None:
                    return colour
    return DEFAULT_BACKGROUND


def _pictures(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Iterator[av.VideoFrame]:
    """Decode from the start; what does not decode is passed over."""
    decoder = decoder_of(stream)
    try:
        for packet in container.demux(stream):
            try:
                yield from decoder.decode(packet if packet.size else None)
            except av.FFmpegError:
                continue
    except (av.FFmpegError, EOFError):
        return


def _rgba(picture: av.VideoFrame) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    return np.asarray(picture.to_ndarray(format="rgba"), np.uint8)


@functools.cache
def is_format_with_alpha(pixel_format: str) -> bool:
    """Tell whether frames of a pixel format, by FFmpeg's name, may be transparent."""
    components = av.VideoFormat(pixel_format).components
    return pixel_format == _PALETTE or any(component.is_alpha for component in components)
