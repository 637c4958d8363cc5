"""Carrying out a plan, and taking it back."""

import os
from dataclasses import dataclass
from pathlib import Path

from nearframe.common import (
    ACTIONS,
    Action,
    NearframeError,
    ProgressOption,
    numbered_paths,
    short_repr,
    shown,
)
from nearframe.embeddings import Unreadable

from ..files.journal import TARGETED, Journal, earlier_journals, journal_lock
from ..files.moved import list_moved
from ..files.runner import (
    FileReport,
    make_directories,
    missing_directories,
    run_journal,
    unfinished,
)
from .check import Check, require_folders
from .plan import DedupPlan


@short_repr
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
    plan: DedupPlan | str | os.PathLike[str],
    *,
    action: Action,
    to: str | os.PathLike[str] | None = None,
    journal: str | os.PathLike[str],
    progress: ProgressOption = None,
) -> Application:
    """Carry out a plan.

    First everything is looked at and the journal is written, then files are touched. A file that
    changed since the plan, or whose representative did, is left alone and reported, and so is one
    that is protected or kept, whatever the plan says. Nothing is ever replaced. When an earlier
    run with the same journal was interrupted, it goes on. A file that somebody took out of the
    plan's repeats is treated as one that is new; one taken out of its new ones is left alone, and
    so is what repeats it.

    Args:
        plan: What to do, or the file that says it.
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
    if not isinstance(plan, DedupPlan):
        plan = DedupPlan.load(plan)
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
