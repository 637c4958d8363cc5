"""Renaming that never replaces a file."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1  # Linux: renameat2(2)
_RENAME_EXCL = 4  # macOS: renamex_np(2)
# An older kernel, or a file system that cannot.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def rename_new(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Give a file another name on the same file system, unless the name is taken.

    Whether it is taken is decided by the operating system in the moment of the renaming, where it
    can: ``renameat2`` on Linux, ``renamex_np`` on macOS, always on Windows. Elsewhere the file gets
    the second name before it loses the first.

    Raises:
        FileExistsError: If something has the name; nothing changed.
        OSError: As the operating system says; ``EXDEV`` for another file system.
    """
    rename = _system_rename()
    if rename is not None:
        try:
            rename(os.fsencode(source), os.fsencode(target))
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
        else:
            return
    if os.name == "nt":
        os.rename(source, target)  # noqa: PTH104  # refuses by itself
        return
    os.link(source, target, follow_symlinks=False)
    os.unlink(source)  # noqa: PTH108


@cache
def _system_rename() -> Callable[[bytes, bytes], None] | None:
    """Return what renames without replacing; None where the C library has no such function."""
    names = {"linux": "renameat2", "darwin": "renamex_np"}
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), names[sys.platform])
    except (KeyError, AttributeError, OSError, TypeError):
        return None

    def rename(source: bytes, target: bytes) -> None:
        if sys.platform == "darwin":
            failed = function(source, target, _RENAME_EXCL)
        else:
            failed = function(_AT_FDCWD, source, _AT_FDCWD, target, _RENAME_NOREPLACE)
        if failed:
            number = ctypes.get_errno()
            raise OSError(
                number, os.strerror(number), os.fsdecode(source), None, os.fsdecode(target)
            )

    return rename
