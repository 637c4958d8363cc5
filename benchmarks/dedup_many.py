"""Deduplication beyond 200,000 frames that stay: lists against comparing with all of them.

    python -m benchmarks dedup_many 250000

So many vectors stay: those of as many scenes, or of 3,000, whose frames have a cosine of about 0.85
(made as those of `search.py`, from a fixed seed). Then come blocks of frames that repeat some of
them, at a cosine of 0.9 to 0.95, and as many of other scenes. Times are those that the process has
a core, with one thread.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
from search import parts

from nearframe.query import GreedyDedup
from nearframe.query.dedup import approximate

SEED = 7
BLOCK = 256
BLOCKS = 12
THRESHOLD = 0.9
SPREAD = 0.6
CASES = {"scenes of their own": None, "3,000 scenes": 3000}
WAYS = ("exact", "as dedup does")
ONE_CORE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def scenes(generator: np.random.Generator, count: int) -> np.ndarray:
    """Return vectors of one scene each, float32 (count, 2048), normalised."""
    vectors = parts(np.random.default_rng(SEED), 1) + parts(generator, count)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def kept_blocks(
    generator: np.random.Generator, count: int, places: int | None
) -> Iterator[np.ndarray]:
    """Yield `count` vectors that are new, float32, some at a time."""
    centres = None if places is None else scenes(generator, places)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        if centres is None:
            yield scenes(generator, size)
            continue
        block = centres[generator.integers(0, len(centres), size)]
        block = block + SPREAD * parts(generator, size)
        yield block / np.linalg.norm(block, axis=1, keepdims=True)


def repeats(generator: np.random.Generator, vectors: np.ndarray) -> np.ndarray:
    """Return vectors at a cosine of at least the threshold, float32, of the same shape."""
    cosines = generator.uniform(THRESHOLD, 0.95, (len(vectors), 1))
    away = parts(generator, len(vectors))
    away -= np.sum(away * vectors, axis=1, keepdims=True) * vectors
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return (cosines * vectors + np.sqrt(1 - cosines**2) * away).astype(np.float32)


def measure(count: int, places: int | None, *, exact: bool) -> dict[str, object]:
    """Put in `count` vectors that stay, then decide about some more."""
    if exact:
        approximate.EXACT_LIMIT = count + BLOCK * BLOCKS * 2
    generator = np.random.default_rng(SEED)
    dedup = GreedyDedup(THRESHOLD)
    asked = []
    for number, block in enumerate(kept_blocks(generator, count, places)):
        dedup.add_references(block)
        if number % (count // BLOCK // BLOCKS) == 0 and len(asked) < BLOCKS:
            asked.append(repeats(generator, block))
    started = time.process_time()
    dedup.add(scenes(generator, 1))
    first_s = time.process_time() - started
    started = time.process_time()
    found, new = [], []
    for block in asked:
        found += [not decision.keep for decision in dedup.add(block)]
        new += [decision.keep for decision in dedup.add(scenes(generator, len(block)))]
    seconds = time.process_time() - started
    return {
        "first_s": first_s,
        "frame_ms": 1000 * seconds / (len(found) + len(new)),
        "found": float(np.mean(found)),
        "new": float(np.mean(new)),
        "recall": None if dedup.recall is None else dedup.recall.at_1,
    }


def main() -> None:
    """Print both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=250_000)
    parser.add_argument("--case", choices=CASES, help="measure only this one")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        places = CASES[options.case]
        json.dump(measure(options.count, places, exact=options.way == WAYS[0]), sys.stdout)
        return
    print("| case | way | first frame | each | repeats found | new frames kept | recall measured |")
    print("|---|---|---|---|---|---|---|")
    for case, way in itertools.product([options.case] if options.case else CASES, WAYS):
        command = [sys.executable, __file__, str(options.count), "--case", case, "--way", way]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_CORE
        )
        figures = json.loads(done.stdout)
        recall = "exact" if figures["recall"] is None else f"{figures['recall']:.3f}"
        print(
            f"| {case} | {way} | {figures['first_s']:.1f} s | {figures['frame_ms']:.1f} ms | "
            f"{figures['found']:.1%} | {figures['new']:.1%} | {recall} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
