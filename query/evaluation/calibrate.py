"""From which similarity do two pictures count as the same, for this user's pictures?"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nearframe.common import (
    NearframeError,
    ProgressOption,
    SourceError,
    as_progress,
    short_repr,
)
from nearframe.embeddings import Embedder, Fingerprint, MakeEmbedder, Unreadable, resolve_embedder
from nearframe.embeddings.sources import ImageSequence, open_source
from nearframe.index import StoredThreshold

from ..dedup.plan import now
from ..search.threshold import ROUNDING, lowest_cosine
from .baselines import thumbnail
from .copy_edits import COPY_EDITS, CopyEdit
from .describe import NETWORK, CopySource, Described, describe, evenly
from .nearest_pairs import NearestPairs, count_pairs, find_nearest_pairs
from .retrieval import Positions, paired_cosines

DEFAULT_RATE = 1e-4
DEFAULT_FRAMES = 100
"""How many images are copied where nobody says how many."""

_LISTED = 5
# A count of ten is right to about a third; of fewer, nothing can be said but how few they are.
_PAIRS_ABOVE = 10
# Of the 179,700 pairs of 600 photos in supermarkets, the 8x8 thumbnails of two correlate more than
# this, and both show one carton twice; from 0.91 down, pairs show different things.
_ALIKE = 0.93
# Up to here a threshold is rounded up to four digits, nearer to 1 to six.
_FINE = 0.99


class TooFewImagesError(SourceError):
    """A folder whose images make too few pairs for any threshold at the rate that was asked for.

    Attributes:
        images: How many images there are.
        pairs: How many pairs of them, those with equal pixels left out.
        needed: From how many images on there is a threshold.
    """

    def __init__(
        self, folder: str | os.PathLike[str], images: int, pairs: int, rate: float
    ) -> None:
        self.images, self.pairs, self.needed = images, pairs, _images_for(1 / rate)
        there = "1 image makes" if images == 1 else f"{images:,} images make"
        super().__init__(
            folder,
            f"{there} {pairs:,} {'pair' if pairs == 1 else 'pairs'}, too few for a threshold at a "
            f"rate of {one_in(rate)}; at least {self.needed:,} images are "
            f"needed, and {_images_for(_PAIRS_ABOVE / rate):,} to be sure of it: add images of "
            "which no two show the same, or ask for a higher `rate`",
        )


@dataclass(frozen=True, slots=True)
class ImagePair:
    """Two images of the folder that are near to each other.

    Attributes:
        first: File of the one.
        second: File of the other.
        similarity: Their cosine, in [-1, 1].
        alike: Whether their 8x8 thumbnails are nearly equal too, so that they probably show the
            same and are no false match at all.
    """

    first: str
    second: str
    similarity: float
    alike: bool


@short_repr
@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold with what it rests on.

    Attributes:
        threshold: Cosine from which two pictures count as the same, in [-1, 1].
        interval: Between these it lies in 95 % of folders drawn at random from this one; None
            where too few pairs are above it to say.
        rate: Share of pairs of different images that was allowed to reach it.
        images: How many images were compared.
        pairs: How many pairs of them, those with equal pixels left out.
        above: How many of those pairs reach the threshold.
        equal_pairs: How many pairs were left out since their pixels are equal.
        nearest: The nearest pairs, nearest first, to look at: do they show different things?
        copied: How many images were copied.
        found: Name of an edit -> share of its copies that reach the threshold with their original.
        fingerprint: What the vectors were made with.
        created: When, ISO 8601 with offset.
        warnings: What makes the threshold doubtful, one line each.
        unreadable: What did not decode.
    """

    threshold: float
    interval: tuple[float, float] | None
    rate: float
    images: int
    pairs: int
    above: int
    equal_pairs: int
    nearest: tuple[ImagePair, ...]
    copied: int
    found: Mapping[str, float]
    fingerprint: Fingerprint
    created: str
    warnings: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]

    def to_store(self) -> StoredThreshold:
        """Return what an index keeps of it."""
        return StoredThreshold(self.threshold, self.rate, self.pairs, self.created)


def calibrate(
    folder: str | os.PathLike[str],
    *,
    rate: float = DEFAULT_RATE,
    embedder: Embedder | MakeEmbedder | None = None,
    frames: int = DEFAULT_FRAMES,
    recursive: bool = False,
    seed: int = 0,
    edits: Mapping[str, CopyEdit] = COPY_EDITS,
    progress: ProgressOption = None,
) -> Calibration:
    """Find the threshold that few enough pairs of different images reach, and what it finds.

    All pairs of images of the folder are taken for different images, except those of equal pixels.
    Near-duplicates in the folder therefore make the threshold higher than it need be.

    Args:
        folder: Images of which no two show the same.
        rate: Share of the pairs that may reach the threshold, above 0 and below 1.
        embedder: An embedder or a function that makes one; by default one with the built-in
            weights.
        frames: How many of the images to copy, evenly spread (>= 1).
        recursive: Whether the folder is searched with its sub-folders.
        seed: Of the edits (>= 0), and of the resampling.
        edits: Name -> edit.
        progress: Told what it is at.

    Raises:
        SourceError: If `folder` is none.
        TooFewImagesError: If not one pair of different images would be allowed to reach it.
        NearframeError: If `rate`, `frames` or `seed` is out of range.
    """
    if not 0 < rate < 1:
        raise NearframeError(
            f"the rate is a share of all pairs and must lie between 0 and 1, not {rate:g}"
        )
    if frames < 1:
        raise NearframeError(f"`frames` must be 1 or more, not {frames}")
    if seed < 0:
        raise NearframeError(f"`seed` must be 0 or more, not {seed}")
    opened = open_source(folder, recursive=recursive)
    if not isinstance(opened, ImageSequence) or opened.kind != "folder":
        raise SourceError(folder, "calibrate takes a folder of images that are all different")
    # Before the network is loaded; of what was read, the same is asked again below.
    most = len(opened.files) * (len(opened.files) - 1) // 2
    if not _allows_one(most, rate):
        raise TooFewImagesError(folder, len(opened.files), most, rate)
    embedder = resolve_embedder(embedder, None, holder="")
    progress = as_progress(progress)
    baselines = {"thumbnail": thumbnail}
    images = describe(opened, embedder, baselines=baselines, progress=progress)
    vectors, groups = images.vectors[NETWORK], images.pixel_groups()
    pairs = find_nearest_pairs(vectors, groups, rate=rate)
    if not _allows_one(pairs.total, rate):
        raise TooFewImagesError(folder, len(images.frames), pairs.total, rate)
    threshold = _rounded_up(pairs.highest_refused(rate))
    above = count_pairs(vectors, groups, lowest=lowest_cosine(threshold))
    chosen = evenly(len(images.frames), frames)
    copying = CopySource(opened, images.places[chosen].tolist(), edits, seed)
    copies = describe(copying, embedder, baselines={}, progress=progress, label="copies")
    rows, edit_of_copy = copying.of(copies)
    own = np.array(chosen, np.int64)[rows]
    nearest = _image_pairs(images, pairs, max(above, _LISTED))
    return Calibration(
        threshold=threshold,
        interval=_interval(pairs, rate, seed) if above >= _PAIRS_ABOVE else None,
        rate=rate,
        images=len(images.frames),
        pairs=pairs.total,
        above=above,
        equal_pairs=pairs.equal,
        nearest=nearest[:_LISTED],
        copied=len(np.unique(rows)),
        found=_found(images, copies, own, edit_of_copy, threshold),
        fingerprint=embedder.fingerprint,
        created=now(),
        warnings=tuple(_warnings(pairs, rate, above, nearest)),
        unreadable=images.unreadable,
    )


def highest_rate(above: int, pairs: int) -> float:
    """Return the rate of false matches that is exceeded with a probability of 5 % at most.

    For a threshold that `above` of `pairs` pairs reach, if those were independent of each other:
    with none above, 3 in `pairs`.
    """
    low, high = 0.0, 10.0 * (above + 1)
    for _ in range(60):
        middle = (low + high) / 2
        # Of so few pairs, if `middle` were expected (Poisson).
        probability = sum(
            math.exp(k * math.log(middle) - middle - math.lgamma(k + 1)) for k in range(above + 1)
        )
        low, high = (middle, high) if probability > 0.05 else (low, middle)
    return min(1.0, high / pairs)


def _allows_one(pairs: int, rate: float) -> bool:
    """Whether so many pairs are enough that one of them may reach the threshold.

    Where none may, a threshold is only above the nearest pair that happens to be there.
    """
    return pairs >= _pairs_for(1 / rate)


def _pairs_for(pairs: float) -> int:
    """Round up, but not for the last digit of a quotient."""
    return math.ceil(pairs * (1 - 1e-12))


def _images_for(pairs: float) -> int:
    """Return how many images make so many pairs."""
    return math.ceil((1 + math.sqrt(1 + 8 * _pairs_for(pairs))) / 2)


def _rounded_up(refused: float) -> float:
    """Return a threshold of a few digits that a cosine does not reach, 1 at most."""
    least = refused + 2 * ROUNDING
    scale = 10**4 if least < _FINE else 10**6
    return min(1.0, math.ceil(least * scale) / scale)


def _interval(pairs: NearestPairs, rate: float, seed: int) -> tuple[float, float]:
    low, high = np.quantile(pairs.resampled(rate, seed=seed), [0.025, 0.975])
    return _rounded_up(float(low)), _rounded_up(float(high))


def _image_pairs(images: Described, pairs: NearestPairs, count: int) -> tuple[ImagePair, ...]:
    """Describe the `count` nearest pairs, with what their thumbnails say of them."""
    first, second = pairs.first[:count], pairs.second[:count]
    thumbnails = images.vectors["thumbnail"]
    alike = paired_cosines(thumbnails, thumbnails, first, second) >= _ALIKE
    return tuple(
        ImagePair(images.frames[a].source, images.frames[b].source, float(cosine), bool(same))
        for a, b, cosine, same in zip(first, second, pairs.cosines, alike, strict=False)
    )


def _found(
    images: Described,
    copies: Described,
    own: Positions,
    edits: Sequence[str],
    threshold: float,
) -> dict[str, float]:
    """Return per edit the share of copies that reach the threshold with their original."""
    cosines = paired_cosines(
        copies.vectors[NETWORK], images.vectors[NETWORK], np.arange(len(own)), own
    )
    reached = cosines >= lowest_cosine(threshold)
    return {
        edit: float(reached[np.array([each == edit for each in edits])].mean())
        for edit in dict.fromkeys(edits)
    }


def _warnings(
    pairs: NearestPairs, rate: float, above: int, nearest: Sequence[ImagePair]
) -> Iterator[str]:
    if pairs.total < _pairs_for(_PAIRS_ABOVE / rate):
        yield (
            f"{pairs.total:,} pairs are few for a rate of {one_in(rate)}: give "
            f"{_images_for(_PAIRS_ABOVE / rate):,} images or more; as it is, the rate may be as "
            f"high as {one_in(highest_rate(above, pairs.total))} (95 %, were the pairs independent)"
        )
    if above > pairs.allowed(rate):
        yield (
            f"{above:,} pairs of different images have a similarity of 1, or nearly: these "
            f"weights cannot tell them apart, and no threshold holds the rate"
        )
    alike = sum(pair.alike for pair in nearest)
    if alike:
        yield (
            f"{alike:,} of the {len(nearest):,} nearest pairs look like the same picture twice; "
            "if they are, the threshold is too high: take one of each away and calibrate again"
        )


def one_in(rate: float) -> str:
    """Say a rate in words: 0.0001 gives ``1 in 10,000``."""
    return f"1 in {1 / rate:,.0f}"
