"""Converted networks on this machine: made once, checked whenever they are read."""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from ..errors import shown

logger = logging.getLogger(__name__)

_SUFFIX = ".network"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was made once.

    Attributes:
        facts: What is known of it, as JSON values.
        content: Its bytes; empty where the facts are all there is.
    """

    facts: Mapping[str, Any]
    content: bytes = b""


def folder() -> Path:
    """Return the folder of this user's cache; it need not exist."""
    return Path(platformdirs.user_cache_dir("nearframe", appauthor=False), "networks")


def cached(key: Mapping[str, Any], make: Callable[[], Entry]) -> Entry:
    """Return an entry of the cache, or make it and keep it.

    A file that is damaged, or that is about something else than its name says, counts as missing.
    A cache that cannot be written costs time at the next start, and nothing else.

    Args:
        key: All that the entry depends on, as JSON values.
        make: Makes the entry.
    """
    path = folder() / (_digest(_json(key)) + _SUFFIX)
    entry = _read(path, key)
    if entry is None:
        entry = make()
        try:
            _write(path, key, entry)
        except OSError as error:
            logger.warning("cannot keep the converted network in %s: %s", shown(path), error)
    return entry


def _read(path: Path, key: Mapping[str, Any]) -> Entry | None:
    """Read a file of a line of JSON and the content; None unless both are as they were written."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline())
            content = file.read()
        if header["key"] == key and header["sha256"] == _digest(content):
            return Entry(header["facts"], content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.debug("%s: %s", shown(path), error)
    logger.warning("%s is damaged and made anew", shown(path))
    return None


def _write(path: Path, key: Mapping[str, Any], entry: Entry) -> None:
    """Write a file completely or not at all; the last of several processes wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"key": key, "facts": entry.facts, "sha256": _digest(entry.content)}
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_json(header) + b"\n")
            file.write(entry.content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
