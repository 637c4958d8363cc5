"""A folder with the images of many cameras -> a folder per camera, and back."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nearframe.common import (
    SPLIT_ACTIONS,
    NearframeError,
    Progress,
    ProgressOption,
    SplitAction,
    as_progress,
    file_sha256,
    numbered_paths,
    run_ahead,
    short_repr,
    shown,
)
from nearframe.embeddings import Unreadable

from ..cameras.naming import Naming
from ..cameras.shots import read_shots
from .journal import Journal, Operation, journal_lock
from .runner import FileReport, make_directories, missing_directories, run_journal, unfinished
from .transfer import has_content, is_link_to

UNKNOWN = "unknown"
"""Folder of the images whose names tell no camera."""

# Files that are hashed and not yet taken.
_AHEAD = 16


class NamesTakenError(NearframeError):
    """Files that cannot all keep their names in the folders they would go to."""


@short_repr
@dataclass(frozen=True, slots=True)
class SplitPlan:
    """Which image goes to the folder of which camera. Nothing is changed by it.

    Attributes:
        folder: Absolute path of the folder with the images.
        to: Absolute path of the folder that gets a folder per camera.
        action: What is done with each file.
        operations: One per file.
        already: How many files are there already, by an earlier run.
        skipped: Files that stay where they are, and why: unreadable ones, for example.
    """

    folder: str
    to: str
    action: SplitAction
    operations: tuple[Operation, ...]
    already: int
    skipped: tuple[Unreadable, ...]

    @property
    def cameras(self) -> Mapping[str, int]:
        """How many files go to which folder."""
        return _counts(self.operations)


@short_repr
@dataclass(frozen=True, slots=True)
class SplitReport(FileReport):
    """What a split did: a `FileReport`, and more.

    Attributes:
        to: The folder with a folder per camera.
        cameras: How many files were to go to which of these.
        already: How many files were there already.
        journal: What `undo` takes; None where there was nothing to do.
        resumed: Whether this was the rest of a run that had been interrupted.
    """

    to: str
    cameras: Mapping[str, int]
    already: int
    journal: Path | None
    resumed: bool


def plan_split(
    folder: str | os.PathLike[str],
    *,
    to: str | os.PathLike[str],
    action: SplitAction = "copy",
    naming: Naming | None = None,
    recursive: bool = False,
    check: bool = False,
    progress: ProgressOption = None,
) -> SplitPlan:
    """Plan which image goes to the folder of which camera. Changes nothing.

    Args:
        folder: Where the images are.
        to: Folder that gets a folder per camera, and `UNKNOWN` for images without one.
        action: ``copy``, ``move``, or ``link``, which makes symbolic links.
        naming: How to read the names of the files.
        recursive: Whether to search sub-folders.
        check: Whether to decode every image fully before it counts as readable.
        progress: Told what the plan is at.

    Raises:
        NamesTakenError: If two files would get the same path, or one that is taken.
        SourceError: If there are no images in the folder.
        NearframeError: If the action is unknown, `to` is in the way, or no name matches.
    """
    to_path = _require_target(to, action)
    naming = naming or Naming()
    wanted: dict[Path, str] = {}
    skipped: list[Unreadable] = []
    taken: list[str] = []
    already = 0
    # Absolute, because the journal may be read from another folder; links stay.
    folder = os.path.abspath(folder)  # noqa: PTH100
    for shot in read_shots(
        folder, naming=naming, recursive=recursive, check=check, progress=progress
    ):
        if isinstance(shot, Unreadable):
            skipped.append(shot)
            continue
        source = Path(shot.path)
        target = _target(source, to_path, naming)
        if _is_in_place(source, target) or _is_done(source, target, action):
            already += 1
        elif action == "move" and source.is_symlink():
            reason = "is a symbolic link, which may lead nowhere from another folder"
            skipped.append(Unreadable(shot.path, None, reason))
        elif os.path.lexists(target.parent) and not target.parent.is_dir():
            taken.append(f"{shown(target.parent)}, which is not a folder")
        elif target in wanted:
            taken.append(f"{shown(target)} for both {shown(wanted[target])} and {shown(source)}")
        elif os.path.lexists(target):
            taken.append(f"{shown(target)}, which exists already")
        else:
            wanted[target] = shot.path
    if taken:
        raise NamesTakenError(
            f"nothing was done, since files would get names that are taken ({len(taken)} in "
            f"all): {taken[0]}; give another `to`, or rename the files"
        )
    operations = tuple(_operations(wanted, action, skipped, as_progress(progress)))
    return SplitPlan(folder, str(to_path), action, operations, already, tuple(skipped))


def split_folder(
    folder: str | os.PathLike[str],
    *,
    to: str | os.PathLike[str],
    action: SplitAction = "copy",
    journal: str | os.PathLike[str] | None = None,
    naming: Naming | None = None,
    recursive: bool = False,
    check: bool = False,
    progress: ProgressOption = None,
) -> SplitReport:
    """Put the images of a folder into a folder per camera, as `plan_split` plans it.

    Before a file is touched the plan is complete and the journal is written. Nothing is ever
    replaced. When an earlier run with the same journal was interrupted, it goes on.

    Args:
        folder: The images of many cameras.
        to: Folder that receives a folder per camera.
        action: ``copy``, ``move``, or ``link`` (symbolic links).
        journal: Where to write what is done, for `undo`; by default beside `to`.
        naming: How names tell camera and time.
        recursive: Whether the folder is searched with its sub-folders.
        check: Whether to decode every image fully, which finds damage behind headers.
        progress: Told how far it is.

    Raises:
        NearframeError: If `plan_split` refuses it, or the journal is of something else.
        OutputError: If the disk is full; the journal says what was done.
    """
    to_path = _require_target(to, action)
    path = split_journal(to_path) if journal is None else Path(journal)
    resumed = path.exists()
    skipped: tuple[Unreadable, ...] = ()
    already = 0
    entries = None
    if not resumed:
        plan = plan_split(
            folder,
            to=to,
            action=action,
            naming=naming,
            recursive=recursive,
            check=check,
            progress=progress,
        )
        skipped, already = plan.skipped, plan.already
        if not plan.operations:
            return SplitReport(0, skipped, str(to_path), {}, already, None, resumed=False)
        entries = Journal(
            action,
            plan.operations,
            missing_directories(plan.operations),
            folder=os.path.realpath(folder),
            to=os.path.realpath(to_path),
        )
        entries.create(path)
    with journal_lock(path):
        if entries is None:
            _require_same(path, folder, to_path, naming or Naming())
            entries = unfinished(path, action, to_path)
        else:
            make_directories(entries, path)
        label = f"{action} to {shown(to_path)}"
        report = run_journal(entries, path, label=label, progress=progress)
    return SplitReport(
        done=report.done,
        skipped=(*skipped, *report.skipped),
        to=str(to_path),
        cameras=_counts(entries.operations),
        already=already,
        journal=path,
        resumed=resumed,
    )


def split_journal(to: str | os.PathLike[str]) -> Path:
    """Return where to write the journal of a split: beside the folder that receives the files.

    That is the journal of an interrupted run, which goes on, or a new one.

    Raises:
        NearframeError: If there is no place beside the folder.
    """
    path = Path(os.path.abspath(to))  # noqa: PTH100
    if not path.name:
        raise NearframeError(f"there is no place beside {shown(path)}; give a `journal`")
    journals = numbered_paths(path.with_name(f"{path.name}.journal.jsonl"))
    return next(
        journal
        for journal in journals
        if not os.path.lexists(journal) or not Journal.read(journal).finished
    )


def _require_target(to: str | os.PathLike[str], action: SplitAction) -> Path:
    if action not in SPLIT_ACTIONS:
        raise NearframeError(f"`action` must be one of {', '.join(SPLIT_ACTIONS)}, not {action!r}")
    path = Path(os.path.abspath(to))  # noqa: PTH100  # links stay
    if os.path.lexists(path) and not path.is_dir():
        raise NearframeError(
            f"{shown(path)} is in the way; expected a folder, or a new name for one"
        )
    return path


def _require_same(path: Path, folder: str | os.PathLike[str], to: Path, naming: Naming) -> None:
    """Refuse to go on with an interrupted run that was of something else.

    Raises:
        NearframeError: If it was.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100
    for operation in Journal.read(path).operations:
        source = Path(operation.source)
        if not source.is_relative_to(folder) or Path(operation.target) != _target(
            source, to, naming
        ):
            raise NearframeError(
                f"{shown(path)} is of an interrupted run with another folder or `pattern`; "
                f"finish that one, or take it back with nearframe undo {shown(path)}"
            )


def _target(source: Path, to: Path, naming: Naming) -> Path:
    camera = naming.read(source).camera
    return to / (UNKNOWN if camera is None else camera) / source.name


def _is_in_place(source: Path, target: Path) -> bool:
    """Whether a file lies where it belongs, in a folder that was split in place."""
    return source.name == target.name and os.path.realpath(source.parent) == os.path.realpath(
        target.parent
    )


def _is_done(source: Path, target: Path, action: SplitAction) -> bool:
    """Whether an earlier run did it; what was moved has no source any more."""
    if action == "link":
        return is_link_to(target, source)
    if action == "move" or target.is_symlink() or not target.is_file():
        return False
    try:
        return has_content(target, file_sha256(source))
    except OSError:
        return False


def _operations(
    wanted: Mapping[Path, str],
    action: SplitAction,
    skipped: list[Unreadable],
    progress: Progress,
) -> Iterator[Operation]:
    """Complete the plan: what is in each file."""
    if action == "link":
        # A link has no content that could be lost.
        yield from (Operation(source, str(target), "") for target, source in wanted.items())
        return
    progress.start("read what is in them", len(wanted))
    for operation in run_ahead(_tasks(wanted), ahead=_AHEAD):
        if isinstance(operation, Unreadable):
            skipped.append(operation)
        else:
            yield operation
        progress.advance(1)


def _tasks(wanted: Mapping[Path, str]) -> Iterator[Callable[[], Operation | Unreadable]]:
    for target, source in wanted.items():
        yield partial(_operation, source, str(target))


def _operation(source: str, target: str) -> Operation | Unreadable:
    try:
        return Operation(source, target, file_sha256(Path(source)))
    except OSError as error:
        return Unreadable(source, None, f"cannot be read any more ({error.strerror or error})")


def _counts(operations: Sequence[Operation]) -> Mapping[str, int]:
    return Counter(Path(operation.target).parent.name for operation in operations)
