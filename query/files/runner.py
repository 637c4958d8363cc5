"""Carrying out a journal, and taking it back."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from nearframe.common import (
    DiskFullError,
    NearframeError,
    Progress,
    ProgressOption,
    as_progress,
    remove_leftovers,
    short_repr,
    shown,
    writing_errors,
)
from nearframe.embeddings import Unreadable

from .held import held_folder, held_folders
from .journal import FileAction, Journal, Operation, journal_lock
from .moved import forget_moved
from .operations import handler_of
from .transfer import private_path, put_back


@short_repr
@dataclass(frozen=True, slots=True)
class FileReport:
    """What was done to files.

    Attributes:
        done: How many the action was done to, or was taken back of.
        skipped: Files that were left alone, and why.
    """

    done: int
    skipped: tuple[Unreadable, ...]


def run_journal(
    entries: Journal, path: Path, *, label: str, progress: ProgressOption = None
) -> FileReport:
    """Do what a journal says, as far as it is not done already.

    Args:
        entries: The journal.
        path: Where it is; `journal_lock` is held.
        label: What the progress is called.
        progress: Told how far it is.

    Raises:
        OutputError: If the disk is full; the journal at `path` says what was done.
    """
    progress = as_progress(progress)
    progress.start(label, len(entries.operations))
    handler = handler_of(entries.action, entries.token)
    done = 0
    skipped = []
    for operation in entries.operations:
        try:
            with held_folders(entries, operation) as held:
                handler.carry_out(operation, held)
            done += 1
        except DiskFullError as error:
            # The journal stays unfinished, so the same command goes on.
            raise DiskFullError(
                f"{error}, or take back what was done with nearframe undo {shown(path)}"
            ) from error
        except NearframeError as error:
            skipped.append(Unreadable(operation.source, None, str(error)))
        progress.advance(1)
    _finish(entries, path)
    return FileReport(done, tuple(skipped))


def undo(journal: str | os.PathLike[str], *, progress: ProgressOption = None) -> FileReport:
    """Take back what an applied plan did, last operation first.

    A file whose content is not what the journal says is left alone and reported, and so is a copy
    that has become the only one. May be repeated: what is back already stays.

    Raises:
        NearframeError: If it is no journal, or of what cannot be taken back, as deleted files.
    """
    path = Path(journal)
    with journal_lock(path):
        return _undo(Journal.read(path), path, as_progress(progress))


def _undo(entries: Journal, path: Path, progress: Progress) -> FileReport:
    handler = handler_of(entries.action, entries.token)
    skipped = _restore(entries)
    blocker = handler.blocker(entries.operations)
    if blocker is not None:
        _finish(entries, path)
        raise NearframeError(f"{shown(path)}: {blocker}")
    progress.start(f"undo {shown(path)}", len(entries.operations))
    done = 0
    for operation in reversed(entries.operations):
        try:
            with held_folders(entries, operation) as held:
                done += handler.take_back(operation, held)
        except NearframeError as error:
            where = operation.target or operation.source
            skipped.append(Unreadable(where, None, str(error)))
        progress.advance(1)
    _remove_leftovers(entries)
    forget_moved(entries)
    for directory in map(Path, reversed(entries.directories)):
        with writing_errors(directory):
            # Somebody may have put other files there: then it stays.
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()
    _finish(entries, path)
    return FileReport(done, tuple(skipped))


def _finish(entries: Journal, path: Path) -> None:
    """Say in the journal that it came to its end, or else the next run would go on with it."""
    if not entries.finished:
        entries.finish(path)


def unfinished(path: Path, action: FileAction, to: Path | None) -> Journal:
    """Read the journal of an interrupted run, and make what it needs.

    Raises:
        NearframeError: If the journal is of another run, or of one that came to its end.
    """
    entries = Journal.read(path)
    if entries.finished:
        raise NearframeError(f"{shown(path)} is of a finished run; give another journal")
    same_target = to is None or all(
        Path(operation.target).is_relative_to(to) for operation in entries.operations
    )
    if entries.action != action or not same_target:
        raise NearframeError(
            f"{shown(path)} is of an interrupted run with another action or folder; finish that "
            f"one, or take it back with nearframe undo {shown(path)}"
        )
    _make(entries.directories)
    _remove_leftovers(entries)
    _restore(entries)
    return entries


def make_directories(entries: Journal, path: Path) -> None:
    """Make the directories of a new journal.

    Raises:
        OutputError: If that fails; then nothing was done at all, and the journal is gone.
    """
    try:
        _make(entries.directories)
    except NearframeError:
        for directory in reversed(entries.directories):
            if Path(directory).is_dir():
                Path(directory).rmdir()
        path.unlink()
        raise


def _make(directories: Iterable[str]) -> None:
    for directory in directories:
        with writing_errors(directory):
            Path(directory).mkdir(exist_ok=True)


def _remove_leftovers(entries: Journal) -> None:
    """Remove half-written copies: of files on their way, and of files on their way back."""
    for folder, names in _held_by_folder(entries):
        remove_leftovers(folder / name for name in names)


def _restore(entries: Journal) -> list[Unreadable]:
    """Give files their names back that a crash left with private ones.

    Returns:
        Those whose name is taken.
    """
    taken = []
    for folder, names in _held_by_folder(entries):
        for name, known_as in names.items():
            private = private_path(folder / name, entries.token)
            if not os.path.lexists(private):
                continue
            try:
                with writing_errors(known_as):
                    put_back(private, folder / name)
            except NearframeError as error:
                taken.append(Unreadable(known_as, None, str(error)))
    return taken


def _held_by_folder(entries: Journal) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yield the folders of a journal's files, held open, with names and paths in each.

    Folders that a link leads elsewhere are left out.
    """
    folders: defaultdict[tuple[str, Path], dict[str, str]] = defaultdict(dict)
    for operation in entries.operations:
        for path, inside in ((operation.source, entries.folder), (operation.target, entries.to)):
            if path:
                folders[inside, Path(path).parent][Path(path).name] = path
    for (inside, folder), names in folders.items():
        with ExitStack() as stack:
            try:
                held = stack.enter_context(held_folder(folder, inside)) if inside else folder
            except NearframeError:
                continue
            yield held, names


def missing_directories(operations: Iterable[Operation]) -> tuple[str, ...]:
    """List the directories to make for the targets, outermost first."""
    missing: set[Path] = set()
    for operation in operations:
        for parent in Path(operation.target).parents:
            if parent in missing or parent.exists():
                break
            missing.add(parent)
    return tuple(str(path) for path in sorted(missing, key=lambda path: len(path.parts)))
