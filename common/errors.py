"""The base error of all nearframe packages, and how a path is shown in a message."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NearframeError(Exception):
    """Something the user can act on.

    The message is one line and says what was given, what was expected and what to do.
    The library only raises it; the command line turns it into ``Error: …`` and exit code 1.
    """


class SourceError(NearframeError):
    """A path that holds nothing to read: missing, empty, or not an image, folder or video.

    Attributes:
        path: What was given.
        reason: What is wrong with it; the message starts with both.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{shown(path)}: {reason}")
        self.path = os.fspath(path)
        self.reason = reason


class UnreadableImageError(SourceError):
    """One image file that could not be decoded. Runs over many files skip and count it."""


class PastLimitsError(UnreadableImageError):
    """An image file that takes more memory or time than one may, or whose decoder crashes.

    To try again costs as much, and gives the same until the file or the limits are others.
    """


class OutputError(NearframeError):
    """A place that cannot be written: full disk, no permission, or something else is there."""


class DiskFullError(OutputError):
    """There is no room left."""


class WeightsError(NearframeError):
    """Weights that cannot be found, downloaded or loaded."""


class DeviceError(NearframeError):
    """A device or precision that this machine does not offer."""


class FingerprintMismatchError(NearframeError):
    """Vectors of different weights or preprocessing, whose cosines mean nothing."""


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a path as one printable line.

    File names may hold newlines, other control characters and bytes that are no UTF-8; a message
    must stay one line and must never fail to print. Those characters are escaped:
    ``'a\nb.jpg'`` (with a real newline) gives ``a\nb.jpg`` with a backslash.
    """
    try:
        text = os.fsencode(path).decode("utf-8", errors="backslashreplace")
    except UnicodeEncodeError:  # half a character, as JSON can hold
        text = os.fspath(path).encode("utf-8", errors="backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def reading_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the operating system's errors on reading `path` into one-line `SourceError`s."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(
            path,
            "no such file or folder; check the spelling and the current folder "
            f"({shown(Path.cwd())})",
        ) from error
    except PermissionError as error:
        raise SourceError(
            path, "no permission to read it; change its permissions or run as its owner"
        ) from error
    except OSError as error:
        raise SourceError(path, f"cannot be read ({error.strerror or error})") from error


@contextmanager
def writing_errors(path: str | os.PathLike[str], *, kept: str = "") -> Iterator[None]:
    """Turn the operating system's errors on writing `path` into one-line `OutputError`s.

    Args:
        path: What is written.
        kept: What the user still has in spite of the error; ends the message.
    """
    end = f"; {kept}" if kept else ""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"cannot write {shown(path)}: the disk is full; free some space and run the same "
                f"command again{end}"
            ) from error
        problem = str(error.strerror or error)
        if isinstance(error, PermissionError):
            problem = "no permission; choose another place or change its permissions"
        raise OutputError(f"cannot write {shown(path)}: {problem}{end}") from error
