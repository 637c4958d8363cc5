"""Frames that vectors hardly tell apart, in the order of their pixels.

Neighbouring frames of a fixed camera have cosines above 0.999, less apart than a JPEG or rounding
in 8 bits moves a vector. What is asked for as it was filmed is found by its pixels then; what was
edited differs from all of them in pixels, and keeps the order of the vectors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nearframe.embeddings import THUMBNAIL_UNIT, Thumbnails

from .match import Match

PIXEL_CANDIDATES = 128
"""How many of the nearest frames are compared in pixels; more where all of them are as near."""
MOST_CANDIDATES = 4096
"""How many are compared at most, some 8 MB of thumbnails per query: 2 min of a camera at 30 fps."""
AS_NEAR = 0.02
"""Cosines this near are ties: a JPEG of quality 20, or rounding in 8 bits, moves them less."""
# In levels of 255.
_SAME_PIXELS = 6.0

Differences = npt.NDArray[np.float32]
"""Standard deviations of differences of thumbnails, float32, shape ``(n,)``, in levels of 255."""


def by_pixels(
    found: Sequence[tuple[int, Match]],
    asked: Thumbnails,
    thumbnails_of: Callable[[Sequence[int]], Mapping[int, Thumbnails]],
) -> list[Match]:
    """Put the matches of one query in order, and say how far their pixels are apart.

    Args:
        found: Frames with their ids, the nearest first.
        asked: Thumbnail of the query, uint16 ``(32, 32)``.
        thumbnails_of: Gives those of some ids, as far as there are any.
    """
    compared = [id_ for id_, _ in found[:MOST_CANDIDATES]]
    known = thumbnails_of(compared)
    apart = np.full(len(compared), np.nan, np.float32)
    have = [position for position, id_ in enumerate(compared) if id_ in known]
    if have:
        apart[have] = thumbnail_differences(asked, np.stack([known[compared[n]] for n in have]))
    matches = [match for _, match in found]
    for position in have:
        matches[position] = replace(matches[position], pixels=float(apart[position]))
    order = order_by_pixels([match.similarity for match in matches], apart)
    return matches if order is None else [matches[position] for position in order.tolist()]


def with_as_near(
    found: Sequence[tuple[int, Match]],
    fetch: Callable[[int], Sequence[Sequence[tuple[int, Match]]]],
) -> Sequence[tuple[int, Match]]:
    """Return more frames where all that were found are as near: a camera that stands still.

    Args:
        found: Frames with their ids, the nearest first.
        fetch: Finds so many in place of them; they are the one element of what it returns.
    """
    while (
        PIXEL_CANDIDATES <= len(found) < MOST_CANDIDATES
        and found[-1][1].similarity >= found[0][1].similarity - AS_NEAR
    ):
        (more,) = fetch(min(8 * len(found), MOST_CANDIDATES))
        if len(more) <= len(found):
            break
        found = more
    return found


def thumbnail_differences(asked: Thumbnails, found: Thumbnails) -> Differences:
    """Compare one thumbnail ``(32, 32)`` with others ``(n, 32, 32)``.

    Deviations, so that what encoders do to the brightness of a whole picture does not count.
    """
    apart = (found.astype(np.float32) - asked) / THUMBNAIL_UNIT
    deviations: Differences = np.asarray(apart.std(axis=(1, 2)), np.float32)
    return deviations


def order_by_pixels(
    similarities: npt.ArrayLike, apart: Differences
) -> npt.NDArray[np.int64] | None:
    """Order frames of which some are as near as the nearest, as far as their vectors can tell.

    Args:
        similarities: Cosines to the query, shape ``(n,)``, the highest first.
        apart: Of the first n' <= n of them, nan where there is no thumbnail.

    Returns:
        int64, shape ``(n,)``: positions, in order; None where none of them has the query's pixels,
        and the order is that of the similarities.
    """
    values = np.asarray(similarities)
    near = int((values[: len(apart)] >= values[:1] - AS_NEAR).sum())
    # nan compares as False: what has no thumbnail does not have the query's pixels.
    if not (apart[:near] <= _SAME_PIXELS).any():
        return None
    order = np.arange(len(values))
    # nan comes last, in the order of the vectors.
    order[:near] = np.argsort(apart[:near], kind="stable")
    return order
