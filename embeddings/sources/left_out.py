"""What of a folder a run does not look at, counted by kind."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from nearframe.common import name_key

from .kinds import is_litter, suffix_of
from .moved import MOVED_LIST, moved_paths
from .raw import RAW_REMEDY

Suffixes = tuple[tuple[str, int], ...]
"""Suffix in lower case, empty where there is none, and number; the most frequent first."""

_MOST_KINDS = 6
# Nobody waits for the exact number of files of a whole disk.
_MOST_FILES_BELOW = 10_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The files and sub-folders of a folder that were left out.

    Attributes:
        folder: As the user gave it.
        others: Files that are neither images nor videos.
        raw: Cameras' raw files that cannot be read without the extra ``raw``.
        videos: Videos, where only images are looked at.
        litter: Number of files that a system keeps for itself: ``.DS_Store``, ``._a.jpg``.
        moved: Number of files that `dedup` put into a sub-folder.
        too_long: Number of files and sub-folders whose path is longer than the system takes.
        folders: Paths of the sub-folders, where they were not searched.
        listed: `name_key` of all files that `dedup` put into sub-folders, searched or not.
    """

    folder: str
    others: Suffixes = ()
    raw: Suffixes = ()
    videos: Suffixes = ()
    litter: int = 0
    moved: int = 0
    too_long: int = 0
    folders: tuple[str, ...] = ()
    listed: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        folder: str,
        paths: Iterable[str],
        *,
        raw: Iterable[str],
        videos: Iterable[str],
        moved: int,
        too_long: int,
        folders: Iterable[str],
        listed: frozenset[str],
    ) -> "LeftOut":
        """Count files.

        Args:
            folder: As the user gave it.
            paths: Files that are neither images nor videos.
            raw: Raw files that cannot be read.
            videos: Videos.
            moved: Number of files that `dedup` put into sub-folders.
            too_long: Number of files and sub-folders whose path is too long.
            folders: Sub-folders.
            listed: `name_key` of all files that `dedup` put into sub-folders.
        """
        paths = list(paths)
        others = [path for path in paths if not _is_litter(path)]
        litter = len(paths) - len(others)
        return cls(
            folder,
            _by_suffix(others),
            _by_suffix(raw),
            _by_suffix(videos),
            litter,
            moved,
            too_long,
            tuple(folders),
            listed,
        )

    @property
    def files(self) -> int:
        """How many files, without those in sub-folders."""
        by_suffix = sum(map(_number, (self.others, self.raw, self.videos)))
        return self.litter + self.moved + self.too_long + by_suffix

    def __bool__(self) -> bool:
        """Whether anything was left out."""
        return bool(self.files or self.files_in_folders())

    def without_videos(self) -> "LeftOut":
        """Return the same of a run that reads the videos."""
        return replace(self, videos=())

    def files_in_folders(self) -> int:
        """Count the files in the sub-folders and below, up to 10,000."""
        count = 0
        for folder in self.folders:
            listed = self.listed
            for directory, _, names in os.walk(folder):
                if MOVED_LIST in names:
                    listed |= moved_paths(directory)
                count += sum(_counts(directory, name, listed) for name in names)
                if count >= _MOST_FILES_BELOW:
                    return _MOST_FILES_BELOW
        return count

    def describe(self) -> str:
        """Say it in one line, without the folder: ``3 files (2 .txt, 1 .zip), 1 sub-folder …``."""
        parts = []
        if self.others:
            parts.append(f"{_counted(_number(self.others), 'file')} ({_named(self.others)})")
        if self.videos:
            parts.append(f"{_counted(_number(self.videos), 'video')} ({_named(self.videos)})")
        if self.raw:
            number = _counted(_number(self.raw), "raw picture")
            parts.append(f"{number} ({_named(self.raw)}; {RAW_REMEDY})")
        if self.litter:
            parts.append(f"{_counted(self.litter, 'system file')} (.DS_Store and the like)")
        if self.moved:
            parts.append(f"{_counted(self.moved, 'file')} put there by dedup")
        if self.too_long:
            parts.append(f"{self.too_long:,} with a path that is too long for this system")
        if below := self.files_in_folders():
            files = f"{below:,} or more files" if below >= _MOST_FILES_BELOW else None
            folders = _counted(len(self.folders), "sub-folder")
            parts.append(f"{folders} with {files or _counted(below, 'file')}")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "folder": self.folder,
            "files": self.files,
            "others": dict(self.others),
            "videos": dict(self.videos),
            "raw": dict(self.raw),
            "system": self.litter,
            "moved": self.moved,
            "too_long": self.too_long,
            "folders": len(self.folders),
            "files_in_folders": self.files_in_folders(),
        }


def _counts(directory: str, name: str, listed: frozenset[str]) -> bool:
    if name == MOVED_LIST or is_litter(name):
        return False
    path = os.path.join(directory, name)  # noqa: PTH118
    return not listed or name_key(path) not in listed


def _is_litter(path: str) -> bool:
    return is_litter(os.path.basename(path))  # noqa: PTH119  # of 10,000 files


def _by_suffix(paths: Iterable[str]) -> Suffixes:
    return tuple(Counter(map(suffix_of, paths)).most_common())


def _number(suffixes: Suffixes) -> int:
    return sum(number for _, number in suffixes)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(suffixes: Suffixes) -> str:
    if len(suffixes) == 1:
        return suffixes[0][0] or "without a suffix"
    named = [f"{number:,} {suffix or 'without a suffix'}" for suffix, number in suffixes]
    rest = _number(suffixes[_MOST_KINDS:])
    return ", ".join([*named[:_MOST_KINDS], f"{rest:,} others"] if rest else named)
