"""Exact nearest neighbours with FAISS, and the file that FAISS keeps of them."""

import os
from collections.abc import Iterable
from pathlib import Path

import faiss
import numpy as np

from nearframe.common import shown
from nearframe.embeddings import DIMENSION, Vectors

from ..errors import FrameIndexError
from ..tables import Ids
from .flat_format import read_flat
from .ranking import TIE_MARGIN, ranked
from .threads import at_most_threads

# Bytes that FAISS hands over at once.
_PIECE = 1 << 20


class FlatSearch:
    """Exact search by inner product, which is the cosine, since vectors are normalised."""

    def __init__(self, index: faiss.IndexIDMap2) -> None:
        self._index = index

    @classmethod
    def build(cls, blocks: Iterable[tuple[Ids, Vectors]], *, count: int) -> "FlatSearch":
        """Gather ids ``(n,)`` and their vectors ``(n, 2048)`` into a flat index.

        Args:
            blocks: Ids and vectors.
            count: How many there are, for which room is made at once.
        """
        flat = faiss.IndexFlatIP(DIMENSION)
        # Its array would be twice as large as needed while it grows; an emptied one keeps its room.
        flat.codes.resize(count * flat.code_size)
        flat.codes.resize(0)
        index = faiss.IndexIDMap2(flat)
        for ids, vectors in blocks:
            index.add_with_ids(vectors, ids)
        return cls(index)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "FlatSearch":
        """Read a file that FAISS wrote, as `read_flat` does, whose ids are each there once.

        Raises:
            SourceError: If it cannot be read.
            FrameIndexError: If it is no such file.
        """
        flat, ids = read_flat(path)
        count, flat.ntotal = flat.ntotal, 0  # FAISS maps only what is empty
        index = faiss.IndexIDMap2(flat)
        flat.ntotal = index.ntotal = count
        if ids is None:
            ids = np.arange(count, dtype=np.int64)
        elif ids.size and (ids.min() < 0 or len(np.unique(ids)) < len(ids)):
            raise FrameIndexError(f"{shown(path)} holds ids that are negative or there twice")
        faiss.copy_array_to_vector(ids, index.id_map)
        index.construct_rev_map()
        return cls(index)

    def write(self, path: Path) -> None:
        """Write a file that plain ``faiss.read_index`` opens.

        Raises:
            OSError: If FAISS cannot write it.
        """
        write_faiss(self._index, path)

    def has_ids(self, ids: Ids) -> bool:
        """Whether it was built with exactly these ids, in any order."""
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

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of some ids: float32, shape ``(len(ids), 2048)``."""
        return self._index.reconstruct_batch(ids)

    def nearest(
        self, queries: Vectors, k: int, *, among: Ids | None = None
    ) -> list[list[tuple[int, float]]]:
        """Find the vectors of highest cosine, as `Search.nearest` does."""
        count = len(self) if among is None else len(among)
        fetched = min(k + TIE_MARGIN, count)
        if fetched == 0:
            return [[] for _ in queries]
        parameters = None
        if among is not None:
            # A name of its own, because older FAISS does not keep it alive during the search.
            selector = faiss.IDSelectorBatch(among)
            parameters = faiss.SearchParameters()
            parameters.sel = selector
        with at_most_threads(len(queries)):
            _, ids = self._index.search(queries, fetched, params=parameters)
        with at_most_threads(1):
            return [
                ranked(query, row[row >= 0], self._index.reconstruct_batch(row[row >= 0]))[:k]
                for query, row in zip(queries, ids, strict=True)
            ]


def write_faiss(index: faiss.Index, path: Path) -> None:
    """Write a FAISS index to a file.

    Through Python: what FAISS cannot write when it closes a file of its own is only printed, and
    the file is cut short.

    Raises:
        OSError: As the operating system says; a full disk, for example.
    """
    failed: list[OSError] = []
    with path.open("wb", buffering=0) as file:

        def write(piece: bytes) -> None:
            # FAISS would print what is raised here.
            try:
                while piece and not failed:
                    piece = piece[file.write(piece) :]
            except OSError as error:
                failed.append(error)

        # SWIG makes it, which type checkers do not see.
        writer = faiss.PyCallbackIOWriter(write, _PIECE)  # type: ignore[attr-defined]
        faiss.write_index(index, writer)
    if failed:
        raise failed[0]
