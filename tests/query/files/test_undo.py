import errno
import os
import shutil
from pathlib import Path

import pytest

from nearframe.common import ACTIONS, OutputError
from nearframe.query import apply_plan, undo
from nearframe.query.files import transfer as files
from nearframe.query.files.journal import TARGETED, Journal

REVERSIBLE = [action for action in ACTIONS if action != "delete"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    for number, name in enumerate(("a.png", "b.png", "c.png", "sub/e.png", "sub/f.png")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
        os.utime(path, ns=(number, number * 10**15 + 123_456_789))
    return folder


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "x.jsonl"


@pytest.fixture
def to(tmp_path):
    return tmp_path / "made" / "too" / "to"


@pytest.fixture
def apply(folder, plan_of, to, journal):
    plan = plan_of(
        folder,
        kept=["a.png", "b.png", "sub/e.png"],
        dropped={"c.png": "a.png", "sub/f.png": "sub/e.png"},
    )

    def call(action="move", to=to):
        to = to if action in TARGETED else None
        return apply_plan(plan, action=action, to=to, journal=journal)

    return call


def reasons(report):
    return {Path(entry.source).name: entry.reason for entry in report.skipped}


@pytest.mark.parametrize("action", REVERSIBLE)
def test_everything_is_as_before(apply, folder, tmp_path, journal, snapshot, action):
    before = snapshot(folder)
    applied = apply(action)
    report = undo(journal)
    assert snapshot(folder) == before
    assert (report.done, report.skipped) == (applied.done, ())
    assert sorted(tmp_path.iterdir()) == [folder, journal]


@pytest.mark.parametrize("action", ["move", "copy-unique", "trash"])
def test_everything_is_as_before_across_two_file_systems(
    folder, plan_of, second_disk, journal, to, snapshot, action
):
    away = shutil.copytree(folder, second_disk / "frames")
    before = snapshot(away)
    plan = plan_of(away, kept=["a.png", "sub/e.png"], dropped={"c.png": "a.png", "b.png": "a.png"})
    target = to if action in TARGETED else None
    assert apply_plan(plan, action=action, to=target, journal=journal).done == 2
    assert undo(journal).done == 2
    assert snapshot(away) == before
    assert not to.exists()


@pytest.mark.parametrize("action", REVERSIBLE)
def test_undoing_twice_does_nothing_more(apply, folder, journal, snapshot, action):
    before = snapshot(folder)
    apply(action)
    undo(journal)
    report = undo(journal)
    assert (report.done, report.skipped) == (0, ())
    assert snapshot(folder) == before


def test_directories_that_were_there_before_stay(apply, tmp_path, journal):
    (tmp_path / "to").mkdir()
    apply(to=tmp_path / "to")
    undo(journal)
    assert list((tmp_path / "to").iterdir()) == []


def test_directories_in_which_somebody_put_something_stay(apply, to, journal):
    apply()
    (to / "mine.txt").write_text("mine")
    report = undo(journal)
    assert report.skipped == ()
    assert [path.name for path in to.iterdir()] == ["mine.txt"]


def test_a_target_inside_the_folder_is_cleared(apply, folder, journal, snapshot):
    before = snapshot(folder)
    apply(to=folder / "repeats")
    undo(journal)
    assert snapshot(folder) == before
    assert not (folder / "repeats").exists()


def test_a_sub_folder_that_is_gone_is_made_again(apply, folder, journal, snapshot):
    before = snapshot(folder)
    apply()
    (folder / "sub" / "e.png").rename(folder / "e.png")
    (folder / "sub").rmdir()
    undo(journal)
    assert snapshot(folder)["sub/f.png"] == before["sub/f.png"]


def test_a_file_that_changed_after_the_move_stays_there(apply, folder, to, journal):
    apply()
    (to / "c.png").write_text("edited")
    report = undo(journal)
    assert reasons(report) == {"c.png": "changed since it was put there; left where it is"}
    assert report.done == 1
    assert (to / "c.png").read_text() == "edited"
    assert not (folder / "c.png").exists()


def test_a_copy_that_changed_stays(apply, to, journal):
    apply("copy-unique")
    (to / "a.png").write_text("edited")
    assert "changed since" in reasons(undo(journal))["a.png"]
    assert (to / "a.png").read_text() == "edited"


def test_a_file_that_vanished_after_the_move_is_reported(apply, to, journal):
    apply()
    (to / "c.png").unlink()
    assert reasons(undo(journal)) == {"c.png": "is gone, and was not put back"}


def test_another_file_at_the_old_place_is_not_replaced(apply, folder, to, journal):
    apply()
    (folder / "c.png").write_text("new picture")
    report = undo(journal)
    assert "another file is at" in reasons(report)["c.png"]
    assert (folder / "c.png").read_text() == "new picture"
    assert (to / "c.png").exists()


def test_a_broken_link_at_the_old_place_is_not_replaced(apply, folder, to, journal):
    apply()
    (folder / "c.png").symlink_to("nowhere")
    assert "another file is at" in reasons(undo(journal))["c.png"]
    assert (to / "c.png").exists()


def test_a_link_from_the_old_place_to_the_new_one_loses_nothing(apply, folder, to, journal):
    apply()
    (folder / "c.png").symlink_to(to / "c.png")
    assert "remove the link and undo again" in reasons(undo(journal))["c.png"]
    assert (to / "c.png").read_bytes() == b"c.png" * 100
    (folder / "c.png").unlink()
    assert undo(journal).done == 1
    assert not (folder / "c.png").is_symlink()


def test_a_folder_that_became_a_link_to_the_target_loses_nothing(apply, folder, to, journal):
    apply()
    shutil.rmtree(folder)
    folder.symlink_to(to)
    assert set(reasons(undo(journal))) == {"c.png", "f.png"}
    assert (to / "c.png").exists()


def test_a_file_that_somebody_copied_back_is_not_kept_twice(apply, folder, to, journal):
    apply()
    shutil.copy2(to / "c.png", folder / "c.png")
    assert undo(journal).done == 2
    assert not to.exists()


def test_a_copy_that_became_the_only_one_stays(apply, folder, to, journal):
    apply("copy-unique")
    (folder / "a.png").unlink()
    report = undo(journal)
    assert "is the only copy" in reasons(report)["a.png"]
    assert (to / "a.png").read_bytes() == b"a.png" * 100
    assert report.done == 2


def test_a_copy_of_what_changed_since_stays(apply, folder, to, journal):
    apply("copy-unique")
    (folder / "a.png").write_text("edited")
    assert "another file is at" in reasons(undo(journal))["a.png"]
    assert (to / "a.png").read_bytes() == b"a.png" * 100


def test_what_could_not_be_taken_back_is_when_it_can(apply, folder, to, journal, snapshot):
    before = snapshot(folder)
    apply()
    (folder / "c.png").write_text("in the way")
    undo(journal)
    (folder / "c.png").unlink()
    assert undo(journal).done == 1
    assert snapshot(folder) == before
    assert not to.exists()


def test_an_interrupted_run_is_taken_back(apply, folder, tmp_path, journal, snapshot, monkeypatch):
    before = snapshot(folder)
    rename = files.rename_new

    def second_fails(self, target):
        if self.name == "f.png":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as broken:
        broken.setattr(files, "rename_new", second_fails)
        with pytest.raises(KeyboardInterrupt):
            apply()
    assert not (folder / "c.png").exists()
    report = undo(journal)
    assert (report.done, report.skipped) == (1, ())
    assert snapshot(folder) == before
    assert sorted(tmp_path.iterdir()) == [folder, journal]


def test_a_run_that_was_taken_back_is_not_continued(apply, journal, monkeypatch):
    with monkeypatch.context() as broken:

        def interrupt(*_):
            raise KeyboardInterrupt

        broken.setattr(files, "rename_new", interrupt)
        with pytest.raises(KeyboardInterrupt):
            apply()
    undo(journal)
    assert Journal.read(journal).finished


def test_a_full_disk_on_the_way_back_is_reported(
    apply, folder, tmp_path, to, journal, monkeypatch, snapshot
):
    before = snapshot(folder)
    apply()
    with monkeypatch.context() as full:
        rename = files.rename_new

        def other_disk(path, target):
            if path.parent != target.parent:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            rename(path, target)

        def no_space(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(files, "rename_new", other_disk)
        full.setattr(files.shutil, "copy2", no_space)
        report = undo(journal)
    assert report.done == 0
    assert all("disk is full" in reason for reason in reasons(report).values())
    assert undo(journal).done == 2
    assert snapshot(folder) == before


def test_a_directory_that_cannot_be_removed_is_one_line(apply, journal, monkeypatch, to):
    apply()

    def forbidden(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "rmdir", forbidden)
    with pytest.raises(OutputError, match=r"cannot write .*: no permission"):
        undo(journal)


def test_operations_are_taken_back_last_first(apply, journal, monkeypatch):
    apply()
    order = []
    rename = files.rename_new

    def record(self, target):
        order.append(self.name)
        return rename(self, target)

    monkeypatch.setattr(files, "rename_new", record)
    undo(journal)
    assert order == ["f.png", "c.png"]
