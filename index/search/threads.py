"""How many threads FAISS takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import faiss


@contextmanager
def at_most_threads(count: int) -> Iterator[None]:
    """Let FAISS take no more threads than that, nor than it does anyway.

    It may divide a single query among threads, which then wait for each other, awake, for longer
    than they save: with two of them, on a busy machine, for several times the time of one.
    """
    usual = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(max(min(count, usual), 1))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(usual)
