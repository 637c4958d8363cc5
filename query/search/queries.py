"""The pictures that a search asks for -> vectors, and those of them that may have bars."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
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
        thumbnails: uint16, shape ``(nq, 32, 32)``.
        unreadable: Those that do not decode.
    """

    names: tuple[str, ...]
    pictures: tuple[ImageInput, ...]
    vectors: Vectors
    thumbnails: Thumbnails
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
        for number, query in enumerate(queries):
            if not isinstance(query, ImageSequence):
                names.append(f"image {number}")
                pictures.append(query)
                vector, thumbnail = embedder.describe([query])
                vectors.append(vector)
                thumbnails.append(thumbnail)
                continue
            for batch in embedder.embed_source(query):
                names += [frame.source for frame in batch.frames]
                pictures += [frame.source for frame in batch.frames]
                vectors.append(batch.vectors)
                thumbnails.append(batch.thumbnails)
                unreadable += batch.unreadable
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

    def trimmed(self, position: int, embedder: Embedder) -> "Trimmed | None":
        """Embed one of them without its bars; None where it has none."""
        # The picture is decoded in full only where what the network saw of it looks like that.
        if not may_have_bars(self.thumbnails[position]):
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


def _opened(query: ImageInput) -> ImageSequence | ImageInput:
    if not isinstance(query, (str, os.PathLike)):
        return query
    source = open_source(query)
    if isinstance(source, Animation):
        return ImageSequence.of_file(query)  # asked by its first picture
    if not isinstance(source, ImageSequence):
        raise SourceError(query, "a video cannot be a query; expected images or a folder")
    return source
