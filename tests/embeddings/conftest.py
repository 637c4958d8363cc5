"""Pictures that carry their number, and videos of them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

_BITS = 7
_BLOCK = 8
# B-frames, and a keyframe every 12 frames.
_X264 = {"g": "12", "bf": "3", "b-adapt": "0", "sc_threshold": "0"}


def _numbered_picture(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    image = np.stack(
        [
            127 + 100 * np.sin((columns + 3 * number) / 9),
            127 + 100 * np.sin((rows + 2 * number) / 7),
            127 + 100 * np.sin((rows + columns - number) / 11),
        ],
        axis=-1,
    ).astype(np.uint8)
    for bit in range(_BITS):
        image[:_BLOCK, bit * _BLOCK : (bit + 1) * _BLOCK] = 255 * (number >> bit & 1)
    return image


def _read_number(image: np.ndarray) -> int:
    inner = slice(2, _BLOCK - 2)
    blocks = [image[inner, bit * _BLOCK :][:, inner] for bit in range(_BITS)]
    return sum((block.mean() > 127) << bit for bit, block in enumerate(blocks))


@pytest.fixture
def numbered_picture() -> Callable[..., np.ndarray]:
    """``numbered_picture(number, size=(width, height))``: an array with the number drawn in it."""
    return _numbered_picture


@pytest.fixture
def read_number() -> Callable[[np.ndarray], int]:
    """Read the number that `numbered_picture` drew, also after lossy compression."""
    return _read_number


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Make a video of numbered pictures (0 to 127): ``make_video("a.mp4", 60, rate=10)``."""

    def make(
        name: str,
        count: int = 30,
        *,
        codec: str = "libx264",
        rate: int = 25,
        size: tuple[int, int] = (64, 48),
        stamps: Sequence[int] | None = None,
        time_base: Fraction | None = None,
        pixel_format: str = "yuv420p",
        options: dict[str, str] | None = None,
        container_options: dict[str, str] | None = None,
        container_format: str | None = None,
        pictures: Sequence[np.ndarray] | None = None,
        prepare: Callable[[av.VideoStream], None] | None = None,
    ) -> Path:
        if options is None:
            options = _X264 if codec == "libx264" else {"g": "12"}
        if pictures is None:
            pictures = [_numbered_picture(number, size) for number in range(count)]
        path = tmp_path / name
        with av.open(
            str(path), "w", format=container_format, options=container_options or {}
        ) as container:
            stream = container.add_stream(codec, rate=rate, options=options)
            stream.width, stream.height = size
            stream.pix_fmt = pixel_format
            time_base = time_base or Fraction(1, rate)
            stream.codec_context.time_base = time_base
            if prepare is not None:
                prepare(stream)
            for number, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts = number if stamps is None else stamps[number]
                frame.time_base = time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
