"""The approximate search of an index against FAISS's HNSW, on the same vectors.

    python -m benchmarks hnsw 100000

Vectors and queries are those of `search.py`. Inverted lists are made as an index makes them. The
graphs (Malkov and Yashunin, 2016; 32 neighbours, FAISS's defaults else) hold the same 512 principal
axes, as 8 bits or as half-precision numbers, or all 2048 numbers as 8 bits. All candidates are
compared exactly with the query, here from memory. The effort of each search, which is the number of
lists probed or the length of the queue (`efSearch`), is the least that reaches the recall that an
index aims at, on frames that are moved as by an edit. Each kind has a process of its own,
one thread, and times are those that it had a core, which other work on the machine changes little.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import faiss
import numpy as np
from search import ADDED, EQUAL, anonymous_mb, batches, queries, scene

from nearframe.index.search.ivf import IvfLists, list_count, training_count
from nearframe.index.search.ranking import TIE_MARGIN, ranked
from nearframe.index.search.recall import QUERIES, ExactNeighbours, choose_parameters, edited

SEED = 7
AXES = 512
NEIGHBOURS = 32
QUEUES = (32, 64, 128, 256, 512, 1024)
CANDIDATES = (32, 64, 128, 256, 512)
AIMS = (0.993, 0.985)
BLOCK = 1024
ONE_CORE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
COLUMNS = (
    *("kind", "effort", "build", "file", "open", "memory of a search, not of files"),
    *("p50 ms", "p99 ms", "recall@1", "recall@10", f"{ADDED} more, written"),
)


class Kind(Protocol):
    """A search that gives candidates."""

    candidates: int

    def build(self, sample: np.ndarray, vectors: np.ndarray) -> None:
        """Learn from a sample ``(m, 2048)`` and add vectors ``(n, 2048)``."""

    def write(self, path: Path) -> None:
        """Write a file."""

    def tune(self, exact: ExactNeighbours) -> str:
        """Choose the effort, and say it."""

    def add(self, vectors: np.ndarray, path: Path) -> None:
        """Add vectors and write what has to be written then."""

    def close(self) -> None:
        """Let go of what is in memory."""

    def open(self, path: Path) -> None:
        """Read a file."""

    def search(self, asked: np.ndarray, count: int) -> np.ndarray:
        """Return the rows of candidates, ``(nq, count)``."""


class Lists:
    """What an index has."""

    candidates = 0

    def build(self, sample: np.ndarray, vectors: np.ndarray) -> None:
        """See `Kind`."""
        self._lists = IvfLists.train(sample, list_count(len(vectors)))
        self._lists.add(blocks(vectors))

    def write(self, path: Path) -> None:
        """See `Kind`."""
        self._lists.write(path)

    def tune(self, exact: ExactNeighbours) -> str:
        """See `Kind`."""
        chosen = choose_parameters(self._lists, exact)
        self._probed, self.candidates = chosen.probed, chosen.candidates
        return f"{chosen.probed} of {self._lists.count} lists, {chosen.candidates} candidates"

    def add(self, vectors: np.ndarray, path: Path) -> None:
        """See `Kind`."""
        tail = self._lists.empty_copy()
        tail.add(blocks(vectors))
        tail.write(path)

    def close(self) -> None:
        """See `Kind`."""
        del self._lists

    def open(self, path: Path) -> None:
        """See `Kind`."""
        self._lists = IvfLists.read(path)

    def search(self, asked: np.ndarray, count: int) -> np.ndarray:
        """See `Kind`."""
        return self._lists.candidates(asked, count, probed=self._probed)[1]


class Graph:
    """FAISS's HNSW."""

    candidates = 0

    def __init__(self, quantiser: int, axes: int) -> None:
        self._quantiser = quantiser
        self._axes = axes

    def build(self, sample: np.ndarray, vectors: np.ndarray) -> None:
        """See `Kind`."""
        length = vectors.shape[1]
        axes = np.linalg.eigh((sample.T @ sample).astype(np.float64))[1][:, -self._axes :].T
        projection = faiss.LinearTransform(length, self._axes, False)
        faiss.copy_array_to_vector(np.ascontiguousarray(axes, np.float32).ravel(), projection.A)
        projection.is_trained = True
        metric = faiss.METRIC_INNER_PRODUCT
        graph = faiss.IndexHNSWSQ(self._axes, self._quantiser, NEIGHBOURS, metric)
        self._index = faiss.IndexPreTransform(projection, graph)
        self._index.train(sample)
        self._index.add(vectors)

    def write(self, path: Path) -> None:
        """See `Kind`."""
        faiss.write_index(self._index, str(path))

    def tune(self, exact: ExactNeighbours) -> str:
        """See `Kind`."""
        nearest, ten = exact.acceptable(1, 10)
        for self._queue, self.candidates in itertools.product(QUEUES, CANDIDATES):
            if self.candidates > self._queue:
                continue
            rows = [set(row) for row in self.search(exact.queries, self.candidates).tolist()]
            at_1 = np.mean([bool(row & best) for row, best in zip(rows, nearest, strict=True)])
            shares = [min(len(row & best) / 10, 1) for row, best in zip(rows, ten, strict=True)]
            if at_1 >= AIMS[0] and np.mean(shares) >= AIMS[1]:
                break
        return f"queue of {self._queue}, {self.candidates} candidates"

    def add(self, vectors: np.ndarray, path: Path) -> None:
        """See `Kind`."""
        self._index.add(vectors)
        self.write(path)

    def close(self) -> None:
        """See `Kind`."""
        del self._index

    def open(self, path: Path) -> None:
        """See `Kind`."""
        self._index = faiss.read_index(str(path))

    def search(self, asked: np.ndarray, count: int) -> np.ndarray:
        """See `Kind`."""
        effort = faiss.SearchParametersHNSW(efSearch=max(self._queue, count))
        whole = faiss.SearchParametersPreTransform(index_params=effort)
        return self._index.search(asked, count, params=whole)[1]


KINDS = {
    "ivf, 8 bits, 512 axes": Lists,
    "hnsw, 8 bits, 512 axes": lambda: Graph(faiss.ScalarQuantizer.QT_8bit, AXES),
    "hnsw, fp16, 512 axes": lambda: Graph(faiss.ScalarQuantizer.QT_fp16, AXES),
    "hnsw, 8 bits, all axes": lambda: Graph(faiss.ScalarQuantizer.QT_8bit, 2048),
}


def blocks(vectors: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and vectors, some at a time."""
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        yield np.arange(start, start + len(block)), block


def measure(name: str, count: int) -> list[str]:
    """Build, search and add to one kind; return the cells of its row."""
    kind: Kind = KINDS[name]()
    vectors = np.concatenate(list(batches(count)))
    generator = np.random.default_rng(SEED)
    exact = ExactNeighbours(edited(vectors[generator.choice(count, QUERIES)], generator))
    for _ in exact.watch(blocks(vectors)):
        pass
    sample = vectors[generator.choice(count, training_count(count), replace=False)]
    more = np.concatenate([scene(number, 10, edited=0.1) for number in range(ADDED // 10)])
    asked = queries()
    best = faiss.knn(asked, vectors, 10, metric=faiss.METRIC_INNER_PRODUCT)[0] - EQUAL
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.faiss"
        started = time.process_time()
        kind.build(sample, vectors)
        build_s = time.process_time() - started
        kind.write(path)
        effort = kind.tune(exact)
        started = time.process_time()
        kind.add(more, Path(folder) / "more.faiss")
        added_s = time.process_time() - started
        file_mb = path.stat().st_size / 1e6
        kind.close()
        before = anonymous_mb()
        started = time.process_time()
        kind.open(path)
        open_ms = 1000 * (time.process_time() - started)
        times, rows = [], []
        for query in asked:
            started = time.process_time()
            ids = kind.search(query[None], 10 + TIE_MARGIN + kind.candidates)[0]
            ids = ids[ids >= 0]
            rows.append([cosine for _, cosine in ranked(query, ids, vectors[ids])[:10]])
            times.append(1000 * (time.process_time() - started))
        more_mb = anonymous_mb() - before
    found = np.array(rows)
    return [
        name,
        effort,
        f"{build_s:.1f} s",
        f"{file_mb:,.0f} MB",
        f"{open_ms:.0f} ms",
        f"{more_mb:,.0f} MB",
        f"{np.percentile(times, 50):.1f}",
        f"{np.percentile(times, 99):.1f}",
        f"{(found[:, :1] >= best[:, :1]).mean():.3f}",
        f"{(found >= best[:, 9:]).mean():.3f}",
        f"{added_s:.2f} s",
    ]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kind:
        json.dump(measure(options.kind, options.count), sys.stdout)
        return
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for name in KINDS:
        command = [sys.executable, __file__, str(options.count), "--kind", name]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_CORE
        )
        print("| " + " | ".join(json.loads(done.stdout)) + " |", flush=True)


if __name__ == "__main__":
    main()
