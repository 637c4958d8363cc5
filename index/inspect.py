"""What is in an index, and whether it is whole."""

import os
from dataclasses import dataclass
from pathlib import Path

from nearframe.common import NearframeError
from nearframe.embeddings import Fingerprint, Unreadable

from .frame_index import FrameIndex
from .search import IvfRecord
from .stored_threshold import StoredThreshold, stored_threshold
from .tables import SourceSummary
from .unfinished import unfinished_inputs


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """What is in an index.

    Attributes:
        path: Its directory.
        frames: Frames that a search finds.
        vectors: Vectors on disk; more than `frames` where files changed or were pruned.
        bytes: Size of the whole directory.
        fingerprint: What the vectors were made with.
        sources: What was indexed.
        problems: Videos of which something did not decode.
        threshold: The one that was calibrated for it; None where nobody did.
        approximate: How it is searched when not exactly; None where it is.
        unfinished: What a build has not read to its end; empty where the index is complete.
        older_rules: How many files were read by older rules of decoding.
    """

    path: Path
    frames: int
    vectors: int
    bytes: int
    fingerprint: Fingerprint
    sources: tuple[SourceSummary, ...]
    problems: tuple[Unreadable, ...]
    threshold: StoredThreshold | None
    approximate: IvfRecord | None
    unfinished: tuple[str, ...]
    older_rules: int


def summarize(index: FrameIndex) -> IndexSummary:
    """Say what is in an index; vectors are not read."""
    return IndexSummary(
        path=index.path,
        frames=len(index),
        vectors=sum(shard.rows for shard in index.catalog.shards()),
        bytes=sum(map(_size, index.path.iterdir())),
        fingerprint=index.fingerprint,
        sources=tuple(index.catalog.sources()),
        problems=tuple(index.catalog.problems()),
        threshold=stored_threshold(index),
        approximate=index._search.record(),
        unfinished=unfinished_inputs(index),
        older_rules=files_of_older_rules(index),
    )


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found.

    Attributes:
        shards: How many files of vectors were checked.
        frames: How many frames were checked.
        damage: One line for each thing that is wrong, with what to do; empty if all is well.
        unfinished: What a build has not read to its end; empty where the index is complete.
        older_rules: How many files were read by older rules of decoding.
    """

    shards: int
    frames: int
    damage: tuple[str, ...]
    unfinished: tuple[str, ...] = ()
    older_rules: int = 0


def verify(path: str | os.PathLike[str]) -> Verification:
    """Check every file of an index against what was committed.

    Raises:
        FrameIndexError: If there is no index, or its catalogue cannot be read.
    """
    with FrameIndex.open(path) as index:
        damage = index.catalog.damage()
        shards = index.catalog.shards()
        for shard in shards:
            try:
                shard.read()
            except NearframeError as error:
                damage.append(str(error))
        if not damage:  # else there is nothing to compare it with
            damage = index._search.damage()
        return Verification(
            len(shards),
            len(index),
            tuple(damage),
            unfinished=unfinished_inputs(index),
            older_rules=files_of_older_rules(index),
        )


def files_of_older_rules(index: FrameIndex) -> int:
    """Return how many files were read by older rules of decoding (`DECODING_RULES`).

    The next build of them reads those again that today's rules read otherwise.
    """
    return index.catalog.added.count_older_files()


def _size(file: Path) -> int:
    """Return the size in bytes; 0 where a writer has just removed the file."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
