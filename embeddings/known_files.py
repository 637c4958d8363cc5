"""Image files that were embedded before, by their content: they need not be embedded again."""

import hashlib
import importlib.metadata
import json
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nearframe.common import file_sha256

from .frame import Frame, FrameRef, Unreadable
from .preprocessing import Preprocessing
from .sources import DECODING_RULES, ImageFile, ImageSequence, Source
from .sources.kinds import suffix_of
from .vector_cache import Embedded, VectorCache, folder

# Counts up when the same pixels would give another thumbnail.
_RECIPE = 1
_FILE = "1.sqlite"
# A clock of files is a few milliseconds behind that of the system.
_SLACK_NS = 50_000_000


@dataclass(frozen=True, slots=True, eq=False)
class KnownFrame(FrameRef):
    """A frame that need not be embedded: what is known of it is `embedded`."""

    embedded: Embedded


@dataclass(frozen=True, slots=True, eq=False)
class KeyedFrame(Frame):
    """A frame of which nothing is known yet, and the `key` under which it will be."""

    key: bytes


class KnownFiles:
    """Looks image files up by their bytes, and by all that makes vectors of them.

    Args:
        identity: What the vectors depend on besides the pixels of the network's input.
        preprocessing: How pixels become that input.
    """

    def __init__(self, identity: str, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        self._cache = VectorCache(folder() / _FILE)
        self._context = json.dumps(
            [_RECIPE, DECODING_RULES, identity, preprocessing.to_json(), _versions()],
            sort_keys=True,
        ).encode()

    def tasks(self, source: Source) -> Iterator[Callable[[], Frame | KnownFrame | Unreadable]]:
        """Yield functions that look up or decode a frame each.

        Args:
            source: Its frames are whole image files. Those of an `ImageSequence` are decoded only
                where they are not known, and any others always.
        """
        if not isinstance(source, ImageSequence):
            return (partial(self._looked_up, decode) for decode in source.decoders())
        return self._of_files(source)

    def add(self, key: bytes, embedded: Embedded) -> None:
        """Keep what was computed for a `KeyedFrame`."""
        self._cache.add(key, embedded)

    def close(self) -> None:
        """Write what is not written yet."""
        self._cache.close()

    def _of_files(
        self, source: ImageSequence
    ) -> Iterator[Callable[[], Frame | KnownFrame | Unreadable]]:
        for problem in source.problems:
            yield lambda problem=problem: problem  # type: ignore[misc]  # mypy/issues/12557
        for file in source.files:
            yield partial(self._decoded_unless_known, file)

    def _decoded_unless_known(self, file: ImageFile) -> Frame | KnownFrame | Unreadable:
        start = time.time_ns()
        key = self._key(file.path)
        known = None if key is None else self._cache.get(key)
        if known is not None:
            return KnownFrame(file.path, file.number, None, known)
        frame = file.decode(self._preprocessing)
        return frame if isinstance(frame, Unreadable) else self._keyed(frame, key, start)

    def _looked_up(
        self, decode: Callable[[], Frame | Unreadable]
    ) -> Frame | KnownFrame | Unreadable:
        start = time.time_ns()
        frame = decode()
        if isinstance(frame, Unreadable):
            return frame
        # At its full size, which a decoder for the network's input spares itself.
        key = self._key(frame.source, b"full")
        known = None if key is None or not _unchanged(frame.source, start) else self._cache.get(key)
        if known is not None:
            return KnownFrame(frame.source, frame.number, frame.time_s, known)
        pixels = self._preprocessing.resize(frame.image)
        return self._keyed(Frame(frame.source, frame.number, frame.time_s, pixels), key, start)

    def _keyed(self, frame: Frame, key: bytes | None, start: int) -> Frame:
        # What was written meanwhile may not be what was decoded.
        if key is None or not _unchanged(frame.source, start):
            return frame
        return KeyedFrame(frame.source, frame.number, frame.time_s, frame.image, key)

    def _key(self, path: str, decoded: bytes = b"") -> bytes | None:
        """Return the key of a file, None where it cannot be read: its decoder says why."""
        try:
            # Opening a named pipe would wait for a writer for ever.
            if not stat.S_ISREG(Path(path).stat().st_mode):
                return None
            content = file_sha256(Path(path))
        except OSError:
            return None
        # A suffix may decide how a file is read.
        suffix = suffix_of(path).encode(errors="surrogateescape")
        parts = (self._context, decoded, suffix, content.encode())
        return hashlib.sha256(b"\0".join(parts)).digest()


def _unchanged(path: str, since_ns: int) -> bool:
    """Whether a file was last written before a time."""
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return max(found.st_mtime_ns, found.st_ctime_ns) < since_ns - _SLACK_NS


def _versions() -> dict[str, str | None]:
    """Return the versions of what decodes."""
    versions: dict[str, str | None] = {}
    for name in ("nearframe", "pillow", "pillow-heif", "rawpy"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return versions
