"""Searches in 10,000, 100,000 and more vectors: time, size, memory, and recall against exact.

    python -m benchmarks search --directory /tmp/search 10000 100000 1000000

Vectors are made like those of frames of 3,000 scenes, from a fixed seed. All pictures share a mean;
a scene differs from it, and its frames drift around the scene's own place (an autoregressive walk,
so that neighbours in time are nearest), with a little noise; one frame in five nearly repeats
another of its scene. Each of these parts has variances that fall as 1/i over the dimensions, as
those of networks' features do. Queries are edited frames: new frames of the same scenes, moved a
little further, which are in no index. Cosines are printed, so that the likeness can be judged.

For each count, processes of their own make an index, open it and search it one query after the
other, add 1,000 frames, and compute the exact answers that recall is measured against. The exact
search is measured beside the approximate one where its file fits in 4 GB. Core time is that which
the process had a core, with all its threads; other work on the machine changes it little. The disk
needs about 12 KB for each vector; what is made is removed again.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np

from nearframe.embeddings import Fingerprint, FrameRef, Preprocessing
from nearframe.index import FrameIndex, build_index, summarize

DIMENSION = 2048
SCENES = 3000
BATCH = 4096
QUERIES = 500
ADDED = 1000
SEED = 7
# Frames of equal cosine are as good as each other; float32 sums differ by less than this.
EQUAL = 1e-6
COLUMNS = (
    *("vectors", "search: lists, candidates", "build, peak memory", "files besides vectors"),
    *("open", "peak memory (not of files)", "p50 ms", "p99 ms", "queries/s", "p50 core ms"),
    *("recall@1", "recall@10"),
)
_SCALES = np.arange(1, DIMENSION + 1, dtype=np.float32) ** -0.5


def parts(generator: np.random.Generator, count: int) -> np.ndarray:
    """Return random parts of vectors, float32 (count, 2048), of about length 1."""
    drawn = generator.standard_normal((count, DIMENSION), np.float32) * _SCALES
    return drawn / np.linalg.norm(_SCALES)


def scene(number: int, count: int, *, edited: float = 0.0) -> np.ndarray:
    """Make frames of one scene, float32 (count, 2048), normalised."""
    mean = parts(np.random.default_rng(SEED), 1)
    centre = mean + parts(np.random.default_rng([SEED, number]), 1)
    generator = np.random.default_rng([SEED, number, int(edited * 1000), count])
    frames = parts(generator, count)
    for row in range(1, count):  # a walk that keeps its spread
        frames[row] = 0.97 * frames[row - 1] + 0.243 * frames[row]
    frames = centre + 0.3 * frames
    repeats = np.flatnonzero(generator.random(count) < 0.2)
    frames[repeats] = frames[generator.integers(0, count, len(repeats))]
    frames += 0.01 * parts(generator, count) + edited * parts(generator, count)
    return frames / np.linalg.norm(frames, axis=1, keepdims=True)


def batches(count: int) -> Iterator[np.ndarray]:
    """Yield `count` vectors, scene after scene."""
    sizes = [len(numbers) for numbers in np.array_split(np.arange(count), SCENES)]
    waiting: list[np.ndarray] = []
    for number, size in enumerate(sizes):
        waiting.append(scene(number, size))
        if sum(map(len, waiting)) >= BATCH or number == SCENES - 1:
            yield np.concatenate(waiting)
            waiting.clear()


def queries() -> np.ndarray:
    """Return the queries: one edited frame of each of some scenes."""
    numbers = np.linspace(0, SCENES - 1, QUERIES).astype(int)
    return np.concatenate([scene(number, 1, edited=0.3) for number in numbers.tolist()])


def frames_of(name: str, first: int, count: int) -> list[FrameRef]:
    """Name frames."""
    return [FrameRef(f"/films/{name}.mp4", n, n / 25) for n in range(first, first + count)]


def make(path: Path, count: int) -> dict[str, float]:
    """Store all vectors, without a search yet."""
    fingerprint = Fingerprint("benchmark", "00" * 32, Preprocessing())
    index = FrameIndex.create(path, fingerprint)
    first, stored_s = 0, 0.0
    for vectors in batches(count):
        started = time.perf_counter()
        index.append(frames_of("a", first, len(vectors)), vectors)
        index.commit()
        stored_s += time.perf_counter() - started
        first += len(vectors)
    index.close(refresh=False)
    return {"stored_s": stored_s}


def refresh(path: Path, ann: str) -> dict[str, float]:
    """Make the search."""
    started = time.perf_counter()
    build_index([], path, ann=ann)
    return {"build_s": time.perf_counter() - started}


def add(path: Path) -> dict[str, float]:
    """Add frames of scenes that are there."""
    index = FrameIndex.open(path, write=True)
    vectors = np.concatenate([scene(number, 10, edited=0.1) for number in range(ADDED // 10)])
    started = time.perf_counter()
    index.append(frames_of("b", 0, ADDED), vectors)
    index.commit()
    index.close()
    return {"added_s": time.perf_counter() - started}


def ask(path: Path, answers: Path) -> dict[str, float]:
    """Open an index, search it query by query, and compare with the exact answers."""
    asked = queries()
    started = time.perf_counter()
    with FrameIndex.open(path) as index:
        index._search.current()
        opened_s = time.perf_counter() - started
        index.nearest(asked[:1], 10)
        first_s = time.perf_counter() - started
        rows, times, core = [], [], []
        for query in asked:
            started, core_started = time.perf_counter(), time.process_time()
            (row,) = index.nearest(query[None], 10)
            times.append(time.perf_counter() - started)
            core.append(time.process_time() - core_started)
            rows.append([match.similarity for match in row])
        record = index._search.record()
        summary = summarize(index)
    found = np.array(rows)
    exact = np.load(answers) - EQUAL
    shards = sum(file.stat().st_size for file in path.glob("*.f32"))
    return {
        "opened_s": opened_s,
        "first_s": first_s,
        "p50_ms": 1000 * float(np.percentile(times, 50)),
        "p99_ms": 1000 * float(np.percentile(times, 99)),
        "queries_s": len(times) / sum(times),
        "core_p50_ms": 1000 * float(np.median(core)),
        "recall_1": float((found[:, :1] >= exact[:, :1]).mean()),
        "recall_10": float((found >= exact[:, 9:]).mean()),
        "search_mb": (summary.bytes - shards) / 1e6,
        "anonymous_mb": anonymous_mb(),
        "measured": None if record is None else record.to_json(),
    }


def exact_answers(path: Path, answers: Path) -> dict[str, float]:
    """Compute the ten nearest of each query with a plain product; store their cosines."""
    asked = queries()
    heap = faiss.ResultHeap(len(asked), 10, keep_max=True)
    with FrameIndex.open(path) as index:
        for block in index.blocks(BATCH):
            near = faiss.knn(asked, block.vectors, 10, metric=faiss.METRIC_INNER_PRODUCT)
            heap.add_result(*near)
    heap.finalize()
    np.save(answers, heap.D)
    return {"nearest": float(np.median(heap.D[:, 0])), "tenth": float(np.median(heap.D[:, 9]))}


def anonymous_mb() -> float:
    """Return the memory of this process that is not of files: what cannot be given back."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return float("nan")


STEPS = {"make": make, "refresh": refresh, "add": add, "ask": ask, "exact": exact_answers}


def step(name: str, *arguments: object) -> dict[str, float]:
    """Run one step in a process of its own."""
    command = [sys.executable, __file__, "--step", name, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def run_step(name: str, arguments: list[str]) -> None:
    """Run one step in this process and print what it measured."""
    typed = [int(a) if a.isdigit() else a if a.isalpha() else Path(a) for a in arguments]
    found = STEPS[name](*typed)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump(found, sys.stdout)


def report(count: int, directory: Path) -> None:
    """Measure one count and print its rows."""
    path, answers = directory / f"{count}.index", directory / f"{count}.npy"
    shutil.rmtree(path, ignore_errors=True)
    stored = step("make", path, count)
    exact = step("exact", path, answers)
    kinds = ["flat", "ivf"] if count * 4 * DIMENSION < 4e9 else ["ivf"]
    for ann in kinds:
        built = step("refresh", path, ann)
        found = step("ask", path, answers)
        measured = found["measured"]
        kind = "exact"
        if measured is not None:
            kind = f"ivf {measured['probed']}/{measured['lists']}, {measured['candidates']}"
        cells = [
            f"{count:,}",
            kind,
            f"{built['build_s']:.1f} s, {built['peak_mb']:,.0f} MB",
            f"{found['search_mb']:,.0f} MB",
            f"{1000 * found['opened_s']:.0f} ms",
            f"{found['peak_mb']:,.0f} ({found['anonymous_mb']:,.0f}) MB",
            f"{found['p50_ms']:.1f}",
            f"{found['p99_ms']:.1f}",
            f"{found['queries_s']:.0f}",
            f"{found['core_p50_ms']:.1f}",
            f"{found['recall_1']:.3f}",
            f"{found['recall_10']:.3f}",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    added = step("add", path)
    print(
        f"{count:,}: storing {stored['stored_s']:.1f} s; cosine of the nearest "
        f"{exact['nearest']:.3f}, of the tenth {exact['tenth']:.3f}; adding {ADDED} frames "
        f"{added['added_s']:.2f} s",
        file=sys.stderr,
    )
    if measured is not None:
        print(f"{count:,}: measured when built: {measured['recall']}", file=sys.stderr)
    shutil.rmtree(path)
    answers.unlink()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", nargs="*", default=["10000", "100000"])
    parser.add_argument("--directory", type=Path, default=Path("search-benchmark"))
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.counts)
        return
    options.directory.mkdir(parents=True, exist_ok=True)
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for count in options.counts:
        report(int(count), options.directory)


if __name__ == "__main__":
    main()
