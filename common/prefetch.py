"""Decoding ahead of the network, and the network ahead of its user: threads, and bounded memory."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from .budget import DECODED

T = TypeVar("T")


def cores() -> int:
    """Return how many processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such thing
        return os.cpu_count() or 1


def run_ahead(
    tasks: Iterator[Callable[[], T]], *, ahead: int, workers: int | None = None
) -> Iterator[T]:
    """Run functions in a pool of threads and yield their results in order.

    Decoders and networks leave Python's lock while they work, so threads are enough to use the
    cores. No task is taken while decoded pictures fill their budget, unless all that were taken are
    yielded.

    Args:
        tasks: Advanced in one thread of its own (a video decodes there).
        ahead: How many tasks may be taken and not yet yielded (1 or more); bounds the memory.
        workers: How many run at once; by default one for each core, and at least two.

    Raises:
        Exception: What a task or the iterator raised, at its place in the order.
    """
    workers = workers or max(2, cores())
    handed_over: queue.Queue[Future[T] | BaseException | None] = queue.Queue()
    room = threading.Semaphore(ahead)
    stopped = threading.Event()
    taken = yielded = 0

    def goes_on() -> bool:
        return taken == yielded or stopped.is_set()

    with ThreadPoolExecutor(workers, thread_name_prefix="nearframe-work") as pool:

        def feed() -> None:
            nonlocal taken
            end: BaseException | None = None
            try:
                # Room first: to advance the iterator may decode a frame already.
                while room.acquire() and not stopped.is_set():
                    DECODED.wait_for_room(goes_on)
                    handed_over.put(pool.submit(next(tasks)))
                    taken += 1
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
                del item
                yielded += 1
                room.release()
                DECODED.wake()
                yield result
                del result
        finally:
            # The consumer may stop early: let the feeder go, and its iterator close its file.
            stopped.set()
            room.release()
            DECODED.wake()
            pool.shutdown(wait=False, cancel_futures=True)
            # When the interpreter ends, its daemon threads stand still: a join would wait for ever.
            if not sys.is_finalizing():
                feeder.join()
                close = getattr(tasks, "close", None)
                if close is not None:
                    close()


def in_batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Gather items into lists of `size`; the last may be shorter."""
    while batch := list(islice(items, size)):
        yield batch
