"""Render the sample video yard.mp4, or extract the frames of a video to a folder.

python data/render.py video             # writes data/yard.mp4
python data/render.py frames OUT_DIR    # writes OUT_DIR/000001.png ... 000300.png
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.video
import click
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image
from scene import FPS, FRAME_COUNT, HEIGHT, SEED, WIDTH, Film

VIDEO = Path(__file__).resolve().parent / "yard.mp4"

# One thread, and no version or time in the container (+bitexact): the same build of x264 writes
# the same bytes again.
ENCODER_OPTIONS = {
    "preset": "slow",
    "crf": "19",
    "bf": "3",
    "g": "60",
    "threads": "1",
}
CONTAINER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it once everything has been written."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def encode(film: Film, path: Path, numbers: Iterable[int] = range(FRAME_COUNT)) -> None:
    """Write the frames of a film with these numbers as H.264 in MP4."""
    with (
        written_whole(path) as part,
        av.open(str(part), "w", format="mp4", options=CONTAINER_OPTIONS) as container,
    ):
        stream = container.add_stream("libx264", rate=FPS, options=ENCODER_OPTIONS)
        assert isinstance(stream, av.video.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
        for position, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(film.frame(number), format="rgb24")
            frame = frame.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = position, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def decode(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The frames of a video in presentation order, each `(height, width, 3)`, uint8, RGB."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def extract(path: Path, folder: Path) -> int:
    """Write each frame of a video as a lossless PNG, and return how many there are.

    Names count from 1 and frames from 0: 000001.png is frame 0, 000100.png is frame 99.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, image in enumerate(decode(path), start=1):
        with written_whole(folder / f"{count:06d}.png") as part:
            Image.fromarray(image).save(part, format="PNG", compress_level=1)
    return count


@click.group()
def cli() -> None:
    """Render the sample video, or extract the frames of a video."""


@cli.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=VIDEO)
@click.option("--seed", default=SEED, show_default=True, help="Textures, foliage and film grain.")
def video(path: Path, seed: int) -> None:
    """Render the scene to PATH (default: yard.mp4 beside this script)."""
    encode(Film(seed), path)
    print(f"{path}: {FRAME_COUNT} frames, {path.stat().st_size / 1e6:.2f} MB")


@cli.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--video",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=VIDEO,
    show_default="yard.mp4 beside this script",
    help="The video to take the frames from.",
)
def frames(out_dir: Path, path: Path) -> None:
    """Extract every frame to OUT_DIR/000001.png and so on, in presentation order."""
    print(f"{out_dir}: {extract(path, out_dir)} frames")


if __name__ == "__main__":
    cli()
