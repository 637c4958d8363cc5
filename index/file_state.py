"""What the state of a file in the catalogue says of the file as it is now."""

from dataclasses import replace
from pathlib import Path

from nearframe.common import file_sha256
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import LIMITS, File

from .tables import FileState


def hashed(state: FileState) -> FileState:
    """Fill in the hash; empty where the file has changed since, so that it is read again."""
    try:
        state = replace(state, sha256=file_sha256(Path(state.path)))
    except OSError:
        return state
    now = File.look_at(state.path)
    if (now.size, now.mtime_ns) != (state.size, state.mtime_ns):
        return replace(state, sha256="")
    return state


def is_resumed(known: FileState | None, state: FileState) -> bool:
    """Whether a video was half read, and is still what it was."""
    if known is None or known.complete:
        return False
    return replace(known, sha256="", problem=None) == replace(state, sha256="", complete=False)


def with_problem(state: FileState, unreadable: Unreadable) -> FileState:
    """Note what did not decode of a file, and whether it is worth another try."""
    limits = LIMITS if unreadable.past_limits else None
    return replace(state, problem=unreadable.reason, limits=limits)


def is_gone(path: str) -> bool:
    """Whether a file does not exist; one that cannot be looked at may."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
