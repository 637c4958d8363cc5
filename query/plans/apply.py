"""Carrying out a plan, and taking it back."""

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nearframe.embeddings import (
    DiskFullError,
    NearframeError,
    Progress,
    Silent,
    SourceError,
    Unreadable,
    shown,
    writing_errors,
)
from nearframe.index import remove_leftovers

from .files import copy_file, has_content, is_link_to, is_same_file, link_file, move_file
from .journal import ACTIONS, Action, FileAction, Journal, Operation
from .plan import DedupPlan, DroppedFile, numbered_paths

_COPIES: tuple[FileAction, ...] = ("copy", "copy-unique")


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was done to files.

    Attributes:
        done: How many were moved, copied or put back.
        skipped: Files that were left alone, and why.
    """

    done: int
    skipped: tuple[Unreadable, ...]


@dataclass(frozen=True, slots=True)
class Application(FileReport):
    """What the application of a plan did: a `FileReport` with the folder and the `journal`."""

    to: Path
    journal: Path


def apply_plan(
    plan: DedupPlan,
    *,
    action: Action,
    to: str | os.PathLike[str],
    journal: str | os.PathLike[str],
    progress: Progress | None = None,
) -> Application:
    """Carry out a plan.

    First everything is looked at and the journal is written, then files are touched. A file that
    changed since the plan, or whose representative did, is left alone and reported. Nothing is
    ever replaced. When an earlier run with the same journal was interrupted, it goes on.

    Args:
        plan: What to do.
        action: ``move`` moves the dropped files away; ``copy-unique`` copies the kept ones.
        to: Folder that receives them, with their paths relative to the plan's folder.
        journal: Where to write what is done, for `undo`.
        progress: Told what it is at.

    Raises:
        NearframeError: If the action is unknown, `to` is in the way, or the journal is of
            something else.
        OutputError: If the disk is full; the journal says what was done.
    """
    if action not in ACTIONS:
        raise NearframeError(f"--apply must be one of {', '.join(ACTIONS)}, not {action!r}")
    path = Path(journal)
    # Absolute, because the journal may be read from another folder; links stay.
    to = Path(os.path.abspath(to))  # noqa: PTH100
    skipped: list[Unreadable] = []
    if path.exists():
        entries = unfinished(path, action, to)
    else:
        _require_folders(plan, to)
        operations, skipped = _check(plan, action, to)
        entries = Journal(action, operations, missing_directories(operations))
        entries.write(path)
        make_directories(entries, path, to)
    report = run_journal(entries, path, label=f"{action} to {shown(to)}", progress=progress)
    return Application(report.done, (*skipped, *report.skipped), to, path)


def run_journal(
    entries: Journal, path: Path, *, label: str, progress: Progress | None = None
) -> FileReport:
    """Do what a journal says, as far as it is not done already.

    Raises:
        OutputError: If the disk is full; the journal at `path` says what was done.
    """
    progress = progress or Silent()
    progress.start(label, len(entries.operations))
    done = 0
    skipped = []
    for operation in entries.operations:
        try:
            _carry_out(operation, entries.action)
            done += 1
        except DiskFullError as error:
            # The journal stays unfinished, so the same command goes on.
            raise DiskFullError(
                f"{error}, or take back what was done with nearframe undo {shown(path)}"
            ) from error
        except NearframeError as error:
            skipped.append(Unreadable(operation.source, None, str(error)))
        progress.advance(1)
    replace(entries, finished=True).write(path)
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
        NearframeError: If it is no journal.
    """
    path = Path(journal)
    entries = Journal.read(path)
    progress = progress or Silent()
    progress.start(f"undo {shown(path)}", len(entries.operations))
    done = 0
    skipped = []
    for operation in reversed(entries.operations):
        try:
            done += _take_back(operation, entries.action)
        except NearframeError as error:
            skipped.append(Unreadable(operation.target, None, str(error)))
        progress.advance(1)
    _remove_leftovers(entries)
    for directory in map(Path, reversed(entries.directories)):
        with writing_errors(directory):
            # Somebody may have put other files there: then it stays.
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()
    if not entries.finished:
        replace(entries, finished=True).write(path)  # or else a new run would go on with it
    return FileReport(done, tuple(skipped))


def unfinished(path: Path, action: FileAction, to: Path) -> Journal:
    """Read the journal of an interrupted run, and make what it needs.

    Raises:
        NearframeError: If the journal is of another run, or of one that came to its end.
    """
    entries = Journal.read(path)
    if entries.finished:
        raise NearframeError(f"{shown(path)} is of a finished run; give another journal")
    same_target = all(Path(operation.target).is_relative_to(to) for operation in entries.operations)
    if entries.action != action or not same_target:
        raise NearframeError(
            f"{shown(path)} is of an interrupted run with another action or folder; finish that "
            f"one, or take it back with nearframe undo {shown(path)}"
        )
    with writing_errors(to):
        for directory in entries.directories:
            Path(directory).mkdir(exist_ok=True)
    _remove_leftovers(entries)
    return entries


def _require_folders(plan: DedupPlan, to: Path) -> None:
    if not Path(plan.folder).is_dir():
        raise SourceError(plan.folder, "the folder of the plan is gone; make a new plan")
    if is_same_file(to, plan.folder):
        raise NearframeError(f"{shown(to)} is the folder of the plan itself; give another one")
    if os.path.lexists(to) and not to.is_dir():
        raise NearframeError(f"{shown(to)} is in the way; expected a folder, or a new name for one")


def make_directories(entries: Journal, path: Path, to: Path) -> None:
    """Make the directories of a new journal.

    Raises:
        OutputError: If that fails; then nothing was done at all, and the journal is gone.
    """
    try:
        with writing_errors(to):
            for directory in entries.directories:
                Path(directory).mkdir(exist_ok=True)
    except NearframeError:
        for directory in reversed(entries.directories):
            if Path(directory).is_dir():
                Path(directory).rmdir()
        path.unlink()
        raise


def _remove_leftovers(entries: Journal) -> None:
    """Remove half-written copies: of files on their way, and of files on their way back."""
    remove_leftovers(
        Path(path)
        for operation in entries.operations
        for path in (operation.source, operation.target)
    )


def _check(
    plan: DedupPlan, action: Action, to: Path
) -> tuple[tuple[Operation, ...], list[Unreadable]]:
    """Look at every file of a plan; return what can be done and what is left alone."""
    folder = Path(plan.folder)
    representatives = {file.file: file for file in (*plan.kept, *plan.dropped, *plan.protected)}
    unchanged = functools.cache(lambda name: representatives[name].is_unchanged(folder))
    operations = []
    skipped = []
    for file in plan.kept if action == "copy-unique" else plan.dropped:
        source, target = folder / file.file, to / file.file
        reason = None
        if not os.path.lexists(source):
            reason = "is gone since the plan was made"
        elif not unchanged(file.file):
            reason = "changed since the plan was made"
        elif action == "move" and source.is_symlink():
            reason = "is a symbolic link, which may lead nowhere from another folder"
        elif isinstance(file, DroppedFile) and file.repeats not in representatives:
            reason = f"the plan does not list {shown(file.repeats)}, which it repeats"
        elif isinstance(file, DroppedFile) and not unchanged(file.repeats):
            reason = f"{shown(file.repeats)}, which it repeats, changed or is gone"
        elif isinstance(file, DroppedFile) and is_same_file(source, folder / file.repeats):
            reason = f"{shown(file.repeats)}, which it repeats, is a link to it"
        elif os.path.lexists(target):
            reason = f"{shown(target)} exists already; it is not replaced"
        if reason is None:
            operations.append(Operation(str(source), str(target), file.sha256))
        else:
            skipped.append(Unreadable(str(source), None, reason))
    return tuple(operations), skipped


def missing_directories(operations: Iterable[Operation]) -> tuple[str, ...]:
    """List the directories to make for the targets, outermost first."""
    missing: set[Path] = set()
    for operation in operations:
        for parent in Path(operation.target).parents:
            if parent in missing or parent.exists():
                break
            missing.add(parent)
    return tuple(str(path) for path in sorted(missing, key=lambda path: len(path.parts)))


def _carry_out(operation: Operation, action: FileAction) -> None:
    """Do one operation, unless the run that was interrupted did it.

    Raises:
        NearframeError: If it cannot be done; everything is as it was.
    """
    source, target = Path(operation.source), Path(operation.target)
    if action == "link":
        _link(source, target)
        return
    at_source = has_content(source, operation.sha256)
    at_target = has_content(target, operation.sha256)
    if at_target and (action in _COPIES or not at_source):
        return
    if not at_source:
        raise NearframeError("changed or is gone since the plan was made")
    with writing_errors(target):
        if action in _COPIES:
            copy_file(source, target, operation.sha256)
        elif at_target and not is_same_file(source, target):
            source.unlink()  # interrupted between copying to another disk and removing
        else:
            move_file(source, target, operation.sha256)


def _link(source: Path, target: Path) -> None:
    if is_link_to(target, source):
        return
    if not source.exists():
        raise NearframeError("is gone since the plan was made")
    with writing_errors(target):
        link_file(source, target)


def _take_back(operation: Operation, action: FileAction) -> bool:
    """Undo one operation; return whether there was something to do.

    Raises:
        NearframeError: If the file is not what the journal says, and was left alone.
    """
    source, target = Path(operation.source), Path(operation.target)
    if not os.path.lexists(target):
        if action == "link" or has_content(source, operation.sha256):
            return False
        raise NearframeError("is gone, and was not put back")
    if action == "link":
        _unlink(source, target)
        return True
    if not has_content(target, operation.sha256):
        raise NearframeError("changed since it was put there; left where it is")
    with writing_errors(source):
        if has_content(source, operation.sha256):
            if is_same_file(source, target):
                raise NearframeError(f"{shown(source)} links to it; remove the link and undo again")
            target.unlink()
        elif os.path.lexists(source):
            raise NearframeError(f"another file is at {shown(source)} now; left where it is")
        elif action in _COPIES:
            raise NearframeError(f"is the only copy, since {shown(source)} is gone; left there")
        else:
            source.parent.mkdir(parents=True, exist_ok=True)
            move_file(target, source, operation.sha256)
    return True


def _unlink(source: Path, target: Path) -> None:
    if not is_link_to(target, source):
        raise NearframeError("is not the link that was made any more; left where it is")
    with writing_errors(target):
        target.unlink()
