"""Whether a build of an index has reached its end.

A mark in the catalogue is set before the first file is read, and goes after the last commit. It is
part of no commit, so the generation stays, and the files of the search with it. A complete index
may be called incomplete for a moment; never the other way round.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from nearframe.common import absolute, interrupts_held

from .frame_index import FrameIndex
from .tables import PathText

_KEY = "building"


def unfinished_inputs(index: FrameIndex) -> tuple[str, ...]:
    """Return what is not read to its end, absolute; empty where the index is complete.

    The build that was to read it was interrupted, or is still running.
    """
    marked = index.catalog.meta(_KEY, list[PathText], None)
    # Without a mark: left by an older nearframe, or a shard was lost since.
    return tuple(index.catalog.incomplete_paths() if marked is None else marked)


class BuildMark:
    """The mark of one build.

    Args:
        index: Open for writing, with nothing to commit.
        inputs: What the build is to read.
    """

    def __init__(self, index: FrameIndex, inputs: Iterable[str | os.PathLike[str]]) -> None:
        self._index = index
        self._inputs = [absolute(os.fspath(path)) for path in inputs]
        self._earlier: list[str] = index.catalog.meta(_KEY, list[PathText], None) or []
        self._marked = self._earlier

    def begin(self) -> None:
        """Call the index incomplete; what earlier builds have left unread is not forgotten."""
        self._set(list(dict.fromkeys([*self._earlier, *self._inputs])))

    def end(self) -> None:
        """Call the index complete, unless earlier builds have left something else unread."""
        self._set([path for path in self._earlier if not self._covers(path)])

    def _covers(self, path: str) -> bool:
        """Whether this build has read it, or it cannot be read any more."""
        above = {path, *map(os.fspath, Path(path).parents)}
        return not above.isdisjoint(self._inputs) or not Path(path).exists()

    def _set(self, inputs: list[str]) -> None:
        if inputs == self._marked:
            return
        catalog = self._index.catalog
        with interrupts_held():
            # What is begun goes with it; alone, the mark is no commit that is counted.
            if catalog.changed:
                self._index.commit()
            catalog.rollback()
            if inputs:
                catalog.set_meta(_KEY, inputs)
            else:
                catalog.remove_meta(_KEY)
            catalog.begin()
            self._marked = inputs
