"""How the time of a deduplication grows with the number of frames, against a bare matrix product.

    python -m benchmarks dedup 10000 20000 40000
    python -m benchmarks dedup --one-core --every 8 100000 200000

Vectors are those of frames of scenes: unit vectors around random centres, in order of the scenes.
In the case `repeats`, a scene has 50 frames of which one stays; in the case `all new`, every vector
has a scene of its own and nearly everything stays. The bare product multiplies blocks of 256
vectors with the same vectors that a deduplication must compare them with, and takes the largest of
each row: what any exact method has to do. Each figure is from a process of its own.

`--one-core` measures the time that each process has a core, with one thread, which other work on
the machine changes little. `--every N` takes the time of every Nth block only, after those between
were put in as frames that stay, and multiplies it by N; only where nearly everything stays.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from nearframe.query import GreedyDedup

DIMENSION = 2048
BLOCK = 256
FRAMES_PER_SCENE = 50
THRESHOLD = 0.9
CASES = ("repeats", "all new")


def vectors_of(case: str, count: int) -> np.ndarray:
    """Make vectors, float32 (count, 2048), normalised; the same for the same arguments."""
    generator = np.random.default_rng(7)
    frames = FRAMES_PER_SCENE if case == "repeats" else 1
    vectors = np.empty((count, DIMENSION), np.float32)
    for start in range(0, count, frames):
        rows = vectors[start : start + frames]
        centre = generator.standard_normal(DIMENSION, np.float32)
        # Cosines within a scene are about 0.99, between scenes about 0.
        rows[:] = centre + 0.1 * generator.standard_normal(rows.shape, np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return vectors


def deduplicate(vectors: np.ndarray, clock: Callable[[], float], every: int) -> tuple[float, int]:
    """Return the time it takes, and how many vectors stay."""
    dedup = GreedyDedup(THRESHOLD)
    seconds, kept = 0.0, 0
    for number, start in enumerate(range(0, len(vectors), BLOCK)):
        block = vectors[start : start + BLOCK]
        if number % every:
            dedup.add_references(block)
            kept += len(block)
            continue
        started = clock()
        kept += sum(decision.keep for decision in dedup.add(block))
        seconds += clock() - started
    return every * seconds, kept


def multiply(
    vectors: np.ndarray, case: str, clock: Callable[[], float], every: int
) -> tuple[float, int]:
    """Compare each block with what stays before it, and nothing else."""
    kept = np.ascontiguousarray(vectors[:: FRAMES_PER_SCENE if case == "repeats" else 1])
    per_block = BLOCK // FRAMES_PER_SCENE + 1 if case == "repeats" else BLOCK
    seconds = 0.0
    for number, start in enumerate(range(0, len(vectors), BLOCK)):
        if number % every:
            continue
        block = vectors[start : start + BLOCK]
        started = clock()
        for first in range(0, min(number * per_block, len(kept)), 4096):
            chunk = kept[first : min(first + 4096, number * per_block)]
            (block @ chunk.T).argmax(axis=1)
        seconds += clock() - started
    return every * seconds, len(kept)


def measure(case: str, what: str, count: int, *, one_core: bool, every: int) -> None:
    """Print time and memory as JSON; runs in a process of its own."""
    vectors = vectors_of(case, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock = time.process_time if one_core else time.perf_counter
    if what == "dedup":
        seconds, kept = deduplicate(vectors, clock, every)
    else:
        seconds, kept = multiply(vectors, case, clock, every)
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": seconds, "kept": kept, "more_mb": more / 1024}))


def main() -> None:
    """Print a table per case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=int, nargs="*", default=[10_000, 20_000, 40_000])
    parser.add_argument("--one-core", action="store_true", help="measure the time of one core")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="time every Nth block")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        case, what, count = arguments.measure
        measure(case, what, int(count), one_core=arguments.one_core, every=arguments.every)
        return
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    environment = os.environ | (one if arguments.one_core else {})
    for case in CASES if arguments.every == 1 else CASES[1:]:
        print(
            f"{case}\n{'frames':>9}  {'stay':>8}  {'dedup, s':>9}  {'ratio':>6}  {'memory, MB':>11}"
        )
        times = []
        for count in arguments.counts:
            figures = {}
            for what in ("dedup", "bare"):
                command = [sys.executable, __file__, "--measure", case, what, str(count)]
                command += ["--every", str(arguments.every)]
                command += ["--one-core"] if arguments.one_core else []
                done = subprocess.run(
                    command, check=True, stdout=subprocess.PIPE, text=True, env=environment
                )
                figures[what] = json.loads(done.stdout)
            ours, bare = figures["dedup"], figures["bare"]
            times.append(ours["seconds"])
            print(
                f"{count:>9,}  {ours['kept']:>8,}  {ours['seconds']:>9.2f}  "
                f"{ours['seconds'] / bare['seconds']:>6.2f}  {ours['more_mb']:>11.0f}",
                flush=True,
            )
        if len(times) > 1:
            first, last = arguments.counts[0], arguments.counts[-1]
            exponent = math.log(times[-1] / times[0]) / math.log(last / first)
            print(f"time grows with the count to the power of {exponent:.2f}")


if __name__ == "__main__":
    main()
