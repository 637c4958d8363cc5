"""One budget of bytes for all that is decoded at once, however many cores decode."""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Budget:
    """Counts the bytes of decoded pictures, and lets those who want more wait for room.

    Nobody waits for ever: a picture that is larger than the budget is decoded when no other is,
    and a pipeline whose results are all taken goes on, whatever its user does with them.

    Args:
        limit: In bytes.

    Attributes:
        limit: In bytes, as given.
        used: Bytes of pictures being decoded, and of those that are decoded and still there.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._decoding = 0
        self._own = threading.local()
        # Its lock may be taken again by the thread that has it: a picture may die at any moment.
        self._changed = threading.Condition()

    @contextmanager
    def decoding(self, size: int) -> Iterator[None]:
        """Wait until there is room for a picture, and take it within the context.

        A thread that decodes one picture for another waits only once.

        Args:
            size: Bytes that decoding it takes.
        """
        outer = not getattr(self._own, "decodes", False)
        with self._changed:
            if outer:
                self._changed.wait_for(lambda: not self._decoding or self.used + size <= self.limit)
            self._decoding += 1
            self.used += size
        self._own.decodes = True
        try:
            yield
        finally:
            self._own.decodes = not outer
            with self._changed:
                self._decoding -= 1
            self._give_back(size)

    def hold(self, owner: object, size: int) -> None:
        """Count bytes for as long as an object is there, without waiting."""
        with self._changed:
            self.used += size
        # At the end of the program nobody waits any more.
        weakref.finalize(owner, self._give_back, size).atexit = False

    def wait_for_room(self, goes_on: Callable[[], bool]) -> None:
        """Wait until there is any room, or until `goes_on`, which `wake` lets be asked again."""
        with self._changed:
            self._changed.wait_for(lambda: self.used < self.limit or goes_on())

    def wake(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def _give_back(self, size: int) -> None:
        with self._changed:
            self.used -= size
            self._changed.notify_all()


DECODED = Budget(640_000_000)
"""That of all pictures and video frames of this process."""
