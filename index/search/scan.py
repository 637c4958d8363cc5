"""Exact nearest neighbours without any file: all vectors are read for each search."""

import faiss
import numpy as np

from nearframe.embeddings import Vectors

from ..tables import Ids
from ..vectors import StoredVectors
from .ranking import TIE_MARGIN, ranked


class ShardScan:
    """Exact search that holds a block of vectors at a time; what is left when a file is lost."""

    def __init__(self, vectors: StoredVectors) -> None:
        self._vectors = vectors

    def nearest(
        self, queries: Vectors, k: int, *, among: Ids | None = None
    ) -> list[list[tuple[int, float]]]:
        """Find the vectors of highest cosine, as `Search.nearest` does."""
        if not len(queries):
            return []
        heap = faiss.ResultHeap(len(queries), k + TIE_MARGIN, keep_max=True)
        for ids, vectors in self._vectors.blocks():
            if among is not None:
                admitted = np.isin(ids, among)
                ids, vectors = ids[admitted], vectors[admitted]
            if not len(ids):
                continue
            similarities, rows = faiss.knn(
                queries, vectors, min(k + TIE_MARGIN, len(ids)), metric=faiss.METRIC_INNER_PRODUCT
            )
            heap.add_result(similarities, ids[rows])
        heap.finalize()
        return [
            ranked(query, *self._vectors.rows(ids[ids >= 0]))[:k]
            for query, ids in zip(queries, heap.I, strict=True)
        ]
