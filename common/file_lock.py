"""Locks of files: of a journal, of a file that is being written.

The operating system drops a lock when the process that holds it ends, however it ends.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Where Windows locks a byte: behind what a file has, since a locked byte cannot be read there.
_FAR = 2**40


def hold(descriptor: int) -> bool:
    """Take the lock of an open file, at once or not at all; closing the file drops it.

    Returns:
        Whether it is held now. Also where the file system has no locks, as some over a network.
    """
    return _try_lock(descriptor) is not False


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file, or nobody can tell."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return True
    try:
        return _try_lock(descriptor) is not True
    finally:
        os.close(descriptor)


def remove_unless_held(path: Path) -> None:
    """Remove a file whose lock no process holds; where nobody can tell, it stays.

    It is held while it is removed, so that nobody takes it into use in between: see `is_at`.

    Raises:
        OSError: As the operating system says.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return
    try:
        if _try_lock(descriptor) is not True:
            return
        if os.name == "nt":  # where an open file cannot be removed
            os.close(descriptor)
            descriptor = -1
        path.unlink(missing_ok=True)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@contextmanager
def directory_lock(path: Path) -> Iterator[None]:
    """Wait for the lock of a directory and hold it, for a change that takes a moment.

    Nothing is locked on Windows, which opens no directories, and on file systems without locks.

    Raises:
        OSError: If the directory cannot be opened.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still has a name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Hold the lock of a file that is there; yield whether that could be done at once.

    Raises:
        OSError: If it cannot be opened.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR)
        try:
            held = hold(descriptor)
            if held and not is_at(descriptor, path):
                continue  # another file took its name meanwhile
            yield held
            return
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int) -> bool | None:
    """Take a lock; False where somebody else has it, None where the file system has no locks."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
