"""How large, how slow, how hungry is the report of a deduplication?

``python -m benchmarks report VIDEO …``

Writes frames of the videos as JPEG of 960 pixels' width, over and over until there are enough, each
with noise of its own; plans to keep every tenth; and writes the report, in a process of its own.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import click
import numpy as np
from PIL import Image

from nearframe.embeddings.sources import VideoSource
from nearframe.query import (
    ChangeSettings,
    DedupPlan,
    DedupRules,
    DroppedFile,
    KeptFile,
    save_report,
)

_KEPT_EVERY = 10
_WIDTH = 960


def write_frames(videos: tuple[str, ...], folder: Path, frames: int) -> None:
    """Write the frames of videos in turn."""
    noise = np.random.default_rng(0)
    number = 0
    for video in cycle(videos):
        for decode in VideoSource.open(video).decoders():
            if number == frames:
                return
            image = Image.fromarray(decode().image)
            height = round(image.height * _WIDTH / image.width)
            small = np.asarray(image.resize((_WIDTH, height)), np.int16)
            small = small + noise.integers(-2, 3, small.shape, np.int16)
            name = folder / f"c1-{1616694872510 + 1000 * number}.jpg"
            Image.fromarray(np.clip(small, 0, 255).astype(np.uint8)).save(name, quality=90)
            number += 1


def plan_of(folder: Path) -> DedupPlan:
    """Plan to keep every tenth frame."""
    names = sorted(path.name for path in folder.iterdir())
    kept = names[::_KEPT_EVERY]
    return DedupPlan(
        folder=str(folder),
        kept=tuple(
            KeptFile(name, 0, "", "c1", nearest=before, similarity=0.99, change=0.05)
            for before, name in zip([None, *kept], kept, strict=False)
        ),
        dropped=tuple(
            DroppedFile(
                name, 0, "", "c1", repeats=kept[number // _KEPT_EVERY], similarity=0.999, change=0.0
            )
            for number, name in enumerate(names)
            if number % _KEPT_EVERY
        ),
        unreadable=(),
        rules=DedupRules(method="hybrid", change=ChangeSettings()),
        fingerprint=None,
        created="2024-05-01T12:00:00+00:00",
    )


def peak_mb() -> float:
    """Return the most memory that this process had so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(folder: Path) -> None:
    """Write the report of a folder and print what it took."""
    plan = plan_of(folder)
    page = folder.with_suffix(".html")
    for frames in (len(plan.kept) // 10, len(plan.kept)):
        part = replace(
            plan, kept=plan.kept[:frames], dropped=plan.dropped[: frames * (_KEPT_EVERY - 1)]
        )
        started = time.perf_counter()
        save_report(part, page)
        seconds = time.perf_counter() - started
        print(
            f"{len(part.kept) + len(part.dropped)} frames: {page.stat().st_size / 1e6:.1f} MB, "
            f"{seconds:.0f} s, peak memory {peak_mb():.0f} MB"
        )


@click.command()
@click.argument("videos", nargs=-1, type=click.Path(exists=True))
@click.option("--frames", default=5000, show_default=True, help="How many to report about.")
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(videos: tuple[str, ...], frames: int, folder: Path | None) -> None:
    """Print what the report of a tenth of the frames took, and of all."""
    if folder is not None:
        measure(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "camera"
        folder.mkdir()
        write_frames(videos, folder, frames)
        subprocess.run([sys.executable, __file__, "--folder", folder], check=True)


if __name__ == "__main__":
    main()
