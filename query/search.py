"""Which frame of an index is this picture?"""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from nearframe.embeddings import (
    Embedder,
    Fingerprint,
    ImageInput,
    MakeEmbedder,
    NearframeError,
    Unreadable,
    resolve_embedder,
)
from nearframe.index import PIXEL_CANDIDATES, Match, Restriction, Searchable, open_index

from .bars import Bars
from .queries import Queries, Trimmed, open_queries
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
        nearest: Similarity of the first match; where there is none, the highest of any frame, and
            None where the index is empty.
        bars: What was trimmed from the query for this answer; None where it was asked whole, as
            it is unless a frame is nearer without bars.
    """

    query: str
    matches: tuple[Match, ...]
    nearest: float | None
    bars: Bars | None = None


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

    A picture with uniform bars around it (letterbox, pillarbox) is asked whole and without them,
    and the answer with the nearest frame counts.

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
        asked = open_queries(queries)
        # Last, because loading the network takes seconds, and the rest may be wrong.
        embedder = resolve_embedder(embedder, opened.fingerprint, holder="the index")
        embedded = Queries.embed(asked, embedder)
        # Not only `k`: those with the nearest pixels may be below the threshold, and others not.
        ask = partial(opened.nearest, k=max(k, PIXEL_CANDIDATES), within=within)
        results: list[QueryMatches] = []
        for first in range(0, len(embedded.names), _BLOCK):
            some = slice(first, first + _BLOCK)
            whole = ask(embedded.vectors[some], thumbnails=embedded.thumbnails[some])
            for position, found in enumerate(whole, first):
                found, bars = _best(ask, found, embedded.trimmed(position, embedder))
                matches = tuple(match for match in found if match.similarity >= lowest)[:k]
                results.append(
                    QueryMatches(
                        query=embedded.names[position],
                        matches=matches,
                        nearest=matches[0].similarity if matches else _highest(found),
                        bars=bars,
                    )
                )
    return SearchReport(tuple(results), embedded.unreadable, embedder.fingerprint)


def _best(
    ask: Callable[..., list[list[Match]]], whole: list[Match], trimmed: Trimmed | None
) -> tuple[list[Match], Bars | None]:
    """Return the answer with the nearest frame, to the whole query or to it without some bars."""
    if trimmed is None or not whole:
        return whole, None
    answers: list[tuple[list[Match], Bars | None]] = [(whole, None)]
    answers += zip(ask(trimmed.vectors, thumbnails=trimmed.thumbnails), trimmed.bars, strict=True)
    # Of answers that are as near, the first: whole if it can be.
    return max(answers, key=lambda answer: max(match.similarity for match in answer[0]))


def _highest(matches: list[Match]) -> float | None:
    return max((match.similarity for match in matches), default=None)
