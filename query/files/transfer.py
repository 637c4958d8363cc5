"""Moving and copying single files without ever losing or replacing one."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from nearframe.common import (
    NearframeError,
    OutputError,
    atomic_path,
    file_sha256,
    rename_new,
    shown,
    sync_directory,
)

_EFFECTIVE_IDS = os.access in os.supports_effective_ids
# Another file system; one without hard links; more links than it allows.
_NO_HARD_LINK = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


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


def is_one_file(path: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one content on the disk, hard links included."""
    try:
        return Path(path).samefile(other)
    except OSError:
        return False


def copy_file(source: Path, target: Path, sha256: str) -> None:
    """Copy a file with its times; the target appears complete or not at all.

    Raises:
        NearframeError: If the target exists, or the copy does not have the content expected.
        OSError: As the operating system says.
    """
    _require_free(target)
    try:
        with atomic_path(target, replace=False) as temporary:
            shutil.copy2(source, temporary)
            if file_sha256(temporary) != sha256:
                raise NearframeError("changed while it was copied; left where it is")
    except FileExistsError as error:
        raise _taken(target) from error


def is_link_to(path: Path, source: Path) -> bool:
    """Whether a symbolic link is there that leads to the other path as it is written."""
    try:
        return str(path.readlink()) == str(source)
    except OSError:  # no link, or gone by now
        return False


def link_file(source: Path, target: Path) -> None:
    """Make a symbolic link at `target` that leads to `source`.

    Raises:
        NearframeError: If the target exists.
        OSError: As the operating system says.
    """
    _require_free(target)
    target.symlink_to(source)
    sync_directory(target.parent)


def hardlink_file(source: Path, target: Path) -> None:
    """Give a file a second name; of a symbolic link, the file that it leads to.

    Raises:
        NearframeError: If the target exists, or the file system has no hard links to there.
        OSError: As the operating system says.
    """
    _require_free(target)
    try:
        os.link(os.path.realpath(source), target)
    except OSError as error:
        if error.errno not in _NO_HARD_LINK:
            raise
        raise NearframeError(
            f"cannot be hard-linked to {shown(target.parent)} ({error.strerror}); use copy-unique"
        ) from error
    sync_directory(target.parent)


def private_path(path: Path, token: str) -> Path:
    """Return the name that a file has, for a moment, before it is removed.

    Args:
        path: The file.
        token: That of the journal, so that another run of it finds what a crash left.
    """
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".nearframe-{token}-{digest}")


def remove_file(path: Path, token: str, is_right: Callable[[Path], bool]) -> None:
    """Remove a file for good, if it is what it was.

    It first gets its private name and is looked at there: nothing that takes its place meanwhile
    is removed.

    Args:
        path: The file.
        token: Of the journal; part of the private name.
        is_right: Told the private name; whether what is there may go.

    Raises:
        NearframeError: If it may not; then it is back.
        OSError: As the operating system says.
    """
    private = private_path(path, token)
    rename_new(path, private)
    if not is_right(private):
        put_back(private, path)
        raise NearframeError("changed meanwhile; left where it is")
    try:
        private.unlink()
    except OSError:
        put_back(private, path)
        raise
    sync_directory(path.parent)


def remove_copy(path: Path, token: str, sha256: str, *, stays: Path) -> None:
    """Remove one of two files of equal content, if both are there and whole.

    Args:
        path: The file.
        token: Of the journal; part of the private name.
        sha256: Of the content.
        stays: The other file.

    Raises:
        NearframeError: If it is another file now; it stays.
        OSError: If it cannot be removed.
    """
    remove_file(
        path, token, lambda private: has_content(private, sha256) and has_content(stays, sha256)
    )


def put_back(private: Path, path: Path) -> None:
    """Give a file its name back.

    Raises:
        NearframeError: If another one has it by now.
        OSError: As the operating system says.
    """
    try:
        rename_new(private, path)
    except FileExistsError as error:
        raise NearframeError(
            f"another file took its name meanwhile, so that it is {shown(private)} now"
        ) from error


def move_file(source: Path, target: Path, sha256: str, token: str) -> None:
    """Move a file, also to another file system; at every instant one whole copy exists.

    Args:
        source: The file.
        target: Where to.
        sha256: Of the content that is to be moved, and no other.
        token: Of the journal; part of the private name.

    Raises:
        NearframeError: If the target exists, or the file has another content.
        OSError: As the operating system says.
    """
    _require_free(target)
    try:
        rename_new(source, target)
    except FileExistsError as error:
        raise _taken(target) from error
    except OSError as error:
        _require_removable(source, error)
        if error.errno != errno.EXDEV:
            raise
        _move_across(source, target, sha256, token)
    else:
        if not has_content(target, sha256):
            put_back(target, source)
            raise NearframeError("changed since it was looked at; left where it is")
    sync_directory(target.parent)
    sync_directory(source.parent)


def _move_across(source: Path, target: Path, sha256: str, token: str) -> None:
    """Move a file to another file system.

    It has its private name while it is copied: nobody else moves or removes it meanwhile, and what
    takes its name stays.
    """
    private = private_path(source, token)
    rename_new(source, private)
    try:
        copy_file(private, target, sha256)
        if not has_content(private, sha256):  # somebody had it open, and went on writing
            raise NearframeError("changed meanwhile; left where it is")
        try:
            private.unlink()
        except OSError:
            remove_copy(target, token, sha256, stays=private)
            raise
    except BaseException:
        if os.path.lexists(private):
            put_back(private, source)
        raise


def _require_removable(source: Path, error: OSError) -> None:
    """Say that it is the source which cannot be changed, where that is so.

    Raises:
        OutputError: If files cannot be taken out of the source's folder.
    """
    folder = source.parent
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE_IDS):
        raise OutputError(
            f"{shown(folder)} is read-only, so {shown(source.name)} cannot leave it; change its "
            "permissions, or use copy-unique"
        ) from error


def _require_free(target: Path) -> None:
    # lexists: a broken link at the target is somebody's, too.
    if os.path.lexists(target):
        raise _taken(target)


def _taken(target: Path) -> NearframeError:
    return NearframeError(f"{shown(target)} exists already; it is not replaced")
