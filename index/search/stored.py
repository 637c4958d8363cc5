"""The search that belongs to the last commit of an index, on the disk or made anew."""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from nearframe.common import AnnChoice, NearframeError, Progress, Silent, atomic_path, shown
from nearframe.common.typed_json import Count

from ..catalog import Catalog
from ..errors import IndexDamagedError
from ..vectors import StoredVectors
from .checked import is_as_written, remember
from .choice import EXACT_LIMIT, is_approximate
from .flat import FlatSearch
from .flat_file import REMEDY, FlatFile, say_damaged
from .ivf import IvfLists, IvfSearch
from .lists import build_lists
from .ranking import Search
from .recall import suffices
from .record import DerivedFile, IvfRecord
from .scan import ShardScan

logger = logging.getLogger(__name__)

_ANN_KEY = "ann"
_RECORD_KEY = "ivf"
_FLAT_KEY = "flat"
_EXACT_KEY = "ivf_missed_at"
_IVF_PATTERN = "ivf-*.faiss"
# A base is made anew when so many of its frames, as a share, came later or were dropped since.
_OUTGROWN = 0.1
# Lists that missed the recall are tried again when there are so many times as many frames.
_TRIED_AGAIN = 2


class StoredSearch:
    """Keeps what searches are derived from: the FAISS files of an index directory.

    A small index has one file with all its vectors, named after the commit. A large one has a
    `base`, named after the commit that it was made from, and a `tail` with what came later, named
    after both; the catalogue says which they are. Every file can be missing.
    """

    PATTERNS = (FlatFile.PATTERN, _IVF_PATTERN)

    def __init__(self, directory: Path, catalog: Catalog, vectors: StoredVectors) -> None:
        self._directory = directory
        self._catalog = catalog
        self._vectors = vectors
        self._search: Search | None = None
        self.generation = -1
        """The commit that `current` last gave the search of."""
        self.progress: Progress = Silent()
        """Told what `refresh` is at."""

    @property
    def ann(self) -> AnnChoice:
        """Which kind of search was asked for."""
        choice: AnnChoice = self._catalog.meta(_ANN_KEY, AnnChoice, "auto")
        return choice

    @ann.setter
    def ann(self, choice: AnnChoice) -> None:
        if choice != self.ann:
            self._catalog.set_meta(_ANN_KEY, choice)

    def record(self) -> IvfRecord | None:
        """Return what is known of the approximate search; None where there is none."""
        values = None
        # Once more when the base is gone: a writer that made it anew has said so before.
        while values != (values := self._catalog.meta(_RECORD_KEY, Any, None)):
            try:
                record = IvfRecord.from_json(values)
            except ValueError:  # none, or of a newer nearframe
                return None
            if record.base.is_present(self._directory):
                return record
        return None

    def current(self) -> Search:
        """Return the search of the last commit: from its files, or made anew without them."""
        generation = self._catalog.generation()
        if self._search is None or self.generation != generation:
            self._search = self._approximate(generation) or self._exact(generation)
            self.generation = generation
        return self._search

    def files(self) -> set[Path]:
        """Return the paths of the files that are of use, there or not."""
        generation = self._catalog.generation()
        used = {FlatFile(self._directory, generation).path}
        record = self.record()
        if record is not None:
            used.add(self._directory / record.base.name)
            used.add(self._directory / _tail_name(record, generation))
        return used

    def refresh(self) -> None:
        """Write the files of the last commit that are missing.

        What fails is said in a warning: searches do without, only more slowly.
        """
        count = self._catalog.frame_count()
        generation = self._catalog.generation()
        try:
            if is_approximate(count, self.ann) and self._refresh_ivf(count, generation):
                return
            if self._catalog.meta(_RECORD_KEY, Any, None) is not None:
                self._catalog.remove_meta(_RECORD_KEY)
            file = FlatFile(self._directory, generation)
            if count and not file.is_as(self._flat()):
                written = file.write(FlatSearch.build(self._vectors.blocks(), count=count))
                self._catalog.set_meta(_FLAT_KEY, asdict(written))
        except (OSError, NearframeError) as error:
            directory = shown(self._directory)
            logger.warning("could not write the search of %s: %s", directory, error)

    def damage(self) -> list[str]:
        """Compare the files with what they were derived from; say what differs."""
        generation = self._catalog.generation()
        found = FlatFile(self._directory, generation).damage(self._vectors.blocks())
        record = self.record()
        for file in (record.base, record.tail) if record is not None else ():
            if file is None or not file.is_present(self._directory):
                continue
            path = self._directory / file.name
            if DerivedFile.of(path, file.name) != file:
                found.append(f"{shown(path)} differs from what was written; {REMEDY}")
        return found

    def _flat(self) -> DerivedFile | None:
        """Return the file of an exact search as it was last written."""
        written: DerivedFile | None = self._catalog.meta(_FLAT_KEY, DerivedFile, None)
        return written

    def _exact(self, generation: int) -> Search:
        file = FlatFile(self._directory, generation)
        found = file.read(self._catalog.frame_ids, self._flat())
        if found is not None:
            return found
        count = self._catalog.frame_count()
        if count <= EXACT_LIMIT:
            return FlatSearch.build(self._vectors.blocks(), count=count)
        logger.warning(
            "%s has no search file, so all %d vectors are read for each search; run buildIndex "
            "again, which makes it anew",
            shown(self._directory),
            count,
        )
        return ShardScan(self._vectors)

    def _approximate(self, generation: int) -> IvfSearch | None:
        """Return the search that the catalogue names, if its base is whole."""
        while (record := self.record()) is not None:
            path = self._directory / record.base.name
            try:
                base = self._read(record.base, record)
            except NearframeError:
                if self.record() != record:  # a writer has just made it anew
                    continue
                say_damaged(path)
                return None
            return IvfSearch(
                (base, self._tail(record, base, generation)),
                self._vectors.rows,
                probed=record.probed,
                candidates=record.candidates,
            )
        return None

    def _tail(self, record: IvfRecord, base: IvfLists, generation: int) -> IvfLists:
        """Return the lists of what came after the base: from the file, or made anew."""
        tail = record.tail
        if tail is not None and tail.name == _tail_name(record, generation):
            path = self._directory / tail.name
            if tail.is_present(self._directory):
                try:
                    return self._read(tail, record)
                except NearframeError:
                    say_damaged(path)
        lists = base.empty_copy()
        lists.add(self._vectors.blocks(after=record.last_id))
        return lists

    def _read(self, file: DerivedFile, record: IvfRecord) -> IvfLists:
        """Read lists.

        Raises:
            NearframeError: If they are not what was written.
        """
        path = self._directory / file.name
        if not is_as_written(self._directory, file):
            raise IndexDamagedError(f"{shown(path)} differs from what was written; {REMEDY}")
        lists = IvfLists.read(path)
        if lists.count != record.lists:
            raise IndexDamagedError(f"{shown(path)} has {lists.count} lists; {REMEDY}")
        return lists

    def _refresh_ivf(self, count: int, generation: int) -> bool:
        """Bring the lists up to date; return False where the search had better stay exact."""
        record = self.record()
        # Those that miss the recall were made on request, or by an older nearframe.
        if record is not None and not is_as_written(self._directory, record.base):
            record = None
        if record is not None and (self.ann == "ivf" or suffices(record.recall)):
            later = self._catalog.frame_count_after(record.last_id)
            dropped = record.frames - (count - later)
            if later + dropped <= _OUTGROWN * record.frames:
                self._refresh_tail(record, later, generation)
                return True
        if self.ann == "auto" and count < _TRIED_AGAIN * self._catalog.meta(_EXACT_KEY, Count, 0):
            return False
        return self._make_base(generation)

    def _refresh_tail(self, record: IvfRecord, later: int, generation: int) -> None:
        """Write the frames that came after the base into a file of their own."""
        name = _tail_name(record, generation)
        tail = record.tail
        if not later or (
            tail is not None and tail.name == name and is_as_written(self._directory, tail)
        ):
            return
        lists = self._read(record.base, record).empty_copy()
        lists.add(self._vectors.blocks(after=record.last_id))
        self._store(replace(record, tail=self._write(lists, name)))

    def _make_base(self, generation: int) -> bool:
        """Make lists of all frames, unless they find too little and nobody insists on them."""
        ids = np.array(self._catalog.frame_ids(), np.int64)
        built = build_lists(ids, self._vectors, self.progress)
        recall = built.parameters.recall
        if not built.parameters.suffice:
            stays = self.ann == "auto"
            logger.warning(
                "an approximate search of these frames finds the nearest in %.1f %% and the ten "
                "nearest in %.1f %% of the cases only; %s",
                100 * recall.at_1,
                100 * recall.at_10,
                "searches stay exact" if stays else "an exact one finds all",
            )
            if stays:
                self._catalog.set_meta(_EXACT_KEY, len(ids))
                return False
        self._store(
            IvfRecord(
                base=self._write(built.lists, _IVF_PATTERN.replace("*", f"{generation:06d}")),
                tail=None,
                frames=len(ids),
                last_id=int(ids.max()),
                lists=built.lists.count,
                probed=built.parameters.probed,
                candidates=built.parameters.candidates,
                recall=recall,
            )
        )
        return True

    def _write(self, lists: IvfLists, name: str) -> DerivedFile:
        with atomic_path(self._directory / name) as temporary:
            lists.write(temporary)
            written = DerivedFile.of(temporary, name)
        remember(self._directory, written)
        return written

    def _store(self, record: IvfRecord) -> None:
        # At once, and without counting a commit: no frame changes.
        self._catalog.set_meta(_RECORD_KEY, record.to_json())


def _tail_name(record: IvfRecord, generation: int) -> str:
    return record.base.name.replace(".faiss", f"-{generation:06d}.faiss")
