import errno
import os
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from nearframe.common import DiskFullError, NearframeError, file_sha256, hold
from nearframe.query import apply_plan, undo
from nearframe.query.files import operations
from nearframe.query.files import trash as trash_module
from nearframe.query.files.journal import Journal
from nearframe.query.files.trash import Trash

pytestmark = pytest.mark.skipif(
    not trash_module.HAS_RECORDS, reason="looks into a freedesktop.org trash"
)
FILES = ("a.png", "b.png", "sub/a.png", "sub/c.png")


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
    return plan_of(folder, kept=["a.png"], dropped=dict.fromkeys(FILES[1:], "a.png"))


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "x.jsonl"


@pytest.fixture
def apply(plan, journal):
    return lambda: apply_plan(plan, action="trash", journal=journal)


def reasons(report):
    return {Path(entry.source).name: entry.reason for entry in report.skipped}


def put(path):
    Trash("0" * 16).put(path, file_sha256(path), at=path)


def names(trash):
    return sorted(path.name for path in trash.rglob("*") if path.is_file())


def test_the_repeats_are_in_the_trash_with_where_they_came_from(apply, folder, trash):
    report = apply()
    assert (report.done, report.skipped, report.to) == (3, (), None)
    assert sorted(path.name for path in folder.rglob("*.png")) == ["a.png"]
    assert names(trash / "files") == ["a.png", "b.png", "c.png"]
    record = (trash / "info" / "c.png.trashinfo").read_text().splitlines()
    assert record[0] == "[Trash Info]"
    assert record[2] == f"Path={quote(str(folder / 'sub/c.png'))}"


def test_undo_empties_the_trash_of_them(apply, folder, trash, journal, snapshot):
    before = snapshot(folder)
    apply()
    assert undo(journal).done == 3
    assert snapshot(folder) == before
    assert names(trash) == []


def test_what_others_put_there_stays_there(apply, trash, journal):
    for place in ("files", "info"):
        (trash / place).mkdir(parents=True)
    (trash / "files" / "b.png").write_text("mine")
    record = trash / "info" / "b.png.trashinfo"
    record.write_text("[Trash Info]\nPath=/home/me/b.png\nDeletionDate=2024-01-01T00:00:00\n")
    apply()
    undo(journal)
    assert names(trash) == ["b.png", "b.png.trashinfo"]
    assert (trash / "files" / "b.png").read_text() == "mine"


def test_of_two_with_one_path_the_one_with_the_content_comes_back(
    apply, folder, trash, journal, snapshot
):
    before = snapshot(folder)
    apply()
    # Somebody made another image of that name, and threw it away, too.
    (folder / "b.png").write_text("another")
    put(folder / "b.png")
    undo(journal)
    assert snapshot(folder) == before
    assert [path.read_text() for path in (trash / "files").iterdir()] == ["another"]


def test_of_two_with_one_content_the_later_comes_back(apply, folder, trash, journal):
    earlier = folder / "b.png"
    content = earlier.read_bytes()
    put(earlier)
    record = trash / "info" / "b.png.trashinfo"
    record.write_text(f"[Trash Info]\nPath={earlier}\nDeletionDate=2020-01-01T00:00:00\n")
    earlier.write_bytes(content)
    os.utime(earlier, ns=(5, 5))
    apply()
    undo(journal)
    assert earlier.stat().st_mtime_ns == 5


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_odd_names_come_back(folder, plan_of, journal, snapshot, trash):
    odd = [os.fsdecode(name) for name in (b"a\xff.png", b"b\n.png", b"100% =c d'\".png")]
    for name in odd:
        (folder / name).write_text(repr(name))
    before = snapshot(folder)
    plan = plan_of(folder, kept=["a.png"], dropped=dict.fromkeys(odd, "a.png"))
    assert apply_plan(plan, action="trash", journal=journal).done == 3
    assert (undo(journal).done, names(trash)) == (3, [])
    assert snapshot(folder) == before


def test_a_folder_behind_a_link_comes_back(folder, plan_of, journal, snapshot, tmp_path, trash):
    before = snapshot(folder)
    (tmp_path / "alias").symlink_to(folder)
    plan = plan_of(tmp_path / "alias", kept=["a.png"], dropped={"b.png": "a.png"})
    apply_plan(plan, action="trash", journal=journal)
    # As programs write it that follow links.
    record = trash / "info" / "b.png.trashinfo"
    record.write_text(f"[Trash Info]\nPath={folder / 'b.png'}\n")
    assert undo(journal).done == 1
    assert snapshot(folder) == before


def test_an_emptied_trash_is_said(apply, folder, trash, journal):
    apply()
    (trash / "files" / "b.png").unlink()
    report = undo(journal)
    assert reasons(report) == {"b.png": "is not in the trash any more, and was not put back"}
    assert report.done == 2


def test_a_new_file_of_that_name_is_not_replaced(apply, folder, trash, journal):
    apply()
    (folder / "b.png").write_text("new")
    report = undo(journal)
    assert reasons(report) == {"b.png": "another file has its name now; left in the trash"}
    assert (folder / "b.png").read_text() == "new"
    assert names(trash / "files") == ["b.png"]


def test_a_file_that_somebody_restored_is_left_alone(apply, folder, trash, journal):
    apply()
    (trash / "files" / "b.png").rename(folder / "b.png")
    assert (undo(journal).done, names(trash)) == (2, [])


def test_a_sub_folder_that_is_gone_is_made_again(apply, folder, journal, snapshot):
    before = snapshot(folder)
    apply()
    (folder / "sub").rmdir()
    undo(journal)
    assert snapshot(folder) == before


def test_a_file_the_system_will_not_trash_stays(apply, folder, monkeypatch):
    move = trash_module.move_file

    def refuse(path, *arguments):
        if path.name == "b.png":
            raise PermissionError(errno.EACCES, f"Permission denied: {path}")
        move(path, *arguments)

    monkeypatch.setattr(trash_module, "move_file", refuse)
    report = apply()
    assert reasons(report) == {"b.png": "cannot be put into the trash: Permission denied; use move"}
    assert (folder / "b.png").exists()
    assert report.done == 2


def test_when_the_disk_is_full_the_same_call_goes_on(apply, folder, journal, monkeypatch, trash):
    move = trash_module.move_file

    def fill_up(path, *arguments):
        if path.name == "c.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        move(path, *arguments)

    with monkeypatch.context() as full:
        full.setattr(trash_module, "move_file", fill_up)
        with pytest.raises(DiskFullError, match=r"c\.png .* trash: .*nearframe undo .*x\.jsonl"):
            apply()
    assert not Journal.read(journal).finished
    assert apply().done == 3
    assert names(trash / "files") == ["a.png", "b.png", "c.png"]


@pytest.fixture
def stick(tmp_path, monkeypatch):
    """Let the folder be on a disk of its own."""
    monkeypatch.setattr(trash_module, "_disk", lambda path: path.is_relative_to(tmp_path))
    monkeypatch.setattr(trash_module, "mount_point", lambda _: tmp_path)
    return tmp_path


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
def test_the_trash_of_another_disk(apply, folder, trash, journal, snapshot, stick, shared):
    before = snapshot(folder)
    place = stick / f".Trash-{os.getuid()}"
    if shared:
        (stick / ".Trash").mkdir()
        (stick / ".Trash").chmod(0o1777)
        place = stick / ".Trash" / str(os.getuid())
    apply()
    assert names(place / "files") == ["a.png", "b.png", "c.png"]
    assert "Path=frames/b.png" in (place / "info" / "b.png.trashinfo").read_text()
    assert names(trash) == []
    assert undo(journal).done == 3
    assert snapshot(folder) == before
    assert names(place) == []


def test_a_record_that_was_cut_off_by_a_kill_goes_with_the_next_run(apply, trash, tmp_path):
    (trash / "info").mkdir(parents=True)
    half = trash / "info" / "b.png.trashinfo"
    half.write_bytes(b"[Trash Info]\nX-Nearframe=0123456789abcdef\nPath=/fra")
    apply()
    assert names(trash / "files") == ["a.png", "b.png", "c.png"]
    assert f"Path={tmp_path}" in half.read_text()


def test_without_records_undo_says_what_to_do(apply, journal, monkeypatch):
    apply()
    monkeypatch.setattr(operations, "HAS_RECORDS", False)
    with pytest.raises(NearframeError, match=r"3 of 3 files are in the trash, .*restore"):
        undo(journal)


def test_without_records_what_is_back_is_back(apply, journal, monkeypatch):
    apply()
    undo(journal)
    monkeypatch.setattr(operations, "HAS_RECORDS", False)
    assert undo(journal).done == 0


def test_records_that_are_damaged_stop_nothing(apply, folder, trash, journal, snapshot):
    before = snapshot(folder)
    apply()
    for name, text in (("x", b""), ("y", b"\xff\xfe"), ("z", b"[Trash Info]\nPath\n")):
        (trash / "info" / f"{name}.trashinfo").write_bytes(text)
    undo(journal)
    assert snapshot(folder) == before


def killed_between_record_and_file(apply, monkeypatch):
    """Let a run be killed when the record is there and the file is not."""

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(trash_module, "move_file", kill)
        killed.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            apply()


@pytest.mark.parametrize("then", ["the same", "another", "undo"])
def test_the_record_of_a_killed_run_goes_with_the_next_run(
    apply, folder, trash, journal, monkeypatch, plan_of, tmp_path, then
):
    killed_between_record_and_file(apply, monkeypatch)
    assert names(trash) == ["b.png.trashinfo"]
    if then == "undo":
        undo(journal)
        assert names(trash) == []
        return
    if then == "the same":
        apply()
    else:
        plan = plan_of(folder, kept=["a.png"], dropped={"sub/c.png": "a.png"})
        apply_plan(plan, action="trash", journal=tmp_path / "another.jsonl")
    records = {name.removesuffix(".trashinfo") for name in names(trash / "info")}
    assert records == set(names(trash / "files"))


def test_records_of_others_and_of_runs_that_are_alive_stay(apply, trash, monkeypatch):
    killed_between_record_and_file(apply, monkeypatch)
    others = trash / "info" / "x.png.trashinfo"
    others.write_text("[Trash Info]\nPath=/x.png\nDeletionDate=2024-01-01T00:00:00\n")
    with (trash / "info" / "b.png.trashinfo").open("rb+") as alive:
        hold(alive.fileno())
        apply()
    assert others.exists()
    assert (trash / "info" / "b.png.trashinfo").exists()
    assert Trash("0" * 16).find(Path("/none"), "") is None
    assert not (trash / "info" / "b.png.trashinfo").exists()


def test_a_name_that_is_taken_in_the_same_moment_is_not_replaced(apply, trash, monkeypatch):
    move = trash_module.move_file

    def taken(source, target, *arguments):
        if target.name == "b.png":
            target.write_text("of another program")
        move(source, target, *arguments)

    monkeypatch.setattr(trash_module, "move_file", taken)
    assert "exists already" in reasons(apply())["b.png"]
    assert (trash / "files" / "b.png").read_text() == "of another program"


def test_thousands_of_one_name_are_not_counted_through_each_time(
    tmp_path, plan_of, trash, journal, monkeypatch
):
    folder = tmp_path / "frames"
    for number in range(20):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "1.png").write_text(str(number))
    looked_at = []
    create = trash_module.create_new
    monkeypatch.setattr(
        trash_module, "create_new", lambda *args: looked_at.append(args) or create(*args)
    )
    names_ = [f"{number}/1.png" for number in range(20)]
    plan = plan_of(folder, kept=names_[:1], dropped=dict.fromkeys(names_[1:], names_[0]))
    lexists, asked = os.path.lexists, []
    monkeypatch.setattr(os.path, "lexists", lambda path: asked.append(path) or lexists(path))
    assert apply_plan(plan, action="trash", journal=journal).done == 19
    assert len(looked_at) == 19
    assert sum(Path(path).parent == trash / "files" for path in asked) < 5 * 19


def test_a_long_name_is_cut(folder, plan_of, journal, snapshot, trash):
    (folder / f"{'x' * 251}.png").write_text("long")
    before = snapshot(folder)
    plan = plan_of(folder, kept=["a.png"], dropped={f"{'x' * 251}.png": "a.png"})
    assert apply_plan(plan, action="trash", journal=journal).done == 1
    assert names(trash / "files") == [f"{'x' * 196}.png"]
    assert undo(journal).done == 1
    assert snapshot(folder) == before


def test_a_mount_point_holds_its_files():
    assert trash_module.mount_point(Path("/proc/none/x")) == Path("/proc")
    assert os.path.ismount(trash_module.mount_point(Path(__file__)))
