"""Networks that nobody will use again leave the cache when a new one comes."""

import contextlib
import re
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nearframe.common.typed_json import parsed

LIMIT = 1 << 30
"""Bytes that all networks may take: six pairs of fp32 and int8."""

_NAME = re.compile(r"[0-9a-f]{64}\.network")
_UNFINISHED = re.compile(r"[0-9a-f]{64}\w*\.partial")
_UNFINISHED_FOR_S = 24 * 3600
# Longer than what is known of a network.
_FACTS = 1 << 16


def remove_old(new: Path, key: Mapping[str, Any], *, limit: int = LIMIT) -> None:
    """Remove networks of earlier recipes or versions, and those used longest ago beyond a limit.

    Other files than those named as `cache` names them are left alone, and whatever cannot be
    removed stays. Another process may do the same meanwhile.

    Args:
        new: The network that was written just now.
        key: What it depends on.
        limit: Bytes that it and the others may take.
    """
    rest = []
    for path, found in _files(new.parent):
        if _UNFINISHED.fullmatch(path.name):
            if time.time() - found.st_mtime > _UNFINISHED_FOR_S:
                _remove(path)
        elif path != new and _NAME.fullmatch(path.name):
            if is_earlier(_key_of(path), key):
                _remove(path)
            else:
                rest.append((found.st_mtime, found.st_size, path))
    with contextlib.suppress(OSError):
        limit -= new.stat().st_size
    for _, size, path in sorted(rest, reverse=True):
        limit -= size
        if limit < 0:
            _remove(path)


def is_earlier(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    """Whether a key is of an earlier recipe, or of earlier versions of the same packages.

    Not where any of these is later: another installation may use that, and would make it anew each
    time that this one removed it.
    """
    try:
        if theirs["recipe"] != mine["recipe"]:
            return bool(theirs["recipe"] < mine["recipe"])
        names = theirs["versions"].keys() & mine["versions"].keys()
        pairs = [
            (_numbers(theirs["versions"][name]), _numbers(mine["versions"][name])) for name in names
        ]
    except (KeyError, TypeError, AttributeError):
        return False
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _files(folder: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the regular files of a folder, with what the system knows of each."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    yield path, found


def _key_of(path: Path) -> Mapping[str, Any]:
    """Read what a network depends on: its last line, or its first in earlier versions."""
    try:
        with path.open("rb") as file:
            first = file.read(_FACTS).partition(b"\n")[0]
            file.seek(max(path.stat().st_size - _FACTS, 0))
            last = file.read().rpartition(b"\n")[2]
    except OSError:
        return {}
    for line in (last, first):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            key = parsed(line)["key"]
            if isinstance(key, dict):
                return key
    return {}


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers: ``1.26.4`` is (1, 26, 4)."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0]))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
