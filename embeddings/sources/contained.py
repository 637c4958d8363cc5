"""Decoding in a process of its own, which can be ended: what goes wrong there costs one file."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from typing import Any

from nearframe.common import PastLimitsError, UnreadableImageError

from .limits import MOST_CORE_S, MOST_S
from .walk import File

_START = (
    "import sys; sys.path[:] = {path!r}; "
    "from nearframe.embeddings.sources.child import main; main()"
)
# Signals that end programs, whatever they are at: they say nothing about the file.
_ENDED_BY_OTHERS = {
    -number
    for name in ("SIGHUP", "SIGINT", "SIGTERM")
    if (number := getattr(signal, name, None)) is not None
}
# What went past the limits in this process, so that it does so only once.
_FAILED: dict[File, str] = {}


def contained(task: str, path: str | os.PathLike[str], *arguments: Any) -> Any:
    """Let a process of its own do something with an image file.

    Args:
        task: Name of one of `child.TASKS`.
        path: The file, its first argument.
        arguments: The others.

    Returns:
        What it returns.

    Raises:
        PastLimitsError: If it takes too much memory or time, or the process ends without an answer.
        UnreadableImageError: As the task.
    """
    file = File.look_at(os.fspath(path))
    if file not in _FAILED:
        outcome, value = _outcome((task, path, *arguments))
        if outcome == "done":
            return value
        if outcome == "unreadable":
            raise UnreadableImageError(path, value)
        _FAILED[file] = value
    raise PastLimitsError(path, _FAILED[file])


def _outcome(request: tuple[Any, ...]) -> tuple[str, Any]:
    """Return ``done`` and the result, ``unreadable`` and why, or ``failed`` and why."""
    process = subprocess.Popen(
        [sys.executable, "-c", _START.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(MOST_S, end)
    timer.start()
    answer: tuple[str, Any] | None = None
    try:
        with process.stdin, process.stdout:
            pickle.dump(request, process.stdin)
            process.stdin.flush()
            answer = pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        pass  # it has ended; its exit code says why
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
        code = process.wait()
    if answer is not None:
        return answer
    # Where no signal of its own making ended it, the file may not be why.
    failed = late.is_set() or (code < 0 and code not in _ENDED_BY_OTHERS)
    return "failed" if failed else "unreadable", _reason(code, late=late.is_set())


def _reason(code: int, *, late: bool) -> str:
    """Say what an exit code without an answer means."""
    if late:
        return f"takes more than {MOST_S} seconds to decode, which is past the limit"
    if code == -getattr(signal, "SIGXCPU", 0):
        return f"takes more than {MOST_CORE_S} seconds of a core, which is past the limit"
    if code == -getattr(signal, "SIGKILL", 0):
        return "the system ended its decoder, as it does when memory runs out"
    if code in _ENDED_BY_OTHERS:
        return f"its decoder was ended ({signal.Signals(-code).name}); run the same command again"
    if code < 0:
        return f"its decoder crashes ({signal.Signals(-code).name})"
    return f"its decoder ends without an answer (exit code {code})"
