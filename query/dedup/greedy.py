"""Which vectors repeat an earlier one: an order-dependent pass in blocks."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from nearframe.embeddings import NearframeError, Vectors

from ..threshold import lowest_cosine

Against = Literal["kept", "all"]
AGAINST: tuple[Against, ...] = get_args(Against)


_BLOCK = 256
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one vector.

    Attributes:
        keep: Whether it is new.
        nearest: Position of the nearest earlier vector it was compared with; None for the first.
        similarity: Cosine to that one, in [-1, 1]; None for the first.
    """

    keep: bool
    nearest: int | None
    similarity: float | None


class GreedyDedup:
    """Decides vector by vector, in order, whether it repeats an earlier one.

    A vector is dropped when its nearest earlier *kept* vector has cosine >= threshold, so each
    dropped one has a kept representative that near. With ``against="all"`` it is compared with
    every earlier vector, kept or not: then a slow drift drops all but its first frame.

    Memory holds the vectors compared against, and never a matrix of all pairs.

    Args:
        threshold: Cosine in [-1, 1] from which a vector is a repeat.
        against: What to compare with.

    Raises:
        NearframeError: If an argument is out of range.
    """

    def __init__(self, threshold: float, *, against: Against = "kept") -> None:
        lowest = lowest_cosine(threshold)
        if against not in AGAINST:
            raise NearframeError(f"--against must be one of {', '.join(AGAINST)}, not {against!r}")
        self._threshold = lowest
        self._against_all = against == "all"
        self._chunks: list[Vectors] = []
        # Positions of the vectors in the chunks, among all that were added.
        self._positions: list[int] = []
        self._added = 0

    def add(self, vectors: Vectors) -> list[Decision]:
        """Decide about the next vectors: float32, shape ``(n, d)``, normalised."""
        decisions: list[Decision] = []
        for start in range(0, len(vectors), _BLOCK):
            decisions += self._add_block(vectors[start : start + _BLOCK])
        return decisions

    def _add_block(self, block: Vectors) -> list[Decision]:
        similarities, nearest = self._nearest_before(block)
        # (b, b): row i holds the cosines of vector i to the others of the block.
        inside = np.clip(block @ block.T, -1.0, 1.0)
        members: list[int] = []
        decisions = []
        for row in range(len(block)):
            similarity, position = float(similarities[row]), int(nearest[row])
            if members:
                best = members[int(np.argmax(inside[row, members]))]
                # Strictly: of equally near vectors the earliest counts.
                if inside[row, best] > similarity:
                    similarity, position = float(inside[row, best]), self._added + best
            keep = position < 0 or similarity < self._threshold
            if keep or self._against_all:
                members.append(row)
            decisions.append(
                Decision(keep, None, None) if position < 0 else Decision(keep, position, similarity)
            )
        self._remember(block[members], [self._added + row for row in members])
        self._added += len(block)
        return decisions

    def _nearest_before(
        self, block: Vectors
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return cosine and position of the nearest earlier vector, each of shape ``(b,)``.

        Where there is none, -inf and -1.
        """
        best = np.full(len(block), -np.inf, np.float32)
        where = np.full(len(block), -1, np.int64)
        for number, chunk in enumerate(self._filled_chunks()):
            # (b, c): cosines of the block to one chunk.
            cosines = np.clip(block @ chunk.T, -1.0, 1.0)
            column = cosines.argmax(axis=1)
            value = cosines[np.arange(len(block)), column]
            nearer = value > best
            best[nearer] = value[nearer]
            where[nearer] = column[nearer] + number * _CHUNK
        if not self._positions:
            return best, where
        return best, np.asarray(self._positions, np.int64)[where]

    def _filled_chunks(self) -> list[Vectors]:
        rest = len(self._positions) % _CHUNK
        return [*self._chunks[:-1], self._chunks[-1][:rest]] if rest else self._chunks

    def _remember(self, vectors: Vectors, positions: list[int]) -> None:
        """Keep vectors to compare with, in chunks, so that growing copies nothing."""
        for vector, position in zip(vectors, positions, strict=True):
            row = len(self._positions) % _CHUNK
            if row == 0:
                self._chunks.append(np.empty((_CHUNK, vectors.shape[1]), np.float32))
            self._chunks[-1][row] = vector
            self._positions.append(position)
