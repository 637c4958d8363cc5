"""The FAISS file of an exact search, which spares it from reading the shards."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from nearframe.common import NearframeError, atomic_path, shown
from nearframe.embeddings import Vectors

from ..tables import Ids
from .checked import is_as_written, remember
from .flat import FlatSearch
from .record import DerivedFile

logger = logging.getLogger(__name__)

REMEDY = "delete it and run buildIndex again, which makes it anew"
"""What to do about a derived file that is damaged."""


def say_damaged(path: Path) -> None:
    """Say that a derived file is not used; the answers are the same without it."""
    logger.warning(
        "%s is damaged and not used; %s", shown(path), REMEDY, extra={"about_results": True}
    )


class FlatFile:
    """The FAISS file that was derived from one commit; it may be missing.

    Attributes:
        path: The file; its name says from which commit it is.
    """

    PATTERN = "search-*.faiss"

    def __init__(self, directory: Path, generation: int) -> None:
        self.path = directory / self.PATTERN.replace("*", f"{generation:06d}")

    def read(
        self, ids: Callable[[], Iterable[int]], written: DerivedFile | None
    ) -> FlatSearch | None:
        """Read the file if it is there and holds vectors of exactly the frames of these ids.

        Args:
            ids: Gives them.
            written: The file as it was written; None where an older nearframe did not say.
        """
        if not self.path.exists():
            return None
        search = None
        if self.is_as(written):
            with suppress(NearframeError):
                search = FlatSearch.read(self.path)
        if search is None or not search.has_ids(np.fromiter(ids(), np.int64)):
            say_damaged(self.path)
            return None
        return search

    def is_as(self, written: DerivedFile | None) -> bool:
        """Whether the file is as it was written, as far as that is known."""
        if written is None or written.name != self.path.name:
            return self.path.exists()
        return is_as_written(self.path.parent, written)

    def write(self, search: FlatSearch) -> DerivedFile:
        """Write the file, completely or not at all.

        Raises:
            OSError: If that fails; the disk may be full.
        """
        with atomic_path(self.path) as temporary:
            search.write(temporary)
            written = DerivedFile.of(temporary, self.path.name)
        remember(self.path.parent, written)
        return written

    def damage(self, blocks: Iterable[tuple[Ids, Vectors]]) -> list[str]:
        """Compare the file, if it is there, with all ids and vectors; say what is wrong with it."""
        if not self.path.exists():
            return []
        try:
            search = FlatSearch.read(self.path)
        except NearframeError:
            return [f"{shown(self.path)} is no FAISS file; {REMEDY}"]
        if search.holds(blocks):
            return []
        return [f"{shown(self.path)} differs from the vectors; {REMEDY}"]
