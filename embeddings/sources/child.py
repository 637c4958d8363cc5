"""The process in which suspicious images are decoded; `contained` starts it, for one of them."""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from nearframe.common import PastLimitsError, UnreadableImageError

from .beyond_rgb import content_here
from .image import read_here
from .limits import MOST_BYTES, MOST_CORE_S

TASKS: dict[str, Callable[..., Any]] = {"read_image": read_here, "content": content_here}
"""What may be asked for; the first argument is the path of a file."""

# Of the interpreter and its libraries.
_OWN_BYTES = 400_000_000


def main() -> None:
    """Read a request from stdin, and write its outcome to stdout."""
    # Ctrl-C in a terminal reaches this process as well; it needs to say nothing.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _limit()
    with os.fdopen(os.dup(1), "wb") as answers:
        # Whatever a library prints is no answer.
        os.dup2(2, 1)
        task, path, *arguments = pickle.load(sys.stdin.buffer)
        threading.Thread(target=_end_with_parent, daemon=True).start()
        try:
            outcome = "done", TASKS[task](path, *arguments)
        except PastLimitsError as error:
            outcome = "failed", error.reason
        except UnreadableImageError as error:
            outcome = "unreadable", error.reason
        pickle.dump(outcome, answers, protocol=5)


def _end_with_parent() -> None:
    """Wait until the process that asked closes its side, which it does at the latest when it ends.

    A second Ctrl-C or a kill leaves it no time to say so.
    """
    # Not through `sys.stdin`, whose lock this thread would still have at the end of the process:
    # that ends it as a crash.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def _limit() -> None:
    """Let the system end this process when it takes too much; Windows cannot."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CORE_S, MOST_CORE_S + 5))
    if sys.platform == "linux":
        # Elsewhere it does not count what is mapped, or is not kept.
        most = MOST_BYTES + _OWN_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
