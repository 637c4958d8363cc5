"""What each action does to one file, and how that is taken back."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from nearframe.common import NearframeError, shown, writing_errors

from .journal import FileAction, Operation
from .transfer import (
    copy_file,
    hardlink_file,
    has_content,
    is_link_to,
    is_one_file,
    is_same_file,
    link_file,
    move_file,
    remove_copy,
    remove_file,
)
from .trash import HAS_RECORDS, Trash


class ActionHandler(ABC):
    """One action; made anew for every run.

    Args:
        token: That of the journal; see `private_path`.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    @abstractmethod
    def carry_out(self, operation: Operation, held: Operation) -> None:
        """Do one operation, unless the run that was interrupted did it.

        Args:
            operation: As the journal has it.
            held: With the paths by which its files are reached; see `held_folders`.

        Raises:
            NearframeError: If it cannot be done; everything is as it was.
        """

    @abstractmethod
    def take_back(self, operation: Operation, held: Operation) -> bool:
        """Undo one operation; return whether there was something to do.

        Args:
            operation: The one that was carried out.
            held: With the paths by which its files are reached; see `held_folders`.

        Raises:
            NearframeError: If the file is not what the journal says, and was left alone.
        """

    def blocker(self, operations: Sequence[Operation]) -> str | None:
        """Say why nothing of this can be taken back, where that is so."""
        del operations
        return None


class _Move(ActionHandler):
    def carry_out(self, operation: Operation, held: Operation) -> None:
        source, target = Path(held.source), Path(held.target)
        at_source = has_content(source, operation.sha256)
        at_target = has_content(target, operation.sha256)
        if at_target and not at_source:
            return
        _require_unchanged(at_source)
        with writing_errors(target):
            if at_target and not is_same_file(source, target):
                # Interrupted between copying to another disk and removing.
                remove_copy(source, self._token, operation.sha256, stays=target)
            else:
                move_file(source, target, operation.sha256, self._token)

    def take_back(self, operation: Operation, held: Operation) -> bool:
        source, target = Path(held.source), Path(held.target)
        if _is_gone(source, target, operation.sha256):
            return False
        _require_as_put(target, operation.sha256)
        with writing_errors(source):
            if has_content(source, operation.sha256):
                _require_no_link(source, target)
                remove_copy(target, self._token, operation.sha256, stays=source)
            else:
                _require_free(source)
                source.parent.mkdir(parents=True, exist_ok=True)
                move_file(target, source, operation.sha256, self._token)
        return True


class _Copy(ActionHandler):
    def carry_out(self, operation: Operation, held: Operation) -> None:
        source, target = Path(held.source), Path(held.target)
        if has_content(target, operation.sha256):
            return
        _require_unchanged(has_content(source, operation.sha256))
        with writing_errors(target):
            copy_file(source, target, operation.sha256)

    def take_back(self, operation: Operation, held: Operation) -> bool:
        source, target = Path(held.source), Path(held.target)
        if _is_gone(source, target, operation.sha256):
            return False
        _require_as_put(target, operation.sha256)
        if not has_content(source, operation.sha256):
            _require_free(source)
            raise NearframeError(f"is the only copy, since {shown(source)} is gone; left there")
        _require_no_link(source, target)
        with writing_errors(target):
            remove_copy(target, self._token, operation.sha256, stays=source)
        return True


class _SymbolicLink(ActionHandler):
    def carry_out(self, operation: Operation, held: Operation) -> None:
        source, target = Path(operation.source), Path(held.target)
        if is_link_to(target, source):
            return
        if not source.exists():
            raise NearframeError("is gone since the plan was made")
        with writing_errors(target):
            link_file(source, target)

    def take_back(self, operation: Operation, held: Operation) -> bool:
        source, target = Path(operation.source), Path(held.target)
        if not os.path.lexists(target):
            return False
        if not is_link_to(target, source):
            raise NearframeError("is not the link that was made any more; left where it is")
        with writing_errors(target):
            remove_file(target, self._token, lambda path: is_link_to(path, source))
        return True


class _HardLink(ActionHandler):
    def carry_out(self, operation: Operation, held: Operation) -> None:
        source, target = Path(held.source), Path(held.target)
        if self._is_made(source, target):
            return
        _require_unchanged(has_content(source, operation.sha256))
        with writing_errors(target):
            hardlink_file(source, target)

    def take_back(self, operation: Operation, held: Operation) -> bool:
        del operation
        source, target = Path(held.source), Path(held.target)
        # One content under two names: whatever became of it, the first name keeps it.
        if self._is_made(source, target):
            with writing_errors(target):
                remove_file(target, self._token, lambda path: self._is_made(source, path))
            return True
        if not os.path.lexists(target):
            return False
        if not os.path.lexists(source):
            raise NearframeError(f"is the only one, since {shown(source)} is gone; left there")
        _require_no_link(source, target)
        raise NearframeError("is not the link that was made any more; left where it is")

    def _is_made(self, source: Path, target: Path) -> bool:
        return (
            is_one_file(source, target)
            and not target.is_symlink()
            and not is_same_file(source, target)
        )


class _Trash(ActionHandler):
    def __init__(self, token: str) -> None:
        super().__init__(token)
        self._trash = Trash(token)

    def carry_out(self, operation: Operation, held: Operation) -> None:
        source, at = Path(operation.source), Path(held.source)
        at_source = has_content(at, operation.sha256)
        trashed = self._trash.find(source, operation.sha256) if HAS_RECORDS else None
        if trashed is not None and not at_source:
            return
        _require_unchanged(at_source)
        require_stays(held)
        if trashed is not None and self._trash.is_own(trashed):
            # Interrupted between copying to another disk and removing.
            with writing_errors(at):
                remove_copy(at, self._token, operation.sha256, stays=trashed.file)
            return
        self._trash.put(source, operation.sha256, at=at)

    def take_back(self, operation: Operation, held: Operation) -> bool:
        source, at = Path(operation.source), Path(held.source)
        if has_content(at, operation.sha256):
            self._trash.discard_copies(source, operation.sha256, at=at)
            return False
        trashed = self._trash.find(source, operation.sha256)
        if trashed is None:
            raise NearframeError("is not in the trash any more, and was not put back")
        if os.path.lexists(at):
            raise NearframeError("another file has its name now; left in the trash")
        self._trash.take_out(trashed, source, operation.sha256, at=at)
        return True

    def blocker(self, operations: Sequence[Operation]) -> str | None:
        gone = _gone(operations)
        if HAS_RECORDS or not gone:
            return None
        return f"{gone} are in the trash, which only its window can open here; restore them there"


class _Delete(ActionHandler):
    def carry_out(self, operation: Operation, held: Operation) -> None:
        source = Path(held.source)
        if not os.path.lexists(source):
            return
        _require_unchanged(has_content(source, operation.sha256))
        require_stays(held)
        with writing_errors(source):
            remove_file(
                source,
                self._token,
                lambda path: (
                    has_content(path, operation.sha256)
                    and has_content(operation.stays, operation.stays_sha256)
                    and not is_one_file(path, operation.stays)
                ),
            )

    def take_back(self, operation: Operation, held: Operation) -> bool:
        del operation, held
        return False  # it is there: see `blocker`

    def blocker(self, operations: Sequence[Operation]) -> str | None:
        gone = _gone(operations)
        return f"{gone} were deleted, and deleted files cannot come back" if gone else None


def handler_of(action: FileAction, token: str) -> ActionHandler:
    """Return what carries out an action, for one run of the journal with this token."""
    return _HANDLERS[action](token)


_HANDLERS: Mapping[FileAction, type[ActionHandler]] = {
    "move": _Move,
    "copy": _Copy,
    "copy-unique": _Copy,
    "link": _SymbolicLink,
    "hardlink": _HardLink,
    "trash": _Trash,
    "delete": _Delete,
}


def require_stays(operation: Operation) -> None:
    """Refuse to let a file go when the one that represents it is not whole any more.

    Raises:
        NearframeError: If that is so.
    """
    if not has_content(operation.stays, operation.stays_sha256):
        raise NearframeError(f"{shown(operation.stays)}, which it repeats, changed or is gone")
    if is_one_file(operation.source, operation.stays):
        raise NearframeError(f"{shown(operation.stays)}, which it repeats, is the same file")


def _gone(operations: Sequence[Operation]) -> str:
    """Say how many files are not where they were; empty where all are."""
    gone = sum(not os.path.lexists(entry.source) for entry in operations)
    return f"{gone} of {len(operations)} files" if gone else ""


def _require_unchanged(unchanged: bool) -> None:
    if not unchanged:
        raise NearframeError("changed or is gone since the plan was made")


def _is_gone(source: Path, target: Path, sha256: str) -> bool:
    """Whether nothing is left to take back.

    Raises:
        NearframeError: If the file is in neither place.
    """
    if os.path.lexists(target):
        return False
    if has_content(source, sha256):
        return True
    raise NearframeError("is gone, and was not put back")


def _require_as_put(target: Path, sha256: str) -> None:
    if not has_content(target, sha256):
        raise NearframeError("changed since it was put there; left where it is")


def _require_no_link(source: Path, target: Path) -> None:
    if is_same_file(source, target):
        raise NearframeError(f"{shown(source)} links to it; remove the link and undo again")


def _require_free(source: Path) -> None:
    if os.path.lexists(source):
        raise NearframeError(f"another file is at {shown(source)} now; left where it is")
