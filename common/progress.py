"""How long work tells what it is at, without knowing whether anybody watches."""

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of long work."""

    def start(self, label: str, total: int | None) -> None:
        """Begin a stretch of work on `total` items (None: unknown); ends the one before."""
        ...

    def advance(self, count: int) -> None:
        """Report that `count` more items are done."""
        ...


class Silent:
    """A `Progress` that shows nothing."""

    def start(self, label: str, total: int | None) -> None:
        """Ignore it."""

    def advance(self, count: int) -> None:
        """Ignore it."""
