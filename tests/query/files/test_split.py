import os
import shutil
from pathlib import Path

import pytest

from nearframe.common import SPLIT_ACTIONS, NearframeError, SourceError
from nearframe.query import NamesTakenError, Naming, plan_split, split_folder, undo
from nearframe.query.files import operations, runner
from nearframe.query.files.journal import Journal

STAMP = 1_616_694_872_510
NAMES = (
    f"c23-{STAMP}.png",
    f"c23-{STAMP + 1000}.png",
    "c21_2021_03_26__16_44_04.png",
    "IMG_1.png",
)
TARGETS = (f"c23/{NAMES[0]}", f"c23/{NAMES[1]}", f"c21/{NAMES[2]}", f"unknown/{NAMES[3]}")


@pytest.fixture
def folder(tmp_path, picture):
    folder = tmp_path / "lot"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        picture(number, size=(32, 24)).save(folder / name)
        os.utime(folder / name, ns=(number, number * 10**15 + 123_456_789))
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.fixture
def to(tmp_path):
    return tmp_path / "made" / "cameras"


@pytest.fixture
def journal(to):
    return to.with_name("cameras.journal.jsonl")


@pytest.fixture
def split(folder, to):
    """Split; the folder in which the journal is to be must be there."""

    def call(action="copy", **options):
        to.parent.mkdir(exist_ok=True)
        return split_folder(folder, **{"to": to, "action": action, **options})

    return call


def add(folder, name, content_of):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(content_of, path)
    return path


def reasons(report):
    return {Path(entry.source).name: entry.reason for entry in report.skipped}


def stop_after(count, monkeypatch):
    """Interrupt a split after so many files."""
    done = []

    def handler_of_some(action, token):
        handler = operations.handler_of(action, token)
        carry_out = handler.carry_out

        def carry_out_some(operation, held):
            if len(done) == count:
                raise KeyboardInterrupt
            carry_out(operation, held)
            done.append(operation)

        handler.carry_out = carry_out_some
        return handler

    monkeypatch.setattr(runner, "handler_of", handler_of_some)


def test_copy_leaves_the_folder_and_makes_one_per_camera(split, folder, to, snapshot):
    before = snapshot(folder)
    report = split("copy")
    assert snapshot(folder) == before
    assert snapshot(to) == {t: before[n] for t, n in zip(TARGETS, NAMES, strict=True)}
    assert (report.done, report.skipped, report.already) == (4, (), 0)
    assert dict(report.cameras) == {"c23": 2, "c21": 1, "unknown": 1}
    assert report.to == str(to)
    assert not report.resumed


def test_move_takes_the_images_and_nothing_else(split, folder, to, snapshot):
    before = snapshot(folder)
    assert split("move").done == 4
    assert snapshot(to) == {t: before[n] for t, n in zip(TARGETS, NAMES, strict=True)}
    assert list(snapshot(folder)) == ["notes.txt"]


def test_link_makes_symbolic_links_that_work_from_anywhere(
    split, folder, to, snapshot, tmp_path, monkeypatch
):
    before = snapshot(folder)
    monkeypatch.chdir(tmp_path)
    report = split_folder("lot", to="linked", action="link")
    assert snapshot(folder) == before
    assert report.done == 4
    for target, name in zip(TARGETS, NAMES, strict=True):
        assert (tmp_path / "linked" / target).readlink() == folder / name
    monkeypatch.chdir("/")
    assert (tmp_path / "linked" / TARGETS[0]).read_bytes() == before[NAMES[0]][0]


@pytest.mark.parametrize("action", SPLIT_ACTIONS)
def test_undo_leaves_everything_as_it_was(split, folder, to, journal, snapshot, action):
    before = snapshot(folder)
    report = split(action)
    assert report.journal == journal
    taken_back = undo(journal)
    assert (taken_back.done, taken_back.skipped) == (4, ())
    assert snapshot(folder) == before
    assert sorted(to.parent.iterdir()) == [journal]
    assert undo(journal).done == 0


def test_undo_leaves_a_link_that_somebody_changed(split, folder, to, journal):
    split("link")
    (to / TARGETS[0]).unlink()
    (to / TARGETS[0]).symlink_to(folder / NAMES[1])
    (to / TARGETS[1]).unlink()
    (to / TARGETS[1]).write_text("mine")
    report = undo(journal)
    assert report.done == 2
    assert set(reasons(report)) == {NAMES[0], NAMES[1]}
    assert "not the link that was made" in reasons(report)[NAMES[0]]
    assert (to / TARGETS[1]).read_text() == "mine"
    assert (to / TARGETS[0]).is_symlink()


def test_undo_removes_links_to_what_is_gone(split, folder, to, journal):
    split("link")
    (folder / NAMES[0]).unlink()
    assert undo(journal).skipped == ()
    assert not to.exists()


def test_undo_leaves_a_copy_that_has_become_the_only_one(split, folder, to, journal):
    split("copy")
    (folder / NAMES[0]).unlink()
    assert "is the only copy" in reasons(undo(journal))[NAMES[0]]
    assert (to / TARGETS[0]).exists()


@pytest.mark.parametrize("action", SPLIT_ACTIONS)
def test_broken_files_stay_and_are_listed(split, folder, to, action, snapshot):
    (folder / f"c23-{STAMP + 2000}.png").write_bytes(b"")
    cut = (folder / NAMES[0]).read_bytes()[:200]
    (folder / "c21_2021_03_26__17_00_00.png").write_bytes(cut)
    before = snapshot(folder)
    report = split(action)
    assert reasons(report) == {
        f"c23-{STAMP + 2000}.png": "the file is empty",
        "c21_2021_03_26__17_00_00.png": "image file is truncated",
    }
    assert report.done == 4
    left = snapshot(folder)
    assert {name: left[name] for name in reasons(report)} == {
        name: before[name] for name in reasons(report)
    }
    assert len(snapshot(to)) == 4


def test_an_image_with_a_damaged_middle_stays_when_everything_is_checked(split, folder, to):
    content = bytearray((folder / NAMES[0]).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / NAMES[0]).write_bytes(content)
    assert plan_split(folder, to=to).skipped == ()
    report = split("move", check=True)
    assert list(reasons(report)) == [NAMES[0]]
    assert (folder / NAMES[0]).exists()


def test_a_pattern_decides_the_camera(split, folder, to, snapshot):
    split("copy", naming=Naming.of(pattern=r"(?P<camera>c2).*"))
    assert set(snapshot(to)) == {*(f"c2/{name}" for name in NAMES[:3]), TARGETS[3]}


@pytest.mark.parametrize("action", SPLIT_ACTIONS)
def test_a_plan_changes_nothing(folder, to, tmp_path, snapshot, action):
    before = snapshot(tmp_path)
    plan = plan_split(folder, to=to, action=action)
    assert snapshot(tmp_path) == before
    assert not to.exists()
    assert {operation.target for operation in plan.operations} == {str(to / t) for t in TARGETS}
    assert dict(plan.cameras) == {"c23": 2, "c21": 1, "unknown": 1}


class TestCollisions:
    @pytest.mark.parametrize("action", SPLIT_ACTIONS)
    @pytest.mark.parametrize("kind", ["file", "broken link", "folder"])
    def test_a_name_that_is_taken(self, split, to, action, kind, tmp_path, snapshot):
        there = to / TARGETS[1]
        there.parent.mkdir(parents=True)
        if kind == "file":
            there.write_text("mine")
        elif kind == "folder":
            there.mkdir()
        else:
            there.symlink_to("nowhere")
        before = snapshot(tmp_path)
        with pytest.raises(NamesTakenError, match="nothing was done") as caught:
            split(action)
        assert f"{there}, which exists already" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert snapshot(tmp_path) == before
        assert sorted(path.name for path in to.rglob("*")) == sorted(["c23", NAMES[1]])

    @pytest.mark.parametrize("action", SPLIT_ACTIONS)
    def test_two_files_with_one_name(self, split, folder, to, action, tmp_path, snapshot):
        other = add(folder, f"sub/{NAMES[0]}", folder / NAMES[1])
        add(folder, f"sub/{NAMES[2]}", folder / NAMES[1])
        before = snapshot(tmp_path)
        with pytest.raises(NamesTakenError, match=r"names that are taken \(2 in all") as caught:
            split(action, recursive=True)
        assert f"{to / TARGETS[0]} for both " in str(caught.value) or NAMES[2] in str(caught.value)
        assert str(other.parent) in str(caught.value)
        assert snapshot(tmp_path) == before
        assert not to.exists()

    @pytest.mark.parametrize("action", SPLIT_ACTIONS)
    def test_what_came_in_between_is_not_replaced(self, split, folder, to, action, monkeypatch):
        create = Journal.create

        def create_and_intrude(self, path):
            create(self, path)
            (to / "c23").mkdir(parents=True, exist_ok=True)
            (to / TARGETS[0]).write_text("mine")

        monkeypatch.setattr(Journal, "create", create_and_intrude)
        report = split(action)
        assert "exists already" in reasons(report)[NAMES[0]]
        assert (to / TARGETS[0]).read_text() == "mine"
        assert (folder / NAMES[0]).exists()
        assert report.done == 3


class TestAgain:
    @pytest.mark.parametrize("action", ["copy", "link"])
    def test_what_is_there_already_stays_and_new_images_are_added(
        self, split, folder, to, action, snapshot
    ):
        split(action)
        before = snapshot(to)
        new = add(folder, f"c23-{STAMP + 5000}.png", folder / NAMES[0])
        report = split(action)
        assert (report.done, report.already, dict(report.cameras)) == (1, 4, {"c23": 1})
        assert set(snapshot(to)) == {*before, f"c23/{new.name}"}
        assert report.journal.name == "cameras.journal-2.jsonl"

    @pytest.mark.parametrize("action", ["copy", "link"])
    def test_without_anything_new_there_is_no_journal(self, split, action, journal):
        split(action)
        report = split(action)
        assert (report.done, report.already, report.journal) == (0, 4, None)
        assert list(journal.parent.glob("*.jsonl")) == [journal]

    def test_a_copy_that_differs_from_its_image_is_in_the_way(self, split, to):
        split("copy")
        (to / TARGETS[0]).write_text("edited")
        with pytest.raises(NamesTakenError, match=r"names that are taken \(1 in all"):
            split("copy")

    def test_links_are_no_copies(self, split):
        split("link")
        with pytest.raises(NamesTakenError):
            split("copy")

    def test_moved_images_are_not_looked_for(self, split, folder):
        split("move")
        add(folder, f"c23-{STAMP + 5000}.png", next(folder.parent.rglob(NAMES[0])))
        assert split("move").done == 1


class TestInPlace:
    def test_a_folder_is_sorted_in_itself(self, folder, snapshot):
        before = snapshot(folder)
        journal = folder.with_name("lot.journal.jsonl")
        assert split_folder(folder, to=folder, action="move").done == 4
        expected = {t: before[n] for t, n in zip(TARGETS, NAMES, strict=True)}
        assert snapshot(folder) == {**expected, "notes.txt": before["notes.txt"]}
        again = split_folder(folder, to=folder, action="move", recursive=True)
        assert (again.done, again.already) == (0, 4)
        undo(journal)
        assert snapshot(folder) == before

    @pytest.mark.parametrize("action", ["copy", "link"])
    def test_a_target_in_the_folder_is_no_source_of_its_own(self, folder, action):
        options = {"to": folder / "cameras", "action": action, "recursive": True}
        assert split_folder(folder, **options).done == 4
        again = split_folder(folder, **options)
        assert (again.done, again.already) == (0, 8)

    def test_sub_folders(self, split, folder, to, snapshot):
        moved = folder / "sub" / NAMES[0]
        moved.parent.mkdir()
        (folder / NAMES[0]).rename(moved)
        assert dict(split("move", recursive=True).cameras) == {"c23": 2, "c21": 1, "unknown": 1}
        assert set(snapshot(to)) == set(TARGETS)


class TestInterrupted:
    @pytest.mark.parametrize("action", SPLIT_ACTIONS)
    @pytest.mark.parametrize("count", range(4))
    def test_the_same_command_goes_on(
        self, split, folder, to, action, count, monkeypatch, snapshot, journal
    ):
        before = snapshot(folder)
        with monkeypatch.context() as patch:
            stop_after(count, patch)
            with pytest.raises(KeyboardInterrupt):
                split(action)
        assert len(snapshot(to)) == count
        report = split(action)
        assert (report.done, report.resumed, report.journal) == (4, True, journal)
        assert dict(report.cameras) == {"c23": 2, "c21": 1, "unknown": 1}
        assert set(snapshot(to)) == set(TARGETS)
        undo(journal)
        assert snapshot(folder) == before
        assert not to.exists()

    @pytest.mark.parametrize("action", SPLIT_ACTIONS)
    def test_it_can_be_undone_at_once(
        self, split, folder, to, action, monkeypatch, snapshot, journal
    ):
        before = snapshot(folder)
        stop_after(2, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            split(action)
        assert undo(journal).skipped == ()
        assert snapshot(folder) == before
        assert not to.exists()

    @pytest.mark.parametrize("change", ["action", "pattern", "folder"])
    def test_another_command_does_not_go_on(
        self, split, folder, to, change, monkeypatch, tmp_path, journal
    ):
        with monkeypatch.context() as patch:
            stop_after(2, patch)
            with pytest.raises(KeyboardInterrupt):
                split("copy")
        add(tmp_path / "other", NAMES[0], folder / NAMES[0])
        another = {
            "action": lambda: split("link"),
            "pattern": lambda: split("copy", naming=Naming.of(pattern="(?P<camera>c).*")),
            "folder": lambda: split_folder(tmp_path / "other", to=to),
        }[change]
        with pytest.raises(NearframeError, match=r"of an interrupted run with another") as caught:
            another()
        assert f"nearframe undo {journal}" in str(caught.value)


def test_a_link_is_not_moved(split, folder, to):
    (folder / f"c23-{STAMP + 9000}.png").symlink_to(NAMES[0])
    report = split("move")
    assert "symbolic link" in reasons(report)[f"c23-{STAMP + 9000}.png"]
    assert report.done == 4


def test_a_copy_of_a_link_is_a_file(split, folder, to):
    (folder / f"c23-{STAMP + 9000}.png").symlink_to(NAMES[0])
    split("copy")
    copy = to / "c23" / f"c23-{STAMP + 9000}.png"
    assert not copy.is_symlink()
    assert copy.read_bytes() == (folder / NAMES[0]).read_bytes()


@pytest.mark.parametrize("action", SPLIT_ACTIONS)
def test_odd_names_arrive(split, folder, to, journal, snapshot, action):
    names = [os.fsdecode(f) for f in (b"c\xff-1616694872.png", b"a\n-1616694872.png")]
    names.append("..-1616694872.png")
    try:
        for name in names:
            add(folder, name, folder / NAMES[0])
    except OSError:
        pytest.skip("this file system refuses such names")
    before = snapshot(folder)
    assert split(action).done == 7
    expected = {f"c\udcff/{names[0]}", f"a\n/{names[1]}", f"unknown/{names[2]}"}
    assert set(snapshot(to)) == {*TARGETS, *expected}
    undo(journal)
    assert snapshot(folder) == before


def test_what_is_in_the_way_of_the_target(split, folder, to, snapshot):
    to.parent.mkdir()
    to.write_text("mine")
    before = snapshot(folder)
    with pytest.raises(NearframeError, match="is in the way"):
        split("move")
    to.unlink()
    to.mkdir()
    (to / "c21").write_text("mine")
    with pytest.raises(NamesTakenError, match=r"c21, which is not a folder"):
        split("move")
    assert snapshot(folder) == before
    assert sorted(path.name for path in to.parent.rglob("*")) == ["c21", "cameras"]


def test_wrong_use(folder, to, tmp_path):
    with pytest.raises(NearframeError, match="`action` must be one of copy, move, link"):
        split_folder(folder, to=to, action="burn")
    with pytest.raises(SourceError, match="no such file"):
        split_folder(tmp_path / "nowhere", to=to)
    with pytest.raises(NearframeError, match="matches none"):
        split_folder(folder, to=to, naming=Naming.of(pattern="(?P<camera>gate)"))
    with pytest.raises(NearframeError, match="give a `journal`"):
        split_folder(folder, to="/")
    assert not to.exists()


def test_a_journal_elsewhere(split, tmp_path, to):
    report = split("copy", journal=tmp_path / "mine.jsonl")
    assert report.journal == tmp_path / "mine.jsonl"
    assert Journal.read(report.journal).finished
    with pytest.raises(NearframeError, match="is of a finished run"):
        split("copy", journal=tmp_path / "mine.jsonl")
