"""One way to find repeats in a folder of images, in a process of its own; `peers.py` starts it.

``PYTHON peer_programs.py NAME FOLDER WEIGHTS PRECISION`` prints a JSON object: seconds for the
vectors or hashes of all images, the time on cores that those took, seconds for finding the repeats,
and how many images it read. Starting Python, its imports and loading the network are in neither.
PYTHON is one that has the program of that NAME; nothing is imported but that. Each program is three
steps: get ready; make the vectors or hashes, and say how many; find the repeats.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Random weights put all vectors near each other, and their pairs would fill the memory.
_NOTHING_IS_ALIKE = 1.0


def nearframe(folder: str, weights: str, precision: str) -> Iterator[int]:
    """Index the folder, and plan a deduplication of the index by its vectors."""
    from nearframe.embeddings import Embedder
    from nearframe.index import build_index
    from nearframe.query import DedupOptions, plan_dedup

    embedder = Embedder(weights, precision=precision)
    with tempfile.TemporaryDirectory() as directory:
        index = Path(directory, "index")
        yield 0
        yield build_index([folder], index, embedder=embedder).total
        plan_dedup(index, DedupOptions(method="embedding"))
        yield 0


def imagededup_cnn(folder: str, *_: str) -> Iterator[int]:
    """MobileNetV3's pooled features, and all pairs of them."""
    from imagededup.methods import CNN

    yield from _imagededup(CNN(verbose=False), folder, min_similarity_threshold=_NOTHING_IS_ALIKE)


def imagededup_phash(folder: str, *_: str) -> Iterator[int]:
    """Perceptual hashes of 64 bits, and all pairs of them."""
    from imagededup.methods import PHash

    yield from _imagededup(PHash(verbose=False), folder)


def _imagededup(method: Any, folder: str, **options: float) -> Iterator[int]:
    yield 0
    encodings = method.encode_images(folder)
    yield len(encodings)
    method.find_duplicates(encoding_map=encodings, scores=True, **options)
    yield 0


def difpy(folder: str, *_: str) -> Iterator[int]:
    """Thumbnails of 50x50 pixels, and all pairs of them in four orientations."""
    import difPy

    yield 0
    built = difPy.build(folder, recursive=False, show_progress=False)
    yield built.stats["total_files"]
    difPy.search(built, similarity="similar", show_progress=False)
    yield 0


PROGRAMS = {
    "nearframe": nearframe,
    "imagededup CNN": imagededup_cnn,
    "imagededup pHash": imagededup_phash,
    "difPy": difpy,
}


def core_s() -> float:
    """Return the time on cores of this process and of those that it started and that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Run a program and print how long its steps took."""
    name, *arguments = sys.argv[1:]
    program = PROGRAMS[name](*arguments)
    next(program)  # imports and the network
    start, core_start = time.perf_counter(), core_s()
    images = next(program)
    encoded, core_end = time.perf_counter(), core_s()
    next(program)
    figures = {
        "images": images,
        "encode_s": encoded - start,
        "encode_core_s": core_end - core_start,
        "find_s": time.perf_counter() - encoded,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
