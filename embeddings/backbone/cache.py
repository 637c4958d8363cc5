"""Converted networks on this machine: made once, checked whenever they are read."""

import contextlib
import hashlib
import json
import logging
import mmap
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from nearframe.common import shown
from nearframe.common.typed_json import converted, parsed

from .old_networks import remove_old

logger = logging.getLogger(__name__)

_SUFFIX = ".network"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was made once.

    Attributes:
        facts: What is known of it, as JSON values.
        content: Its bytes, or a file that begins with them and that never changes; empty where
            the facts are all there is.
        lasting: Whether it is worth keeping.
    """

    facts: Mapping[str, Any]
    content: bytes | Path = b""
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class _Trailer:
    """The last line of a file."""

    key: dict[str, Any]
    facts: dict[str, Any]
    sha256: str


def folder() -> Path:
    """Return the folder of this user's cache; it need not exist."""
    return Path(platformdirs.user_cache_dir("nearframe", appauthor=False), "networks")


def cached(key: Mapping[str, Any], make: Callable[[], Entry]) -> Entry:
    """Return an entry of the cache, or make it and keep it.

    A file that is damaged, or that is about something else than its name says, counts as missing.
    A cache that cannot be written costs time at the next start, and nothing else. What a new entry
    replaces leaves the cache, see `remove_old`; so its file may be gone before it is opened.

    Args:
        key: All that the entry depends on, as JSON values.
        make: Makes the entry.
    """
    path = folder() / (digest_of(key) + _SUFFIX)
    entry = _read(path, key)
    if entry is None:
        entry = make()
        if not entry.lasting:
            return entry
        try:
            _write(path, key, entry)
        except OSError as error:
            logger.warning("cannot keep the converted network in %s: %s", shown(path), error)
        else:
            remove_old(path, key)
            return Entry(entry.facts, path)
    return entry


def digest_of(key: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a key in hexadecimal."""
    return _digest(_json(key))


def _read(path: Path, key: Mapping[str, Any]) -> Entry | None:
    """Find a file of the content and a line of JSON; None unless both are as they were written."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            cut = view.rfind(b"\n")
            trailer = converted(_Trailer, parsed(view[cut + 1 :]))
            with memoryview(view) as whole, whole[: max(cut, 0)] as content:
                sha256 = _digest(content)
        if trailer.key == key and trailer.sha256 == sha256:
            # Those used longest ago go first.
            with contextlib.suppress(OSError):
                os.utime(path)
            return Entry(trailer.facts, path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.debug("%s: %s", shown(path), error)
    logger.warning("%s is damaged and made anew", shown(path))
    return None


def _write(path: Path, key: Mapping[str, Any], entry: Entry) -> None:
    """Write a file completely or not at all; the last of several processes wins.

    The content comes first, so that it can be mapped into memory as a file of its own; onnxruntime
    does not look at what follows.
    """
    assert isinstance(entry.content, bytes)
    path.parent.mkdir(parents=True, exist_ok=True)
    trailer = {"key": key, "facts": entry.facts, "sha256": _digest(entry.content)}
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(entry.content)
            file.write(b"\n" + _json(trailer))
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()
