"""Approximate nearest neighbours: short vectors in lists, of which the nearest are searched.

Inverted lists (Sivic and Zisserman, "Video Google", 2003) of vectors that are projected on their
principal axes (Jégou and Chum, "Negative evidences and co-occurrences in image retrieval: the
benefit of PCA and whitening", 2012) and quantised to 8 bits, as FAISS has them.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from nearframe.common import shown
from nearframe.embeddings import DIMENSION, Vectors

from ..errors import FrameIndexError
from ..tables import Ids
from .flat import write_faiss
from .ranking import largest, ranked
from .threads import at_most_threads

# One range for all dimensions, which FAISS multiplies four times as fast as one for each. What
# that costs in accuracy, the exact comparison of the candidates gives back.
_QUANTISER = faiss.ScalarQuantizer.QT_8bit_uniform
AXES = (512, DIMENSION)
"""On how many axes vectors are projected at most: on 512, which are a quarter of the bytes to read
and most of what tells pictures apart; where these do not suffice, none is left out."""

_MOST_LISTS = 4096
_TRAINED_PER_LIST = 64
# When the candidates do not suffice, this many times as many are taken.
_GROWTH = 4
# How many times more of the lists a search among some of the frames looks through than their share
# asks for, because they may not be where the query is.
_SPARE = 4

# 128 MB of bits, which are looked up faster than a set of ids.
_MOST_BITS = 1 << 30

# Ids (m,) -> those of them that still exist, and their vectors (m, 2048), in no order.
Rows = Callable[[Ids], tuple[Ids, Vectors]]


def list_count(frames: int) -> int:
    """Return into how many lists that many frames are divided: so many as are in each."""
    return min(max(math.isqrt(frames), 1), _MOST_LISTS)


def training_count(frames: int) -> int:
    """Return how many vectors lists for that many frames are learned from."""
    return min(frames, _TRAINED_PER_LIST * list_count(frames))


class IvfLists:
    """The lists of one file: ids, and vectors that were projected and put into 8 bits."""

    def __init__(self, index: faiss.IndexPreTransform) -> None:
        self._index = index

    @classmethod
    def train(cls, sample: Vectors, lists: int, *, axes: int = AXES[0]) -> "IvfLists":
        """Learn axes and lists from vectors ``(n, 2048)``, of which none is added.

        Args:
            sample: The vectors.
            lists: How many lists.
            axes: How many axes at most; a sample of fewer vectors has no more than those.
        """
        kept = _principal_axes(sample, axes)
        index = _ivf(faiss.IndexFlatIP(len(kept)), lists)
        index.cp.min_points_per_centroid = 1  # the sample is what there is
        index.cp.max_points_per_centroid = _TRAINED_PER_LIST
        whole = faiss.IndexPreTransform(_projection(kept), index)
        whole.train(sample)
        return cls(whole)

    def empty_copy(self) -> "IvfLists":
        """Return the same lists with nothing in them."""
        mine = self._lists
        index = _ivf(faiss.clone_index(mine.quantizer), mine.nlist)
        index.sq.trained = mine.sq.trained
        index.is_trained = True
        chain: Any = self._index.chain
        projection: Any = faiss.downcast_VectorTransform(chain.at(0))
        axes = faiss.vector_to_array(projection.A).reshape(-1, self._index.d)
        return IvfLists(faiss.IndexPreTransform(_projection(axes), index))

    @classmethod
    def read(cls, path: Path) -> "IvfLists":
        """Map a file into memory.

        Raises:
            FrameIndexError: If it is none that `write` wrote.
        """
        # FAISS maps files on POSIX systems only.
        flags = 0 if os.name == "nt" else faiss.IO_FLAG_MMAP
        try:
            with _limited_by(path):
                index = faiss.read_index(os.fspath(path), flags)
        except (RuntimeError, MemoryError, OSError) as error:
            raise FrameIndexError(f"{shown(path)} is not a file that FAISS can read") from error
        if not isinstance(index, faiss.IndexPreTransform) or not cls(index)._is_consistent():
            raise FrameIndexError(f"{shown(path)} holds no approximate search of frames")
        return cls(index)

    def _is_consistent(self) -> bool:
        """Whether it is what `train` makes, and all its parts have the sizes that others expect.

        FAISS goes by what each part says of itself, and reads or searches beyond the other's end.
        """
        index, lists = self._index, self._lists
        chain: Any = index.chain
        if chain.size() != 1:
            return False
        projection: Any = faiss.downcast_VectorTransform(chain.at(0))
        if not isinstance(lists, faiss.IndexIVFScalarQuantizer):
            return False
        quantizer: Any = faiss.downcast_index(lists.quantizer)
        inverted: Any = lists.invlists
        sizes = [inverted.list_size(number) for number in range(min(inverted.nlist, lists.nlist))]
        return (
            isinstance(projection, faiss.LinearTransform)
            and isinstance(quantizer, faiss.IndexFlat)
            and all(
                part.metric_type == faiss.METRIC_INNER_PRODUCT and part.is_trained
                for part in (index, lists, quantizer)
            )
            and not projection.have_bias
            and (index.d, projection.d_in, projection.d_out, lists.d, quantizer.d)
            == (DIMENSION, DIMENSION, lists.d, lists.d, lists.sq.d)
            and projection.A.size() == DIMENSION * lists.d
            and quantizer.codes.size() == 4 * lists.d * lists.nlist
            and (quantizer.ntotal, len(sizes), inverted.nlist) == (lists.nlist,) * 3
            and lists.sq.qtype == _QUANTISER
            and (lists.code_size, lists.sq.code_size, inverted.code_size) == (lists.d,) * 3
            and lists.sq.trained.size() == 2
            and (index.ntotal, sum(sizes)) == (lists.ntotal,) * 2
        )

    def write(self, path: Path) -> None:
        """Write a file.

        Raises:
            OSError: If FAISS cannot write it.
        """
        write_faiss(self._index, path)

    def add(self, blocks: Iterable[tuple[Ids, Vectors]]) -> None:
        """Add ids ``(m,)`` and vectors ``(m, 2048)``."""
        for ids, vectors in blocks:
            self._index.add_with_ids(vectors, ids)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def count(self) -> int:
        """How many lists there are."""
        return int(self._lists.nlist)

    @property
    def axes(self) -> int:
        """On how many axes vectors are projected."""
        return int(self._lists.d)

    @property
    def _lists(self) -> Any:
        return faiss.downcast_index(self._index.index)

    def candidates(
        self, queries: Vectors, count: int, *, probed: int, among: faiss.IDSelector | None = None
    ) -> tuple[Vectors, Ids]:
        """Return approximate cosines and ids, ``(nq, count)`` each, -1 where there are no more."""
        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = probed
        if among is not None:
            parameters.sel = among
        whole = faiss.SearchParametersPreTransform()
        whole.index_params = parameters
        fetched = max(min(count, len(self)), 1)
        with at_most_threads(len(queries)):
            similarities, ids = self._index.search(queries, fetched, params=whole)
        return similarities, ids


class IvfSearch:
    """Approximate search whose candidates are compared exactly with the query.

    Args:
        parts: Lists that were made from each other, each with other frames.
        rows: Gives the vectors of candidates; those that it does not know are no answer.
        probed: How many of the lists are searched.
        candidates: How many frames are compared exactly, besides the `k` that are asked for.
    """

    def __init__(
        self, parts: Iterable[IvfLists], rows: Rows, *, probed: int, candidates: int
    ) -> None:
        self._parts = tuple(parts)
        self._rows = rows
        self._probed = probed
        self._candidates = candidates

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add ids ``(m,)`` and vectors ``(m, 2048)`` to the last part."""
        self._parts[-1].add([(ids, vectors)])

    def nearest(
        self, queries: Vectors, k: int, *, among: Ids | None = None
    ) -> list[list[tuple[int, float]]]:
        """Find the vectors of highest cosine, as `Search.nearest` does."""
        limit = len(self) if among is None else len(among)
        count, probed = min(k + self._candidates, limit), self._probed
        selector = None
        if among is not None:
            selector = _selector(among)
            probed *= max(_SPARE * len(self) // len(among), 1)
        answers: list[list[tuple[int, float]]] = [[] for _ in queries]
        left = list(range(len(queries)))
        while left:
            fetched = self._fetch(queries[left], count, probed, selector)
            short = []
            for query, ids in zip(left, fetched, strict=True):
                answers[query] = ranked(queries[query], *self._rows(ids))[:k]
                # Few are found where lists hold few, or frames of which most were dropped.
                if len(answers[query]) < min(k, limit):
                    short.append(query)
            if count >= limit and probed >= self._lists:
                break
            left = short
            count, probed = min(count * _GROWTH, limit), probed * _GROWTH
        return answers

    @property
    def _lists(self) -> int:
        return self._parts[0].count

    def _fetch(
        self, queries: Vectors, count: int, probed: int, among: faiss.IDSelector | None
    ) -> list[Ids]:
        """Return the ids of the `count` best candidates of each query in all parts."""
        parts = [
            part.candidates(queries, count, probed=min(probed, self._lists), among=among)
            for part in self._parts
            if len(part)
        ]
        similarities = np.concatenate([part[0] for part in parts], axis=1)
        ids = np.concatenate([part[1] for part in parts], axis=1)
        if len(parts) > 1:
            ids = np.take_along_axis(ids, largest(similarities, count), axis=1)
        return [row[row >= 0] for row in ids]


def _principal_axes(sample: Vectors, most: int) -> Vectors:
    """Return the axes on which vectors ``(n, 2048)`` are longest: orthonormal, ``(m, 2048)``.

    Not centred, as inner products are of the vectors as they are.
    """
    if len(sample) >= sample.shape[1]:
        _, axes = np.linalg.eigh((sample.T @ sample).astype(np.float64))
        return np.ascontiguousarray(axes[:, -most:].T, np.float32)
    # The same from a smaller matrix.
    lengths, mixes = np.linalg.eigh((sample @ sample.T).astype(np.float64))
    some = np.flatnonzero(lengths > 1e-6 * lengths[-1])[-most:]
    return np.asarray((mixes[:, some] / np.sqrt(lengths[some])).T @ sample, np.float32)


def _projection(axes: Vectors) -> faiss.LinearTransform:
    """Return the projection on axes ``(m, d)``."""
    projection = faiss.LinearTransform(axes.shape[1], len(axes), False)
    faiss.copy_array_to_vector(axes.ravel(), projection.A)
    projection.is_trained = True
    return projection


@contextmanager
def _limited_by(path: Path) -> Iterator[None]:
    """Let FAISS make room for no more than a file holds, where it can be told so (from 1.14 on)."""
    if not hasattr(faiss, "set_deserialization_vector_byte_limit"):
        yield
        return
    usual = faiss.get_deserialization_vector_byte_limit()
    faiss.set_deserialization_vector_byte_limit(path.stat().st_size)
    try:
        yield
    finally:
        faiss.set_deserialization_vector_byte_limit(usual)


def _ivf(quantizer: faiss.Index, lists: int) -> faiss.IndexIVFScalarQuantizer:
    return faiss.IndexIVFScalarQuantizer(
        quantizer, quantizer.d, lists, _QUANTISER, faiss.METRIC_INNER_PRODUCT
    )


def _selector(ids: Ids) -> faiss.IDSelector:
    """Return what admits these ids."""
    if ids.max() > _MOST_BITS:
        return faiss.IDSelectorBatch(ids)
    admitted = np.zeros(int(ids.max()) + 1, bool)
    admitted[ids] = True
    # FAISS keeps a reference to the bits.
    return faiss.IDSelectorBitmap(np.packbits(admitted, bitorder="little"))  # type: ignore[call-arg, arg-type]
