"""Lists of all frames of an index: learned from a sample, filled, and measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nearframe.embeddings import Progress, Vectors

from ..tables import Ids
from ..vectors import StoredVectors
from .ivf import AXES, IvfLists, list_count, training_count
from .recall import QUERIES, ExactNeighbours, Parameters, choose_parameters, edited

_SEED = 7


@dataclass(frozen=True, slots=True)
class MadeLists:
    """Lists with all frames, and how they are searched."""

    lists: IvfLists
    parameters: Parameters


def make_lists(ids: Ids, vectors: StoredVectors, progress: Progress) -> MadeLists:
    """Learn lists from a sample of frames, fill them with all, and measure what they find.

    First with few axes; where these do not tell the frames apart, with all of them, which takes
    four times the room. Whether that suffices, the parameters say.

    Args:
        ids: Those of all frames, shape ``(n,)``.
        vectors: Theirs.
        progress: Told what this is at.
    """
    generator = np.random.default_rng(_SEED)
    asked = generator.choice(ids, min(QUERIES, len(ids)), replace=False)
    exact = ExactNeighbours(edited(vectors.rows(asked)[1], generator))
    chosen = generator.choice(ids, training_count(len(ids)), replace=False)
    sample = vectors.rows(chosen)[1]
    blocks = exact.watch(vectors.blocks())
    for axes in AXES:
        progress.start("search: learning lists", None)
        lists = IvfLists.train(sample, list_count(len(ids)), axes=axes)
        progress.start("search: filling lists", len(ids))
        lists.add(_shown(blocks, progress))
        made = MadeLists(lists, choose_parameters(lists, exact))
        # A small sample has no more axes than vectors.
        if made.parameters.suffice or lists.axes < axes:
            break
        blocks = vectors.blocks()
    return made


def _shown(
    blocks: Iterator[tuple[Ids, Vectors]], progress: Progress
) -> Iterator[tuple[Ids, Vectors]]:
    """Yield all blocks as they are, and tell of each that is done."""
    for ids, vectors in blocks:
        yield ids, vectors
        progress.advance(len(ids))
