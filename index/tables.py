"""The tables of a catalogue, and what their rows say."""

import os
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from nearframe.common.typed_json import Count, Finite
from nearframe.embeddings import FrameRef
from nearframe.embeddings.sources import DECODING_RULES

FORMAT_VERSION = 1

Ids = npt.NDArray[np.int64]
"""Ids of frames: int64, shape ``(n,)``."""

Places = npt.NDArray[np.int64]
"""Where vectors are: int64, shape ``(n, 3)``; id of the frame, id of its shard, row in it."""

PathText = Annotated[str, msgspec.Meta(pattern=r"^[^\0]+\Z" if os.name == "nt" else r"^/[^\0]*\Z")]
"""The path of a file, absolute, as it is in the catalogue."""
ShardName = Annotated[str, msgspec.Meta(pattern=r"^vectors-[0-9]+\.f32\Z")]
"""The name of a shard: never one outside the directory of the index."""

FileRow = tuple[PathText, int, int, str, str, int, str | None, int, int | None]
"""What `FileState` is made of."""
FrameRow = tuple[Count, PathText, Count, Finite | None, Count, Count, Finite | None]
"""Id, path, number, time, shard and row in it, and time stamp of a frame."""
ShardRow = tuple[Count, ShardName, Count, str]
"""What `Shard` is made of."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, kind TEXT NOT NULL);
-- A file's vectors stay valid while its size and time, or its hash, stay the same. `sampling`
-- says which frames of a video were asked for; `complete` is 0 while some are still to come;
-- `problem` says what of it did not decode; `rules` is the version of the rules by which it was
-- read, `limits` that of the limits that it went past. `stamp_s` is the time stamp in the file of
-- a video, in seconds. The ids of shards and frames are never given twice: a reader may hold those
-- of an earlier commit.
CREATE TABLE files (
    id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL REFERENCES sources,
    path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, sampling TEXT NOT NULL, complete INTEGER NOT NULL, problem TEXT,
    rules INTEGER NOT NULL DEFAULT 1, limits INTEGER);
CREATE TABLE shards (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL, rows INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE frames (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file_id INTEGER NOT NULL REFERENCES files,
    number INTEGER NOT NULL, time_s REAL,
    shard_id INTEGER NOT NULL, shard_row INTEGER NOT NULL, stamp_s REAL);
CREATE INDEX frames_of_file ON frames (file_id, number);
"""


@dataclass(frozen=True, slots=True)
class FileState:
    """What the catalogue knows of one file.

    Attributes:
        path: Absolute.
        size: In bytes, when it was read.
        mtime_ns: Modification time in nanoseconds since the epoch, when it was read.
        sha256: Of its content when it was read.
        sampling: Which frames were asked for; ``all`` for images.
        complete: Whether all of them were embedded.
        problem: What did not decode; None if all did.
        rules: Version of the rules by which it was read (`DECODING_RULES`).
        limits: Version of the limits (`LIMITS`) that it went past; None if it did not.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    sampling: str = "all"
    complete: bool = True
    problem: str | None = None
    rules: int = DECODING_RULES
    limits: int | None = None


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame with the place of its vector."""

    id: int
    ref: FrameRef
    shard_id: int
    shard_row: int


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """One source of an index: its absolute path, its kind, and how much of it is there."""

    path: str
    kind: str
    files: int
    frames: int
