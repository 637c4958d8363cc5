"""Which frame of an index is this picture?"""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy.typing as npt

from nearframe.common import NearframeError, short_repr
from nearframe.embeddings import (
    DIMENSION,
    Embedder,
    Fingerprint,
    ImageInput,
    MakeEmbedder,
    Unreadable,
    Vectors,
    resolve_embedder,
)
from nearframe.index import PIXEL_CANDIDATES, Match, Restriction, Searchable, open_index

from .bars import Bars
from .queries import Queries, Trimmed, as_vectors, open_queries
from .threshold import Threshold, lowest_cosine, usual_threshold
from .views import Verdict, View, judge, next_view_margin, same_view

Query = str | os.PathLike[str]

# Queries whose candidates are in memory at once: some 30 KB each.
_BLOCK = 256


@short_repr
@dataclass(frozen=True, slots=True)
class QueryMatches:
    """The frames nearest to one query.

    Attributes:
        query: What was asked for: the file of a picture, ``image N`` where it was no file, or
            ``vector N``.
        matches: Nearest first, and of those that are as near the ones with the nearest pixels;
            those at or above the threshold, `k` at most.
        nearest: Similarity of the first match; where there is none, the highest of any frame, and
            None where the index is empty.
        bars: What was trimmed from the query for this answer; None where it was asked whole, as
            it is unless a frame is nearer without bars.
        view: The stretch of a video around the first match whose frames are as near.
        margin: How much nearer the nearest frame is than any other view; None where there is none.
        verdict: How sure it is that the nearest frame shows what was asked for; None where no
            threshold is known.
    """

    query: str
    matches: tuple[Match, ...]
    nearest: float | None
    bars: Bars | None = None
    view: View | None = None
    margin: float | None = None
    verdict: Verdict | None = None


@short_repr
@dataclass(frozen=True, slots=True)
class SearchReport:
    """The answer to all queries.

    Attributes:
        results: Per query that decodes, in the order given.
        unreadable: The queries that do not.
        fingerprint: What the queries were embedded with; for vectors, what the index was made with,
            and None where it does not say.
        threshold: From where frames count as the same: the one that was given, or the usual one
            of the index or the weights; None where nobody knows.
    """

    results: tuple[QueryMatches, ...]
    unreadable: tuple[Unreadable, ...]
    fingerprint: Fingerprint | None
    threshold: Threshold | None = None


def search(
    index: Query | Searchable,
    queries: ImageInput | npt.NDArray[Any] | Iterable[ImageInput],
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
            folder stands for all images in it. Or vectors of the index's own network: floats of
            shape ``(d,)`` or ``(n, d)``, or a list of such ``(d,)``.
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
        raise NearframeError(f"`k` must be 1 or more, not {k}")
    lowest = -1.0 if threshold is None else lowest_cosine(threshold)
    with ExitStack() as stack:
        opened: Searchable
        if isinstance(index, (str, os.PathLike)):
            opened = own = open_index(index)
            stack.enter_context(own)
        else:
            opened = index
        trim: Callable[[int], Trimmed | None] = _whole
        vectors, queries = as_vectors(queries)
        if vectors is not None:
            fingerprint = opened.fingerprint
            dimension = fingerprint.dimension if fingerprint else DIMENSION
            embedded = Queries.of_vectors(vectors, dimension)
        else:
            asked = open_queries(queries)
            # Last, because loading the network takes seconds, and the rest may be wrong.
            made = resolve_embedder(embedder, opened.fingerprint, holder="the index")
            embedded, fingerprint = Queries.embed(asked, made), made.fingerprint
            trim = partial(embedded.trimmed, embedder=made)
        usual = usual_threshold(opened, fingerprint) if fingerprint else None
        sure = usual if threshold is None else Threshold(threshold, "given")
        # Not only `k`: those with the nearest pixels may be below the threshold, and others not.
        ask = partial(opened.nearest, k=max(k, PIXEL_CANDIDATES), within=within)
        results: list[QueryMatches] = []
        for first in range(0, len(embedded.names), _BLOCK):
            some = slice(first, first + _BLOCK)
            small = None if embedded.thumbnails is None else embedded.thumbnails[some]
            whole = ask(embedded.vectors[some], thumbnails=small)
            for position, found in enumerate(whole, first):
                answer = _Answer(found, embedded.vectors[position])
                answer = _best(ask, answer, trim(position))
                matches = [match for match in answer.found if match.similarity >= lowest]
                result = QueryMatches(
                    embedded.names[position], tuple(matches[:k]), None, answer.bars
                )
                if nearest := matches or sorted(answer.found, key=_similarity, reverse=True):
                    view = same_view(opened, answer.vector[None], nearest[0], within)
                    margin = next_view_margin(nearest[0], answer.found, view)
                    result = replace(
                        result,
                        nearest=nearest[0].similarity,
                        view=view,
                        margin=margin,
                        verdict=judge(nearest[0].similarity, margin, sure),
                    )
                results.append(result)
    return SearchReport(tuple(results), embedded.unreadable, fingerprint, sure)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found for a vector ``(2048,)``: that of a query, or of it without some bars."""

    found: list[Match]
    vector: Vectors
    bars: Bars | None = None


def _whole(_: int) -> None:
    """Trim nothing: a vector has no bars that could be seen."""


def _best(
    ask: Callable[..., list[list[Match]]], whole: _Answer, trimmed: Trimmed | None
) -> _Answer:
    """Return the answer with the nearest frame, to the whole query or to it without some bars."""
    if trimmed is None or not whole.found:
        return whole
    found = ask(trimmed.vectors, thumbnails=trimmed.thumbnails)
    answers = map(_Answer, found, trimmed.vectors, trimmed.bars)
    # Of answers that are as near, the first: whole if it can be.
    return max([whole, *answers], key=lambda answer: max(map(_similarity, answer.found)))


def _similarity(match: Match) -> float:
    return match.similarity
