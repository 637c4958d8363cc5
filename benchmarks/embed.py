"""nearframe against the loop that people start from, on the same frames, in one run.

``python benchmarks/embed.py VIDEO``: the loop takes one image at a time: decode, resize to 256,
centre crop to 224, ``model(x.unsqueeze(0))`` in eager fp32. ``buildIndex`` does the same work on
its defaults. Once on the video, once on a folder of its frames as JPEGs of 1920x1080. Each runs in
a process of its own; loading the network is not counted, writing the index is.
"""

import multiprocessing
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import click
from PIL import Image

_JPEG_SIZE = (1920, 1080)


@dataclass(frozen=True)
class Measurement:
    """What one process did: frames, seconds of work, and its peak memory in MB."""

    frames: int
    seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds


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
    start = time.perf_counter()
    vectors = []
    with torch.no_grad():
        for image in images_of(path):
            vectors.append(model(prepare(image).unsqueeze(0)).flatten().numpy())
    return measured(len(vectors), start)


def build(path: Path) -> Measurement:
    """Index the same frames."""
    from nearframe.embeddings import Embedder
    from nearframe.index import build_index

    embedder = Embedder()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        report = build_index([path], Path(directory, "index"), embedder=embedder)
    return measured(report.total, start)


def measured(frames: int, start: float) -> Measurement:
    """Return what this process did since `start`."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measurement(frames, time.perf_counter() - start, peak_mb)


def in_own_process(work: Callable[[Path], Measurement], path: Path) -> Measurement:
    """Run one measurement in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, path).result()


@click.command()
@click.argument("video", type=click.Path(path_type=Path, exists=True))
@click.option("--repeat", default=1, show_default=True, help="Pairs of runs; medians are printed.")
def main(video: Path, repeat: int) -> None:
    """Print frames per second, peak memory and their ratio."""
    print(f"{platform.processor() or platform.machine()}, {multiprocessing.cpu_count()} cores")
    print(f"{'input':<26} {'':<12} {'frames':>6} {'frames/s':>9} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for number, image in enumerate(images_of(video), 1):
            image.resize(_JPEG_SIZE).save(folder / f"{number:06d}.jpg", quality=90)
        for label, path in ((f"video {video.name}", video), ("folder of 1080p JPEGs", folder)):
            pairs = [
                (in_own_process(plain_loop, path), in_own_process(build, path))
                for _ in range(repeat)
            ]
            ratios = sorted(ours.rate / plain.rate for plain, ours in pairs)
            for name, runs in (
                ("plain loop", [plain for plain, _ in pairs]),
                ("buildIndex", [ours for _, ours in pairs]),
            ):
                middle = sorted(runs, key=lambda run: run.rate)[len(runs) // 2]
                print(
                    f"{label:<26} {name:<12} {middle.frames:6} {middle.rate:9.1f} "
                    f"{middle.peak_mb:8.0f}"
                )
            print(
                f"{label:<26} ratio {ratios[len(ratios) // 2]:.2f} (of {repeat} pairs: "
                f"{ratios[0]:.2f} to {ratios[-1]:.2f})"
            )


if __name__ == "__main__":
    main()
