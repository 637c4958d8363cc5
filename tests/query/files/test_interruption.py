"""What is left when a run ends at any instant: nothing is lost, and it can go on or be undone.

Every change that the code makes to the file system is one step. A run is ended before, in, or
after each of them: by an exception, after which its clean-up still runs (Ctrl-C, a full disk), or
for good (kill -9), after which no step does anything.
"""

import errno
import hashlib
import os
import shutil
import signal
import time
from collections import Counter
from io import IOBase
from pathlib import Path

import pytest

from nearframe.common import NearframeError, atomic
from nearframe.query import apply_plan, undo
from nearframe.query.files import transfer as files
from nearframe.query.files.journal import TARGETED, Journal
from nearframe.query.files.trash import HAS_RECORDS

DROPPED = {"b.png": "a.png", "sub/d.png": "sub/c.png"}
KEPT = ("a.png", "sub/c.png")
REVERSIBLE = [
    ("move", False),
    ("move", True),
    ("copy-unique", False),
    ("hardlink", False),
    ("trash", False),
    ("trash", True),
]
CASES = [*REVERSIBLE, ("delete", False)]
pytestmark = pytest.mark.skipif(not HAS_RECORDS, reason="looks into a freedesktop.org trash")


class End(BaseException):
    """The run ends here."""


class Machine:
    """Carries out file system steps until one of them, which ends the run."""

    def __init__(self, *, end_at, when, kill, two_disks):
        self.end_at = end_at
        self.when = when
        self.kill = kill
        self.two_disks = two_disks
        self.steps = 0
        self.dead = False

    def step(self, original, in_the_middle=None):
        def call(*args, **kwargs):
            if self.dead:
                raise End
            self.steps += 1
            if self.steps != self.end_at:
                return original(*args, **kwargs)
            if self.when == "after":
                made = original(*args, **kwargs)
                if isinstance(made, IOBase):
                    made.close()
            elif in_the_middle is not None:
                in_the_middle(*args)
            self.dead = self.kill
            raise End

        return call

    def boot(self, patch, disk):
        rename = files.rename_new

        def rename_on_one_disk(source, target):
            # They are reached through folders that are held open.
            places = {
                Path(os.path.realpath(path)).is_relative_to(disk) for path in (source, target)
            }
            if len(places) > 1:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            return rename(source, target)

        def half_a_copy(source, target):
            Path(target).write_bytes(Path(source).read_bytes()[:7])

        renaming = rename_on_one_disk if self.two_disks else rename
        for module in (files, atomic):
            patch.setattr(module, "rename_new", self.step(renaming))
        for name in ("replace", "unlink", "mkdir", "rmdir"):
            patch.setattr(Path, name, self.step(getattr(Path, name)))
        patch.setattr(files.shutil, "copy2", self.step(shutil.copy2, half_a_copy))
        patch.setattr(os, "link", self.step(os.link))
        patch.setattr(os, "fsync", self.step(os.fsync))
        patch.setattr(os, "open", self.step(os.open))
        patch.setattr(os, "write", self.step(os.write))
        patch.setenv("XDG_DATA_HOME", str(disk / "data"))


def layout(folder):
    """List the folders below one."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir())


def contents(*folders):
    return Counter(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    )


class Place:
    """A folder with a plan, and where it is applied to."""

    def __init__(self, root, plan_of, action, two_disks):
        self.folder = root / "frames"
        self.to = root / "disk" / "to"
        self.trash = root / "disk" / "data" / "Trash"
        self.journal = root / "x.jsonl"
        self.action = action
        self.two_disks = two_disks
        root.mkdir()
        for number, name in enumerate((*KEPT, *DROPPED)):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode() * 100)
            os.utime(path, ns=(number, number * 10**15 + 123_456_789))
        (self.folder / "empty" / "deep").mkdir(parents=True)
        self.plan = plan_of(self.folder, kept=KEPT, dropped=DROPPED)
        self.originals = contents(self.folder)

    def run(self, function, *, end_at=0, when="before", kill=False):
        """Run a function; return how many steps it took, and whether it came to its end."""
        machine = Machine(
            end_at=end_at,
            when=when,
            kill=kill,
            two_disks=self.two_disks,
        )
        with pytest.MonkeyPatch.context() as patch:
            machine.boot(patch, self.to.parent)
            try:
                function()
            except End:
                return machine.steps, False
        return machine.steps, True

    def apply(self):
        if self.journal.exists() and Journal.read(self.journal).finished:
            return  # the run had come to its end when it was killed
        to = self.to if self.action in TARGETED else None
        report = apply_plan(self.plan, action=self.action, to=to, journal=self.journal)
        assert report.skipped == ()
        assert report.done == 2

    def undo(self):
        if self.journal.exists():
            assert undo(self.journal).skipped == ()

    def lost(self):
        if self.action == "delete":
            return any(not (self.folder / name).exists() for name in KEPT)
        return self.originals - contents(self.folder, self.to, self.trash / "files")

    def leftovers(self):
        """List what is left beside the folder; an empty record is not known to be ours."""
        beside = self.to.parent
        return [path for path in beside.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.fixture
def place(tmp_path, plan_of):
    number = iter(range(10_000))
    return lambda action, two_disks: Place(tmp_path / str(next(number)), plan_of, action, two_disks)


@pytest.mark.parametrize("kill", [False, True], ids=["exception", "kill"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("action", "two_disks"), CASES)
class TestApply:
    @pytest.fixture
    def steps(self, place, action, two_disks):
        done = place(action, two_disks)
        steps, ended = done.run(done.apply)
        assert ended
        assert steps > 6
        return range(1, steps + 1)

    def test_ended_anywhere_loses_nothing(self, place, action, two_disks, when, kill, steps):
        for end_at in steps:
            here = place(action, two_disks)
            here.run(here.apply, end_at=end_at, when=when, kill=kill)
            assert not here.lost(), end_at

    def test_ended_anywhere_and_run_again_comes_to_the_same_end(
        self, place, action, two_disks, when, kill, steps, snapshot
    ):
        straight = place(action, two_disks)
        straight.run(straight.apply)
        for end_at in steps:
            here = place(action, two_disks)
            here.run(here.apply, end_at=end_at, when=when, kill=kill)
            here.run(here.apply)
            assert snapshot(here.folder) == snapshot(straight.folder), end_at
            assert snapshot(here.to) == snapshot(straight.to), end_at

    def test_ended_anywhere_and_undone_leaves_the_folder_as_it_was(
        self, place, action, two_disks, when, kill, steps, snapshot
    ):
        untouched = snapshot(place(action, two_disks).folder)
        for end_at in steps:
            here = place(action, two_disks)
            here.run(here.apply, end_at=end_at, when=when, kill=kill)
            refused = ""
            try:
                here.run(here.undo)
            except NearframeError as error:
                refused = str(error)
            if refused:
                assert action == "delete"
                assert "deleted files cannot come back" in refused
                assert snapshot(here.folder) != untouched
                assert not here.lost()
                continue
            assert snapshot(here.folder) == untouched, end_at
            assert layout(here.folder) == ["empty", "empty/deep", "sub"], end_at
            assert here.leftovers() == [], end_at
            assert not here.to.exists(), end_at

    def test_ended_twice_still_comes_to_the_same_end(
        self, place, action, two_disks, when, kill, steps, snapshot
    ):
        straight = place(action, two_disks)
        straight.run(straight.apply)
        for end_at in steps:
            here = place(action, two_disks)
            here.run(here.apply, end_at=end_at, when=when, kill=kill)
            here.run(here.apply, end_at=max(1, end_at // 2), when=when, kill=kill)
            assert not here.lost(), end_at
            here.run(here.apply)
            assert snapshot(here.to) == snapshot(straight.to), end_at


@pytest.mark.parametrize("kill", [False, True], ids=["exception", "kill"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("action", "two_disks"), REVERSIBLE)
class TestUndo:
    def test_ended_anywhere_loses_nothing_and_comes_to_the_same_end(
        self, place, action, two_disks, when, kill, snapshot
    ):
        untouched = snapshot(place(action, two_disks).folder)
        done = place(action, two_disks)
        done.run(done.apply)
        steps, ended = done.run(done.undo)
        assert ended
        for end_at in range(1, steps + 1):
            here = place(action, two_disks)
            here.run(here.apply)
            here.run(here.undo, end_at=end_at, when=when, kill=kill)
            assert not here.lost(), end_at
            here.run(here.undo)
            assert snapshot(here.folder) == untouched, end_at
            assert layout(here.folder) == ["empty", "empty/deep", "sub"], end_at
            assert here.leftovers() == [], end_at
            assert not here.to.exists(), end_at


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
@pytest.mark.parametrize("action", ["move", "copy-unique"])
def test_a_killed_process_can_be_run_again_and_undone(
    tmp_path, plan_of, start, run, snapshot, action
):
    folder = tmp_path / "frames"
    folder.mkdir()
    names = [f"{number:04d}.png" for number in range(400)]
    for name in names:
        (folder / name).write_text(name)
    if action == "move":
        plan = plan_of(folder, kept=names[:1], dropped=dict.fromkeys(names[1:], names[0]))
    else:
        plan = plan_of(folder, kept=names, dropped={})
    plan.save(tmp_path / "x.dedup.json")
    before = snapshot(folder)
    originals = contents(folder)
    to = tmp_path / "to"

    process = start("apply", tmp_path / "x.dedup.json", "--action", action, "--to", to)
    while process.poll() is None and len(list(to.glob("*.png"))) < 5:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    if process.returncode == 0:
        pytest.skip("the machine was too fast: it finished before it could be killed")
    assert process.returncode == -signal.SIGKILL
    assert len(list(to.glob("*.png"))) < len(names) - 1
    assert not originals - contents(folder, to)

    result = run("apply", "x.dedup.json", "--action", action, "--to", to)
    assert result.exit_code == 0
    assert snapshot(to) == {n: v for n, v in before.items() if n in names[action == "move" :]}

    assert run("undo", "x.dedup.journal.jsonl").exit_code == 0
    assert snapshot(folder) == before
    assert not to.exists()
