"""Temporary files, and one line in place of a traceback where there can be none."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from .errors import OutputError, shown


@contextmanager
def temporary_errors(task: str, *, remedy: str = "") -> Iterator[None]:
    """Turn the operating system's errors on temporary files into one-line `OutputError`s.

    Args:
        task: What they are for, to follow ``cannot``.
        remedy: What else may help.
    """
    try:
        yield
    except OSError as error:
        try:
            place = f"the temporary folder {shown(tempfile.gettempdir())}"
        except OSError:
            place = "any temporary folder"
        also = f", or {remedy}" if remedy else ""
        raise OutputError(
            f"cannot {task}: {error.strerror or error} in {place}; free some space, or set TMPDIR "
            f"to a folder that can be written{also}"
        ) from error


@contextmanager
def temporary_file(task: str) -> Iterator[IO[bytes]]:
    """Open a file that is gone when it is closed.

    Args:
        task: What it is needed for, as the message says it: "cannot TASK".

    Raises:
        OutputError: If there is no folder for it.
    """
    with ExitStack() as stack:
        with temporary_errors(task):
            file = stack.enter_context(tempfile.TemporaryFile(prefix="nearframe-"))
        yield file
