"""Ctrl-C: between two steps, never in the middle of one; and a second one, which ends at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Whether `second_interrupt_ends` is in force.
_second_ends = False


@contextmanager
def second_interrupt_ends() -> Iterator[None]:
    """Let the first Ctrl-C interrupt, as always, and the next one end the process at once.

    For programs. The operating system ends it, with all its threads, whatever they are waiting for.
    What is on the disk is then as after a kill, with which the next run goes on. Where a program
    takes Ctrl-C otherwise, nothing is changed.
    """
    global _second_ends
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    _second_ends = True
    try:
        yield
    finally:
        _second_ends = False
        # After an interruption it stays so: at its end, Python waits for threads.
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let a Ctrl-C that comes inside the block take effect at its end.

    For steps that belong together: what is committed after an interruption must not hold one
    half of them. Only the main thread is ever interrupted, so others run the block as it is.
    Where a Ctrl-C ends the process, it does so in the block, too.
    """
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or previous in (
        None,
        signal.SIG_DFL,
    ):
        yield
        return
    received = False

    def note(*_: object) -> None:
        nonlocal received
        received = True
        if _second_ends:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if received:
            signal.raise_signal(signal.SIGINT)
