"""nearframe against the loop that people start from, on the same frames, in one run.

``python -m benchmarks embed VIDEO``: the loop takes one image at a time: decode, resize to 256,
centre crop to 224, ``model(x.unsqueeze(0))`` in eager fp32. ``buildIndex`` does the same work on
its defaults, at 224 pixels unless ``--size`` says otherwise. On the frames of the video, scaled to
a video of 1280x720 and to folders of JPEGs and PNGs of 1920x1080. Each measurement runs in a
process of its own; loading the network is not counted, writing the index is.

On a machine that is not at rest, ``--one-core`` gives each process one core and compares the time
that they have it. On more cores the ratio is at least that, because the loop leaves all but one of
them idle while it decodes.
"""

import multiprocessing
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import av
import click
from PIL import Image

_HD, _FULL_HD = (1280, 720), (1920, 1080)


@dataclass(frozen=True)
class Measurement:
    """What one process did.

    Attributes:
        frames: How many it embedded.
        seconds: How long that took.
        core_seconds: For how long it kept a core busy, summed over cores; unlike `seconds`, it
            depends little on what else the machine does.
        peak_mb: Its peak memory.
    """

    frames: int
    seconds: float
    core_seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds

    @property
    def core_ms(self) -> float:
        """Milliseconds of a core for each frame."""
        return 1000 * self.core_seconds / self.frames


def images_of(path: Path) -> Iterator[Image.Image]:
    """Decode the frames of a video or the images of a folder, one at a time."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            yield Image.open(file).convert("RGB")
        return
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_image()


def plain_loop(path: Path) -> Measurement:
    """Embed image by image, as most scripts do."""
    import torch
    from torchvision.models import resnet50
    from torchvision.transforms import v2

    model = torch.nn.Sequential(*list(resnet50(weights=None).children())[:-1]).eval()
    prepare = v2.Compose(
        [
            v2.Resize(256),
            v2.CenterCrop(224),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    start = now()
    vectors = []
    with torch.no_grad():
        for image in images_of(path):
            vectors.append(model(prepare(image).unsqueeze(0)).flatten().numpy())
    return measured(len(vectors), start)


def build(weights: str, size: int | None, path: Path) -> Measurement:
    """Index the same frames."""
    from nearframe.embeddings import Embedder, Preprocessing
    from nearframe.index import build_index

    embedder = Embedder(weights, preprocessing=size and Preprocessing(size=size))
    start = now()
    with tempfile.TemporaryDirectory() as directory:
        report = build_index([path], Path(directory, "index"), embedder=embedder)
    return measured(report.total, start)


def now() -> tuple[float, float]:
    """Return the time, and the time that this process has had cores, in seconds."""
    return time.perf_counter(), time.process_time()


def measured(frames: int, start: tuple[float, float]) -> Measurement:
    """Return what this process did since `start`."""
    seconds, core_seconds = (b - a for a, b in zip(start, now(), strict=True))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measurement(frames, seconds, core_seconds, peak_mb)


def in_own_process(
    work: Callable[[Path], Measurement], path: Path, *, one_core: bool
) -> Measurement:
    """Run one measurement in a fresh process."""
    context = multiprocessing.get_context("spawn")
    pin = partial(os.sched_setaffinity, 0, {0}) if one_core else None
    with ProcessPoolExecutor(1, mp_context=context, initializer=pin) as pool:
        return pool.submit(work, path).result()


def make_inputs(video: Path, frames: int, folder: Path) -> dict[str, Path]:
    """Write the inputs of the benchmark; label -> path."""
    scaled, jpegs, pngs = folder / "720p.mp4", folder / "jpegs", folder / "pngs"
    jpegs.mkdir()
    pngs.mkdir()
    with av.open(str(scaled), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = _HD
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number, image in enumerate(islice(images_of(video), frames)):
            image.resize(_FULL_HD).save(jpegs / f"{number:06d}.jpg", quality=90)
            image.resize(_FULL_HD).save(pngs / f"{number:06d}.png", compress_level=6)
            frame = av.VideoFrame.from_image(image.resize(_HD))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return {"720p video": scaled, "1080p JPEGs": jpegs, "1080p PNGs": pngs}


@click.command()
@click.argument("video", type=click.Path(path_type=Path, exists=True))
@click.option("--frames", default=300, show_default=True, help="How many of the video's frames.")
@click.option("--weights", default="builtin", show_default=True)
@click.option("--size", default=224, show_default=True, help="Of the input; 0 is the weights' own.")
@click.option("--repeat", default=1, show_default=True, help="Pairs of runs; medians are printed.")
@click.option("--one-core", is_flag=True, help="Compare core time, on one core; Linux only.")
def main(video: Path, frames: int, weights: str, size: int, repeat: int, one_core: bool) -> None:
    """Print frames per second, core time per frame, peak memory, and the ratio of the speeds."""
    ours = partial(build, weights, size or None)
    print(f"{platform.processor() or platform.machine()}, {multiprocessing.cpu_count()} cores")
    print(f"{'input':<14} {'':<12} {'frames':>6} {'frames/s':>9} {'core ms':>8} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as directory:
        for label, path in make_inputs(video, frames, Path(directory)).items():
            pairs = [
                tuple(in_own_process(work, path, one_core=one_core) for work in (plain_loop, ours))
                for _ in range(repeat)
            ]
            ratios = sorted(
                plain.core_ms / build.core_ms if one_core else build.rate / plain.rate
                for plain, build in pairs
            )
            for name, runs in (
                ("plain loop", [plain for plain, _ in pairs]),
                ("buildIndex", [build for _, build in pairs]),
            ):
                middle = sorted(runs, key=lambda run: run.rate)[len(runs) // 2]
                print(
                    f"{label:<14} {name:<12} {middle.frames:6} {middle.rate:9.1f} "
                    f"{middle.core_ms:8.1f} {middle.peak_mb:8.0f}"
                )
            print(
                f"{label:<14} ratio {ratios[len(ratios) // 2]:.2f} (of {repeat} pairs: "
                f"{ratios[0]:.2f} to {ratios[-1]:.2f})"
            )


if __name__ == "__main__":
    main()
