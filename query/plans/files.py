"""Moving and copying single files without ever losing or replacing one."""

import errno
import os
import shutil
from pathlib import Path

from nearframe.embeddings import NearframeError, file_sha256, shown, writing_errors
from nearframe.index import atomic_path, sync_directory


def has_content(path: str | os.PathLike[str], sha256: str) -> bool:
    """Whether a file is there and has this content."""
    try:
        return file_sha256(Path(path)) == sha256
    except OSError:
        return False


def is_same_file(path: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether one path leads to the other, so that removing the file would empty both.

    Two hard links are not the same in this sense: each keeps the content.
    """
    return os.path.realpath(path) == os.path.realpath(other)


def copy_file(source: Path, target: Path, sha256: str) -> None:
    """Copy a file with its times; the target appears complete or not at all.

    Raises:
        NearframeError: If the target exists, or the copy does not have the content expected.
        OSError: As the operating system says.
    """
    _require_free(target)
    with atomic_path(target) as temporary:
        shutil.copy2(source, temporary)
        if file_sha256(temporary) != sha256:
            raise NearframeError(f"{shown(source)} changed while it was copied; left where it is")


def is_link_to(path: Path, source: Path) -> bool:
    """Whether a symbolic link is there that leads to the other path as it is written."""
    return path.is_symlink() and str(path.readlink()) == str(source)


def link_file(source: Path, target: Path) -> None:
    """Make a symbolic link at `target` that leads to `source`.

    Raises:
        NearframeError: If the target exists.
        OSError: As the operating system says.
    """
    _require_free(target)
    target.symlink_to(source)
    sync_directory(target.parent)


def move_file(source: Path, target: Path, sha256: str) -> None:
    """Move a file, also to another file system; at every instant one whole copy exists.

    Raises:
        NearframeError: If the target exists, or a copy does not have the content expected.
        OSError: As the operating system says.
    """
    _require_free(target)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_file(source, target, sha256)
        try:
            with writing_errors(source):
                source.unlink()
        except NearframeError:
            target.unlink()
            raise
    sync_directory(target.parent)
    sync_directory(source.parent)


def _require_free(target: Path) -> None:
    # lexists: a broken link at the target is somebody's, too.
    if os.path.lexists(target):
        raise NearframeError(f"{shown(target)} exists already; it is not replaced")
