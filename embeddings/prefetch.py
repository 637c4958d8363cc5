"""Decoding ahead of the network, in threads, in order, and with bounded memory."""

import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def run_ahead(tasks: Iterator[Callable[[], T]], *, ahead: int) -> Iterator[T]:
    """Run functions in a pool of threads and yield their results in order.

    Decoders leave Python's lock while they work, so threads are enough to use the cores.

    Args:
        tasks: Advanced in one thread of its own (a video decodes there).
        ahead: How many results may wait at most; bounds the memory.

    Raises:
        Exception: What a task or the iterator raised, at its place in the order.
    """
    workers = max(2, os.cpu_count() or 1)
    handed_over: queue.Queue[Future[T] | BaseException | None] = queue.Queue(maxsize=ahead)
    stopped = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="nearframe-decode") as pool:

        def feed() -> None:
            try:
                for task in tasks:
                    if not _put(handed_over, pool.submit(task), stopped):
                        return
                end = None
            # Whatever the iterator raises belongs to the thread that consumes the results.
            except BaseException as error:
                end = error
            _put(handed_over, end, stopped)

        feeder = threading.Thread(target=feed, name="nearframe-read", daemon=True)
        feeder.start()
        try:
            while (item := handed_over.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item.result()
        finally:
            # The consumer may stop early: let the feeder go, and its iterator close its file.
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            feeder.join()
            close = getattr(tasks, "close", None)
            if close is not None:
                close()


def _put(target: "queue.Queue[T]", item: T, stopped: threading.Event) -> bool:
    """Put an item, waiting for room until `stopped`; return whether it was put."""
    while not stopped.is_set():
        try:
            target.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False


def in_batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Gather items into lists of `size`; the last may be shorter."""
    while batch := list(islice(items, size)):
        yield batch
