"""Which files have exactly the same content?"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nearframe.common import ProgressOption, as_progress, file_sha256
from nearframe.embeddings import Unreadable

# Two different images of a camera share the tables at their beginning, not their first pixels.
_BEGINNING = 16 * 1024


@dataclass(frozen=True, slots=True)
class IdenticalFiles:
    """Files with the same content.

    Attributes:
        groups: The paths of each content that occurs twice or more often, in order.
        unreadable: Files that could not be read.
    """

    groups: tuple[tuple[str, ...], ...]
    unreadable: tuple[Unreadable, ...]


def identical_files(sizes: Mapping[str, int], *, progress: ProgressOption = None) -> IdenticalFiles:
    """Find files with the same content, and read as little as that takes.

    Files of equal size are compared by their beginnings, and those whose beginnings agree, by
    SHA-256.

    Args:
        sizes: Path -> size in bytes.
        progress: Told what it is at.
    """
    progress = as_progress(progress)
    unreadable: list[Unreadable] = []

    def grouped(
        groups: Iterable[list[str]], key: Callable[[Path], Hashable], label: str
    ) -> list[list[str]]:
        groups = list(groups)
        progress.start(label, sum(map(len, groups)))
        found: list[list[str]] = []
        for group in groups:
            by_key: dict[Hashable, list[str]] = {}
            for path in group:
                try:
                    by_key.setdefault(key(Path(path)), []).append(path)
                except OSError as error:
                    reason = f"cannot be read any more ({error.strerror or error})"
                    unreadable.append(Unreadable(path, None, reason))
                progress.advance(1)
            found += _several(by_key)
        return found

    by_size: dict[Hashable, list[str]] = {}
    for path, size in sizes.items():
        by_size.setdefault(size, []).append(path)
    alike = grouped(_several(by_size), _beginning, "compare files of equal size")
    groups = grouped(alike, file_sha256, "compare files that begin alike")
    position = {path: number for number, path in enumerate(sizes)}
    groups.sort(key=lambda group: position[group[0]])
    return IdenticalFiles(tuple(map(tuple, groups)), tuple(unreadable))


def _several(groups: Mapping[Hashable, list[str]]) -> Iterator[list[str]]:
    return (group for group in groups.values() if len(group) > 1)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(_BEGINNING)).digest()
