"""Peak memory of ``buildIndex`` on a long folder and a long film: does it grow with the length?

``python -m benchmarks memory VIDEO``: an index of 20,000 JPEGs of 640x480 (seeded noise, all
different), and one of a film of two hours at 1280x720 and 25 frames per second (the first ten
seconds of VIDEO, encoded once and repeated without encoding them again). Both are made here, and
both are indexed twice: a tenth of them, and the whole. Of the film, every fifth frame is embedded
unless ``--every`` says otherwise, because that many take minutes rather than an hour; all of its
frames are decoded.

``buildIndex`` runs as a process of its own, which has no children. Its peak is what the kernel
counts (``VmHWM``): pages of libraries and of other mapped files count in, whether or not other
processes have them too. Its own memory is the part that is no file, looked at ten times a second.
Linux only. A vector has 8 kB, which tells what share vectors have in a growth.
"""

import os
import platform
import sys
import tempfile
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import click
import numpy as np
from PIL import Image
from usage import run

_PARTS = 10  # the folder lies in so many parts, of which one is a tenth
_PHOTO = (640, 480)
_HD = (1280, 720)
_RATE = 25
_CLIP_S = 10


def make_folder(folder: Path, count: int) -> None:
    """Write JPEGs that all differ, evenly into sub-folders."""
    for number in range(count):
        part = folder / str(number * _PARTS // count)
        part.mkdir(exist_ok=True, parents=True)
        coarse = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        picture = Image.fromarray(coarse).resize(_PHOTO, Image.Resampling.BICUBIC)
        picture.save(part / f"{number:06d}.jpg", quality=85)


def make_clip(video: Path, clip: Path) -> None:
    """Encode the first seconds of a video in the size and at the rate of the film."""
    with av.open(str(video)) as source, av.open(str(clip), "w") as target:
        stream = target.add_stream("libx264", rate=_RATE, options={"g": str(2 * _RATE)})
        stream.width, stream.height = _HD
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _RATE)
        for number, frame in enumerate(islice(source.decode(video=0), _CLIP_S * _RATE)):
            scaled = frame.reformat(*_HD, format="yuv420p")
            scaled.pts, scaled.time_base = number, Fraction(1, _RATE)
            target.mux(stream.encode(scaled))
        target.mux(stream.encode(None))


def make_film(clip: Path, film: Path, seconds: float) -> None:
    """Repeat a clip until the film has its length; the packets are copied."""
    with av.open(str(film), "w") as target:
        stream = None
        for repeat in range(round(seconds / _CLIP_S)):
            with av.open(str(clip)) as source:
                template = source.streams.video[0]
                stream = stream or target.add_stream_from_template(template)
                shift = round(repeat * _CLIP_S / template.time_base)
                for packet in source.demux(template):
                    if packet.dts is None:  # the one that only flushes
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    target.mux(packet)


@click.command()
@click.argument("video", type=click.Path(path_type=Path, exists=True))
@click.option("--images", default=20_000, show_default=True, help="Length of the folder.")
@click.option("--hours", default=2.0, show_default=True, help="Length of the film.")
@click.option("--every", default=5, show_default=True, help="Of the film, embed every Nth frame.")
@click.option("--weights", default="builtin", show_default=True)
@click.option("--precision", default="auto", show_default=True, help="As of buildIndex.")
@click.option("--directory", type=click.Path(path_type=Path, exists=True), help="For the data.")
def main(
    video: Path,
    images: int,
    hours: float,
    every: int,
    weights: str,
    precision: str,
    directory: Path | None,
) -> None:
    """Print peak memory for a tenth of each input and for the whole."""
    program = Path(sys.executable).with_name("buildIndex")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print(f"{'input':<28} {'vectors':>8} {'peak MB':>8} {'own MB':>8} {'seconds':>8}")
    with tempfile.TemporaryDirectory(dir=directory) as name:
        base = Path(name)
        folder, clip = base / "images", base / "clip.mp4"
        tenth, film = base / "tenth.mp4", base / "film.mp4"
        make_folder(folder, images)
        make_clip(video, clip)
        make_film(clip, tenth, 360 * hours)
        make_film(clip, film, 3600 * hours)
        options = ["--weights", weights, "--precision", precision]
        inputs = {
            f"{images // _PARTS} images": [str(folder / "0")],
            f"{images} images": [str(folder), "--recursive"],
            f"{6 * hours:g} minutes of video": [str(tenth), "--every", str(every)],
            f"{60 * hours:g} minutes of video": [str(film), "--every", str(every)],
        }
        for number, (label, arguments) in enumerate(inputs.items()):
            output = base / f"{number}.index"
            usage = run([program, "-i", *arguments, "-o", output, *options])
            vectors = sum(file.stat().st_size for file in output.rglob("*.f32")) // 8192
            print(
                f"{label:<28} {vectors:8} {usage.peak_mb:8.0f} {usage.own_mb:8.0f} "
                f"{usage.seconds:8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
