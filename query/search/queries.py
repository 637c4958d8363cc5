"""The pictures that a search asks for -> vectors, and those of them that may have bars."""

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from nearframe.common import NearframeError, SourceError, UnreadableImageError
from nearframe.embeddings import Embedder, ImageInput, Thumbnails, Unreadable, Vectors
from nearframe.embeddings.sources import Animation, ImageSequence, open_source, read_image, to_rgb

from .bars import Bars, may_have_bars, possible_bars


@dataclass(frozen=True, slots=True)
class Queries:
    """Queries that decode.

    Attributes:
        names: The file of each, or ``image N`` where it was no file.
        pictures: The picture of each, or its file.
        vectors: float32, shape ``(nq, 2048)``, each row L2-normalised.
        thumbnails: uint16, shape ``(nq, 32, 32)``; None where the queries came as vectors.
        unreadable: Those that do not decode.
    """

    names: tuple[str, ...]
    pictures: tuple[ImageInput, ...]
    vectors: Vectors
    thumbnails: Thumbnails | None
    unreadable: tuple[Unreadable, ...]

    @classmethod
    def embed(cls, queries: Iterable[ImageSequence | ImageInput], embedder: Embedder) -> "Queries":
        """Embed what `open_queries` gave.

        Raises:
            SourceError: If none decodes.
        """
        names: list[str] = []
        pictures: list[ImageInput] = []
        vectors: list[Vectors] = []
        thumbnails: list[Thumbnails] = []
        unreadable: list[Unreadable] = []
        number = 0
        for in_memory, run in itertools.groupby(
            queries, lambda query: not isinstance(query, ImageSequence)
        ):
            some = list(run)
            if in_memory:
                names += [f"image {number + position}" for position in range(len(some))]
                pictures += cast(list[ImageInput], some)
                described = embedder.describe(cast(list[ImageInput], some))
                vectors.append(described[0])
                thumbnails.append(described[1])
            else:
                # One source, so that files given one by one go through the network together.
                for batch in embedder.embed_source(_joined(cast(list[ImageSequence], some))):
                    names += [frame.source for frame in batch.frames]
                    pictures += [frame.source for frame in batch.frames]
                    vectors.append(batch.vectors)
                    thumbnails.append(batch.thumbnails)
                    unreadable += batch.unreadable
            number += len(some)
        if not names:
            first = unreadable[0]
            raise SourceError(first.source, f"cannot be decoded as a query ({first.reason})")
        return cls(
            tuple(names),
            tuple(pictures),
            np.concatenate(vectors),
            np.concatenate(thumbnails),
            tuple(unreadable),
        )

    @classmethod
    def of_vectors(cls, vectors: npt.NDArray[Any], dimension: int) -> "Queries":
        """Take vectors that exist already.

        Args:
            vectors: Floats, shape ``(d,)`` or ``(n, d)``; they are normalised here.
            dimension: The d of the index.

        Raises:
            NearframeError: If they have another shape, or one of them has no direction.
        """
        rows = np.atleast_2d(np.asarray(vectors, np.float32))
        if rows.ndim != 2 or not len(rows) or rows.shape[1] != dimension:
            raise NearframeError(
                f"{vectors.dtype} array of shape {vectors.shape} is no query; expected vectors of "
                f"shape ({dimension},) or (n, {dimension}), or uint8 pixels of shape "
                "(height, width, 3)"
            )
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise NearframeError("a query vector must be of finite numbers that are not all zero")
        names = tuple(f"vector {number}" for number in range(len(rows)))
        return cls(names, (), rows / lengths, None, ())

    def trimmed(self, position: int, embedder: Embedder) -> "Trimmed | None":
        """Embed one of them without its bars; None where it has none."""
        # The picture is decoded in full only where what the network saw of it looks like that.
        if self.thumbnails is None or not may_have_bars(self.thumbnails[position]):
            return None
        picture = self.pictures[position]
        try:
            pixels = (
                read_image(picture)
                if isinstance(picture, (str, os.PathLike))
                else np.asarray(to_rgb(picture) if isinstance(picture, Image.Image) else picture)
            )
        except UnreadableImageError:  # it was whole when it was asked whole
            return None
        bars = possible_bars(pixels)
        if not bars:
            return None
        return Trimmed(bars, *embedder.describe([each.trimmed(pixels) for each in bars]))


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A query without its bars, in each way in which it may have some.

    Attributes:
        bars: What was taken away, the simplest first.
        vectors: float32, shape ``(len(bars), 2048)``, each row L2-normalised.
        thumbnails: uint16, shape ``(len(bars), 32, 32)``.
    """

    bars: tuple[Bars, ...]
    vectors: Vectors
    thumbnails: Thumbnails


def open_queries(queries: ImageInput | Iterable[ImageInput]) -> list[ImageSequence | ImageInput]:
    """Open what is a path; nothing is decoded.

    Raises:
        SourceError: If there is nothing that can be asked for.
        NearframeError: If there is no query at all.
    """
    if isinstance(queries, (str, os.PathLike, Image.Image, np.ndarray)):
        return [_opened(queries)]
    opened = [_opened(query) for query in queries]
    if not opened:
        raise NearframeError("no query was given; give at least one image")
    return opened


def as_vectors(
    queries: ImageInput | npt.NDArray[Any] | Iterable[ImageInput],
) -> tuple[npt.NDArray[Any] | None, ImageInput | list[ImageInput]]:
    """Tell vectors from pictures: pixels are whole numbers.

    Returns:
        The vectors as one array, or None where they are pictures; and the queries, to be read
        where they came from an iterator.

    Raises:
        NearframeError: If vectors differ in length.
    """
    if isinstance(queries, np.ndarray):
        return (queries if _are_floats(queries) else None), queries
    if isinstance(queries, (str, os.PathLike, Image.Image)):
        return None, queries
    listed = list(queries)
    rows = [row for row in listed if isinstance(row, np.ndarray) and row.ndim == 1]
    if not listed or len(rows) < len(listed) or not all(map(_are_floats, rows)):
        return None, listed
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise NearframeError(f"query vectors must be of one length, not {lengths}")
    return np.stack(rows), listed


def _are_floats(array: npt.NDArray[Any]) -> bool:
    return bool(np.issubdtype(array.dtype, np.floating))


def _joined(sequences: Sequence[ImageSequence]) -> ImageSequence:
    """Return the files of several sequences as one, in order."""
    if len(sequences) == 1:
        return sequences[0]
    return replace(
        sequences[0],
        files=tuple(file for sequence in sequences for file in sequence.files),
        problems=tuple(problem for sequence in sequences for problem in sequence.problems),
    )


def _opened(query: ImageInput) -> ImageSequence | ImageInput:
    if not isinstance(query, (str, os.PathLike)):
        return query
    source = open_source(query)
    if isinstance(source, Animation):
        return ImageSequence.of_file(query)  # asked by its first picture
    if not isinstance(source, ImageSequence):
        raise SourceError(query, "a video cannot be a query; expected images or a folder")
    return source
