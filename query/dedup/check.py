"""What of a plan can be done, looked at before anything is touched."""

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nearframe.common import Action, NearframeError, SourceError, shown
from nearframe.embeddings import Unreadable

from ..files.journal import ON_KEPT, Journal, Operation, lies_in
from ..files.protection import Protection, identities
from ..files.transfer import has_content, is_one_file, is_same_file
from .plan import DedupPlan, DroppedFile, PlannedFile


def require_folders(plan: DedupPlan, action: Action, to: Path | None) -> None:
    """Refuse what cannot work for any file of a plan.

    Args:
        plan: What is to be done.
        action: The action.
        to: Absolute path of the folder that receives files; None for actions without one.

    Raises:
        SourceError: If the plan's folder is gone.
        NearframeError: If `to` is the plan's folder, no folder, protected, or beyond hard links.
    """
    if not os.path.isdir(plan.folder):  # noqa: PTH112  # False for a name too long, too
        raise SourceError(plan.folder, "the folder of the plan is gone; make a new plan")
    if to is None:
        return
    if is_same_file(to, plan.folder):
        raise NearframeError(f"{shown(to)} is the folder of the plan itself; give another one")
    if os.path.lexists(to) and not to.is_dir():
        raise NearframeError(f"{shown(to)} is in the way; expected a folder, or a new name for one")
    if protection_of(plan).covers(to):
        raise NearframeError(f"{shown(to)} lies in a protected folder; give another one")
    existing = next(parent for parent in (to, *to.parents) if parent.exists())
    if action == "hardlink" and existing.stat().st_dev != Path(plan.folder).stat().st_dev:
        raise NearframeError(
            f"{shown(to)} is on another file system than {shown(plan.folder)}, where hard links do "
            "not reach; use copy-unique, or a folder on the same file system"
        )


def protection_of(plan: DedupPlan) -> Protection:
    """Return what a plan says must never be touched."""
    files = (Path(plan.folder, file.file) for file in plan.protected)
    return Protection([*plan.protected_folders, *files])


@dataclass(frozen=True, slots=True)
class Checked:
    """What of a plan can be done.

    Attributes:
        operations: What can.
        skipped: The files that are left alone, and why.
        already: How many files are where the action puts them, by an earlier run.
    """

    operations: tuple[Operation, ...]
    skipped: tuple[Unreadable, ...]
    already: int


class Check:
    """Looks at every file of a plan.

    Args:
        plan: What is to be done.
        action: The action.
        to: Absolute path of the folder that receives files; None for actions without one.
        earlier: Journals of runs of this plan that came to their end.
    """

    def __init__(
        self, plan: DedupPlan, action: Action, to: Path | None, earlier: Sequence[Journal] = ()
    ) -> None:
        self._plan = plan
        self._action = action
        self._to = to
        self._folder = Path(plan.folder)
        self._real_folder = os.path.realpath(plan.folder)
        self._done_before = {
            operation.source: operation
            for journal in earlier
            if journal.action == action
            for operation in journal.operations
            if to is None
            or operation.target == str(to / os.path.relpath(operation.source, plan.folder))
        }
        self._protection = protection_of(plan)
        # What stays; a file that stands in both lists does.
        self._staying = {file.file: file for file in (*plan.kept, *plan.protected)}
        self._dropped = {file.file: file for file in plan.dropped}
        self._staying_paths = {os.path.realpath(self._folder / name) for name in self._staying}
        self._staying_identities = identities(self._folder / name for name in self._staying)
        # What somebody says is no repeat, as it is now: of its content the plan knows nothing more.
        self._taken_out: dict[str, PlannedFile] = {}
        self._unchanged = functools.cache(self._look_again)
        self._representatives: dict[str, PlannedFile | str] = {}

    def all(self) -> Checked:
        """Look at all files that the action is for."""
        operations: list[Operation] = []
        skipped: list[Unreadable] = []
        already = 0
        for file in self._concerned():
            path = self._folder / file.file
            operation = self._done_before.get(str(path))
            if operation is not None and self._is_done(operation):
                already += 1
                continue
            try:
                operations.append(self._operation(file))
            except NearframeError as error:
                skipped.append(Unreadable(str(path), None, str(error)))
            except OSError as error:  # of a path that is exchanged while it is looked at
                reason = f"cannot be looked at ({error.strerror or error})"
                skipped.append(Unreadable(str(path), None, reason))
        return Checked(tuple(operations), (*skipped, *self._alone()), already)

    def _concerned(self) -> Iterator[PlannedFile]:
        """Yield the files that the action is for."""
        if self._action not in ON_KEPT:
            yield from self._dropped.values()
            return
        yield from {file.file: file for file in self._plan.kept}.values()
        for name in self._plan.taken_out:
            try:
                file = PlannedFile.look_at(self._plan.folder, str(self._folder / name))
            except OSError:
                file = PlannedFile(name, 0, "")  # `_operation` says what is wrong with it
            self._taken_out[name] = file
            yield file

    def _alone(self) -> Iterator[Unreadable]:
        """Yield the repeats for which an action on what is new takes nothing."""
        if self._action not in ON_KEPT:
            return
        for file in self._dropped.values():
            if file.repeats not in self._staying and file.repeats not in self._dropped:
                yield Unreadable(str(self._folder / file.file), None, _not_listed(file))

    def _is_done(self, operation: Operation) -> bool:
        """Whether a file is still where an earlier run put it, and not back."""
        if self._action in ON_KEPT:
            return has_content(operation.target, operation.sha256)
        return not os.path.lexists(operation.source)

    def _operation(self, file: PlannedFile) -> Operation:
        source = self._folder / file.file
        if not os.path.lexists(source):
            raise NearframeError("is gone since the plan was made")
        if self._action != "copy-unique" and self._protection.covers(source):
            raise NearframeError("is protected")
        if self._action not in ON_KEPT and not lies_in(source, self._real_folder):
            raise NearframeError(f"lies behind a link that leads out of {shown(self._folder)}")
        if not self._unchanged(file.file):
            raise NearframeError("changed since the plan was made")
        stays = self._stays(file, source) if isinstance(file, DroppedFile) else None
        target = "" if self._to is None else self._to / file.file
        if target and os.path.lexists(target):
            raise NearframeError(f"{shown(target)} exists already; it is not replaced")
        if stays is None:
            return Operation(str(source), str(target), file.sha256)
        path = str(self._folder / stays.file)
        return Operation(str(source), str(target), file.sha256, path, stays.sha256)

    def _stays(self, file: DroppedFile, source: Path) -> PlannedFile:
        """Return the kept file that represents one that goes.

        Raises:
            NearframeError: If there is none, or it is the same file.
        """
        if source.is_symlink():
            raise NearframeError(
                "is a symbolic link, which may lead nowhere from another folder"
                if self._action == "move"
                else "is a symbolic link, not a file of its own"
            )
        representative = self._representative(file)
        if self._is_staying(source):
            raise NearframeError("is also among the files that stay")
        return representative

    def _is_staying(self, source: Path) -> bool:
        if os.path.realpath(source) in self._staying_paths:
            return True
        try:
            found = source.stat()
        except OSError as error:  # another run was faster
            raise NearframeError("is gone since the plan was made") from error
        # One name on the disk, so two paths to it: letters' case, or a folder mounted twice.
        may_be_link = found.st_nlink > 1 and self._action == "move"
        return (found.st_dev, found.st_ino) in self._staying_identities and not may_be_link

    def _representative(self, file: DroppedFile) -> PlannedFile:
        """Follow what a file repeats, and what that repeats, to one that stays."""
        trail = [file]
        on_trail = {file.file}
        while trail[-1].repeats in self._dropped and trail[-1].file not in self._representatives:
            following = self._dropped[trail[-1].repeats]
            if following.file in on_trail:
                break
            trail.append(following)
            on_trail.add(following.file)
        for entry in reversed(trail):
            if entry.file not in self._representatives:
                self._representatives[entry.file] = self._represent(entry)
        found = self._representatives[file.file]
        if isinstance(found, str):
            raise NearframeError(found)
        return found

    def _represent(self, file: DroppedFile) -> PlannedFile | str:
        """Return what stays for a file, or why nothing does; what it repeats comes first."""
        repeats = shown(file.repeats)
        if file.repeats not in self._staying and file.repeats not in self._dropped:
            return _not_listed(file)
        if not self._unchanged(file.repeats):
            return f"{repeats}, which it repeats, changed or is gone"
        paths = self._folder / file.file, self._folder / file.repeats
        if is_same_file(*paths):
            return f"{repeats}, which it repeats, is a link to it"
        if self._action in ("trash", "delete") and is_one_file(*paths):
            return f"{repeats}, which it repeats, is the same file"
        if file.repeats in self._staying:
            return self._staying[file.repeats]
        return self._representatives.get(
            file.repeats, f"the plan keeps nothing of what it repeats ({repeats})"
        )

    def _look_again(self, name: str) -> bool:
        file = self._staying.get(name) or self._taken_out.get(name) or self._dropped[name]
        return file.is_unchanged(self._folder)


def _not_listed(file: DroppedFile) -> str:
    return f"the plan does not list {shown(file.repeats)}, which it repeats"
