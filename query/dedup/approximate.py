"""The nearest of very many earlier frames, found approximately."""

import numpy as np
import numpy.typing as npt

from nearframe.common import Silent
from nearframe.embeddings import Vectors
from nearframe.index.search import EDITED, IvfSearch, Recall, VectorSource, build_lists

EXACT_LIMIT = 200_000
"""Up to so many earlier frames, a frame is compared with each. They are counted as they are
compared with, which is what takes time: those that were kept, of one camera, within the window."""

# Lists are learned anew when there are so many times as many frames.
_OUTGROWN = 2
# Lists of which a search reads more, as a share of the numbers of all vectors, save no time: a
# product of blocks reads each number once for many frames.
_WORTH_READING = 0.05


class ApproximateCandidates:
    """Lists of earlier frames, which grow with them.

    Args:
        vectors: Of the frames, whose ids are their numbers from 0 on.
        cosine: From which frames count as alike: as near are those that recall is measured with,
            or at 0.9 where that is further.
        top: How many of the nearest are asked for.
    """

    def __init__(self, vectors: VectorSource, cosine: float, top: int) -> None:
        self._vectors = vectors
        self._top = top
        self._cosine = min(cosine, EDITED) if cosine > 0 else EDITED
        self._tried_with = 0
        self._filled = 0
        self._search: IvfSearch | None = None
        self.recall: Recall | None = None
        """The lowest that was measured; None while nothing was approximate."""

    def grow(self, count: int) -> bool:
        """Take in all of `count` frames; return False where comparing with all is the better way.

        It is where lists do not find enough, or would have to be read for the greater part, as with
        vectors that lie in all directions alike.
        """
        if count >= _OUTGROWN * self._tried_with:
            self._learn(count)
        elif self._search is not None:
            new = np.arange(self._filled, count)
            self._search.add(*self._vectors.rows(new))
        self._filled = count
        return self._search is not None

    def _learn(self, count: int) -> None:
        self._tried_with = count
        built = build_lists(
            np.arange(count),
            self._vectors,
            Silent(),
            cosine=self._cosine,
            only_nearest=self._top == 1,
        )
        recall = built.parameters.recall
        if not built.parameters.suffice or built.share_read > _WORTH_READING:
            self._search = None
            return
        if self.recall is None or recall.at_1 < self.recall.at_1:
            self.recall = recall
        self._search = built.search(self._vectors.rows)

    def nearest(
        self, block: Vectors, first: npt.NDArray[np.int64]
    ) -> list[list[tuple[int, float]]]:
        """Return per vector number and cosine of the nearest frames, the nearest first.

        Args:
            block: float32, ``(b, 2048)``, normalised.
            first: Per vector the number of the first frame that counts, ``(b,)``.
        """
        assert self._search is not None
        found: list[list[tuple[int, float]]] = [[] for _ in block]
        for start in np.unique(first).tolist():
            rows = np.flatnonzero(first == start)
            among = np.arange(start, self._filled) if start else None
            answers = self._search.nearest(block[rows], self._top, among=among)
            for row, answer in zip(rows.tolist(), answers, strict=True):
                found[row] = answer
        return found
