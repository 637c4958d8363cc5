"""Carrying out a plan, and taking it back."""

import functools
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

from .files import copy_file, has_content, move_file
from .journal import ACTIONS, Action, Journal, Operation, finish
from .plan import DedupPlan, DroppedFile, free_path


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
        entries = _unfinished(path, action, to)
    else:
        operations, skipped = _check(plan, action, to)
        entries = Journal(action, operations, _missing_directories(operations))
        entries.write(path)
    progress = progress or Silent()
    progress.start(f"{action} to {shown(to)}", len(entries.operations))
    with writing_errors(to, kept=f"what was done is in {shown(path)}"):
        for directory in entries.directories:
            Path(directory).mkdir(exist_ok=True)
    done = 0
    for operation in entries.operations:
        try:
            _carry_out(operation, action)
            done += 1
        except DiskFullError:
            raise  # the journal is not finished, so the same command goes on
        except NearframeError as error:
            skipped.append(Unreadable(operation.source, None, str(error)))
        progress.advance(1)
    finish(path)
    return Application(done, tuple(skipped), to, path)


def journal_of(plan_path: str | os.PathLike[str]) -> Path:
    """Return where to write the journal of a plan: beside it.

    That is the journal of an interrupted run, which goes on, or a new one.
    """
    path = Path(plan_path)
    journal = path.with_name(f"{path.stem}.journal.jsonl")
    if journal.exists() and Journal.read(journal).finished:
        return free_path(journal)
    return journal


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
    for directory in reversed(entries.directories):
        # Somebody may have put other files there: then it stays.
        if Path(directory).is_dir() and not any(Path(directory).iterdir()):
            Path(directory).rmdir()
    return FileReport(done, tuple(skipped))


def _unfinished(path: Path, action: Action, to: Path) -> Journal:
    entries = Journal.read(path)
    if entries.finished:
        raise NearframeError(f"{shown(path)} is of a finished run; give another journal")
    same_target = all(Path(operation.target).is_relative_to(to) for operation in entries.operations)
    if entries.action != action or not same_target:
        raise NearframeError(
            f"{shown(path)} is of an interrupted run with another action or folder; finish that "
            "one, or take it back with nearframe undo and delete the journal"
        )
    return entries


def _check(
    plan: DedupPlan, action: Action, to: Path
) -> tuple[tuple[Operation, ...], list[Unreadable]]:
    """Look at every file of a plan; return what can be done and what is left alone."""
    folder = Path(plan.folder)
    representatives = {file.file: file for file in (*plan.kept, *plan.dropped)}
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
        elif isinstance(file, DroppedFile) and file.repeats not in representatives:
            reason = f"the plan does not list {shown(file.repeats)}, which it repeats"
        elif isinstance(file, DroppedFile) and not unchanged(file.repeats):
            reason = f"{shown(file.repeats)}, which it repeats, changed or is gone"
        elif os.path.lexists(target):
            reason = f"{shown(target)} exists already; it is not replaced"
        if reason is None:
            operations.append(Operation(str(source), str(target), file.sha256))
        else:
            skipped.append(Unreadable(str(source), None, reason))
    return tuple(operations), skipped


def _missing_directories(operations: Iterable[Operation]) -> tuple[str, ...]:
    """List the directories to make for the targets, outermost first."""
    missing: set[Path] = set()
    for operation in operations:
        for parent in Path(operation.target).parents:
            if parent in missing or parent.exists():
                break
            missing.add(parent)
    return tuple(str(path) for path in sorted(missing, key=lambda path: len(path.parts)))


def _carry_out(operation: Operation, action: Action) -> None:
    source, target = Path(operation.source), Path(operation.target)
    there_already = has_content(target, operation.sha256)
    if there_already and (action == "copy-unique" or not os.path.lexists(source)):
        return  # by the run that was interrupted
    with writing_errors(target, kept="what was done so far is in the journal"):
        if action == "copy-unique":
            copy_file(source, target, operation.sha256)
        elif there_already and has_content(source, operation.sha256):
            source.unlink()  # interrupted between copying to another disk and removing
        else:
            move_file(source, target, operation.sha256)


def _take_back(operation: Operation, action: Action) -> bool:
    """Undo one operation; return whether there was something to do.

    Raises:
        NearframeError: If the file is not what the journal says, and was left alone.
    """
    source, target = Path(operation.source), Path(operation.target)
    if not os.path.lexists(target):
        if has_content(source, operation.sha256):
            return False
        raise NearframeError("is gone, and was not put back")
    if not has_content(target, operation.sha256):
        raise NearframeError("changed since it was put there; left where it is")
    with writing_errors(source):
        if has_content(source, operation.sha256):
            target.unlink()
        elif os.path.lexists(source):
            raise NearframeError(f"another file is at {shown(source)} now; left where it is")
        elif action == "copy-unique":
            raise NearframeError(f"is the only copy, since {shown(source)} is gone; left there")
        else:
            source.parent.mkdir(parents=True, exist_ok=True)
            move_file(target, source, operation.sha256)
    return True
