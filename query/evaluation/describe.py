"""Pictures, and edited copies of them, as vectors of the network and of baselines beside it."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from nearframe.common import Progress, SourceError, shown
from nearframe.embeddings import Embedder, Frame, FrameRef, Thumbnails, Unreadable
from nearframe.embeddings.sources import ImageSequence, Source

from .baselines import Baseline
from .copy_edits import CopyEdit, edit_copy, scaled_down
from .retrieval import Descriptors, Positions

NETWORK = "nearframe"
"""What our own vectors are called beside those of baselines."""


@dataclass(frozen=True, slots=True)
class Described:
    """Pictures with their vectors.

    Attributes:
        frames: Where each is.
        places: int64, shape ``(n,)``: its place among all that the source yields.
        content: Per picture, equal exactly for equal pixels.
        vectors: By name of a method (`NETWORK`, and the baselines): shape ``(n, d)``.
        thumbnails: uint16, shape ``(n, 32, 32)``.
        unreadable: What did not decode.
    """

    frames: tuple[FrameRef, ...]
    places: Positions
    content: tuple[bytes, ...]
    vectors: Mapping[str, Descriptors]
    thumbnails: Thumbnails
    unreadable: tuple[Unreadable, ...]

    def same_pixels(self) -> list[Positions]:
        """Return, per picture, the positions of all with its pixels, itself among them."""
        groups: dict[bytes, list[int]] = {}
        for position, content in enumerate(self.content):
            groups.setdefault(content, []).append(position)
        positions = {content: np.array(group, np.int64) for content, group in groups.items()}
        return [positions[content] for content in self.content]

    def pixel_groups(self) -> Positions:
        """Return a number per picture, int64 ``(n,)``, that is equal for equal pixels."""
        numbers: dict[bytes, int] = {}
        groups = [numbers.setdefault(content, len(numbers)) for content in self.content]
        return np.array(groups, np.int64)


def describe(
    source: Source,
    embedder: Embedder,
    *,
    baselines: Mapping[str, Baseline],
    progress: Progress,
    label: str | None = None,
) -> Described:
    """Embed all pictures of a source; a few batches of pixels are in memory at a time.

    Raises:
        SourceError: If none of them decodes.
    """
    tapped = _Tapped(source, baselines)
    progress.start(label or shown(source.path), source.frame_count)
    frames: list[FrameRef] = []
    places: list[int] = []
    content: list[bytes] = []
    thumbnails: list[Thumbnails] = []
    rows = {name: _Rows() for name in (NETWORK, *baselines)}
    unreadable: dict[tuple[str, int | None], Unreadable] = {}
    # Copies have other pixels than the files that they are of.
    for batch in embedder.embed_source(tapped, reuse=isinstance(source, ImageSequence)):
        taken = [tapped.take(frame) for frame in batch.frames]
        frames += batch.frames
        places += [seen.place for seen in taken]
        content += [seen.content for seen in taken]
        rows[NETWORK].add(batch.vectors)
        thumbnails.append(batch.thumbnails)
        for name in baselines:
            for seen in taken:
                rows[name].add(seen.descriptors[name][None])
        unreadable.update({(entry.source, entry.number): entry for entry in batch.unreadable})
        progress.advance(len(batch.frames) + len(batch.unreadable))
    if not frames:
        first = next(iter(unreadable.values()))
        raise SourceError(source.path, f"none of its pictures can be read ({shown(first.reason)})")
    return Described(
        tuple(frames),
        np.array(places, np.int64),
        tuple(content),
        {name: vectors.array() for name, vectors in rows.items()},
        np.concatenate(thumbnails),
        tuple(unreadable.values()),
    )


@dataclass(frozen=True)
class CopySource:
    """Edited copies of some pictures of a source, as a source: all edits of one, then the next.

    Attributes:
        source: Where the pictures are.
        chosen: Their places among all that it yields, ascending.
        edits: Name -> edit.
        seed: Of the edits.
    """

    source: Source
    chosen: Sequence[int]
    edits: Mapping[str, CopyEdit]
    seed: int = 0

    @property
    def path(self) -> str:
        """Where the pictures are."""
        return self.source.path

    @property
    def kind(self) -> Literal["image", "folder", "video"]:
        """What `path` is."""
        return self.source.kind

    @property
    def frame_count(self) -> int:
        """How many copies there are, for a progress bar."""
        return len(self.chosen) * len(self.edits)

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        """Yield one function per copy; its frame has the number of the copy, from 0."""
        chosen = {place: row for row, place in enumerate(self.chosen)}
        for place, decode in enumerate(self.source.decoders()):
            if place in chosen:
                photo = _Photo(decode)
                for column, edit in enumerate(self.edits):
                    copy = chosen[place] * len(self.edits) + column
                    yield partial(self._copy, photo, edit, copy)

    def of(self, copies: Described) -> tuple[Positions, list[str]]:
        """Say of each copy which of the chosen pictures it is of, and its edit."""
        names = list(self.edits)
        numbers = np.array([frame.number for frame in copies.frames], np.int64)
        return numbers // len(names), [names[number % len(names)] for number in numbers]

    def _copy(self, photo: "_Photo", edit: str, copy: int) -> Frame | Unreadable:
        frame = photo.decoded()
        if isinstance(frame, Unreadable):
            return frame
        # The picture's own number seeds the edit: it is the same whichever others are chosen.
        edited = edit_copy(
            Image.fromarray(frame.image), edit, frame.number, seed=self.seed, edits=self.edits
        )
        return Frame(frame.source, copy, frame.time_s, np.asarray(edited))


class _Photo:
    """A picture that is decoded once for all its edits, by the first that needs it."""

    def __init__(self, decode: Callable[[], Frame | Unreadable]) -> None:
        self._decode: Callable[[], Frame | Unreadable] | None = decode
        self._lock = threading.Lock()
        self._frame: Frame | Unreadable | None = None

    def decoded(self) -> Frame | Unreadable:
        with self._lock:
            if self._frame is None:
                assert self._decode is not None
                frame = self._decode()
                self._decode = None  # lets a decoder's buffer go
                if isinstance(frame, Frame):
                    small = scaled_down(Image.fromarray(frame.image))
                    frame = replace(frame, image=np.asarray(small))
                self._frame = frame
            return self._frame


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a picture when its pixels are gone."""

    place: int
    content: bytes
    descriptors: Mapping[str, npt.NDArray[np.float32]]


class _Tapped:
    """A source whose pictures are looked at on their way to the network."""

    def __init__(self, source: Source, baselines: Mapping[str, Baseline]) -> None:
        self.path = source.path
        self.kind = source.kind
        self.frame_count = source.frame_count
        self._source = source
        self._baselines = baselines
        self._seen: dict[tuple[str, int], _Seen] = {}

    def decoders(self) -> Iterator[Callable[[], Frame | Unreadable]]:
        for place, decode in enumerate(self._source.decoders()):
            yield partial(self._look, place, decode)

    def take(self, frame: FrameRef) -> _Seen:
        """Return what was seen of a frame, once."""
        return self._seen.pop((frame.source, frame.number))

    def _look(self, place: int, decode: Callable[[], Frame | Unreadable]) -> Frame | Unreadable:
        frame = decode()
        if isinstance(frame, Frame):
            digest = hashlib.blake2b(repr(frame.image.shape).encode(), digest_size=16)
            digest.update(np.ascontiguousarray(frame.image).data)
            self._seen[frame.source, frame.number] = _Seen(
                place,
                digest.digest(),
                {name: baseline(frame.image) for name, baseline in self._baselines.items()},
            )
        return frame


class _Rows:
    """Vectors that come in batches, in one array that doubles when it is full."""

    def __init__(self) -> None:
        self._filled = 0
        self._array: Descriptors | None = None

    def add(self, vectors: Descriptors) -> None:
        end = self._filled + len(vectors)
        if self._array is None:
            self._array = vectors.copy()
        elif end > len(self._array):
            larger = np.empty((2 * end, vectors.shape[1]), np.float32)
            larger[: self._filled] = self._array[: self._filled]
            self._array = larger
        self._array[self._filled : end] = vectors
        self._filled = end

    def array(self) -> Descriptors:
        assert self._array is not None
        return self._array[: self._filled]


def evenly(total: int, count: int) -> list[int]:
    """Choose up to `count` of `total` positions, evenly spread, the first and the last included."""
    return sorted({int(n) for n in np.linspace(0, total - 1, min(count, total)).round()})
