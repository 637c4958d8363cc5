import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from nearframe.common import ACTIONS, DiskFullError, NearframeError, OutputError, SourceError
from nearframe.query import DedupRules, apply_plan, journal_of
from nearframe.query.files import transfer as files
from nearframe.query.files.journal import TARGETED, Journal

DROPPING = [action for action in ACTIONS if action not in ("copy-unique", "hardlink")]
FILES = ("a.png", "b.png", "c.png", "d.png", "sub/e.png", "sub/f.png", "other/deep/g.png")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    for number, name in enumerate(FILES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
        os.utime(path, ns=(number * 10**15 + 1, number * 10**15 + 123_456_789))
    return folder


@pytest.fixture
def plan(folder, plan_of):
    dropped = {"c.png": "a.png", "d.png": "b.png", "sub/f.png": "sub/e.png"}
    return plan_of(
        folder, kept=["a.png", "b.png", "sub/e.png", "other/deep/g.png"], dropped=dropped
    )


@pytest.fixture
def apply(plan, tmp_path):
    def call(action="move", *, to=tmp_path / "to", plan=plan, journal=tmp_path / "x.jsonl"):
        to = to if action in TARGETED else None
        return apply_plan(plan, action=action, to=to, journal=journal)

    return call


def one_file(action):
    """Name a file that an action is done to."""
    return "a.png" if action in ("copy-unique", "hardlink") else "c.png"


def interrupt(*_):
    raise KeyboardInterrupt


def reasons(report):
    return {Path(entry.source).name: entry.reason for entry in report.skipped}


def test_move_takes_the_repeats_away_with_content_and_time(apply, folder, tmp_path, snapshot):
    before = snapshot(folder)
    report = apply("move")
    moved = ("c.png", "d.png", "sub/f.png")
    assert snapshot(tmp_path / "to") == {name: before[name] for name in moved}
    assert snapshot(folder) == {n: v for n, v in before.items() if n not in moved}
    assert (report.done, report.skipped, report.to) == (3, (), tmp_path / "to")


def test_copy_unique_copies_the_new_images_and_leaves_the_folder(apply, folder, tmp_path, snapshot):
    before = snapshot(folder)
    report = apply("copy-unique")
    copied = ("a.png", "b.png", "sub/e.png", "other/deep/g.png")
    assert snapshot(tmp_path / "to") == {name: before[name] for name in copied}
    assert snapshot(folder) == before
    assert (report.done, report.skipped) == (4, ())


@pytest.mark.parametrize("action", TARGETED)
def test_nothing_that_is_there_is_replaced(apply, folder, tmp_path, snapshot, action):
    before = snapshot(folder)
    name = one_file(action)
    there = tmp_path / "to" / name
    there.parent.mkdir()
    there.write_text("mine")
    report = apply(action)
    assert there.read_text() == "mine"
    assert reasons(report) == {name: f"{there} exists already; it is not replaced"}
    assert snapshot(folder)[name] == before[name]
    assert report.done == (2 if action == "move" else 3)


def test_a_broken_link_in_the_way_is_not_replaced_either(apply, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "c.png").symlink_to("nowhere")
    assert "exists already" in reasons(apply("move"))["c.png"]
    assert (tmp_path / "to" / "c.png").is_symlink()


@pytest.mark.parametrize("kind", ["file", "broken link"])
@pytest.mark.parametrize("action", TARGETED)
def test_what_came_in_between_is_not_replaced(apply, tmp_path, action, kind, monkeypatch):
    name = one_file(action)
    target = tmp_path / "to" / name
    create = Journal.create

    def create_and_intrude(self, path):
        create(self, path)
        target.parent.mkdir(exist_ok=True)
        if kind == "file":
            target.write_text("mine")
        elif not target.is_symlink():
            target.symlink_to("nowhere")

    monkeypatch.setattr(Journal, "create", create_and_intrude)
    assert "exists already" in reasons(apply(action))[name]
    if kind == "file":
        assert target.read_text() == "mine"
    else:
        assert target.is_symlink()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_file_that_changed_since_the_plan_stays(apply, folder, tmp_path, action):
    name = one_file(action)
    (folder / name).write_bytes(b"x" * (folder / name).stat().st_size)
    report = apply(action)
    assert reasons(report)[name] == "changed since the plan was made"
    assert (folder / name).exists()
    assert not (tmp_path / "to" / name).exists()
    assert report.done == (3 if action in ("copy-unique", "hardlink") else 2)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_file_that_is_gone_since_the_plan_is_reported(apply, folder, action):
    name = one_file(action)
    (folder / name).unlink()
    assert reasons(apply(action))[name] == "is gone since the plan was made"


@pytest.mark.parametrize("action", DROPPING)
def test_a_file_that_changes_between_check_and_action_stays(apply, folder, monkeypatch, action):
    create = Journal.create

    def create_and_change(self, path):
        create(self, path)
        (folder / "c.png").write_text("new")

    monkeypatch.setattr(Journal, "create", create_and_change)
    report = apply(action)
    assert reasons(report) == {"c.png": "changed or is gone since the plan was made"}
    assert (folder / "c.png").read_text() == "new"


@pytest.mark.parametrize("action", DROPPING)
@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_repeat_stays_when_what_it_repeats_is_gone_or_changed(apply, folder, how, action):
    if how == "gone":
        (folder / "a.png").unlink()
    else:
        (folder / "a.png").write_text("another picture")
    report = apply(action)
    assert reasons(report) == {"c.png": "a.png, which it repeats, changed or is gone"}
    assert (folder / "c.png").exists()
    assert report.done == 2


def test_a_repeat_stays_when_somebody_took_what_it_repeats_out_of_the_plan(
    apply, folder, plan_of, tmp_path
):
    edited = plan_of(folder, kept=["b.png"], dropped={"c.png": "a.png", "d.png": "b.png"})
    report = apply("move", plan=edited)
    assert reasons(report) == {"c.png": "the plan does not list a.png, which it repeats"}
    assert report.done == 1


def test_what_somebody_took_out_of_the_plan_stays(apply, folder, plan_of, tmp_path):
    report = apply("move", plan=plan_of(folder, kept=["a.png"], dropped={"c.png": "a.png"}))
    assert report.done == 1
    assert (folder / "d.png").exists()


def test_a_line_that_stands_twice_does_no_harm(apply, folder, plan, tmp_path):
    twice = type(plan)(
        **{name: getattr(plan, name) for name in plan.__slots__ if name != "dropped"},
        dropped=plan.dropped + plan.dropped,
    )
    apply("move", plan=twice)
    assert sorted(path.name for path in (tmp_path / "to").rglob("*.png")) == [
        "c.png",
        "d.png",
        "f.png",
    ]


def test_with_against_all_a_whole_chain_of_repeats_moves(apply, folder, plan_of):
    chain = {"b.png": "a.png", "c.png": "b.png", "d.png": "c.png"}
    report = apply(
        "move",
        plan=plan_of(
            folder, kept=["a.png"], dropped=chain, rules=DedupRules(threshold=0.9, against="all")
        ),
    )
    assert (report.done, report.skipped) == (3, ())


@pytest.mark.parametrize("action", DROPPING)
def test_a_link_stays(apply, folder, plan_of, action):
    (folder / "link.png").symlink_to("a.png")
    report = apply(action, plan=plan_of(folder, kept=["a.png"], dropped={"link.png": "a.png"}))
    assert "symbolic link" in reasons(report)["link.png"]
    assert (folder / "link.png").is_symlink()


@pytest.mark.parametrize("action", DROPPING)
def test_what_the_representative_links_to_stays(apply, folder, plan_of, action):
    (folder / "0.png").symlink_to("c.png")
    report = apply(action, plan=plan_of(folder, kept=["0.png"], dropped={"c.png": "0.png"}))
    assert reasons(report) == {"c.png": "0.png, which it repeats, is a link to it"}
    assert (folder / "0.png").read_bytes() == (folder / "c.png").read_bytes()


def test_a_hard_link_is_moved_like_any_file(apply, folder, plan_of, tmp_path):
    os.link(folder / "a.png", folder / "z.png")
    report = apply("move", plan=plan_of(folder, kept=["a.png"], dropped={"z.png": "a.png"}))
    assert report.done == 1
    assert (tmp_path / "to" / "z.png").read_bytes() == (folder / "a.png").read_bytes()


def test_copy_unique_copies_what_a_link_leads_to(apply, folder, plan_of, tmp_path):
    (folder / "link.png").symlink_to("a.png")
    apply("copy-unique", plan=plan_of(folder, kept=["link.png"], dropped={}))
    assert not (tmp_path / "to" / "link.png").is_symlink()
    assert (tmp_path / "to" / "link.png").read_bytes() == (folder / "a.png").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
@pytest.mark.parametrize("action", TARGETED)
def test_odd_names_arrive(apply, folder, plan_of, tmp_path, snapshot, action):
    names = [os.fsdecode(name) for name in (b"a\xff.png", b"b\n.png", b"c d'\".png")]
    for name in names:
        (folder / name).write_text(repr(name))
    plan = plan_of(folder, kept=[*names[:1], "a.png"], dropped=dict.fromkeys(names[1:], "a.png"))
    apply(action, plan=plan)
    expected = names[1:] if action == "move" else [names[0], "a.png"]
    assert sorted(snapshot(tmp_path / "to")) == sorted(expected)


def test_a_target_inside_the_folder_works(apply, folder, snapshot):
    before = snapshot(folder)
    apply("move", to=folder / "repeats")
    assert snapshot(folder / "repeats") == {n: before[n] for n in ("c.png", "d.png", "sub/f.png")}


def test_a_target_that_is_there_already_is_used(apply, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "mine.txt").write_text("mine")
    assert apply("move").done == 3
    assert (tmp_path / "to" / "mine.txt").read_text() == "mine"


def test_a_relative_target_counts_from_the_current_folder(apply, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert apply("move", to="moved").to == tmp_path / "moved"
    assert (tmp_path / "moved" / "c.png").exists()


def test_the_folder_itself_is_refused_as_target(apply, folder, tmp_path):
    (tmp_path / "alias").symlink_to(folder)
    for to in (folder, folder / "sub" / "..", tmp_path / "alias"):
        with pytest.raises(NearframeError, match="is the folder of the plan itself"):
            apply("move", to=to)


def test_a_file_in_place_of_the_target_is_refused_before_anything_is_done(
    apply, folder, tmp_path, snapshot
):
    (tmp_path / "to").write_text("a file")
    before = snapshot(tmp_path)
    with pytest.raises(NearframeError, match="to is in the way; expected a folder"):
        apply("move")
    assert snapshot(tmp_path) == before


def test_a_target_that_cannot_be_made_leaves_nothing_behind(
    apply, folder, tmp_path, snapshot, monkeypatch
):
    before = snapshot(tmp_path)
    mkdir = Path.mkdir

    def forbidden(self, *args, **kwargs):
        if self.name == "sub":
            raise PermissionError(errno.EACCES, "Permission denied")
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with pytest.raises(OutputError, match="no permission; choose another place"):
        apply("move")
    monkeypatch.undo()
    assert snapshot(tmp_path) == before
    assert not (tmp_path / "to").exists()
    # So the next try, elsewhere, is not taken for another run's.
    assert apply("move", to=tmp_path / "elsewhere").done == 3


def test_an_unknown_action_is_refused(apply):
    with pytest.raises(NearframeError, match=r"one of move, .*, delete, not 'burn'"):
        apply("burn")


def test_a_plan_whose_folder_is_gone_is_refused(apply, folder, tmp_path):
    shutil.rmtree(folder)
    with pytest.raises(SourceError, match=r"frames: the folder of the plan is gone; make a new"):
        apply("move")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_plan_does_nothing(apply, folder, plan_of, tmp_path):
    report = apply("move", plan=plan_of(folder, kept=["a.png"], dropped={}))
    assert report.done == 0
    assert not (tmp_path / "to").exists()


def test_the_journal_is_there_before_the_first_file_is_touched(apply, tmp_path, monkeypatch):
    seen = []

    def look(*_):
        seen.append(Journal.read(tmp_path / "x.jsonl"))
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "rename_new", look)
    with pytest.raises(KeyboardInterrupt):
        apply("move")
    assert len(seen[0].operations) == 3
    assert not seen[0].finished


def test_without_a_journal_nothing_is_done(apply, folder, snapshot, tmp_path):
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=r"cannot write .*x\.jsonl"):
        apply("move", journal=tmp_path / "none" / "x.jsonl")
    assert snapshot(tmp_path) == before


def test_a_journal_of_a_finished_run_is_not_used_again(apply):
    apply("move")
    with pytest.raises(NearframeError, match=r"x\.jsonl is of a finished run; give another"):
        apply("move")


def test_some_other_file_is_not_taken_for_a_journal(apply, tmp_path):
    (tmp_path / "x.jsonl").write_text("my notes")
    with pytest.raises(NearframeError, match=r"x\.jsonl is not a journal"):
        apply("move")
    assert (tmp_path / "x.jsonl").read_text() == "my notes"


def test_a_file_that_cannot_be_moved_is_reported_and_the_others_are(
    apply, folder, tmp_path, monkeypatch
):
    rename = files.rename_new

    def forbidden(self, target):
        if self.name == "d.png":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(files, "rename_new", forbidden)
    report = apply("move")
    assert report.done == 2
    assert "no permission" in reasons(report)["d.png"]
    assert (folder / "d.png").exists()


def simulate_two_disks(monkeypatch, root):
    """Let files below `root` be on another disk than all others."""
    rename = files.rename_new

    def refuse(self, target):
        # They are reached through folders that are held open.
        places = {Path(os.path.realpath(path)).is_relative_to(root) for path in (self, target)}
        if len(places) > 1:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(files, "rename_new", refuse)


@pytest.fixture(params=["simulated", "real"])
def other_disk(request, tmp_path, monkeypatch):
    if request.param == "simulated":
        simulate_two_disks(monkeypatch, tmp_path / "disk")
        return tmp_path / "disk"
    return request.getfixturevalue("second_disk") / "disk"


def test_files_arrive_on_another_disk(apply, folder, other_disk, snapshot):
    before = snapshot(folder)
    assert apply("move", to=other_disk).done == 3
    assert snapshot(other_disk) == {name: before[name] for name in ("c.png", "d.png", "sub/f.png")}
    assert not (folder / "c.png").exists()


def test_a_copy_with_other_content_is_not_taken_for_the_file(
    apply, folder, tmp_path, monkeypatch, snapshot
):
    simulate_two_disks(monkeypatch, tmp_path / "to")
    copy2 = shutil.copy2

    def corrupt(source, target):
        copy2(source, target)
        if Path(target).name.startswith(".d.png"):
            Path(target).write_text("damaged on its way")

    monkeypatch.setattr(files.shutil, "copy2", corrupt)
    before = snapshot(folder)
    report = apply("move")
    assert "changed while it was copied" in reasons(report)["d.png"]
    assert snapshot(folder)["d.png"] == before["d.png"]
    assert sorted(snapshot(tmp_path / "to")) == ["c.png", "sub/f.png"]


def test_a_file_that_cannot_be_removed_is_not_left_on_both_disks(
    apply, folder, tmp_path, monkeypatch
):
    simulate_two_disks(monkeypatch, tmp_path / "to")
    unlink = Path.unlink

    def forbidden(self, *args, **kwargs):
        if os.path.realpath(self.parent) == str(folder):
            raise PermissionError(errno.EACCES, "Permission denied")
        return unlink(self, *args, **kwargs)

    monkeypatch.setattr(Path, "unlink", forbidden)
    report = apply("move")
    assert "no permission" in reasons(report)["d.png"]
    assert (folder / "d.png").exists()
    assert not (tmp_path / "to" / "d.png").exists()


@pytest.mark.parametrize("action", ["move", "copy-unique"])
def test_when_the_disk_is_full_the_same_call_goes_on(
    apply, folder, tmp_path, monkeypatch, snapshot, action
):
    before = snapshot(folder)
    copy2 = shutil.copy2
    with monkeypatch.context() as full:
        simulate_two_disks(full, tmp_path / "to")
        copied = []

        def fill_up(source, target):
            if len(copied) == 1:
                Path(target).write_bytes(Path(source).read_bytes()[:50])
                raise OSError(errno.ENOSPC, "No space left on device")
            copied.append(copy2(source, target))

        full.setattr(files.shutil, "copy2", fill_up)
        with pytest.raises(DiskFullError, match=r"disk is full; free some space .*x\.jsonl") as no:
            apply(action)
    assert "\n" not in str(no.value)
    assert len(snapshot(tmp_path / "to")) == 1
    assert not Journal.read(tmp_path / "x.jsonl").finished
    report = apply(action)
    arrived = ("c.png", "d.png", "sub/f.png")
    if action == "copy-unique":
        arrived = ("a.png", "b.png", "sub/e.png", "other/deep/g.png")
    assert (report.done, report.skipped) == (len(arrived), ())
    assert snapshot(tmp_path / "to") == {name: before[name] for name in arrived}


def test_an_interrupted_run_is_not_continued_with_another_action_or_target(
    apply, folder, tmp_path, monkeypatch
):
    with monkeypatch.context() as broken:
        broken.setattr(files, "rename_new", interrupt)
        with pytest.raises(KeyboardInterrupt):
            apply("move")
    for different in ({"action": "copy-unique"}, {"to": tmp_path / "elsewhere"}):
        with pytest.raises(NearframeError, match=r"interrupted run .* nearframe undo .*x\.jsonl"):
            apply(**different)
    assert apply("move").done == 3


def test_a_file_that_changed_since_the_interruption_stays(apply, folder, monkeypatch, tmp_path):
    with monkeypatch.context() as broken:
        broken.setattr(files, "rename_new", interrupt)
        with pytest.raises(KeyboardInterrupt):
            apply("move")
    (folder / "d.png").write_text("edited")
    report = apply("move")
    assert reasons(report) == {"d.png": "changed or is gone since the plan was made"}
    assert (folder / "d.png").read_text() == "edited"


def test_a_new_file_at_the_place_of_a_moved_one_stays(apply, folder, monkeypatch, tmp_path):
    rename = files.rename_new

    def second_fails(self, target):
        if self.name == "d.png":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as broken:
        broken.setattr(files, "rename_new", second_fails)
        with pytest.raises(KeyboardInterrupt):
            apply("move")
    (folder / "c.png").write_text("new picture")
    assert apply("move").skipped == ()
    assert (folder / "c.png").read_text() == "new picture"
    assert (tmp_path / "to" / "c.png").exists()


def test_progress_is_told_of_every_operation(plan, tmp_path):
    calls = []

    class Recorder:
        def start(self, label, total):
            calls.append((label, total))

        def advance(self, count):
            calls.append(count)

    apply_plan(
        plan,
        action="move",
        to=tmp_path / "to",
        journal=tmp_path / "x.jsonl",
        progress=Recorder(),
    )
    assert calls == [(f"move to {tmp_path / 'to'}", 3), 1, 1, 1]


def test_the_journal_of_a_plan_stands_beside_it(tmp_path):
    path = tmp_path / "x.dedup.json"
    assert journal_of(path) == tmp_path / "x.dedup.journal.jsonl"


def test_a_plan_gets_a_new_journal_once_the_last_is_finished(apply, tmp_path):
    journal = tmp_path / "x.dedup.journal.jsonl"
    apply("move", journal=journal)
    assert journal_of(tmp_path / "x.dedup.json") == tmp_path / "x.dedup.journal-2.jsonl"


def test_the_journal_of_an_interrupted_run_is_taken_up(apply, tmp_path, monkeypatch):
    for number in ("", "-2"):
        journal = tmp_path / f"x.dedup.journal{number}.jsonl"
        with monkeypatch.context() as broken:
            broken.setattr(files, "rename_new", interrupt)
            with pytest.raises(KeyboardInterrupt):
                apply("move", journal=journal)
        assert journal_of(tmp_path / "x.dedup.json") == journal
        apply("move", journal=journal)
        shutil.rmtree(tmp_path / "to")
        for name in ("c.png", "d.png", "sub/f.png"):
            (tmp_path / "frames" / name).write_bytes(name.encode() * 100)
