"""How long commands take from a cold start, against importing torch and torchvision.

``python -m benchmarks startup``: ``getSimilarity`` of two images, and ``queryDataset`` on an index
of 10,000 frames (random vectors: only their number matters here), each in a process of its own, in
turn, several times; medians are printed. A first round, in which Python compiles what it imports
and the network is prepared, does not count. Core time depends less than the clock on what else the
machine does.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from PIL import Image

from nearframe.embeddings import Embedder, FrameRef
from nearframe.index import FrameIndex

_FRAMES = 10_000
_AT_ONCE = 1_000


def make_index(path: Path, embedder: Embedder) -> None:
    """Write an index of random unit vectors."""
    draws = np.random.default_rng(0)
    with FrameIndex.create(path, embedder.fingerprint) as index:
        for first in range(0, _FRAMES, _AT_ONCE):
            vectors = draws.standard_normal((_AT_ONCE, 2048)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            frames = [FrameRef("film.mp4", first + n, (first + n) / 25) for n in range(_AT_ONCE)]
            index.append(frames, vectors)


class Seconds(NamedTuple):
    """How long a command took, by the clock and in time on cores."""

    clock: float
    cores: float


def seconds(command: list[str]) -> Seconds:
    """Run a command and return how long it took."""
    # As for users, who have what Python has compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment)
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Seconds(clock, cores)


@click.command()
@click.option("--weights", default="builtin", show_default=True)
@click.option("--repeat", default=7, show_default=True, help="Rounds; medians are printed.")
def main(weights: str, repeat: int) -> None:
    """Print seconds, and the share of the time that the imports take."""
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as directory:
        photo, index = Path(directory, "photo.jpg"), Path(directory, "index")
        draws = np.random.default_rng(1)
        noise = Image.fromarray(draws.integers(0, 256, (30, 40, 3), np.uint8))
        noise.resize((1600, 1200), Image.Resampling.BICUBIC).save(photo)
        make_index(index, Embedder(weights))
        similarity = ["getSimilarity", "-q", str(photo), "-t", str(photo), "--weights", weights]
        commands = {
            "import torch, torchvision": [sys.executable, "-c", "import torch, torchvision"],
            "getSimilarity": [str(programs / similarity[0]), *similarity[1:]],
            f"queryDataset, {_FRAMES} frames": [
                str(programs / "queryDataset"), "-q", str(photo), "-i", str(index)
            ],
        }  # fmt: skip
        times: dict[str, list[Seconds]] = {name: [] for name in commands}
        for _ in range(1 + repeat):
            for name, command in commands.items():
                times[name].append(seconds(command))
    print(f"{platform.processor() or platform.machine()}, medians of {repeat} rounds")
    print(f"{'':<28} {'clock':>8} {'share':>6} {'cores':>8} {'share':>6}")
    imports, *_ = times.values()
    for name, taken in times.items():
        columns = []
        for kind in ("clock", "cores"):
            mine, theirs = ([getattr(each, kind) for each in a[1:]] for a in (taken, imports))
            share = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            columns.append(f"{statistics.median(mine):6.2f} s {share:6.2f}")
        print(f"{name:<28} {' '.join(columns)}")


if __name__ == "__main__":
    main()
