"""Every command that writes, killed at its system calls and at random moments: nothing is lost.

    python -m benchmarks kill_points 1000

Needs Linux and a C compiler. Of N kills, three quarters come at a system call that changes a file
(`kill_points.c`), before it or when it has written half of its bytes, and one quarter at a random
moment. After each, no content of the user's is lost, and what has the name of an output is whole:
the one before, or the new one. Then the same command runs again and must leave exactly what a run
without a kill leaves, to the last file name; or ``nearframe undo`` runs, is killed itself every
other time and runs again, and the folder must be as it was: contents, modification times in
nanoseconds, and empty folders. As root, cases on two disks use a tmpfs; else they are left out.
"""

import argparse
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kill_cases import Case, Place, cases
from kill_runner import PATIENCE_S, FaultError, Runner
from kill_states import (
    State,
    contents,
    everything,
    index_fault,
    sha256,
    users_files,
)

_ROOT = "NEARFRAME_KILL_POINTS"
_SHOWN = 5
_EMPTY = f"written {sha256(b'')} 1"


class Trials:
    """Kills one command over and over.

    Args:
        case: The command.
        place: Its folders.
        runner: Runs it.
    """

    def __init__(self, case: Case, place: Place, runner: Runner) -> None:
        self._case, self._place, self._runner = case, place, runner
        self._template = place.root / "template"
        self._clear()
        case.prepare(place)
        self._words = place.command(case.arguments)
        self._folders = [place.work, place.disk, place.home]
        self._users = users_files(place.work / "frames", place.disk / "frames")
        self._contents = contents(*self._folders)
        self._originals = frozenset(
            state.split()[0] for state in self._users.values() if " " in state
        )
        self._before = self._look()
        self._save()
        self._runner.require(self._words)
        self._after = self._look()
        after = contents(*self._folders)
        self._needed = frozenset(sha for sha in self._originals if sha in after)
        self._restore()
        started = time.monotonic()
        self._runner.require(self._words)
        self._length_s = time.monotonic() - started
        self.steps = runner.steps
        self._require_same(self._look(), self._after, "a second run without a kill")

    def kills(self, count: int, *, seed: int) -> Iterator[str]:
        """Kill it that often; yield what went wrong each time, or nothing."""
        chosen = random.Random(f"{self._case.name} {self._case.disks} {seed}")
        timed = count // 4
        steps = [chosen.randint(1, self.steps) for _ in range(count - timed)]
        if len(steps) >= self.steps:
            steps[: self.steps] = range(1, self.steps + 1)
        else:
            steps = chosen.sample(range(1, self.steps + 1), len(steps))
        for number, at in enumerate([*steps, *[0] * timed]):
            middle = chosen.random() < 0.5
            yield self._kill(at=at, middle=middle, back=number % 2 == 1, chosen=chosen)

    def _kill(self, *, at: int, middle: bool, back: bool, chosen: random.Random) -> str:
        """Kill it once; return what went wrong, or nothing.

        Args:
            at: The step; 0 for a random moment.
            middle: Whether in the middle of it.
            back: Whether it is taken back afterwards, and not run again.
            chosen: Chooses moments.
        """
        self._restore()
        after_s = PATIENCE_S if at else chosen.uniform(0, self._length_s)
        code = self._runner.nearframe(self._words, at=at, middle=middle, kill_after_s=after_s)
        where = f"{self._runner.last or f'{after_s:.3f} s'} (step {at} of {self.steps})"
        try:
            if code not in (-signal.SIGKILL, 0):
                raise FaultError(f"exit code {code}: {self._runner.log()}")
            self._require_nothing_lost()
            if back and self._case.journal:
                self._take_back(chosen)
            elif self._look() != self._after:  # else it came to its end
                self._runner.require(self._words)
                self._require_same(self._look(), self._after, "run again")
        except FaultError as fault:
            return f"{self._case.name}: killed at {where}: {fault}"
        return ""

    def _require_nothing_lost(self) -> None:
        found = contents(*self._folders)
        if lost := [sha for sha in self._needed if sha not in found]:
            raise FaultError(f"{len(lost)} contents lost")
        now = self._look()
        for name, state in self._before.items():
            if name not in self._after or state == self._after[name]:
                continue  # a name that the command takes away, or leaves alone
            if name not in now:
                raise FaultError(f"{name} is gone")
        for name, state in now.items():
            before, after = self._before.get(name), self._after.get(name)
            if name.endswith(".partial") or state == "folder":
                continue  # nobody's yet, as an index without its catalogue
            if state.startswith("{"):
                if problem := index_fault(state, before, after):
                    raise FaultError(f"{name}: {problem}")
            elif after and state not in (before, after) and not _is_partial(name):
                raise FaultError(f"{name} is neither what it was nor what it becomes")

    def _take_back(self, chosen: random.Random) -> None:
        place, journal = self._place, self._place.work / self._case.journal
        if journal.exists():
            words = ["undo", str(journal)]
            if chosen.random() < 0.5:
                at = chosen.randint(1, 60)
                self._runner.nearframe(words, at=at, middle=chosen.random() < 0.5)
                self._require_nothing_lost()
            self._runner.require(words)
        found = users_files(place.work / "frames", place.disk / "frames")
        self._require_same(found, self._users, "taken back")
        if not journal.exists():
            return  # killed before anything was done; the next run removes what is left
        for name, state in self._look().items():
            if name not in self._before and not _may_stay(name, state):
                raise FaultError(f"taken back, but {name} is left")

    def _require_same(self, found: State, expected: State, when: str) -> None:
        for name in sorted({*found, *expected}):
            if found.get(name) != expected.get(name):
                raise FaultError(f"{when}: {name} is {found.get(name)}, not {expected.get(name)}")

    def _look(self) -> State:
        state: State = {}
        for folder in self._folders:
            if folder.exists():
                found = everything(folder, self._originals, self._runner.index_state)
                state |= {f"{folder.name}/{name}": what for name, what in found.items()}
        return state

    def _clear(self) -> None:
        for folder in (self._place.work, self._place.disk, self._place.home):
            folder.mkdir(exist_ok=True)
            for path in folder.iterdir():  # the disk itself may be mounted
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _save(self) -> None:
        shutil.rmtree(self._template, ignore_errors=True)
        self._template.mkdir()
        for folder in (self._place.work, self._place.disk, self._place.home):
            # Hard links stay what they are, and times keep their nanoseconds.
            subprocess.run(["cp", "-a", folder, self._template], check=True)

    def _restore(self) -> None:
        self._clear()
        subprocess.run(["cp", "-a", f"{self._template}/.", self._place.root], check=True)
        if self._case.settles:
            time.sleep(0.06)


def _is_partial(name: str) -> bool:
    """Whether a file grows while a command runs."""
    return name.endswith((".jsonl", ".nearframe-moved.json", ".trashinfo")) or "/.cache/" in name


def _may_stay(name: str, state: str) -> bool:
    """Whether something may be left when everything was taken back."""
    if "Trash" in name or name.startswith("home/"):
        # Its folders; and a record without a word, which may be another program's for a minute.
        return state == "folder" or (name.endswith(".trashinfo") and state == _EMPTY)
    return name.endswith((".jsonl", ".dedup.json"))


def main() -> None:
    """Print, per command, how many kills were tried and how many went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, help="in all")
    parser.add_argument("--only", default="", help="commands whose name has this in it")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if _ROOT in os.environ:
        sys.exit(_all(Path(os.environ[_ROOT]), arguments))
    with tempfile.TemporaryDirectory(prefix="nearframe-kills-", dir=_memory()) as root:
        sys.exit(_with_library(Path(root)))


def _memory() -> str | None:
    """Return a folder in memory, where there is one: no wear, and no waiting for a disk."""
    return "/dev/shm" if os.path.ismount("/dev/shm") else None


def _with_library(root: Path) -> int:
    """Run this program with the library that kills, and homes of its own; return its exit code."""
    library, source = root / "kill_points.so", Path(__file__).with_suffix(".c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", source, "-o", library, "-ldl"], check=True)
    folders = {
        "HOME": "run/home",
        "XDG_DATA_HOME": "run/home/data",
        "XDG_CACHE_HOME": "run/home/.cache",
        "TMPDIR": "tmp",
        "MPLCONFIGDIR": "matplotlib",
    }
    environment = {name: str(root / folder) for name, folder in folders.items()}
    for folder in environment.values():
        Path(folder).mkdir(parents=True, exist_ok=True)
    added = {_ROOT: str(root / "run"), "LD_PRELOAD": str(library), "OMP_WAIT_POLICY": "passive"}
    return subprocess.run(
        [sys.executable, *sys.argv], env={**os.environ, **environment, **added}
    ).returncode


def _all(root: Path, arguments: argparse.Namespace) -> int:
    chosen = [case for case in cases() if arguments.only in case.name]
    runner = Runner(root)
    _use_fake_network()
    failed = total = 0
    print(f"{'command':<34} {'disks':<6} {'steps':<6} {'kills':<6} failures", flush=True)
    for number, case in enumerate(chosen):
        place = Place(root, lambda words: runner.require(shlex.split(words)))
        kills = arguments.kills * (number + 1) // len(chosen) - arguments.kills * number // len(
            chosen
        )
        with _disk(place.disk, case.disks) as reason:
            if reason:
                print(f"{case.name:<34} {case.disks:<6} left out: {reason}", flush=True)
                continue
            trials = Trials(case, place, runner)
            faults = list(filter(None, trials.kills(kills, seed=arguments.seed)))
        total, failed = total + kills, failed + len(faults)
        print(
            f"{case.name:<34} {case.disks:<6} {trials.steps:<6} {kills:<6} {len(faults)}",
            flush=True,
        )
        for fault in faults[:_SHOWN]:
            print(f"    {fault}", flush=True)
    print(f"{'all':<34} {'':<6} {'':<6} {total:<6} {failed}")
    return int(failed > 0)


def _use_fake_network() -> None:
    """Let vectors cost nothing, and commits come often."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    import fake_network
    import matplotlib.pyplot  # noqa: F401  # once, and not in each process

    import nearframe.query
    from nearframe.embeddings import embedder
    from nearframe.index import build
    from nearframe.index.search import choice

    embedder.load_backbone = fake_network.load_fake_backbone
    build.COMMIT_EVERY = 2
    choice._FEWEST_FOR_LISTS = 1
    # All names, so that no process has to import them.
    for name in nearframe.query.__all__:
        getattr(nearframe.query, name)


@contextmanager
def _disk(place: Path, disks: int) -> Iterator[str]:
    """Mount another file system where it is needed; yield why that cannot be."""
    place.mkdir(parents=True, exist_ok=True)
    if disks == 1:
        yield ""
        return
    if os.geteuid() != 0:
        yield "a tmpfs can only be mounted by root"
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "nearframe", place], capture_output=True)
    if mounted.returncode:
        yield mounted.stderr.decode().strip()
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", place], check=True)


if __name__ == "__main__":
    main()
