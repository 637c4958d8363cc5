"""Nearest neighbours with FAISS, and the file that FAISS keeps of them."""

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from nearframe.embeddings import DIMENSION, Vectors, shown

from .errors import FrameIndexError

Ids = npt.NDArray[np.int64]

# Neighbours are fetched beyond `k`, so that frames of equal cosine (a scene that stands still)
# come in their own order and not in that of a heap.
_TIE_MARGIN = 32
# A vector of zeros has no direction; its cosine to anything is 0.
_TINY = 1e-30


class FaissSearch:
    """Exact search by inner product, which is the cosine, since vectors are normalised."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, blocks: Iterable[tuple[Ids, Vectors]]) -> "FaissSearch":
        """Gather ids ``(n,)`` and their vectors ``(n, 2048)`` into a flat index."""
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(DIMENSION))
        for ids, vectors in blocks:
            index.add_with_ids(vectors, ids)
        return cls(index)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "FaissSearch":
        """Read a file that any FAISS wrote.

        Raises:
            FrameIndexError: If it is no FAISS index of 2048 dimensions and inner product.
        """
        try:
            index = faiss.read_index(os.fspath(path))
        # A damaged length may ask for more memory than there is.
        except (RuntimeError, MemoryError) as error:
            raise FrameIndexError(
                f"{shown(path)} is not a file that FAISS can read; export the index again"
            ) from error
        # What it wraps says so again, and a search goes by that.
        for part in (index, getattr(index, "index", index)):
            if part.d != DIMENSION or part.metric_type != faiss.METRIC_INNER_PRODUCT:
                raise FrameIndexError(
                    f"{shown(path)} holds vectors of {part.d} dimensions for metric "
                    f"{part.metric_type}; expected {DIMENSION} and inner product (0)"
                )
        return cls(index)

    def write(self, path: Path) -> None:
        """Write a file that plain ``faiss.read_index`` opens.

        Raises:
            OSError: If FAISS cannot write it.
        """
        try:
            faiss.write_index(self._index, os.fspath(path))
        except RuntimeError as error:
            # FAISS writes in C++ and wraps the operating system's error in text.
            text = " ".join(str(error).split())
            if os.strerror(errno.ENOSPC) in text:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise OSError(errno.EIO, text) from error

    def has_ids(self, ids: Ids) -> bool:
        """Whether it was built with exactly these ids, in any order."""
        if not isinstance(self._index, faiss.IndexIDMap2):
            return False
        mine = faiss.vector_to_array(self._index.id_map)
        return np.array_equal(np.sort(mine), np.sort(ids))

    def holds(self, blocks: Iterable[tuple[Ids, Vectors]]) -> bool:
        """Whether it holds exactly these vectors under these ids."""
        count = 0
        for ids, vectors in blocks:
            try:
                mine = self._index.reconstruct_batch(ids)
            except RuntimeError:  # an id that it does not have
                return False
            if not np.array_equal(mine, vectors):
                return False
            count += len(ids)
        return count == len(self)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def nearest(
        self, queries: Vectors, k: int, *, among: Ids | None = None
    ) -> Sequence[Sequence[tuple[int, float]]]:
        """Find the frames of highest cosine.

        Args:
            queries: float32, shape ``(nq, 2048)``, normalised.
            k: How many per query at most (>= 1).
            among: Only these ids, shape ``(m,)``; None for all.

        Returns:
            Per query up to `k` pairs of id and cosine in [-1, 1], nearest first, equal cosines
            by id.
        """
        count = len(self) if among is None else len(among)
        fetched = min(k + _TIE_MARGIN, count)
        if fetched == 0:
            return [[] for _ in queries]
        parameters = None
        if among is not None:
            # A name of its own, because older FAISS does not keep it alive during the search.
            selector = faiss.IDSelectorBatch(among)
            parameters = faiss.SearchParameters()
            parameters.sel = selector
        _, ids = self._index.search(queries, fetched, params=parameters)
        return [
            self._ranked(query, row[row >= 0])[:k] for query, row in zip(queries, ids, strict=True)
        ]

    def _ranked(self, query: Vectors, ids: Ids) -> list[tuple[int, float]]:
        """Order candidates by their exact cosine.

        In float64: frames of a quiet scene differ by 1e-7, which float32 sums cannot tell apart.
        """
        vectors = self._index.reconstruct_batch(ids).astype(np.float64)
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query.astype(np.float64))
        # Not `@`, whose result depends on a row's place, so that equal vectors would differ.
        products = np.einsum("ij,j->i", vectors, query.astype(np.float64))
        cosines = np.clip(products / np.maximum(norms, _TINY), -1.0, 1.0)
        order = np.lexsort((ids, -cosines))
        return [(int(ids[i]), float(cosines[i])) for i in order]
