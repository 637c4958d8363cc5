"""Does a frame find itself? Frames of a video, saved as JPEG, are searched for in its index.

``python -m benchmarks frames_back VIDEO …``
"""

import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

from nearframe.embeddings import Embedder
from nearframe.embeddings.frame import Frame, RgbImage
from nearframe.embeddings.sources import VideoSource
from nearframe.index import FrameIndex, build_index
from nearframe.query import search


@click.command()
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--frames", default=50, show_default=True, help="Frames to ask back, evenly spread.")
@click.option("--quality", default=90, show_default=True, help="Of the JPEGs.")
@click.option("--weights", default="builtin", show_default=True)
def main(videos: tuple[Path, ...], frames: int, quality: int, weights: str) -> None:
    """Print per video how many frames come back first, themselves or with equal pixels."""
    embedder = Embedder(weights)
    print(
        f"{'video':<24} {'frames':>6} {'asked':>5} {'own number':>10} {'own or equal pixels':>20}"
    )
    for video in videos:
        with tempfile.TemporaryDirectory() as directory:
            index = Path(directory, "video.index")
            total = build_index([video], index, embedder=embedder).total
            numbers = np.linspace(0, total - 1, frames).round().astype(int)
            own, equal = ask_back(video, index, {int(n) for n in numbers}, quality, embedder)
        asked = len(set(numbers))
        print(
            f"{video.name:<24} {total:6} {asked:5} {own:5}/{asked:<4} {own + equal:10}/{asked} "
            f"= {(own + equal) / asked:.1%}"
        )


def ask_back(
    video: Path, index: Path, numbers: set[int], quality: int, embedder: Embedder
) -> tuple[int, int]:
    """Return how many frames come first themselves, and how many through one of equal pixels."""
    pictures = decode(video, numbers)
    first: dict[int, int] = {}
    with FrameIndex.open(index) as opened, tempfile.TemporaryDirectory() as directory:
        for number, picture in pictures.items():
            path = Path(directory, f"{number}.jpg")
            Image.fromarray(picture).save(path, quality=quality)
            (result,) = search(opened, path, embedder=embedder).results
            first[number] = result.matches[0].frame.number
    others = decode(video, {found for number, found in first.items() if found != number})
    own = sum(number == found for number, found in first.items())
    equal = sum(
        np.array_equal(pictures[number], others[found])
        for number, found in first.items()
        if number != found
    )
    for number, found in first.items():
        if number != found and not np.array_equal(pictures[number], others[found]):
            difference = np.abs(pictures[number].astype(int) - others[found]).max()
            print(f"  frame {number} brought {found}; pixels differ by up to {difference}")
    return own, equal


def decode(video: Path, numbers: set[int]) -> dict[int, RgbImage]:
    """Return the RGB pixels of some frames of a video by their number."""
    frames = (decode_one() for decode_one in VideoSource.open(video).decoders())
    return {f.number: f.image for f in frames if isinstance(f, Frame) and f.number in numbers}


if __name__ == "__main__":
    main()
