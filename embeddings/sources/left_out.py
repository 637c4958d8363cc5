"""What of a folder a run does not look at, counted by kind."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .kinds import is_litter, suffix_of

_MOST_KINDS = 8


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many files and sub-folders of a folder were left out.

    Attributes:
        folder: As the user gave it.
        others: Files that are neither images nor videos: suffix (lower case; empty where there is
            none) and number, the most frequent first.
        litter: Files that a system keeps for itself: ``.DS_Store``, ``Thumbs.db``, ``._a.jpg``.
        raw: Cameras' raw files that cannot be read without the extra ``raw``: likewise as `others`.
        videos: Videos, where only images are looked at.
        folders: Sub-folders, where they were not searched.
    """

    folder: str
    others: tuple[tuple[str, int], ...] = ()
    litter: int = 0
    raw: tuple[tuple[str, int], ...] = ()
    videos: int = 0
    folders: int = 0

    @classmethod
    def of(
        cls, folder: str, paths: Iterable[str], *, raw: Iterable[str], videos: int, folders: int
    ) -> "LeftOut":
        """Count files.

        Args:
            folder: As the user gave it.
            paths: Files that are neither images nor videos.
            raw: Raw files that cannot be read.
            videos: Number of videos.
            folders: Number of sub-folders.
        """
        paths = list(paths)
        litter = [is_litter(os.path.basename(path)) for path in paths]  # noqa: PTH119
        others = [path for path, is_no_file in zip(paths, litter, strict=True) if not is_no_file]
        return cls(folder, _by_suffix(others), sum(litter), _by_suffix(raw), videos, folders)

    @property
    def files(self) -> int:
        """How many files."""
        return self.litter + self.videos + sum(number for _, number in (*self.others, *self.raw))

    def __bool__(self) -> bool:
        """Whether anything was left out."""
        return bool(self.files or self.folders)

    def without_videos(self) -> "LeftOut":
        """Return the same of a run that reads the videos."""
        return replace(self, videos=0)

    def describe(self) -> str:
        """Say it in one line, without the folder: ``3 files that are neither …, 2 sub-folders``."""
        parts = []
        if self.others:
            parts.append(
                f"{_count(self.others)} neither pictures nor videos ({_named(self.others)})"
            )
        if self.raw:
            remedy = "pip install 'nearframe[raw]'"
            parts.append(f"{_count(self.raw)} raw from a camera ({_named(self.raw)}: {remedy})")
        if self.videos:
            parts.append("1 video" if self.videos == 1 else f"{self.videos:,} videos")
        if self.litter:
            files = "1 file" if self.litter == 1 else f"{self.litter:,} files"
            parts.append(f"{files} of the system's own (.DS_Store, Thumbs.db, ._*)")
        if self.folders:
            parts.append("1 sub-folder" if self.folders == 1 else f"{self.folders:,} sub-folders")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "folder": self.folder,
            "others": dict(self.others),
            "litter": self.litter,
            "raw": dict(self.raw),
            "videos": self.videos,
            "folders": self.folders,
        }


def _by_suffix(paths: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(map(suffix_of, paths)).most_common())


def _count(kinds: tuple[tuple[str, int], ...]) -> str:
    number = sum(number for _, number in kinds)
    return "1 file that is" if number == 1 else f"{number:,} files that are"


def _named(kinds: tuple[tuple[str, int], ...]) -> str:
    named = [f"{number:,} {suffix or 'without a suffix'}" for suffix, number in kinds[:_MOST_KINDS]]
    rest = sum(number for _, number in kinds[_MOST_KINDS:])
    return ", ".join([*named, f"{rest:,} others"] if rest else named)
