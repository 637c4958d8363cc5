"""The files of an index directory: which belong to the last commit, and what becomes of others."""

import logging
from collections.abc import Collection
from pathlib import Path

from nearframe.common import TEMPORARY_SUFFIX, shown, writing_errors

from .catalog import CATALOG_NAME, Catalog
from .lock import LOCK_NAME
from .search import StoredSearch
from .shards import SHARD_SUFFIX

logger = logging.getLogger(__name__)

_DERIVED = (f"*{SHARD_SUFFIX}", *StoredSearch.PATTERNS, f".*{TEMPORARY_SUFFIX}")


def drop_lost_shards(catalog: Catalog) -> None:
    """Let the frames of lost shards be embedded again by the next build."""
    lost = [shard for shard in catalog.shards() if not shard.is_present()]
    if lost:
        catalog.begin()
        for shard in lost:
            logger.warning("%s is lost; its frames are embedded again", shown(shard.path))
            catalog.remove_shard(shard.id)
        catalog.commit()


def sweep(path: Path, used: Collection[Path]) -> None:
    """Remove what is not of the last commit, and what a crash left behind.

    Args:
        path: The index.
        used: Its files that stay; those that are never derived stay, too.

    Raises:
        OutputError: If that is not permitted.
    """
    with writing_errors(path):
        for pattern in _DERIVED:
            for file in path.glob(pattern):
                if file not in used:
                    file.unlink(missing_ok=True)


def remove_files(path: Path) -> None:
    """Remove an index; other files in its directory stay.

    Raises:
        OutputError: If that is not permitted.
    """
    with writing_errors(path):
        for pattern in (*_DERIVED, LOCK_NAME, f"{CATALOG_NAME}-*", CATALOG_NAME):
            for file in path.glob(pattern):
                file.unlink()
        if not any(path.iterdir()):
            path.rmdir()
