"""Vectors -> disk: the index of frames, how it is built, and the files it exports to."""

from .atomic import atomic_path, atomic_write, remove_leftovers, sync_directory
from .build import BuildReport, SourceReport, build_index
from .errors import FrameIndexError, IndexDamagedError, IndexLockedError, IndexVersionError
from .export import export_index
from .exported import ExportedIndex, Searchable, open_index
from .frame_index import FrameBlock, FrameIndex
from .inspect import IndexSummary, Verification, files_of_older_rules, summarize, verify
from .lock import holding
from .match import Match, Restriction
from .outputs import (
    GENERATOR,
    output_path,
    output_write,
    picture_mark,
    replace_anything,
    require_replaceable,
)
from .pixel_order import (
    AS_NEAR,
    PIXEL_CANDIDATES,
    order_by_pixels,
    thumbnail_differences,
)
from .rename import rename_new
from .resampling import Resampled
from .search import AnnChoice, IvfRecord, Recall
from .stored_threshold import StoredThreshold, store_threshold, stored_threshold
from .unfinished import unfinished_inputs

__all__ = [
    "AS_NEAR",
    "GENERATOR",
    "PIXEL_CANDIDATES",
    "AnnChoice",
    "BuildReport",
    "ExportedIndex",
    "FrameBlock",
    "FrameIndex",
    "FrameIndexError",
    "IndexDamagedError",
    "IndexLockedError",
    "IndexSummary",
    "IndexVersionError",
    "IvfRecord",
    "Match",
    "Recall",
    "Resampled",
    "Restriction",
    "Searchable",
    "SourceReport",
    "StoredThreshold",
    "Verification",
    "atomic_path",
    "atomic_write",
    "build_index",
    "export_index",
    "files_of_older_rules",
    "holding",
    "open_index",
    "order_by_pixels",
    "output_path",
    "output_write",
    "picture_mark",
    "remove_leftovers",
    "rename_new",
    "replace_anything",
    "require_replaceable",
    "store_threshold",
    "stored_threshold",
    "summarize",
    "sync_directory",
    "thumbnail_differences",
    "unfinished_inputs",
    "verify",
]
