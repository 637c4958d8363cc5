"""What a GPU makes of the network and of the whole way from JPEGs, against what it could do.

``python -m benchmarks gpu``: images per second of

- ResNet50 as torchvision has it, eager and in fp32, on pixels that are on the device already (in
  torch's defaults, which on NVIDIA GPUs multiply in TF32);
- nearframe's network in ``--precision``, from pixels in memory to vectors in memory;
- nearframe from files: JPEGs of 1920x1080, decoded on the CPU, to vectors.

The share is that of the device's arithmetic: multiplications and additions of the convolutions per
second, of those that a product of two large bf16 matrices reaches on it in the same run.
``--device cpu`` runs the same without a GPU, with far smaller ``--images``, ``--batch-size`` and
``--matrix``.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet50

from nearframe.common import NearframeError, run_ahead
from nearframe.embeddings import Embedder, Preprocessing
from nearframe.embeddings.backbone import load_backbone
from nearframe.embeddings.device import place

_FULL_HD = (1920, 1080)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return how long something takes, after a first time that does not count."""
    for _ in range(2):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
    return time.perf_counter() - start


def matrix_rate(side: int, device: torch.device) -> float:
    """Return the floating-point operations per second of bf16 matrix products."""
    a, b = torch.randn(2, side, side, device=device, dtype=torch.bfloat16)
    products = 20
    return products * 2 * side**3 / seconds(lambda: [a @ b for _ in range(products)], device)


def operations_of(size: int) -> int:
    """Count the floating-point operations of ResNet50 for one image of size x size."""
    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        resnet50(weights=None).eval()(torch.empty(1, 3, size, size))
    return counter.get_total_flops()


def eager(batches: list[np.ndarray], device: torch.device) -> float:
    """Return the seconds of torchvision's network."""
    network = resnet50(weights=None).eval().to(device)
    pixels = torch.from_numpy(batches[0]).permute(0, 3, 1, 2).float().contiguous().to(device)

    @torch.inference_mode()
    def work() -> None:
        for _ in batches:
            network(pixels)

    return seconds(work, device)


def backbone(
    batches: list[np.ndarray], weights: str, preprocessing: Preprocessing, **wishes: str
) -> float:
    """Return the seconds of nearframe's network, called as an Embedder does."""
    _, network = load_backbone(weights, preprocessing, runtime="torch", **wishes)

    def work() -> None:
        tasks: Iterator[Callable[[], object]] = (partial(network, batch) for batch in batches)
        for _ in run_ahead(tasks, ahead=network.at_once + 1, workers=network.at_once):
            pass

    return seconds(work, torch.device("cpu"))  # vectors are in memory when it returns


def pipeline(
    folder: Path, weights: str, preprocessing: Preprocessing, batch_size: int, **wishes: str
) -> float:
    """Return the seconds from files to vectors."""
    embedder = Embedder(
        weights, preprocessing=preprocessing, batch_size=batch_size, runtime="torch", **wishes
    )
    files = sorted(folder.iterdir())
    return seconds(lambda: embedder.embed(files), torch.device("cpu"))


def make_files(folder: Path, count: int) -> None:
    """Write JPEGs that all differ."""
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (27, 48, 3), np.uint8)
        picture = Image.fromarray(coarse).resize(_FULL_HD, Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:06d}.jpg", quality=90)


@click.command()
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda")
@click.option("--precision", type=click.Choice(["bf16", "fp16", "fp32"]), default="bf16")
@click.option("--images", default=2048, show_default=True)
@click.option("--batch-size", default=64, show_default=True)
@click.option("--size", default=224, show_default=True, help="Side of the input in pixels.")
@click.option("--matrix", default=8192, show_default=True, help="Side of the matrices.")
@click.option("--weights", default="builtin", show_default=True)
def main(
    device: str, precision: str, images: int, batch_size: int, size: int, matrix: int, weights: str
) -> None:
    """Print images per second, and the share of the matrix rate that they come to."""
    try:
        there = place(device, precision).device
    except NearframeError as error:
        raise click.ClickException(str(error)) from error
    name = torch.cuda.get_device_name() if device == "cuda" else device
    rate = matrix_rate(matrix, there)
    operations = operations_of(size)
    print(f"{name}: {rate / 1e9:,.0f} GFLOP/s in a bf16 product of {matrix}x{matrix}")
    draws = np.random.default_rng(0)
    batches = [
        draws.integers(0, 256, (batch_size, size, size, 3), np.uint8)
        for _ in range(-(-images // batch_size))
    ]
    count = len(batches) * batch_size
    preprocessing = Preprocessing(size=size)
    wishes = {"device": device, "precision": precision}
    with tempfile.TemporaryDirectory() as directory:
        make_files(Path(directory), count)
        taken = {
            "eager fp32": eager(batches, there),
            f"network, {precision}": backbone(batches, weights, preprocessing, **wishes),
            f"JPEGs, {precision}": pipeline(
                Path(directory), weights, preprocessing, batch_size, **wishes
            ),
        }
    print(f"{'':<16} {'images/s':>9} {'to eager':>9} {'share of the matrix rate':>25}")
    for label, time_s in taken.items():
        per_second = count / time_s
        share = per_second * operations / rate
        print(f"{label:<16} {per_second:9.1f} {taken['eager fp32'] / time_s:9.2f} {share:25.3f}")


if __name__ == "__main__":
    main()
