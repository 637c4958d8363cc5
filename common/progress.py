"""How long work tells what it is at, without knowing whether anybody watches."""

from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm


class Progress(Protocol):
    """Receives the progress of long work."""

    def start(self, label: str, total: int | None) -> None:
        """Begin a stretch of work on `total` items (None: unknown); ends the one before."""
        ...

    def advance(self, count: int) -> None:
        """Report that `count` more items are done."""
        ...


ProgressOption = Progress | bool | None
"""What a function takes as ``progress``: True shows a bar, None and False show nothing."""


class Silent:
    """A `Progress` that shows nothing."""

    def start(self, label: str, total: int | None) -> None:
        """Ignore it."""

    def advance(self, count: int) -> None:
        """Ignore it."""


class ProgressBar:
    """A `Progress` that draws tqdm's bar with rate and remaining time, also in a notebook.

    Args:
        file: Where to draw it, and nothing where that is no terminal; by default standard error, or
            the notebook.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._bar: tqdm[Any] | None = None

    def start(self, label: str, total: int | None) -> None:
        """Begin a stretch of work on `total` frames."""
        from tqdm import auto, tqdm

        self.close()
        self._bar = (auto.tqdm if self._file is None else tqdm)(
            desc=label,
            total=total,
            unit="frame",
            disable=False if self._file is None else None,
            leave=self._file is None,
            dynamic_ncols=True,
            file=self._file,
        )

    def advance(self, count: int) -> None:
        """Report `count` more frames as done."""
        if self._bar is not None:
            self._bar.update(count)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()


def as_progress(option: ProgressOption) -> Progress:
    """Return what receives the progress that a caller asked for."""
    if isinstance(option, bool) or option is None:
        return ProgressBar() if option else Silent()
    return option
