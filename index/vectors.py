"""The vectors of the frames of a catalogue, read from its shards."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator

import numpy as np

from nearframe.embeddings import DIMENSION, Vectors

from .catalog import Catalog
from .shards import Shard
from .tables import Ids, Places

_BLOCK = 1024
_CACHED_SHARDS = 8


class StoredVectors:
    """Reads vectors: whole shards against their checksums, or single rows without."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._cache: OrderedDict[int, Vectors] = OrderedDict()
        self._known: dict[int, Shard] = {}

    def read(self, places: Places) -> Vectors:
        """Return the vectors of some places: float32, shape ``(len(places), 2048)``.

        Raises:
            IndexDamagedError: If a shard is missing or does not match its checksum.
        """
        vectors = np.empty((len(places), DIMENSION), np.float32)
        # Shard by shard, so that frames of many, mixed, read each of them once.
        for shard, positions, rows in self._by_shard(places):
            vectors[positions] = self._whole(shard)[rows]
        return vectors

    def blocks(self, *, after: int = 0) -> Iterator[tuple[Ids, Vectors]]:
        """Yield ids ``(m,)`` and vectors ``(m, 2048)`` of all committed frames, by id.

        Args:
            after: Only those with higher ids.

        Raises:
            IndexDamagedError: If a shard is missing or does not match its checksum.
        """
        while len(places := self._catalog.places(after=after, limit=_BLOCK)):
            yield places[:, 0], self.read(places)
            after = int(places[-1, 0])

    def rows(self, ids: Ids) -> tuple[Ids, Vectors]:
        """Return those of some frames that are still there, with their vectors, in no order.

        Only the rows themselves are read, so nothing is compared with a checksum.

        Raises:
            IndexDamagedError: If a shard is missing or too short.
        """
        places = self._catalog.places_by_id(ids.tolist())
        vectors = np.empty((len(places), DIMENSION), np.float32)
        for shard, positions, rows in self._by_shard(places):
            vectors[positions] = shard.read_rows(rows)
        return places[:, 0], vectors

    def _by_shard(self, places: Places) -> Iterator[tuple[Shard, list[int], list[int]]]:
        """Yield shards with the positions in `places` that are in them, and the rows there."""
        positions_of = defaultdict(list)
        for position, shard_id in enumerate(places[:, 1].tolist()):
            positions_of[shard_id].append(position)
        for shard_id, positions in positions_of.items():
            shard, rows = self._shard(shard_id), places[positions, 2]
            if rows.max() >= shard.rows:
                raise self._catalog.damaged("a frame without a vector")
            yield shard, positions, rows.tolist()

    def _shard(self, shard_id: int) -> Shard:
        if shard_id not in self._known:  # of a later commit
            self._known = {shard.id: shard for shard in self._catalog.shards()}
        if shard_id not in self._known:
            raise self._catalog.damaged("a frame without a shard")
        return self._known[shard_id]

    def _whole(self, shard: Shard) -> Vectors:
        """Return all vectors of a shard, of which the last few stay in memory."""
        if shard.id in self._cache:
            self._cache.move_to_end(shard.id)
        else:
            self._cache[shard.id] = shard.read()
            if len(self._cache) > _CACHED_SHARDS:
                self._cache.popitem(last=False)
        return self._cache[shard.id]
