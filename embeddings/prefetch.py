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
        ahead: How many tasks may be taken and not yet yielded (1 or more); bounds the memory.

    Raises:
        Exception: What a task or the iterator raised, at its place in the order.
    """
    workers = max(2, os.cpu_count() or 1)
    handed_over: queue.Queue[Future[T] | BaseException | None] = queue.Queue()
    room = threading.Semaphore(ahead)
    stopped = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="nearframe-decode") as pool:

        def feed() -> None:
            end: BaseException | None = None
            try:
                # Room first: to advance the iterator may decode a frame already.
                while room.acquire() and not stopped.is_set():
                    handed_over.put(pool.submit(next(tasks)))
            except StopIteration:
                pass
            # Whatever the iterator raises belongs to the thread that consumes the results.
            except BaseException as error:
                end = error
            handed_over.put(end)

        feeder = threading.Thread(target=feed, name="nearframe-read", daemon=True)
        feeder.start()
        try:
            while (item := handed_over.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                result = item.result()
                room.release()
                yield result
        finally:
            # The consumer may stop early: let the feeder go, and its iterator close its file.
            stopped.set()
            room.release()
            pool.shutdown(wait=False, cancel_futures=True)
            feeder.join()
            close = getattr(tasks, "close", None)
            if close is not None:
                close()


def in_batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Gather items into lists of `size`; the last may be shorter."""
    while batch := list(islice(items, size)):
        yield batch
