"""One writer of an index at a time.

The operating system drops a lock when the process that holds it ends, however it ends.
"""

from pathlib import Path

from filelock import FileLock, Timeout

from nearframe.common import shown, writing_errors

from .errors import IndexLockedError

LOCK_NAME = "write.lock"


def acquire_write_lock(directory: Path) -> FileLock:
    """Take the writer's lock of an index directory, at once or not at all.

    Raises:
        IndexLockedError: If another process holds it.
        OutputError: If the directory may not be written.
    """
    lock = FileLock(directory / LOCK_NAME)
    with writing_errors(directory):
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise IndexLockedError(
                f"{shown(directory)} is being written by another process; "
                "wait until it ends, or write to another index"
            ) from error
    return lock
