import json
import os
import sys
from dataclasses import replace

import pytest

from nearframe.common import NearframeError, OutputError, SourceError, free_path
from nearframe.embeddings import Unreadable
from nearframe.query import ChangeSettings, DedupPlan, DedupRules, KeptFile, PlannedFile, Window

RULES = DedupRules(threshold=0.999).to_json()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in "abcdef":
        (folder / name).write_bytes(name.encode() * 10)
    return folder


@pytest.fixture
def plan(folder, plan_of):
    return plan_of(
        folder,
        kept=["a", "b", "c"],
        dropped={"d": "a", "e": "a", "f": "b"},
        unreadable=(Unreadable(str(folder / "broken.jpg"), 6, "the file is empty"),),
    )


@pytest.fixture
def saved(plan, tmp_path):
    path = tmp_path / "plan.json"
    plan.save(path)
    return path


def test_round_trips_through_its_file(plan, saved):
    assert DedupPlan.load(saved) == plan


def test_cameras_times_changes_and_rules_round_trip(folder, plan_of, tmp_path):
    look = PlannedFile.look_at(str(folder), str(folder / "a"), camera="c1", time="2021-03-26T16:44")
    outside = PlannedFile.look_at(str(folder / "sub"), str(folder / "b"))
    change = ChangeSettings(black_mask=(0, 10, 0, 0), masks={"c1": "/masks/c1.png"})
    plan = plan_of(
        folder,
        kept=[],
        dropped={},
        rules=DedupRules(
            method="hybrid",
            change=change,
            against="previous",
            window=Window(seconds=3600),
            across_cameras=True,
            keep="sharpest",
        ),
        protected=(look, outside),
        protected_folders=("/photos", "/odd\udcff"),
    )
    near = KeptFile("c", 10, "00", nearest="a", similarity=1.0, change=0.25)
    plan = replace(plan, kept=(near,), fingerprint=None)
    plan.save(tmp_path / "plan.json")
    assert DedupPlan.load(tmp_path / "plan.json") == plan
    assert outside.file == str(folder / "b")


def test_the_file_is_json_that_any_program_reads(saved, folder):
    fields = json.loads(saved.read_text("utf-8"))
    assert fields["nearframe"] == "dedup plan"
    assert fields["folder"] == str(folder)
    assert fields["dropped"][2] == {
        "file": "f",
        "size": 10,
        "sha256": PlannedFile.look_at(str(folder), str(folder / "f")).sha256,
        "repeats": "b",
        "similarity": 0.9995,
    }
    assert [entry["file"] for entry in fields["kept"]] == ["a", "b", "c"]


def test_each_entry_is_one_line(saved):
    lines = saved.read_text("utf-8").splitlines()
    entries = [json.loads(line.strip().rstrip(",")) for line in lines if line.startswith("  {")]
    assert [entry.get("file", "broken.jpg") for entry in entries] == [
        "d", "e", "f", "a", "b", "c", "broken.jpg"
    ]  # fmt: skip


def test_a_plan_without_entries_round_trips(folder, plan_of, tmp_path):
    empty = plan_of(folder, kept=[], dropped={})
    empty.save(tmp_path / "empty.json")
    assert DedupPlan.load(tmp_path / "empty.json") == empty


@pytest.mark.parametrize("removed", ["d", "e", "f"])
def test_any_line_can_be_taken_out_with_an_editor(plan, saved, removed):
    lines = saved.read_text("utf-8").splitlines(keepends=True)
    saved.write_text("".join(line for line in lines if f'"file": "{removed}"' not in line), "utf-8")
    loaded = DedupPlan.load(saved)
    assert loaded.kept == plan.kept
    assert [file.file for file in loaded.dropped] == [name for name in "def" if name != removed]


def test_all_lines_of_a_list_can_be_taken_out(saved):
    lines = saved.read_text("utf-8").splitlines(keepends=True)
    saved.write_text("".join(line for line in lines if '"repeats"' not in line), "utf-8")
    assert DedupPlan.load(saved).dropped == ()


def test_an_editor_that_writes_other_line_ends_and_a_mark_does_no_harm(plan, saved):
    lines = saved.read_text("utf-8").splitlines()
    kept = [line for line in lines if '"file": "f"' not in line]
    saved.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(kept).encode())
    assert [file.file for file in DedupPlan.load(saved).dropped] == ["d", "e"]


def test_text_in_names_is_not_taken_for_the_end_of_a_list(folder, plan_of, tmp_path):
    name = "a,]}, ],\t}"
    (folder / name).write_bytes(b"x")
    plan = plan_of(folder, kept=[name], dropped={})
    plan.save(tmp_path / "plan.json")
    assert DedupPlan.load(tmp_path / "plan.json") == plan


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
@pytest.mark.parametrize(
    "name", [b"two\nlines.png", b"no \xff\xfe utf-8.png", b'"quoted\\".png', "naïve ☃.png".encode()]
)
def test_odd_names_round_trip_on_one_line_each(folder, plan_of, tmp_path, name):
    name = os.fsdecode(name)
    (folder / name).write_bytes(b"odd")
    plan = plan_of(folder, kept=["a"], dropped={name: "a"})
    path = tmp_path / "plan.json"
    plan.save(path)
    assert DedupPlan.load(path) == plan
    assert len(path.read_text("utf-8").splitlines()) == 21
    assert DedupPlan.load(path).dropped[0].is_unchanged(folder)


def test_a_file_that_is_no_plan_is_refused(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"frames": []}')
    with pytest.raises(NearframeError, match=r"other\.json is not a dedup plan; make one with"):
        DedupPlan.load(path)


@pytest.mark.parametrize("text", ["", "{", "hello", '{"nearframe": "dedup plan", "version": 1'])
def test_a_file_that_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "cut.json"
    path.write_text(text)
    with pytest.raises(NearframeError, match=r"cut\.json is not JSON"):
        DedupPlan.load(path)


def test_a_list_is_refused(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1]")
    with pytest.raises(NearframeError, match="holds a list, expected an object"):
        DedupPlan.load(path)


@pytest.mark.parametrize(("version", "remedy"), [(1, "make it again"), (3, "upgrade nearframe")])
def test_a_plan_of_another_version_says_what_to_do(saved, version, remedy):
    saved.write_text(saved.read_text().replace('"version": 2', f'"version": {version}'))
    with pytest.raises(NearframeError, match=rf"version {version}, but .* version 2; {remedy}"):
        DedupPlan.load(saved)


def damage(path, change):
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    "key",
    ["version", "folder", "kept", "dropped", "unreadable", "rules", "fingerprint", "created",
     "protected", "protected_folders"],
)  # fmt: skip
def test_a_plan_that_lacks_a_field_is_damaged(saved, key):
    damage(saved, lambda fields: fields.pop(key))
    with pytest.raises(NearframeError, match=r"plan\.json is a damaged dedup plan .*make it again"):
        DedupPlan.load(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "one"),
        ("folder", None),
        ("folder", 3),
        ("kept", None),
        ("kept", {"file": "a"}),
        ("dropped", ["d"]),
        ("dropped", [{"file": "d"}]),
        ("dropped", [{"file": 4, "size": 1, "sha256": "", "repeats": "a", "similarity": 1.0}]),
        ("dropped", [{"file": "d", "size": 1, "sha256": "", "repeats": None, "similarity": 1.0}]),
        ("kept", [{"file": "a", "size": "1", "sha256": ""}]),
        ("kept", [{"file": "a", "size": 1, "sha256": 0}]),
        ("kept", [{"file": "a", "size": 1, "sha256": "", "more": 1}]),
        ("unreadable", [{"source": 1, "number": 1, "reason": "why"}]),
        ("rules", {}),
        ("rules", "strict"),
        ("rules", {**RULES, "threshold": "high"}),
        ("rules", {**RULES, "threshold": None}),
        ("rules", {**RULES, "threshold_origin": "guess"}),
        ("rules", {**RULES, "against": "some"}),
        ("rules", {**RULES, "method": "magic"}),
        ("rules", {**RULES, "method": "change"}),
        ("rules", {**RULES, "window": {"hours": 1}}),
        ("rules", {**RULES, "more": 1}),
        ("protected", [{"file": 4, "size": 1, "sha256": ""}]),
        ("protected_folders", "/photos"),
        ("protected_folders", [1]),
        ("fingerprint", {}),
        ("recall", {}),
        ("recall", 0.99),
        ("fingerprint", "builtin"),
    ],
)
def test_a_plan_with_a_wrong_value_is_damaged(saved, key, value):
    damage(saved, lambda fields: fields.update({key: value}))
    with pytest.raises(NearframeError, match=r"plan\.json is a damaged dedup plan") as caught:
        DedupPlan.load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["../outside", "/etc/hostname", "sub/../../outside"])
def test_a_plan_cannot_name_files_outside_its_folder(saved, file):
    damage(saved, lambda fields: fields["dropped"][0].update(file=file))
    with pytest.raises(NearframeError, match=r"damaged dedup plan .*outside"):
        DedupPlan.load(saved)


def test_a_missing_plan_says_so(tmp_path):
    with pytest.raises(SourceError, match=r"none\.json: no such file"):
        DedupPlan.load(tmp_path / "none.json")


def test_a_folder_is_no_plan(tmp_path):
    with pytest.raises(NearframeError, match="directory"):
        DedupPlan.load(tmp_path)


def test_saving_replaces_a_plan_completely_or_not_at_all(plan, saved, monkeypatch):
    before = saved.read_bytes()

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OutputError, match="disk is full"):
        plan.save(saved)
    assert saved.read_bytes() == before
    assert sorted(path.name for path in saved.parent.iterdir()) == ["frames", "plan.json"]


def test_saving_into_a_missing_folder_is_one_line(plan, tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*plan\.json: No such file or directory"):
        plan.save(tmp_path / "none" / "plan.json")


def test_a_file_is_unchanged_while_its_content_is(folder):
    file = PlannedFile.look_at(str(folder), str(folder / "a"))
    os.utime(folder / "a", (1, 1))
    assert file.is_unchanged(folder)


def test_a_file_of_other_content_or_size_or_none_is_not_unchanged(folder):
    file = PlannedFile.look_at(str(folder), str(folder / "a"))
    for content in (b"b" * 10, b"a" * 11):
        (folder / "a").write_bytes(content)
        assert not file.is_unchanged(folder)
    (folder / "a").unlink()
    assert not file.is_unchanged(folder)


def test_free_path_takes_the_first_free_number(tmp_path):
    path = tmp_path / "x.dedup.json"
    assert free_path(path) == path
    path.touch()
    assert free_path(path).name == "x.dedup-2.json"
    (tmp_path / "x.dedup-2.json").touch()
    assert free_path(path).name == "x.dedup-3.json"


def test_free_path_does_not_take_the_place_of_a_broken_link(tmp_path):
    path = tmp_path / "x.json"
    path.symlink_to("nowhere")
    assert free_path(path).name == "x-2.json"
