"""Which frame of an index is this picture?"""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nearframe.embeddings import (
    Embedder,
    Fingerprint,
    ImageInput,
    MakeEmbedder,
    NearframeError,
    SourceError,
    Thumbnails,
    Unreadable,
    Vectors,
    resolve_embedder,
)
from nearframe.embeddings.sources import Animation, ImageSequence, open_source
from nearframe.index import PIXEL_CANDIDATES, Match, Restriction, Searchable, open_index

from .threshold import lowest_cosine

Query = str | os.PathLike[str]

# Queries whose candidates are in memory at once: some 30 KB each.
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class QueryMatches:
    """The frames nearest to one query.

    Attributes:
        query: The picture that was asked for: its file, or ``image N`` where it was no file.
        matches: Nearest first, and of those that are as near the ones with the nearest pixels;
            those at or above the threshold, `k` at most.
        nearest: Highest similarity of any frame, at or above the threshold or not; None where
            the index is empty.
    """

    query: str
    matches: tuple[Match, ...]
    nearest: float | None


@dataclass(frozen=True, slots=True)
class SearchReport:
    """The answer to all queries.

    Attributes:
        results: Per query that decodes, in the order given.
        unreadable: The queries that do not.
        fingerprint: What the queries were embedded with.
    """

    results: tuple[QueryMatches, ...]
    unreadable: tuple[Unreadable, ...]
    fingerprint: Fingerprint


def search(
    index: Query | Searchable,
    queries: ImageInput | Iterable[ImageInput],
    *,
    k: int = 1,
    threshold: float | None = None,
    within: Restriction | None = None,
    embedder: Embedder | MakeEmbedder | None = None,
) -> SearchReport:
    """Find the frames of an index that are nearest to some pictures.

    Args:
        index: An index directory, a ``.json`` or ``.faiss`` file, or one of them opened.
        queries: One picture or several: paths, Pillow images or RGB uint8 arrays. The path of a
            folder stands for all images in it.
        k: How many matches per query at most (>= 1).
        threshold: Lowest similarity of a match, in [-1, 1]; None for no limit.
        within: Which frames to look at.
        embedder: An embedder or a function that makes one; by default the one that the index was
            made with.

    Raises:
        SourceError: If a query does not exist, or no query can be decoded.
        FingerprintMismatchError: If `embedder` is not the one the index was made with.
        FrameIndexError: If there is no such index, or it is damaged.
        NearframeError: If `k` is below 1, or the threshold out of range.
    """
    if k < 1:
        raise NearframeError(f"k must be 1 or more, not {k}")
    lowest = -1.0 if threshold is None else lowest_cosine(threshold)
    with ExitStack() as stack:
        opened: Searchable
        if isinstance(index, (str, os.PathLike)):
            opened = own = open_index(index)
            stack.enter_context(own)
        else:
            opened = index
        asked = [_openable(query) for query in _as_list(queries)]
        # Last, because loading the network takes seconds, and the rest may be wrong.
        embedder = resolve_embedder(embedder, opened.fingerprint, holder="the index")
        names, vectors, thumbnails, unreadable = _embed(asked, embedder)
        # Not only `k`: those with the nearest pixels may be below the threshold, and others not.
        fetched = max(k, PIXEL_CANDIDATES)
        results: list[QueryMatches] = []
        for first in range(0, len(names), _BLOCK):
            some = slice(first, first + _BLOCK)
            found = opened.nearest(
                vectors[some], fetched, thumbnails=thumbnails[some], within=within
            )
            results += [
                QueryMatches(
                    query=name,
                    matches=tuple(match for match in matches if match.similarity >= lowest)[:k],
                    nearest=max((match.similarity for match in matches), default=None),
                )
                for name, matches in zip(names[some], found, strict=True)
            ]
    return SearchReport(tuple(results), unreadable, embedder.fingerprint)


def _openable(query: ImageInput) -> ImageSequence | ImageInput:
    """Open what is a path; raises where there is nothing that can be asked for."""
    if not isinstance(query, (str, os.PathLike)):
        return query
    source = open_source(query)
    if isinstance(source, Animation):
        return ImageSequence.of_file(query)  # asked by its first picture
    if not isinstance(source, ImageSequence):
        raise SourceError(query, "a video cannot be a query; expected images or a folder")
    return source


def _embed(
    queries: Iterable[ImageSequence | ImageInput], embedder: Embedder
) -> tuple[list[str], Vectors, Thumbnails, tuple[Unreadable, ...]]:
    """Return names, vectors ``(nq, 2048)`` and thumbnails of what decodes, and the others."""
    names: list[str] = []
    vectors: list[Vectors] = []
    thumbnails: list[Thumbnails] = []
    unreadable: list[Unreadable] = []
    for number, query in enumerate(queries):
        if not isinstance(query, ImageSequence):
            names.append(f"image {number}")
            vector, thumbnail = embedder.describe([query])
            vectors.append(vector)
            thumbnails.append(thumbnail)
            continue
        for batch in embedder.embed_source(query):
            names += [frame.source for frame in batch.frames]
            vectors.append(batch.vectors)
            thumbnails.append(batch.thumbnails)
            unreadable += batch.unreadable
    if not names:
        first = unreadable[0]
        raise SourceError(first.source, f"cannot be decoded as a query ({first.reason})")
    return names, np.concatenate(vectors), np.concatenate(thumbnails), tuple(unreadable)


def _as_list(queries: ImageInput | Iterable[ImageInput]) -> list[ImageInput]:
    if isinstance(queries, (str, os.PathLike, Image.Image, np.ndarray)):
        return [queries]
    listed = list(queries)
    if not listed:
        raise NearframeError("no query was given; give at least one image")
    return listed
