"""Names that are free: the next plan, journal or picture beside earlier ones."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path


def free_path(path: Path) -> Path:
    """Return the first of `numbered_paths` that does not exist."""
    return next(candidate for candidate in numbered_paths(path) if not os.path.lexists(candidate))


def numbered_paths(path: Path) -> Iterator[Path]:
    """Yield `path`, then ``NAME-2.EXT``, ``NAME-3.EXT`` and so on without end."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
