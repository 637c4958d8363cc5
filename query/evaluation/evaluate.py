"""How well do these weights find copies of these pictures?"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nearframe.common import (
    NearframeError,
    ProgressOption,
    SourceError,
    as_progress,
    short_repr,
)
from nearframe.embeddings import Embedder, Fingerprint, MakeEmbedder, Unreadable, resolve_embedder
from nearframe.embeddings.sources import open_source

from ..search.threshold import Threshold, lowest_cosine, usual_threshold
from .baselines import Baseline
from .by_pixels import settled_by_pixels
from .copy_edits import COPY_EDITS, CopyEdit
from .describe import NETWORK, CopySource, Described, describe, evenly
from .histogram import SimilarityHistogram
from .retrieval import Positions, score_retrieval

MAX_IMAGES = 1000
"""How many images of a folder are copied where nobody says how many."""
VIDEO_FRAMES = 50
"""How many frames of a video are copied where nobody says how many."""

UNCHANGED = "unchanged"
PAIRS = "pairs"


@dataclass(frozen=True, slots=True)
class EditScores:
    """How one kind of copy fares with one method.

    Attributes:
        recall: Share whose original, or one with equal pixels, comes first; a tie of n counts
            1 / n.
        similarities: Cosine of each copy to its original, float64, shape ``(copies,)``.
        distance: Of a video, how many frames the first lies off where it is a wrong one: the
            median; None where none is wrong, and for images.
    """

    recall: float
    similarities: npt.NDArray[np.float64]
    distance: float | None = None

    @property
    def median(self) -> float:
        """Median cosine of copy and original."""
        return float(np.median(self.similarities))

    def share_at(self, threshold: Threshold) -> float:
        """Return the share of copies whose original counts as the same, whatever comes first."""
        return float((self.similarities >= lowest_cosine(threshold.value)).mean())


@dataclass(frozen=True, slots=True)
class MethodScores:
    """How all copies fare with one method.

    Attributes:
        name: ``nearframe``, or that of a baseline.
        edits: Name of an edit -> how its copies fare; ``pairs`` alone for the user's own pairs.
        micro_ap: Average precision over all pairs with one threshold, as in DISC21; None for
            videos, where the frames beside the right one show the same.
        different: Cosines of all copies to all pictures that are not their original.
    """

    name: str
    edits: Mapping[str, EditScores]
    micro_ap: float | None
    different: SimilarityHistogram

    @property
    def mean_recall(self) -> float:
        """Mean of recall@1 over the edits."""
        return float(np.mean([scores.recall for scores in self.edits.values()]))


@short_repr
@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well copies are found.

    Attributes:
        source: The folder or the video.
        is_video: Which of the two.
        fingerprint: What the vectors were made with.
        originals: Among how many pictures copies are searched for.
        copied: How many of them were copied, or how many queries the user's table has.
        copies: How many copies were searched for in all.
        methods: ``nearframe`` first, then the baselines.
        unreadable: What did not decode.
    """

    source: str
    is_video: bool
    fingerprint: Fingerprint
    originals: int
    copied: int
    copies: int
    methods: tuple[MethodScores, ...]
    unreadable: tuple[Unreadable, ...]

    @property
    def threshold(self) -> Threshold | None:
        """From where two pictures count as the same by these weights; None where nobody knows."""
        return usual_threshold(None, self.fingerprint)


def evaluate(
    source: str | os.PathLike[str],
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    frames: int | None = None,
    recursive: bool = False,
    seed: int = 0,
    edits: Mapping[str, CopyEdit] | None = None,
    baselines: Mapping[str, Baseline] | None = None,
    progress: ProgressOption = None,
) -> Evaluation:
    """Make edited copies of pictures, and search for each among all of them.

    Args:
        source: A folder of images, or a video.
        embedder: An embedder or a function that makes one; by default one with the built-in
            weights.
        frames: How many pictures to copy, evenly spread (>= 1). By default all images of a folder
            up to `MAX_IMAGES`, and `VIDEO_FRAMES` of a video.
        recursive: Whether a folder is searched with its sub-folders.
        seed: Of the edits (>= 0). The same seed gives the same copies.
        edits: Name -> edit; by default `COPY_EDITS`, and for a video its frames unchanged too.
        baselines: Methods to run beside the network, by name.
        progress: Told what it is at.

    Raises:
        SourceError: If there are no pictures at `source`, or no two different ones.
        NearframeError: If `frames` or `seed` is out of range.
    """
    if frames is not None and frames < 1:
        raise NearframeError(f"`frames` must be 1 or more, not {frames}")
    if seed < 0:
        raise NearframeError(f"`seed` must be 0 or more, not {seed}")
    opened = open_source(source, recursive=recursive)
    if opened.kind == "image":
        raise SourceError(source, "is one image; expected a folder of images or a video")
    is_video = opened.kind == "video"
    if edits is None:
        edits = {UNCHANGED: lambda photo, _: photo, **COPY_EDITS} if is_video else COPY_EDITS
    embedder = resolve_embedder(embedder, None, holder="")
    progress, baselines = as_progress(progress), baselines or {}
    originals = describe(opened, embedder, baselines=baselines, progress=progress)
    same = originals.same_pixels()
    if len(same[0]) == len(same):
        raise SourceError(source, "needs at least two pictures that differ")
    chosen = evenly(len(same), frames or (VIDEO_FRAMES if is_video else MAX_IMAGES))
    copying = CopySource(opened, originals.places[chosen].tolist(), edits, seed)
    copies = describe(copying, embedder, baselines=baselines, progress=progress, label="copies")
    rows, edit_of_copy = copying.of(copies)
    own = np.array(chosen, np.int64)[rows]
    methods = score_methods(
        originals,
        copies,
        [same[position] for position in own],
        edits=edit_of_copy,
        is_video=is_video,
        own=own,
    )
    return Evaluation(
        source=opened.path,
        is_video=is_video,
        fingerprint=embedder.fingerprint,
        originals=len(originals.frames),
        copied=len(np.unique(rows)),
        copies=len(copies.frames),
        methods=methods,
        unreadable=together(originals, copies),
    )


def score_methods(
    originals: Described,
    queries: Described,
    right: Sequence[Positions],
    *,
    edits: Sequence[str],
    is_video: bool,
    own: Positions | None = None,
    ignored: Sequence[Positions] | None = None,
) -> tuple[MethodScores, ...]:
    """Score every method that both were described with.

    Args:
        originals: Shape ``(no, …)``.
        queries: Shape ``(nq, …)``.
        right: Per query, the positions of its right originals.
        edits: Per query, the kind of copy it is.
        is_video: Whether originals are frames of one video.
        own: Per query, the position of the frame it is a copy of, shape ``(nq,)``; of a video.
        ignored: Per query, positions that count neither as right nor as wrong.
    """
    numbers = np.array([frame.number for frame in originals.frames], np.int64)
    of_edit = {edit: np.array([each == edit for each in edits]) for edit in dict.fromkeys(edits)}
    methods = []
    for name, vectors in queries.vectors.items():
        found = score_retrieval(vectors, originals.vectors[name], right, ignored=ignored)
        if name == NETWORK:
            found = settled_by_pixels(found, queries, originals, right, ignored=ignored)
        scores = {}
        for edit, rows in of_edit.items():
            rows = rows & ~np.isnan(found.hits)
            wrong = rows & (found.hits == 0)
            distance = None
            if is_video and own is not None and wrong.any():
                off = numbers[found.nearest_wrong[wrong]] - numbers[own[wrong]]
                distance = float(np.median(np.abs(off)))
            scores[edit] = EditScores(
                float(found.hits[rows].mean()), found.similarity[rows], distance
            )
        micro_ap = None if is_video else found.micro_ap
        methods.append(MethodScores(name, scores, micro_ap, found.different))
    return tuple(methods)


def together(*described: Described) -> tuple[Unreadable, ...]:
    """Return what did not decode in any of them, each once."""
    entries = {(e.source, e.number): e for each in described for e in each.unreadable}
    return tuple(entries.values())
