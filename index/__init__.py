"""Vectors -> disk: the index of frames, how it is built, and the files it exports to."""

from nearframe.common import AnnChoice

from .build import build_index
from .build_report import BuildReport, SourceReport
from .errors import FrameIndexError, IndexDamagedError, IndexLockedError, IndexVersionError
from .export import export_index
from .exported import ExportedIndex, Searchable, open_index
from .frame_index import FrameBlock, FrameIndex
from .inspect import IndexSummary, Verification, files_of_older_rules, summarize, verify
from .match import Match, Restriction
from .pixel_order import (
    AS_NEAR,
    PIXEL_CANDIDATES,
    order_by_pixels,
    thumbnail_differences,
)
from .resampling import Resampled
from .search import IvfRecord, Recall
from .stored_threshold import StoredThreshold, store_threshold, stored_threshold
from .unfinished import unfinished_inputs

__all__ = [
    "AS_NEAR",
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
    "build_index",
    "export_index",
    "files_of_older_rules",
    "open_index",
    "order_by_pixels",
    "store_threshold",
    "stored_threshold",
    "summarize",
    "thumbnail_differences",
    "unfinished_inputs",
    "verify",
]
