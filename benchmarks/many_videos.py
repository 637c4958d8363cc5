"""Threads and memory over many short videos: neither grows with their number.

``python -m benchmarks many_videos``: reads all frames of 1,000 short videos in one process, as
``buildIndex`` does, with the garbage collector switched off, so that only what is released with a
video is gone. Linux only.
"""

import gc
import tempfile
from pathlib import Path

import click
import numpy as np
import psutil
from bomb_files import write_h264

from nearframe.common import run_ahead
from nearframe.embeddings.sources import VideoSource


@click.command()
@click.option("--videos", default=1000, show_default=True)
def main(videos: int) -> None:
    """Print a row for each tenth of the videos."""
    process = psutil.Process()
    print(f"{'videos':>6} {'threads':>8} {'MB':>6}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.mp4")
        noise = np.random.default_rng(0)
        write_h264(path, [noise.integers(0, 256, (360, 640, 3), np.uint8) for _ in range(5)])
        gc.disable()
        for number in range(1, videos + 1):
            for _ in run_ahead(VideoSource.open(path).decoders(), ahead=8):
                pass
            if number == 1 or number % (videos // 10) == 0:
                print(
                    f"{number:>6} {process.num_threads():>8} {process.memory_info().rss >> 20:>6}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
