"""Questions to a catalogue about its frames."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from nearframe.common.typed_json import Count
from nearframe.embeddings import FrameRef

from .columns import AddedColumns
from .database import Database
from .errors import IndexDamagedError
from .match import Restriction
from .tables import FrameRow, PathText, Places, StoredFrame

_PLACES = "SELECT id, shard_id, shard_row FROM frames"
_FRAMES = """
SELECT frames.id, files.path, frames.number, frames.time_s, frames.shard_id, frames.shard_row, {}
FROM frames JOIN files ON files.id = frames.file_id
"""
# Those of a shard that is still to be written do not count yet.
_COMMITTED = " WHERE frames.shard_id IN (SELECT id FROM shards)"
# A frame's order: source by source, in each as its numbers run.
_IN_ORDER = " ORDER BY files.source_id, frames.number, frames.id"
FILE_ID = "(SELECT id FROM files WHERE path = CAST(? AS TEXT))"
"""What gives the id of the file of a path."""


class FrameQueries:
    """The tables of an index as far as they say which frames there are, and where.

    Attributes:
        added: Columns that came later.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._run, self._read = database.run, database.read
        self.added = AddedColumns(database)

    def last_number(self, path: str) -> int:
        """Return the highest frame number of a file, -1 where there is none."""
        query = f"SELECT COALESCE(MAX(number), -1) FROM frames WHERE file_id = {FILE_ID}"
        return self._number(query, os.fsencode(path))

    def frame_count(self, path: str | None = None) -> int:
        """Return the number of frames: of one file, or all those that were committed."""
        query = "SELECT COUNT(*) FROM frames"
        if path is None:
            return self._number(query + _COMMITTED)
        return self._number(f"{query} WHERE file_id = {FILE_ID}", os.fsencode(path))

    def frame_count_after(self, id_: int) -> int:
        """Return the number of committed frames that came after the one of that id."""
        query = f"SELECT COUNT(*) FROM frames {_COMMITTED} AND id > ?"
        return self._number(query, id_)

    def frames(self) -> list[StoredFrame]:
        """Return all committed frames in order."""
        rows = self._read(list[FrameRow], self._frames + _COMMITTED + _IN_ORDER)
        return [_stored_frame(row) for row in rows]

    @property
    def _frames(self) -> str:
        return _FRAMES.format(self.added.stamp_s)

    def frame_ids(self) -> list[int]:
        """Return the ids of all committed frames, in no order."""
        rows = self._read(list[tuple[Count]], f"SELECT id FROM frames {_COMMITTED}")
        return [id_ for (id_,) in rows]

    def frame_ids_within(self, within: Restriction) -> list[int]:
        """Return the ids of the committed frames that a restriction admits, in no order."""
        query = f"SELECT id FROM frames {_COMMITTED} AND file_id = ?"
        limits: list[float] = []
        # A frame without a time is on neither side of a limit.
        for condition, limit in ((">=", within.start_s), ("<=", within.end_s)):
            if limit is not None:
                query += f" AND time_s {condition} ?"
                limits.append(limit)
        return [
            id_
            for file_id, path in self._read(
                list[tuple[int, PathText]], "SELECT id, path FROM files"
            )
            if within.admits_source(path)
            for (id_,) in self._read(list[tuple[Count]], query, file_id, *limits)
        ]

    def places(self, *, after: int, limit: int) -> Places:
        """Return up to `limit` committed frames with ids above `after`, by id."""
        query = f"{_PLACES} {_COMMITTED} AND id > ? ORDER BY id LIMIT ?"
        return self._as_places(self._run(query, after, limit))

    def places_by_id(self, ids: Iterable[int]) -> Places:
        """Return the places of those frames that are there, in no order."""
        return self._as_places(self._database.run_by_ids(f"{_PLACES} {_COMMITTED} AND id IN", ids))

    def frames_by_id(self, ids: Iterable[int]) -> dict[int, StoredFrame]:
        """Return those frames that are there."""
        rows = self._database.run_by_ids(f"{self._frames} WHERE frames.id IN", ids)
        typed = self._database.typed(list[FrameRow], rows)
        return {row[0]: _stored_frame(row) for row in typed}

    def damaged(self, what: object) -> IndexDamagedError:
        """Return the error that says that the catalogue is damaged."""
        return self._database.damaged(what)

    def _number(self, query: str, *parameters: Any) -> int:
        """Return the one number that a query gives."""
        return self._read(list[tuple[int]], query, *parameters)[0][0]

    def _paths(self, query: str) -> list[str]:
        return [path for (path,) in self._read(list[tuple[PathText]], query)]

    def _as_places(self, rows: list[tuple[Any, ...]]) -> Places:
        typed = self._database.typed(list[tuple[Count, Count, Count]], rows)
        return np.array(typed, np.int64).reshape(-1, 3)


def _stored_frame(row: FrameRow) -> StoredFrame:
    id_, path, number, time_s, shard_id, shard_row, stamp_s = row
    ref = FrameRef(path, number, time_s, stamp_s=stamp_s)
    return StoredFrame(id_, ref, shard_id, shard_row)
