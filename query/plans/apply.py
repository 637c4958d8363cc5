"""Carrying out a plan, and taking it back."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nearframe.embeddings import (
    DiskFullError,
    NearframeError,
    Progress,
    Silent,
    Unreadable,
    shown,
    writing_errors,
)
from nearframe.index import remove_leftovers

from .check import Check, require_folders
from .files import private_path, put_back
from .journal import (
    ACTIONS,
    TARGETED,
    Action,
    FileAction,
    Journal,
    Operation,
    earlier_journals,
    journal_lock,
)
from .moved import forget_moved, list_moved
from .operations import doing
from .plan import DedupPlan, numbered_paths


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was done to files.

    Attributes:
        done: How many the action was done to, or was taken back of.
        skipped: Files that were left alone, and why.
    """

    done: int
    skipped: tuple[Unreadable, ...]


@dataclass(frozen=True, slots=True)
class Application(FileReport):
    """What the application of a plan did: a `FileReport`, and more.

    Attributes:
        to: The folder that received files; None for actions that put none into a folder.
        journal: What `undo` takes; that of the earlier run where this one had nothing left to do.
        already: How many files an earlier run had done this to; they count as neither done nor
            skipped.
    """

    to: Path | None
    journal: Path
    already: int = 0


def apply_plan(
    plan: DedupPlan,
    *,
    action: Action,
    to: str | os.PathLike[str] | None = None,
    journal: str | os.PathLike[str],
    progress: Progress | None = None,
) -> Application:
    """Carry out a plan.

    First everything is looked at and the journal is written, then files are touched. A file that
    changed since the plan, or whose representative did, is left alone and reported, and so is one
    that is protected or kept, whatever the plan says. Nothing is ever replaced. When an earlier
    run with the same journal was interrupted, it goes on. A file that somebody took out of the
    plan's repeats is treated as one that is new; one taken out of its new ones is left alone, and
    so is what repeats it.

    Args:
        plan: What to do.
        action: ``move`` moves the dropped files away, ``trash`` puts them into the system's trash,
            and ``delete`` deletes them for good. ``copy-unique`` copies the kept ones, and
            ``hardlink`` gives them a second name without using space.
        to: Folder that receives them, with their paths relative to the plan's folder; None for
            ``trash`` and ``delete``.
        journal: Where to write what is done, for `undo`.
        progress: Told what it is at.

    Raises:
        NearframeError: If the action is unknown, `to` is missing, in the way or on another file
            system than hard links reach, or the journal is of something else.
        OutputError: If the disk is full; the journal says what was done.
    """
    if action not in ACTIONS:
        raise NearframeError(f"the action must be one of {', '.join(ACTIONS)}, not {action!r}")
    if (to is not None) != (action in TARGETED):
        needs = "needs a" if to is None else "takes no"
        raise NearframeError(f"{action} {needs} folder that receives the files")
    path = Path(journal)
    # Absolute, because the journal may be read from another folder; links stay.
    to = None if to is None else Path(os.path.abspath(to))  # noqa: PTH100
    skipped: tuple[Unreadable, ...] = ()
    already = 0
    entries = None
    if not path.exists():
        require_folders(plan, action, to)
        earlier = tuple(earlier_journals(path))
        checked = Check(plan, action, to, [journal for _, journal in earlier]).all()
        skipped, already = checked.skipped, checked.already
        if already and not checked.operations:
            return Application(0, skipped, to, earlier[0][0], already)
        operations = checked.operations
        entries = Journal(
            action,
            operations,
            missing_directories(operations),
            folder=os.path.realpath(plan.folder),
            to="" if to is None else os.path.realpath(to),
        )
        entries.create(path)
    label = action if to is None else f"{action} to {shown(to)}"
    with journal_lock(path):
        if entries is None:
            entries = unfinished(path, action, to)
        else:
            make_directories(entries, path)
        list_moved(entries, plan.folder, to)
        report = run_journal(entries, path, label=label, progress=progress)
    return Application(report.done, (*skipped, *report.skipped), to, path, already)


def run_journal(
    entries: Journal, path: Path, *, label: str, progress: Progress | None = None
) -> FileReport:
    """Do what a journal says, as far as it is not done already.

    Args:
        entries: The journal.
        path: Where it is; `journal_lock` is held.
        label: As of `Progress`.
        progress: Told how far it is.

    Raises:
        OutputError: If the disk is full; the journal at `path` says what was done.
    """
    progress = progress or Silent()
    progress.start(label, len(entries.operations))
    action = doing(entries.action, entries.token)
    done = 0
    skipped = []
    for operation in entries.operations:
        try:
            entries.require_inside(operation)
            action.carry_out(operation)
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


def journal_of(plan_path: str | os.PathLike[str]) -> Path:
    """Return where to write the journal of a plan: beside it.

    That is the journal of an interrupted run, which goes on, or a new one.
    """
    path = Path(plan_path)
    journals = numbered_paths(path.with_name(f"{path.stem}.journal.jsonl"))
    return next(
        journal
        for journal in journals
        if not os.path.lexists(journal) or not Journal.read(journal).finished
    )


def undo(journal: str | os.PathLike[str], *, progress: Progress | None = None) -> FileReport:
    """Take back what an applied plan did, last operation first.

    A file whose content is not what the journal says is left alone and reported, and so is a copy
    that has become the only one. May be repeated: what is back already stays.

    Raises:
        NearframeError: If it is no journal, or of what cannot be taken back, as deleted files.
    """
    path = Path(journal)
    with journal_lock(path):
        return _undo(Journal.read(path), path, progress or Silent())


def _undo(entries: Journal, path: Path, progress: Progress) -> FileReport:
    action = doing(entries.action, entries.token)
    skipped = _restore(entries)
    hindrance = action.hindrance(entries.operations)
    if hindrance is not None:
        _finish(entries, path)
        raise NearframeError(f"{shown(path)}: {hindrance}")
    progress.start(f"undo {shown(path)}", len(entries.operations))
    done = 0
    for operation in reversed(entries.operations):
        try:
            entries.require_inside(operation)
            done += action.take_back(operation)
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
    remove_leftovers(
        Path(path)
        for operation in entries.operations
        for path in (operation.source, operation.target)
        if path
    )


def _restore(entries: Journal) -> list[Unreadable]:
    """Give files their names back that a crash left with private ones.

    Returns:
        Those whose name is taken.
    """
    taken = []
    for operation in entries.operations:
        for path in filter(None, (operation.source, operation.target)):
            private = private_path(Path(path), entries.token)
            if not os.path.lexists(private):
                continue
            try:
                with writing_errors(path):
                    put_back(private, Path(path))
            except NearframeError as error:
                taken.append(Unreadable(path, None, str(error)))
    return taken


def missing_directories(operations: Iterable[Operation]) -> tuple[str, ...]:
    """List the directories to make for the targets, outermost first."""
    missing: set[Path] = set()
    for operation in operations:
        for parent in Path(operation.target).parents:
            if parent in missing or parent.exists():
                break
            missing.add(parent)
    return tuple(str(path) for path in sorted(missing, key=lambda path: len(path.parts)))
