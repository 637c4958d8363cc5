"""Commands in forked processes that may be killed at a call that changes a file, or at a moment."""

import ctypes
import mmap
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from kill_states import index_state

PATIENCE_S = 120
"""Seconds after which a process is killed in any case."""


class FaultError(Exception):
    """What must not be."""


class Runner:
    """Runs commands in forked processes that may be killed.

    Args:
        root: Folder for all of their files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._library = ctypes.CDLL(os.environ["LD_PRELOAD"])
        self._shared = mmap.mmap(-1, 4096)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._shared))

    @property
    def steps(self) -> int:
        """Calls that the last process made which change files."""
        return int.from_bytes(self._shared[:8], sys.byteorder)

    @property
    def last(self) -> str:
        """The call at which the last process was killed."""
        return self._shared[8:264].split(b"\0")[0].decode(errors="replace")

    def nearframe(
        self,
        words: list[str],
        *,
        at: int = 0,
        middle: bool = False,
        kill_after_s: float = PATIENCE_S,
    ) -> int:
        """Run a command, perhaps to the step or the moment at which it is killed.

        Returns:
            Its exit code.
        """

        def work() -> int:
            from nearframe.scripts.main import nearframe

            os.chdir(self.root / "work")
            address, step = ctypes.c_void_p(self._address), ctypes.c_long(at)
            self._library.kill_points_arm(address, step, int(middle))
            try:
                nearframe(words)
            except SystemExit as end:
                return int(end.code or 0)
            return 0

        return self.call(work, kill_after_s=kill_after_s)

    def call(self, work: Callable[[], int], *, kill_after_s: float = PATIENCE_S) -> int:
        """Run a function in a process of its own; return its exit code."""
        self._shared[:264] = bytes(264)
        sys.stdout.flush()
        child = os.fork()
        if not child:
            code = 99
            try:
                log = os.open(self.root / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(log, 1)
                os.dup2(log, 2)
                code = work()
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        timer = threading.Timer(kill_after_s, os.kill, (child, signal.SIGKILL))
        timer.start()
        # Not yet reaped, so that the timer meets no other process of this number.
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        timer.cancel()
        timer.join()
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def require(self, words: list[str]) -> None:
        """Run a command that must come to its end.

        Raises:
            FaultError: If it does not.
        """
        if (code := self.nearframe(words)) != 0:
            raise FaultError(f"{' '.join(words)}: exit code {code}: {self.log()}")

    def index_state(self, path: Path) -> str:
        """Describe an index as `kill_states.index_state` does, in a process of its own."""
        answer = self.root / "answer"

        def work() -> int:
            answer.write_text(index_state(path))
            return 0

        answer.unlink(missing_ok=True)
        if self.call(work) != 0:
            raise FaultError(f"{path.name} cannot be read: {self.log()}")
        return answer.read_text()

    def log(self) -> str:
        """Return the last line that the last process printed."""
        lines = (self.root / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
