"""What a plan must not do, whatever somebody wrote into it."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nearframe.common import ACTIONS, NearframeError
from nearframe.query import DedupPlan, DedupRules, PlannedFile, apply_plan
from nearframe.query.files.journal import TARGETED

DROPPING = ("move", "trash", "delete")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    for name in ("a.png", "b.png", "c.png", "d.png", "mine/e.png", "mine/deep/f.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    return folder


@pytest.fixture
def apply(tmp_path):
    def call(plan, action, to=tmp_path / "to"):
        to = to if action in TARGETED else None
        return apply_plan(plan, action=action, to=to, journal=tmp_path / "x.jsonl")

    return call


def reasons(report):
    return {Path(entry.source).name: entry.reason for entry in report.skipped}


def protecting(plan, *names):
    folder = Path(plan.folder)
    return replace(plan, protected_folders=tuple(str(folder / name) for name in names))


@pytest.mark.parametrize("action", DROPPING)
class TestProtected:
    def test_files_below_a_protected_folder_stay(self, apply, folder, plan_of, action, snapshot):
        before = snapshot(folder / "mine")
        dropped = {"mine/e.png": "a.png", "mine/deep/f.png": "a.png", "b.png": "a.png"}
        plan = protecting(plan_of(folder, kept=["a.png"], dropped=dropped), "mine")
        report = apply(plan, action)
        assert reasons(report) == {"e.png": "is protected", "f.png": "is protected"}
        assert snapshot(folder / "mine") == before
        assert report.done == 1

    def test_so_they_do_through_a_link_to_the_folder(self, apply, folder, plan_of, action):
        (folder / "alias").symlink_to("mine")
        plan = plan_of(folder, kept=["a.png"], dropped={"alias/e.png": "a.png"})
        assert reasons(apply(protecting(plan, "mine"), action)) == {"e.png": "is protected"}

    def test_so_they_do_when_the_protected_folder_is_the_link(
        self, apply, folder, plan_of, action, tmp_path
    ):
        (tmp_path / "alias").symlink_to(folder / "mine")
        plan = plan_of(folder, kept=["a.png"], dropped={"mine/deep/f.png": "a.png"})
        plan = replace(plan, protected_folders=(str(tmp_path / "alias"),))
        assert reasons(apply(plan, action)) == {"f.png": "is protected"}

    def test_so_they_do_where_the_folder_is_mounted_twice(
        self, apply, folder, plan_of, action, monkeypatch
    ):
        # Two mounts have two real paths, and share device and inode numbers.
        second = folder / "second"
        (second / "deep").mkdir(parents=True)
        (second / "deep" / "f.png").write_bytes((folder / "mine/deep/f.png").read_bytes())
        stat = os.stat

        def mounted(path, *args, **kwargs):
            shown = os.fspath(path) if not isinstance(path, int) else path
            same = str(folder / "mine") if shown == str(second) else path
            return stat(same, *args, **kwargs)

        plan = plan_of(folder, kept=["a.png"], dropped={"second/deep/f.png": "a.png"})
        monkeypatch.setattr(os, "stat", mounted)
        assert reasons(apply(protecting(plan, "mine"), action)) == {"f.png": "is protected"}

    def test_a_protected_image_stays_under_another_name(self, apply, folder, plan_of, action):
        os.link(folder / "a.png", folder / "z.png")
        plan = plan_of(folder, kept=["b.png"], dropped={"z.png": "b.png", "c.png": "a.png"})
        protected = PlannedFile.look_at(str(folder), str(folder / "a.png"))
        report = apply(replace(plan, protected=(protected,)), action)
        assert reasons(report) == {"z.png": "is protected"}
        assert not (folder / "c.png").exists()

    def test_a_file_whose_name_only_begins_like_the_folder_is_not(
        self, apply, folder, plan_of, action
    ):
        (folder / "mine2.png").write_text("x")
        plan = plan_of(folder, kept=["a.png"], dropped={"mine2.png": "a.png"})
        assert apply(protecting(plan, "mine"), action).done == 1


def test_protected_images_are_copied_but_get_no_second_name(apply, folder, plan_of, tmp_path):
    plan = protecting(plan_of(folder, kept=["mine/e.png"], dropped={}), "mine")
    assert reasons(apply(plan, "hardlink")) == {"e.png": "is protected"}
    (tmp_path / "x.jsonl").unlink()
    assert apply(plan, "copy-unique").done == 1


@pytest.mark.parametrize("action", TARGETED)
def test_nothing_is_put_into_a_protected_folder(apply, folder, plan_of, action, snapshot):
    before = snapshot(folder)
    plan = protecting(plan_of(folder, kept=["a.png"], dropped={"b.png": "a.png"}), "mine")
    for to in (folder / "mine", folder / "mine" / "new" / "deep"):
        with pytest.raises(NearframeError, match="lies in a protected folder; give another"):
            apply(plan, action, to=to)
    assert snapshot(folder) == before


@pytest.mark.parametrize("action", DROPPING)
class TestEdited:
    def test_what_is_kept_too_stays(self, apply, folder, plan_of, action):
        plan = plan_of(folder, kept=["a.png", "b.png"], dropped={"b.png": "a.png"})
        assert reasons(apply(plan, action)) == {"b.png": "is also among the files that stay"}
        assert (folder / "b.png").exists()

    def test_what_is_kept_stays_under_another_path(self, apply, folder, plan_of, action):
        (folder / "here").symlink_to(".")
        plan = plan_of(folder, kept=["a.png", "b.png"], dropped={"here/b.png": "a.png"})
        assert "also among the files" in reasons(apply(plan, action))["b.png"]
        assert (folder / "b.png").exists()

    def test_files_that_repeat_each_other_stay(self, apply, folder, plan_of, action):
        circle = {"b.png": "c.png", "c.png": "d.png", "d.png": "b.png", "mine/e.png": "b.png"}
        plan = plan_of(folder, kept=["a.png"], dropped=circle)
        report = apply(plan, action)
        assert report.done == 0
        assert all("the plan keeps nothing" in reason for reason in reasons(report).values())

    def test_a_file_that_repeats_itself_stays(self, apply, folder, plan_of, action):
        plan = plan_of(folder, kept=["a.png"], dropped={"b.png": "b.png"})
        assert apply(plan, action).done == 0
        assert (folder / "b.png").exists()

    def test_the_end_of_a_chain_must_be_unchanged(self, apply, folder, plan_of, action):
        chain = {"b.png": "a.png", "c.png": "b.png", "d.png": "c.png"}
        rules = DedupRules(threshold=0.9, against="all")
        plan = plan_of(folder, kept=["a.png"], dropped=chain, rules=rules)
        (folder / "a.png").write_text("edited")
        report = apply(plan, action)
        assert report.done == 0
        assert set(reasons(report).values()) == {"a.png, which it repeats, changed or is gone"}

    def test_a_chain_deeper_than_python_recurses_is_followed(self, apply, folder, plan_of, action):
        names = [f"{number:04}.png" for number in range(sys.getrecursionlimit() + 200)]
        for name in names:
            (folder / name).write_text(name)
        chain = dict(zip(names, ["a.png", *names], strict=False))
        # Last first, so that nothing is known of what a file repeats.
        backwards = dict(reversed(chain.items()))
        rules = DedupRules(threshold=0.9, against="all")
        plan = plan_of(folder, kept=["a.png"], dropped=backwards, rules=rules)
        assert apply(plan, action).done == len(names)

    def test_a_line_that_stands_twice_counts_once(self, apply, folder, plan_of, action):
        plan = plan_of(folder, kept=["a.png"], dropped={"b.png": "a.png"})
        assert apply(replace(plan, dropped=plan.dropped * 2), action).done == 1


@pytest.mark.parametrize("action", ["trash", "delete"])
def test_a_hard_link_of_what_it_repeats_stays(apply, folder, plan_of, action):
    os.link(folder / "a.png", folder / "z.png")
    report = apply(plan_of(folder, kept=["a.png"], dropped={"z.png": "a.png"}), action)
    assert reasons(report) == {"z.png": "a.png, which it repeats, is the same file"}


def test_protected_folders_reach_the_plan(make_folder, fake_embedder, tmp_path, monkeypatch):
    from nearframe.query import DedupOptions, plan_dedup

    make_folder([0, 1, 0])
    make_folder([1], name="known")
    monkeypatch.chdir(tmp_path)
    plan = plan_dedup("frames", DedupOptions(protect=("known",)), embedder=fake_embedder)
    assert plan.protected_folders == (str(tmp_path / "known"),)
    plan.save("x.json")
    assert DedupPlan.load("x.json").protected_folders == plan.protected_folders


@pytest.mark.parametrize("action", ACTIONS)
def test_unreadable_files_stay_and_stop_nothing(apply, make_folder, fake_embedder, action):
    from nearframe.query import plan_dedup

    folder = make_folder([0, 1, 0, 1])
    broken = {
        "cut.png": (folder / "000001.png").read_bytes()[:200],
        "empty.jpg": b"",
        "text.jpg": b"no image",
    }
    for name, content in broken.items():
        (folder / name).write_bytes(content)
    plan = plan_dedup(folder, embedder=fake_embedder)
    assert sorted(Path(entry.source).name for entry in plan.unreadable) == sorted(broken)
    report = apply(plan, action)
    assert (report.done, report.skipped) == (2, ())
    assert {name: (folder / name).read_bytes() for name in broken} == broken
