import errno
import os
import shutil
from pathlib import Path

import pytest

from nearframe.common import NearframeError, OutputError
from nearframe.query import apply_plan, undo
from nearframe.query.files import operations
from nearframe.query.files.journal import Journal

FILES = ("a.png", "b.png", "c.png", "sub/d.png")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    for number, name in enumerate(FILES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
        os.utime(path, ns=(number, number * 10**15 + 123_456_789))
    return folder


@pytest.fixture
def plan(folder, plan_of):
    return plan_of(
        folder, kept=["a.png", "b.png"], dropped={"c.png": "a.png", "sub/d.png": "b.png"}
    )


@pytest.fixture
def to(tmp_path):
    return tmp_path / "to"


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "x.jsonl"


def reasons(report):
    return {Path(entry.source).name: entry.reason for entry in report.skipped}


class TestHardLink:
    @pytest.fixture
    def apply(self, plan, to, journal):
        def call(plan=plan, to=to):
            return apply_plan(plan, action="hardlink", to=to, journal=journal)

        return call

    def test_the_new_images_get_a_second_name(self, apply, folder, to, snapshot):
        before = snapshot(folder)
        assert apply().done == 2
        assert snapshot(folder) == before
        assert sorted(path.name for path in to.iterdir()) == ["a.png", "b.png"]
        for name in ("a.png", "b.png"):
            assert (to / name).samefile(folder / name)
            assert not (to / name).is_symlink()

    def test_what_a_symbolic_link_leads_to_is_linked(self, apply, folder, to, plan_of):
        (folder / "link.png").symlink_to("a.png")
        apply(plan_of(folder, kept=["link.png"], dropped={}))
        assert not (to / "link.png").is_symlink()
        assert (to / "link.png").samefile(folder / "a.png")

    def test_another_file_system_is_one_line_before_anything_is_done(
        self, apply, tmp_path, snapshot, monkeypatch
    ):
        before = snapshot(tmp_path)
        stat = Path.stat
        away = tmp_path / "disk"
        away.mkdir()

        def elsewhere(self, **options):
            found = stat(self, **options)
            if self == away:
                fields = list(found)
                fields[2] = found.st_dev + 1
                return os.stat_result(fields)
            return found

        monkeypatch.setattr(Path, "stat", elsewhere)
        with pytest.raises(NearframeError, match=r"another file system.*; use copy-unique") as no:
            apply(to=away / "new" / "deep")
        assert "\n" not in str(no.value)
        monkeypatch.undo()
        assert snapshot(tmp_path) == before
        assert list(away.iterdir()) == []

    def test_a_real_second_file_system(self, apply, second_disk):
        with pytest.raises(NearframeError, match="use copy-unique"):
            apply(to=second_disk / "to")
        assert list(second_disk.iterdir()) == []

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV])
    def test_a_file_system_without_hard_links(self, apply, monkeypatch, number):
        def refuse(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "link", refuse)
        report = apply()
        assert report.done == 0
        assert all("cannot be hard-linked" in reason for reason in reasons(report).values())
        assert all(reason.endswith("; use copy-unique") for reason in reasons(report).values())

    def test_undo_removes_the_names(self, apply, folder, to, journal, snapshot):
        before = snapshot(folder)
        apply()
        assert undo(journal).done == 2
        assert snapshot(folder) == before
        assert not to.exists()
        assert [path.stat().st_nlink for path in folder.glob("*.png")] == [1, 1, 1]

    def test_a_name_whose_content_was_edited_goes_too(self, apply, folder, to, journal):
        apply()
        (to / "a.png").write_text("edited")
        assert undo(journal).done == 2
        assert (folder / "a.png").read_text() == "edited"

    def test_the_only_one_left_stays(self, apply, folder, to, journal):
        apply()
        (folder / "a.png").unlink()
        report = undo(journal)
        assert "is the only one" in reasons(report)["a.png"]
        assert (to / "a.png").read_bytes() == b"a.png" * 100
        assert report.done == 1

    def test_another_file_of_that_name_stays(self, apply, to, journal):
        apply()
        (to / "a.png").unlink()
        (to / "a.png").write_text("mine")
        report = undo(journal)
        assert "is not the link that was made any more" in reasons(report)["a.png"]
        assert (to / "a.png").read_text() == "mine"

    def test_what_the_image_became_a_link_to_stays(self, apply, folder, to, journal):
        apply()
        (folder / "a.png").unlink()
        (folder / "a.png").symlink_to(to / "a.png")
        assert "remove the link and undo again" in reasons(undo(journal))["a.png"]
        assert (to / "a.png").read_bytes() == b"a.png" * 100

    def test_a_folder_that_became_a_link_to_the_target_loses_nothing(
        self, apply, folder, to, journal
    ):
        apply()
        shutil.rmtree(folder)
        folder.symlink_to(to)
        undo(journal)
        assert (to / "a.png").exists()


class TestDelete:
    @pytest.fixture
    def apply(self, plan, journal):
        return lambda: apply_plan(plan, action="delete", journal=journal)

    def test_the_repeats_are_gone_and_the_others_are_as_before(self, apply, folder, snapshot):
        before = snapshot(folder)
        report = apply()
        assert (report.done, report.skipped, report.to) == (2, (), None)
        assert snapshot(folder) == {name: before[name] for name in ("a.png", "b.png")}

    def test_the_journal_is_there_before_the_first_is(self, apply, journal, folder, monkeypatch):
        seen = []

        def look(*_):
            seen.append(Journal.read(journal))
            raise KeyboardInterrupt

        monkeypatch.setattr(operations, "remove_file", look)
        with pytest.raises(KeyboardInterrupt):
            apply()
        (entries,) = seen
        assert [Path(entry.stays).name for entry in entries.operations] == ["a.png", "b.png"]
        assert (folder / "c.png").exists()

    def test_without_a_journal_nothing_is_deleted(self, plan, tmp_path, snapshot):
        before = snapshot(tmp_path)
        with pytest.raises(OutputError):
            apply_plan(plan, action="delete", journal=tmp_path / "none" / "x.jsonl")
        assert snapshot(tmp_path) == before

    @pytest.mark.parametrize("action", ["trash", "delete"])
    @pytest.mark.parametrize("how", ["gone", "changed", "a folder", "the same file"])
    def test_what_stays_is_looked_at_right_before(
        self, folder, plan_of, journal, monkeypatch, how, action
    ):
        kept, dropped = folder / "a.png", folder / "c.png"
        dropped.write_bytes(kept.read_bytes())
        plan = plan_of(folder, kept=["a.png"], dropped={"c.png": "a.png"})
        create = Journal.create

        def create_and_spoil(self, path):
            create(self, path)
            monkeypatch.undo()
            kept.unlink()
            if how == "changed":
                kept.write_text("edited")
            elif how == "a folder":
                kept.mkdir()
            elif how == "the same file":
                os.link(dropped, kept)

        monkeypatch.setattr(Journal, "create", create_and_spoil)
        report = apply_plan(plan, action=action, journal=journal)
        expected = "is the same file" if how == "the same file" else "changed or is gone"
        assert reasons(report)["c.png"].endswith(f"a.png, which it repeats, {expected}")
        assert dropped.read_bytes() == b"a.png" * 100
        assert report.done == 0

    def test_undo_says_that_they_cannot_come_back(self, apply, journal):
        apply()
        with pytest.raises(NearframeError, match=r"2 of 2 files were deleted, and .*cannot") as no:
            undo(journal)
        assert "\n" not in str(no.value)

    def test_undo_of_half_a_run_ends_it(self, apply, journal, folder, monkeypatch):
        remove = operations.remove_file

        def second_fails(path, *how):
            if path.name == "d.png":
                raise KeyboardInterrupt
            remove(path, *how)

        with monkeypatch.context() as broken:
            broken.setattr(operations, "remove_file", second_fails)
            with pytest.raises(KeyboardInterrupt):
                apply()
        with pytest.raises(NearframeError, match="1 of 2 files were deleted"):
            undo(journal)
        assert Journal.read(journal).finished
        assert (folder / "sub" / "d.png").exists()

    def test_nothing_was_deleted_so_there_is_nothing_to_undo(self, apply, journal, monkeypatch):
        def interrupt(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as broken:
            broken.setattr(operations, "remove_file", interrupt)
            with pytest.raises(KeyboardInterrupt):
                apply()
        assert undo(journal).done == 0

    def test_a_file_that_cannot_be_deleted_is_reported(self, apply, monkeypatch):
        remove = operations.remove_file

        def forbidden(path, *how):
            if path.name == "c.png":
                raise PermissionError(errno.EACCES, "Permission denied")
            remove(path, *how)

        monkeypatch.setattr(operations, "remove_file", forbidden)
        report = apply()
        assert "no permission" in reasons(report)["c.png"]
        assert report.done == 1


@pytest.mark.parametrize("action", ["trash", "delete"])
def test_they_take_no_folder(plan, to, journal, action):
    with pytest.raises(NearframeError, match=f"{action} takes no folder that receives"):
        apply_plan(plan, action=action, to=to, journal=journal)


@pytest.mark.parametrize("action", ["move", "copy-unique", "hardlink"])
def test_the_others_need_one(plan, journal, action):
    with pytest.raises(NearframeError, match=f"{action} needs a folder that receives"):
        apply_plan(plan, action=action, journal=journal)
