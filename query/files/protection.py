"""Which files must never be touched, under whatever name they are reached."""

import os
from collections.abc import Iterable
from pathlib import Path

Identity = tuple[int, int]
"""Device and inode of a file or folder: the same for all its names."""


class Protection:
    """Tells which files and folders are protected.

    By device and inode: links, letters' case and folders that are mounted twice give one file
    several paths.

    Args:
        paths: The files and folders; all that lies below one of these folders is protected, too.
            One that does not exist protects nothing.
    """

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self._identities = identities(paths)
        self._folders: dict[str, bool] = {}

    def covers(self, path: str | os.PathLike[str]) -> bool:
        """Whether a path is a protected file or folder, or lies below such a folder."""
        if not self._identities:
            return False
        real = os.path.realpath(path)
        return identity(real) in self._identities or self._covers_folder(os.path.dirname(real))  # noqa: PTH120

    def _covers_folder(self, folder: str) -> bool:
        # Remembered: the files of one folder have all folders above them in common.
        if folder not in self._folders:
            places = (Path(folder), *Path(folder).parents)
            self._folders[folder] = any(identity(place) in self._identities for place in places)
        return self._folders[folder]


def identities(paths: Iterable[str | os.PathLike[str]]) -> frozenset[Identity]:
    """Return the identities of all of some files and folders that exist."""
    found = (identity(path) for path in paths)
    return frozenset(each for each in found if each is not None)


def identity(path: str | os.PathLike[str]) -> Identity | None:
    """Return what tells files and folders apart on the disk; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
