"""An index as one object: its frames, its vectors, and the questions that can be asked of it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nearframe.common import NearframeError, ProgressOption, shown
from nearframe.embeddings import (
    DIMENSION,
    Embedder,
    Fingerprint,
    FrameRef,
    ImageInput,
    MakeEmbedder,
    Vectors,
)
from nearframe.index import ExportedIndex, FrameIndex, Match, Restriction
from nearframe.index import open_index as open_for_queries
from nearframe.index.tables import StoredFrame
from nearframe.query import DedupOptions, DedupPlan, SearchReport, plan_dedup, search
from nearframe.query.search.queries import Queries

if TYPE_CHECKING:
    import pandas

_BLOCK = 1024


class Index(os.PathLike[str]):
    """An index that is open for questions; use it as a context manager, or `close` it.

    It stands for its path, too: what takes the path of an index takes an `Index`.

    >>> with nearframe.open_index("my.index") as index:
    ...     len(index), index.vectors.shape
    ...     index.search("still.jpg", k=5)
    ...     index.dedup(method="hybrid")
    """

    def __init__(self, path: str | os.PathLike[str], opened: FrameIndex | ExportedIndex) -> None:
        self.path = os.fspath(path)
        self._opened = opened
        self._listed: Sequence[StoredFrame] = ()
        self._generation = -1

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What the vectors were made with; None where a file of other origin does not say."""
        return self._opened.fingerprint

    @property
    def vectors(self) -> "VectorRows":
        """The vectors of all frames, in the order of iteration; read when they are sliced."""
        return VectorRows(self._opened, self._frames())

    def search(
        self,
        pictures: ImageInput | npt.NDArray[Any] | Iterable[ImageInput],
        *,
        k: int = 1,
        threshold: float | None = None,
        within: Restriction | None = None,
        embedder: Embedder | MakeEmbedder | None = None,
    ) -> SearchReport:
        """Find the frames that are nearest to some pictures.

        Args:
            pictures: One picture or several (paths, Pillow images, RGB uint8 arrays ``(height,
                width, 3)``), or vectors: floats of shape ``(d,)`` or ``(n, d)``, or a list of
                such ``(d,)``.
            k: How many matches per picture at most (>= 1).
            threshold: Lowest similarity of a match, in [-1, 1]; None for no limit.
            within: Which frames to look at.
            embedder: By default the one that the index was made with.

        Raises:
            NearframeError: What `nearframe.search` raises.
        """
        return search(
            self._opened, pictures, k=k, threshold=threshold, within=within, embedder=embedder
        )

    def nearest(
        self, queries: npt.NDArray[Any], k: int, *, within: Restriction | None = None
    ) -> list[list[Match]]:
        """Find the frames whose vectors are nearest, without any judgement.

        Args:
            queries: Floats of shape ``(d,)`` or ``(n, d)``; they are normalised here.
            k: How many matches per query at most (>= 1).
            within: Which frames to look at.

        Raises:
            NearframeError: If `k` is below 1, or the vectors have another shape.
            FrameIndexError: If `within` admits no frame, or the index was closed.
        """
        if k < 1:
            raise NearframeError(f"`k` must be 1 or more, not {k}")
        asked = Queries.of_vectors(np.asarray(queries), _dimension(self._opened))
        return self._opened.nearest(asked.vectors, k, within=within)

    def dedup(
        self,
        options: DedupOptions | None = None,
        *,
        embedder: Embedder | MakeEmbedder | None = None,
        progress: ProgressOption = None,
        **choices: Any,
    ) -> DedupPlan:
        """Plan which images of the index to drop; see `nearframe.plan_dedup`. Changes nothing.

        Args:
            options: How to compare them.
            embedder: An embedder or a function that makes one; not needed for what is indexed.
            progress: True for a bar.
            choices: Fields of `DedupOptions`, in place of `options`.

        Raises:
            NearframeError: What `nearframe.plan_dedup` raises; or if the index is a single file.
        """
        if isinstance(self._opened, ExportedIndex):
            raise NearframeError(
                f"{shown(self.path)} is a single file; dedup takes an index directory, or a folder "
                "of images"
            )
        if options is None:
            options = DedupOptions(**choices)
        elif choices:
            raise NearframeError(f"give options, or {', '.join(choices)}, not both")
        return plan_dedup(self.path, options, embedder=embedder, progress=progress)

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the frames as a table with the columns ``source``, ``number`` and ``time_s``.

        Raises:
            NearframeError: If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise NearframeError("pandas is not installed; pip install pandas") from error
        rows = [(frame.source, frame.number, frame.time_s) for frame in self]
        return pandas.DataFrame(rows, columns=["source", "number", "time_s"])

    def close(self) -> None:
        """Let go of the index's files."""
        self._opened.close()

    def __len__(self) -> int:
        return len(self._opened)

    def __iter__(self) -> Iterator[FrameRef]:
        if isinstance(self._opened, ExportedIndex):
            return iter(self._opened.frames)
        return (frame.ref for frame in self._frames())

    def __fspath__(self) -> str:
        return self.path

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if isinstance(self._opened, FrameIndex) and self._opened.catalog.closed:
            return f"<Index {self.path!r}: closed>"
        made = self.fingerprint.describe() if self.fingerprint else "unknown network"
        return f"<Index {self.path!r}: {len(self)} frames; {made}>"

    def _frames(self) -> Sequence[StoredFrame]:
        """List the frames of an index directory, once a commit; none of a file, in memory."""
        if isinstance(self._opened, FrameIndex):
            catalog = self._opened.catalog
            generation = catalog.generation()
            if generation != self._generation:
                self._listed, self._generation = catalog.frames(), generation
        return self._listed


class VectorRows:
    """The vectors of an index as a read-only sequence of shape ``(n, d)``, float32.

    Only what is asked for is read: ``vectors[5]`` is a vector ``(d,)``, ``vectors[10:20]`` an array
    ``(10, d)``, and ``numpy.asarray(vectors)`` reads them all.
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, opened: FrameIndex | ExportedIndex, frames: Sequence[StoredFrame]) -> None:
        self._opened = opened
        self._frames = frames

    @property
    def shape(self) -> tuple[int, int]:
        """Number and length of the vectors."""
        return len(self), _dimension(self._opened)

    def __len__(self) -> int:
        # Of a directory, those of one commit, whatever a writer adds meanwhile.
        return len(self._frames if isinstance(self._opened, FrameIndex) else self._opened)

    def __getitem__(self, rows: int | slice) -> Vectors:
        if isinstance(rows, slice):
            return self._read(range(len(self))[rows])
        # `range` knows negative places, and raises IndexError beyond the ends.
        vector: Vectors = self._read([range(len(self))[rows]])[0]
        return vector

    def __iter__(self) -> Iterator[Vectors]:
        for first in range(0, len(self), _BLOCK):
            yield from self[first : first + _BLOCK]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("the vectors of an index are read from its files, so this is a copy")
        return self[:].astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"<float32 vectors of shape {self.shape}>"

    def _read(self, places: Sequence[int]) -> Vectors:
        opened = self._opened
        if isinstance(opened, ExportedIndex):
            found = opened.vectors(places)
        elif not places:
            found = np.empty((0, self.shape[1]), np.float32)
        else:
            frames = [self._frames[place] for place in places]
            found = next(opened.blocks(len(frames), frames=frames)).vectors
        found.flags.writeable = False
        return found


def open_index(path: str | os.PathLike[str]) -> Index:
    """Open an index directory, or a ``.json`` or ``.faiss`` file, for questions.

    Raises:
        FrameIndexError: If it is none of these, or is damaged.
    """
    return Index(path, open_for_queries(path))


def _dimension(opened: FrameIndex | ExportedIndex) -> int:
    """Return the length of an index's vectors."""
    made = opened.fingerprint
    return made.dimension if made else DIMENSION
