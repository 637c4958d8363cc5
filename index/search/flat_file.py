"""The FAISS file of an exact search, which spares it from reading the shards."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from nearframe.common import atomic_path, shown
from nearframe.embeddings import Vectors

from ..errors import FrameIndexError
from ..tables import Ids
from .flat import FlatSearch

logger = logging.getLogger(__name__)

REMEDY = "delete it and run buildIndex again, which makes it anew"
"""What to do about a derived file that is damaged."""


class FlatFile:
    """The FAISS file that was derived from one commit; it may be missing.

    Attributes:
        path: The file; its name says from which commit it is.
    """

    PATTERN = "search-*.faiss"

    def __init__(self, directory: Path, generation: int) -> None:
        self.path = directory / self.PATTERN.replace("*", f"{generation:06d}")

    def read(self, ids: Callable[[], Iterable[int]]) -> FlatSearch | None:
        """Read the file if it is there and holds vectors of exactly the frames of these ids."""
        if not self.path.exists():
            return None
        try:
            search = FlatSearch.read(self.path)
        except FrameIndexError:
            search = None
        if search is None or not search.has_ids(np.fromiter(ids(), np.int64)):
            logger.warning("%s is damaged and not used; %s", shown(self.path), REMEDY)
            return None
        return search

    def write(self, search: FlatSearch) -> None:
        """Write the file, completely or not at all.

        Raises:
            OSError: If that fails; the disk may be full.
        """
        with atomic_path(self.path) as temporary:
            search.write(temporary)

    def damage(self, blocks: Iterable[tuple[Ids, Vectors]]) -> list[str]:
        """Compare the file, if it is there, with all ids and vectors; say what is wrong with it."""
        if not self.path.exists():
            return []
        try:
            search = FlatSearch.read(self.path)
        except FrameIndexError:
            return [f"{shown(self.path)} is no FAISS file; {REMEDY}"]
        if search.holds(blocks):
            return []
        return [f"{shown(self.path)} differs from the vectors; {REMEDY}"]
