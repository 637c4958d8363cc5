"""The list of what a plan put below its own folder, so that it is no source of the next one."""

import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from nearframe.common import atomic_write, directory_lock, remove_leftovers, writing_errors
from nearframe.embeddings.sources.moved import MOVED_LIST, moved_list, read_moved_list

from .journal import Journal


def list_moved(journal: Journal, folder: str, to: Path | None) -> None:
    """Add the targets of a journal to the list of the plan's folder, before a file is there.

    Args:
        journal: What is about to be done.
        folder: That of the plan, which gets the list.
        to: What receives the files; nothing is listed unless it lies below `folder`.

    Raises:
        OutputError: If the list cannot be written.
    """
    if to is None or Path(folder).resolve() not in to.resolve().parents:
        return
    # The one may be written with links in its path, and the other without.
    below = to.resolve().relative_to(Path(folder).resolve())
    added = {
        (below / Path(operation.target).relative_to(to)).as_posix(): size
        for operation in journal.operations
        if (size := _size(operation.source, operation.target)) is not None
    }
    _change(Path(folder), lambda files: {**files, **added})


def forget_moved(journal: Journal) -> None:
    """Take the targets of a journal off the lists, as far as they are gone.

    Raises:
        OutputError: If a list cannot be written.
    """
    gone: defaultdict[Path, set[str]] = defaultdict(set)
    for operation in journal.operations:
        if not operation.target or os.path.lexists(operation.target):
            continue
        target = Path(operation.target)
        for parent in target.parents:
            if (parent / MOVED_LIST).is_file():
                gone[parent].add(target.relative_to(parent).as_posix())
                break
    for directory, names in gone.items():
        _change(
            directory,
            lambda files, names=names: {  # type: ignore[misc]  # mypy/issues/12557
                name: size for name, size in files.items() if name not in names
            },
        )


def _change(directory: Path, change: Callable[[dict[str, int]], dict[str, int]]) -> None:
    """Change the list of a folder; of two runs at once, the second one waits."""
    path = directory / MOVED_LIST
    with writing_errors(path), directory_lock(directory):
        before = read_moved_list(directory)
        files = change(dict(before))
        remove_leftovers([path])
        if files == before:
            return
        if not files:
            path.unlink()
            return
        with atomic_write(path, "w") as file:
            file.write(moved_list(files))


def _size(source: str, target: str) -> int | None:
    """Return the size that a file has where it is; None where it is in neither place."""
    for path in (source, target):
        try:
            # What a link leads to is copied.
            return os.stat(path).st_size  # noqa: PTH116
        except OSError:
            continue
    return None
