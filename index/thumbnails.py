"""The thumbnails of an index: a table of its catalogue."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np

from nearframe.embeddings import THUMBNAIL_SIDE, Thumbnails

from .database import Database

_BYTES = 2 * THUMBNAIL_SIDE**2
_Pixels = Annotated[bytes, msgspec.Meta(min_length=_BYTES, max_length=_BYTES)]

THUMBNAIL_SCHEMA = """
-- 32x32 numbers of 2 bytes, little endian, for each frame; the first indexes have none. They go
-- with their frames, also where an older nearframe removes those.
CREATE TABLE IF NOT EXISTS thumbnails (frame_id INTEGER PRIMARY KEY, pixels BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS drop_thumbnail AFTER DELETE ON frames
BEGIN DELETE FROM thumbnails WHERE frame_id = OLD.id; END;
"""


class ThumbnailTable:
    """Thumbnails by the id of their frame; a part of the catalogue's transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def require(self) -> None:
        """Make the table where an older nearframe made the catalogue."""
        self._database.run_script(THUMBNAIL_SCHEMA)

    def add(self, frame_id: int, thumbnail: Thumbnails) -> None:
        """Add that of a frame, uint16 ``(32, 32)``."""
        self._database.run(
            "INSERT INTO thumbnails VALUES (?, ?)", frame_id, thumbnail.astype("<u2").tobytes()
        )

    def lacks_any_of(self, path: bytes) -> bool:
        """Whether a frame of a file has none; the path as bytes of the file system."""
        query = (
            "SELECT 1 FROM frames WHERE file_id = (SELECT id FROM files WHERE path = "
            "CAST(? AS TEXT)) AND id NOT IN (SELECT frame_id FROM thumbnails) LIMIT 1"
        )
        return bool(self._database.run(query, path))

    def of(self, ids: Sequence[int]) -> dict[int, Thumbnails]:
        """Return those of some frames, uint16 ``(32, 32)``, as far as there are any."""
        if not self._database.run("SELECT 1 FROM sqlite_master WHERE name = 'thumbnails'"):
            return {}
        query = "SELECT frame_id, pixels FROM thumbnails WHERE frame_id IN"
        rows = self._database.typed(
            list[tuple[int, _Pixels]], self._database.run_by_ids(query, ids)
        )
        return {
            id_: np.frombuffer(pixels, "<u2").reshape(THUMBNAIL_SIDE, -1) for id_, pixels in rows
        }
