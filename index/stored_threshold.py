"""The threshold that was calibrated for an index, kept in its catalogue."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from nearframe.common import shown
from nearframe.common.typed_json import Count, converted
from nearframe.embeddings import Fingerprint

from .catalog import Catalog
from .errors import FrameIndexError
from .frame_index import FrameIndex
from .lock import acquire_write_lock

_KEY = "threshold"


@dataclass(frozen=True, slots=True)
class StoredThreshold:
    """A threshold with what it was found from.

    Attributes:
        value: Cosine from which two frames count as the same picture, in [-1, 1].
        rate: Share of pairs of different images that may reach it.
        pairs: How many pairs it was found from.
        created: When, ISO 8601 with offset.
    """

    value: Annotated[float, msgspec.Meta(ge=-1, le=1)]
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)]
    pairs: Count
    created: str


def stored_threshold(index: FrameIndex) -> StoredThreshold | None:
    """Return the threshold that was calibrated for an index, None where nobody did.

    Raises:
        FrameIndexError: If what is stored is no threshold.
    """
    try:
        stored = index.catalog.meta(_KEY, Any)
    except KeyError:
        return None
    try:
        # A newer nearframe may store more.
        return converted(StoredThreshold, stored)
    except ValueError as error:
        raise FrameIndexError(
            f"{shown(index.path)} holds a threshold that this nearframe cannot read ({error}); "
            "upgrade nearframe, or store one anew with nearframe calibrate"
        ) from error


def store_threshold(
    path: str | os.PathLike[str], threshold: StoredThreshold, *, fingerprint: Fingerprint
) -> None:
    """Store a threshold in an index, in place of an earlier one. Nothing else of it changes.

    Args:
        path: Directory of the index.
        threshold: What to store.
        fingerprint: What the vectors that it was found from are made with.

    Raises:
        FingerprintMismatchError: If those of the index are made with something else.
        FrameIndexError: If there is no such index, or another process writes it.
        OutputError: If the disk is full or may not be written.
    """
    with FrameIndex.open(path) as index:
        index.fingerprint.require_same(
            fingerprint,
            mine=f"the index {shown(path)}",
            theirs="the threshold",
            remedy="calibrate with the weights and the fit of the index",
        )
    lock = acquire_write_lock(Path(path))
    try:
        catalog = Catalog.open(Path(path), write=True)
        try:
            # One statement, committed at once. No frame changes, so the commits are not counted
            # up, and the FAISS file stays valid.
            catalog.set_meta(_KEY, asdict(threshold))
        finally:
            catalog.close()
    finally:
        lock.release()
