"""Two runs at once, and programs that come in between: no content is lost or doubled."""

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nearframe.common import NearframeError
from nearframe.query import apply_plan
from nearframe.query.dedup import check
from nearframe.query.files import moved
from nearframe.query.files import transfer as files
from nearframe.query.files.journal import Journal, Operation


@pytest.fixture
def pairs(pytestconfig, monkeypatch):
    """The benchmark that runs many more of these."""
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath / "benchmarks"))
    import two_at_once

    if sys.platform != "linux":
        pytest.skip("forks processes and uses /dev/shm")
    return two_at_once


@pytest.mark.parametrize("action", ["move", "copy-unique"])
@pytest.mark.parametrize("pair", ["apply + apply", "apply + undo", "undo + undo"])
def test_no_pair_of_processes_loses_anything(pairs, pair, action):
    for two_disks, two_journals in itertools.product([False, True], [False, True]):
        case = {"two_disks": two_disks, "two_journals": two_journals}
        assert pairs.fault(pair, action, seed=1, **case) == "", case


@pytest.mark.parametrize(
    ("pair", "action"),
    [
        ("apply + apply", "move/trash"),
        ("apply + apply", "split/delete"),
        ("apply + undo", "trash"),
        ("apply + undo", "split/move"),
        ("undo + undo", "split"),
    ],
)
def test_no_pair_of_actions_loses_anything(pairs, pair, action):
    case = {"two_disks": True, "two_journals": pair != "undo + undo"}
    assert pairs.fault(pair, action, seed=2, **case) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="forks processes")
def test_two_that_write_one_output_leave_it_whole(pytestconfig):
    """In a process of its own, which has no threads yet when it forks."""
    program = pytestconfig.rootpath / "benchmarks" / "two_writers.py"
    done = subprocess.run([sys.executable, program, "8"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def plan(tmp_path, plan_of):
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_text(name)
    return plan_of(folder, kept=["a.png"], dropped={"b.png": "a.png"})


@pytest.fixture
def move_across(plan, tmp_path, monkeypatch):
    """Move the repeat to another disk, while something happens to it after it was copied."""
    copy, rename = files.copy_file, files.rename_new

    def on_two_disks(path, target):
        if path.parent != target.parent:
            raise OSError(18, "Invalid cross-device link")
        rename(path, target)

    def move(happens):
        def copy_and_happen(*arguments):
            copy(*arguments)
            happens(tmp_path / "frames" / "b.png")

        monkeypatch.setattr(files, "rename_new", on_two_disks)
        monkeypatch.setattr(files, "copy_file", copy_and_happen)
        return apply_plan(plan, action="move", to=tmp_path / "to", journal=tmp_path / "x.jsonl")

    return move


def test_what_is_on_its_way_to_another_disk_can_be_taken_by_nobody_else(move_across, tmp_path):
    there = []
    report = move_across(lambda source: there.append(source.exists()))
    assert (report.done, report.skipped, there) == (1, (), [False])
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == ["a.png", "b.png", "x.jsonl"]


def test_what_is_written_anew_after_the_copy_stays_and_so_does_the_copy(move_across, tmp_path):
    assert move_across(lambda source: source.write_text("new")).done == 1
    assert (tmp_path / "frames" / "b.png").read_text() == "new"
    assert (tmp_path / "to" / "b.png").read_text() == "b.png"


def test_what_somebody_still_writes_into_stays_beside_its_copy(move_across, tmp_path):
    with (tmp_path / "frames" / "b.png").open("a") as recorder:
        report = move_across(lambda _: (recorder.write(" and more"), recorder.flush()))
    assert [entry.reason for entry in report.skipped] == ["changed meanwhile; left where it is"]
    assert (tmp_path / "frames" / "b.png").read_text() == "b.png and more"
    assert (tmp_path / "to" / "b.png").read_text() == "b.png"


@pytest.mark.parametrize("action", ["move", "delete"])
def test_what_takes_its_place_in_the_last_moment_is_neither_moved_nor_deleted(
    plan, tmp_path, monkeypatch, action
):
    source = tmp_path / "frames" / "b.png"
    rename = files.rename_new

    def exchange_and_rename(path, target):
        if os.path.realpath(path) == str(source):
            path.write_text("another's")
        rename(path, target)

    monkeypatch.setattr(files, "rename_new", exchange_and_rename)
    to = tmp_path / "to" if action == "move" else None
    report = apply_plan(plan, action=action, to=to, journal=tmp_path / "x.jsonl")
    assert report.done == 0
    assert source.read_text() == "another's"
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == ["a.png", "b.png", "x.jsonl"]


def test_what_gets_the_name_of_the_target_in_the_last_moment_stays(plan, tmp_path, monkeypatch):
    target = tmp_path / "to" / "b.png"
    rename = files.rename_new

    def intrude_and_rename(path, to):
        target.write_text("another's")
        rename(path, to)

    monkeypatch.setattr(files, "rename_new", intrude_and_rename)
    report = apply_plan(plan, action="move", to=target.parent, journal=tmp_path / "x.jsonl")
    assert "exists already" in report.skipped[0].reason
    assert target.read_text() == "another's"
    assert (tmp_path / "frames" / "b.png").read_text() == "b.png"


def test_a_name_that_is_taken_before_a_file_is_back_is_said(tmp_path):
    (tmp_path / "private").write_text("mine")
    (tmp_path / "a.png").write_text("another's")
    with pytest.raises(NearframeError, match=r"took its name meanwhile, so that it is .*private"):
        files.put_back(tmp_path / "private", tmp_path / "a.png")
    assert (tmp_path / "private").read_text() == "mine"


def test_a_file_that_another_run_takes_while_the_plan_is_checked_is_skipped(
    plan, tmp_path, monkeypatch
):
    represent = check.Check._representative

    def take_and_represent(self, file):
        (tmp_path / "frames" / "b.png").unlink()
        return represent(self, file)

    monkeypatch.setattr(check.Check, "_representative", take_and_represent)
    report = apply_plan(plan, action="move", to=tmp_path / "to", journal=tmp_path / "x.jsonl")
    assert [entry.reason for entry in report.skipped] == ["is gone since the plan was made"]


def test_a_link_that_another_run_takes_is_no_link(tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(tmp_path / "a.png")
    monkeypatch.setattr(Path, "is_symlink", lambda _: True)
    assert files.is_link_to(tmp_path / "link", tmp_path / "a.png")
    assert not files.is_link_to(tmp_path / "gone", tmp_path / "a.png")


def test_two_that_put_files_below_the_folder_both_list_them(plan, tmp_path, monkeypatch):
    folder = tmp_path / "frames"
    read = moved.read_moved_list
    others = []

    def read_while_another_comes(directory):
        files = read(directory)
        if not others:
            journal = Journal("move", (Operation("", str(folder / "to/c.png"), ""),), ())
            monkeypatch.setattr(moved, "_size", lambda *_: 7)
            others.append(
                threading.Thread(target=moved.list_moved, args=(journal, folder, folder / "to"))
            )
            others[0].start()
            others[0].join(0.2)
        return files

    monkeypatch.setattr(moved, "read_moved_list", read_while_another_comes)
    apply_plan(plan, action="move", to=folder / "to", journal=tmp_path / "x.jsonl")
    others[0].join()
    assert sorted(read(folder)) == ["to/b.png", "to/c.png"]
