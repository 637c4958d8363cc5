"""What do the methods of dedup keep of a fixed camera's video? Labelled events against frames.

``python -m benchmarks events VIDEO_DIR``: each method at its defaults, as ``dedup VIDEO --method``
runs it, on the videos whose events are labelled.
"""

import time
from pathlib import Path

import click
from labelled_events import Labels

from nearframe.common import METHODS
from nearframe.embeddings import Embedder
from nearframe.query import DedupOptions, dedup_video

VIDEOS = ("car-detection", "bottle-detection")


@click.command()
@click.argument("videos", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--weights", default="builtin", show_default=True)
@click.option("--threshold", type=float, help="Of method embedding; default: of the weights.")
def main(videos: Path, weights: str, threshold: float | None) -> None:
    """Print events kept and frames dropped for each method and video."""
    embedder = Embedder(weights)
    print("video             method      events kept  frames kept  dropped  seconds")
    for name in VIDEOS:
        labels = Labels.load(name)
        for method in METHODS:
            options = DedupOptions(
                method=method, threshold=threshold if method == "embedding" else None
            )
            start = time.perf_counter()
            found = dedup_video(videos / labels.video, options, embedder=embedder)
            seconds = time.perf_counter() - start
            missed = labels.missed([frame.number for frame in found.kept])
            events = f"{len(labels.events) - len(missed)} of {len(labels.events)}"
            frames = f"{len(found.kept)} of {found.total}"
            dropped = 1 - len(found.kept) / found.total
            print(
                f"{name:<18}{method:<12}{events:>11}{frames:>13}{dropped:>9.1%}{seconds:>9.1f}",
                flush=True,
            )
            for event in missed:
                print(f"{'':18}missed: {event.event}, frames {event.first} to {event.last}")


if __name__ == "__main__":
    main()
