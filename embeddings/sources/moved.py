"""Files that `dedup` put into a folder below the one that it looked through: no sources again.

The folder that was looked through holds a list of them. Where the folder that received them is
itself looked through, they are its files like any others.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nearframe.common import name_key
from nearframe.common.typed_json import Count, converted, parsed

MOVED_LIST = ".nearframe-moved.json"
"""Name of the list: ``{"nearframe": "moved", "version": 1, "files": {path below it: size}}``."""

_HEAD = {"nearframe": "moved", "version": 1}


@dataclass(frozen=True, slots=True)
class _List:
    nearframe: Literal["moved"]
    version: Literal[1]
    files: dict[str, Count]


def moved_list(files: Mapping[str, int]) -> str:
    """Return the content of a list of files.

    Args:
        files: Paths relative to the list's folder, with ``/``, and sizes in bytes.
    """
    return json.dumps({**_HEAD, "files": dict(files)}, indent=1) + "\n"


def read_moved_list(directory: str | os.PathLike[str]) -> dict[str, int]:
    """Return what was put below a directory: path relative to it, with ``/``, and size in bytes.

    Empty where there is no list, or one that cannot be read: then its files are files.
    """
    try:
        found = converted(_List, parsed(Path(directory, MOVED_LIST).read_bytes()))
    except (OSError, ValueError):
        return {}
    return found.files


def moved_paths(directory: str) -> frozenset[str]:
    """Return the files below a directory that are still as they came.

    Returns:
        The `name_key` of each path, below the directory as given.
    """
    found = set()
    for name, size in read_moved_list(directory).items():
        path = os.path.join(directory, *name.split("/"))  # noqa: PTH118  # keeps it as given
        try:
            if os.lstat(path).st_size == size:
                found.add(name_key(path))
        except (OSError, ValueError):
            continue
    return frozenset(found)
