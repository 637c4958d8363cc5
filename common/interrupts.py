"""Ctrl-C between two steps, never in the middle of one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let a Ctrl-C that comes inside the block take effect at its end.

    For steps that belong together: what is committed after an interruption must not hold one
    half of them. Only the main thread is ever interrupted, so others run the block as it is.
    """
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or previous is None:
        yield
        return
    received = False

    def note(*_: object) -> None:
        nonlocal received
        received = True

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if received:
            signal.raise_signal(signal.SIGINT)
