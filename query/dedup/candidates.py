"""The earlier frames of one camera that later ones are compared with."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nearframe.embeddings import Vectors
from nearframe.index import Recall
from nearframe.index.search import largest
from nearframe.index.tables import Ids

from . import approximate

_CHUNK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One frame.

    Attributes:
        position: Among all that were looked at.
        time: In seconds; infinite for a frame that counts at any time.
        vector: float32, ``(d,)``; None where vectors are not compared.
    """

    position: int
    time: float
    vector: npt.NDArray[np.float32] | None


class VectorChunks:
    """Vectors by their numbers from 0 on: a `VectorSource`.

    They lie in chunks, so that growing copies nothing.
    """

    def __init__(self) -> None:
        self._chunks: list[Vectors] = []
        self._count = 0

    def append(self, vectors: Vectors) -> None:
        """Add vectors, float32, ``(n, d)``."""
        for vector in vectors:
            if self._count % _CHUNK == 0:
                self._chunks.append(np.empty((_CHUNK, len(vector)), np.float32))
            self._chunks[-1][self._count % _CHUNK] = vector
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> npt.NDArray[np.float32]:
        vector: npt.NDArray[np.float32] = self._chunks[number // _CHUNK][number % _CHUNK]
        return vector

    def rows(self, ids: Ids) -> tuple[Ids, Vectors]:
        """Return the vectors of some numbers ``(m,)``, as a `VectorSource` does."""
        vectors = np.empty((len(ids), self._chunks[0].shape[1]), np.float32)
        for vector, number in zip(vectors, ids.tolist(), strict=True):
            vector[:] = self[number]
        return ids, vectors

    def blocks(self, *, since: int = 0) -> Iterator[tuple[Ids, Vectors]]:
        """Yield the chunks with their numbers, from the one that holds `since` on."""
        for number in range(since // _CHUNK, len(self._chunks)):
            ids = np.arange(number * _CHUNK, min((number + 1) * _CHUNK, self._count))
            yield ids, self._chunks[number][: len(ids)]


class Candidates:
    """Positions, times and vectors of frames, in order.

    Where there are very many, their nearest are found approximately.

    Args:
        cosine: From which frames count as alike.
        top: How many of the nearest are asked for.

    Attributes:
        positions: Of the frames, among all that were looked at.
        repeated: The frame that was repeated last, one of these or not; None where there is none.
    """

    def __init__(self, cosine: float = -1.0, top: int = 1) -> None:
        self.positions: list[int] = []
        self.repeated: Candidate | None = None
        self._times: list[float] = []
        self._vectors = VectorChunks()
        self._top = top
        # Of the vectors and not of this: a cycle would keep them in memory after their last use.
        self._approximate = approximate.ApproximateCandidates(self._vectors, cosine, top)

    @property
    def recall(self) -> Recall | None:
        """The lowest that was measured of approximate comparisons; None while all were exact."""
        return self._approximate.recall

    def append(
        self,
        positions: Sequence[int],
        times: npt.NDArray[np.float64],
        vectors: Vectors | None,
    ) -> None:
        """Add frames after all others.

        Args:
            positions: Ascending.
            times: In seconds, shape ``(n,)``; not before those that are there.
            vectors: float32, ``(n, d)``; None where vectors are not compared.
        """
        if vectors is not None:
            self._vectors.append(vectors)
        self.positions += positions
        self._times += times.tolist()

    def find(self, position: int) -> "Candidate | None":
        """Return the frame of a position; None where it is not among these."""
        index = bisect_left(self.positions, position)
        if index == len(self.positions) or self.positions[index] != position:
            return None
        vector = self._vectors[index] if len(self._vectors) else None
        return Candidate(position, self._times[index], vector)

    def first_since(self, times: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return for each time how many frames are before it: shape ``(n,)``."""
        return np.array([bisect_left(self._times, time) for time in times.tolist()], np.int64)

    def nearest(
        self, block: Vectors, first: npt.NDArray[np.int64]
    ) -> list[list[tuple[float, int]]]:
        """Return per vector cosine and position of the nearest frames, the nearest first.

        Of equally near frames, the earlier comes first.

        Args:
            block: float32, ``(b, d)``, normalised.
            first: Per vector the number of the first frame that counts, ``(b,)``.
        """
        count, top = len(self.positions), self._top
        if count - int(first.min()) > approximate.EXACT_LIMIT and self._approximate.grow(count):
            return [
                [(cosine, self.positions[number]) for number, cosine in row]
                for row in self._approximate.nearest(block, first)
            ]
        best = np.full((len(block), top), -np.inf, np.float32)
        where = np.full((len(block), top), -1, np.int64)
        for numbers, chunk in self._vectors.blocks(since=int(first.min())):
            # (b, c): cosines of the block to one chunk.
            cosines = np.clip(block @ chunk.T, -1.0, 1.0)
            if first.max() > numbers[0]:
                cosines[numbers < first[:, None]] = -np.inf
            columns = largest(cosines, top)
            best = np.concatenate([best, np.take_along_axis(cosines, columns, 1)], 1)
            where = np.concatenate([where, numbers[columns]], 1)
            # Stable, so that of equal cosines the earlier stays in front.
            order = np.argsort(-best, axis=1, kind="stable")[:, :top]
            best = np.take_along_axis(best, order, 1)
            where = np.take_along_axis(where, order, 1)
        return [
            [
                (float(cosine), self.positions[index])
                for cosine, index in zip(cosines_of, indices, strict=True)
                if cosine > -np.inf
            ]
            for cosines_of, indices in zip(best, where, strict=True)
        ]

    def reaching(
        self, vector: npt.NDArray[np.float32], lowest: float, first: int
    ) -> list[tuple[float, int]]:
        """Return cosine and position of all frames that are near enough, in their order.

        Args:
            vector: float32, ``(d,)``, normalised.
            lowest: The cosine from which they are.
            first: The number of the first frame that counts.
        """
        found = []
        for numbers, chunk in self._vectors.blocks(since=first):
            cosines = np.clip(chunk @ vector, -1.0, 1.0)
            for row in np.flatnonzero((cosines >= lowest) & (numbers >= first)).tolist():
                found.append((float(cosines[row]), self.positions[int(numbers[row])]))
        return found
