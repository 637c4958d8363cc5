"""Lists of many frames: learned from a sample, filled, and measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nearframe.common import Progress
from nearframe.embeddings import DIMENSION, Vectors

from ..tables import Ids
from .ivf import AXES, IvfLists, IvfSearch, Rows, list_count, training_count
from .recall import EDITED, QUERIES, ExactNeighbours, Parameters, choose_parameters, edited

_SEED = 7


class VectorSource(Protocol):
    """Gives the vectors of frames by their ids."""

    def rows(self, ids: Ids) -> tuple[Ids, Vectors]:
        """Return those of some ids ``(m,)`` that exist, and their vectors ``(m, 2048)``."""
        ...

    def blocks(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield ids ``(m,)`` and vectors ``(m, 2048)`` of all frames."""
        ...


@dataclass(frozen=True, slots=True)
class BuiltLists:
    """Lists with all frames, and how they are searched."""

    lists: IvfLists
    parameters: Parameters

    @property
    def share_read(self) -> float:
        """How much of the frames' vectors a search reads, as a share of their numbers."""
        return self.parameters.probed / self.lists.count * self.lists.axes / DIMENSION

    def search(self, rows: Rows) -> IvfSearch:
        """Return a search of them that compares the vectors that `rows` gives."""
        return IvfSearch(
            (self.lists,),
            rows,
            probed=self.parameters.probed,
            candidates=self.parameters.candidates,
        )


def build_lists(
    ids: Ids,
    vectors: VectorSource,
    progress: Progress,
    *,
    cosine: float = EDITED,
    only_nearest: bool = False,
) -> BuiltLists:
    """Learn lists from a sample of frames, fill them with all, and measure what they find.

    First with few axes; where these do not tell the frames apart, with all of them, which takes
    four times the room. Whether that suffices, the parameters say.

    Args:
        ids: Those of all frames, shape ``(n,)``.
        vectors: Theirs.
        progress: Told what this is at.
        cosine: Of the queries that recall is measured with, to the frames they are made of.
        only_nearest: Whether recall@1 alone counts.
    """
    generator = np.random.default_rng(_SEED)
    asked = generator.choice(ids, min(QUERIES, len(ids)), replace=False)
    exact = ExactNeighbours(edited(vectors.rows(asked)[1], generator, cosine=cosine))
    sample = generator.choice(ids, training_count(len(ids)), replace=False)
    learned_from = vectors.rows(sample)[1]
    blocks = exact.watch(vectors.blocks())
    for axes in AXES:
        progress.start("search: learning lists", None)
        lists = IvfLists.train(learned_from, list_count(len(ids)), axes=axes)
        progress.start("search: filling lists", len(ids))
        lists.add(_shown(blocks, progress))
        chosen = choose_parameters(lists, exact, only_nearest=only_nearest)
        built = BuiltLists(lists, chosen)
        # A small sample has no more axes than vectors.
        if chosen.suffice or lists.axes < axes:
            break
        blocks = vectors.blocks()
    return built


def _shown(
    blocks: Iterator[tuple[Ids, Vectors]], progress: Progress
) -> Iterator[tuple[Ids, Vectors]]:
    """Yield all blocks as they are, and tell of each that is done."""
    for ids, vectors in blocks:
        yield ids, vectors
        progress.advance(len(ids))
