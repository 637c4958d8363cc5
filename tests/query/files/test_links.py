"""Links never lead an action out of the folder that it is for."""

import sys

import pytest

from nearframe.common import atomic
from nearframe.query import apply_plan, undo
from nearframe.query.files import transfer
from nearframe.query.files.journal import Journal


@pytest.fixture
def place(tmp_path):
    """A folder with a linked folder in it, which leads to another one beside it."""
    for name in ("frames", "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "frames" / "a.png").write_text("picture")
    (tmp_path / "outside" / "b.png").write_text("picture")
    (tmp_path / "frames" / "linked").symlink_to(tmp_path / "outside")
    return tmp_path


@pytest.mark.parametrize("action", ["move", "trash", "delete"])
def test_what_lies_behind_a_link_out_of_the_folder_is_left_alone(place, plan_of, action):
    plan = plan_of(place / "frames", kept=["a.png"], dropped={"linked/b.png": "a.png"})
    to = place / "to" if action == "move" else None
    report = apply_plan(plan, action=action, to=to, journal=place / "x.jsonl")
    assert report.done == 0
    assert "lies behind a link that leads out of" in report.skipped[0].reason
    assert (place / "outside" / "b.png").read_text() == "picture"


def test_a_link_within_the_folder_is_no_way_out(place, plan_of, trash):
    frames = place / "frames"
    (frames / "real").mkdir()
    (frames / "real" / "b.png").write_text("picture")
    (frames / "inner").symlink_to(frames / "real")
    plan = plan_of(frames, kept=["a.png"], dropped={"inner/b.png": "a.png"})
    assert apply_plan(plan, action="delete", journal=place / "x.jsonl").done == 1


@pytest.mark.parametrize("swapped", ["frames/sub", "to/sub"])
def test_a_folder_exchanged_for_a_link_after_the_check_is_not_followed(
    place, plan_of, monkeypatch, swapped
):
    folder = place / "frames" / "sub"
    folder.mkdir()
    (folder / "b.png").write_text("picture")
    (place / "to" / "sub").mkdir(parents=True)
    plan = plan_of(place / "frames", kept=["a.png"], dropped={"sub/b.png": "a.png"})
    create = Journal.create

    def create_and_swap(self, path):
        create(self, path)
        (place / swapped).rename(place / "old")
        (place / swapped).symlink_to(place / "outside")

    monkeypatch.setattr(Journal, "create", create_and_swap)
    report = apply_plan(plan, action="move", to=place / "to", journal=place / "x.jsonl")
    assert report.done == 0
    assert "a link leads" in report.skipped[0].reason
    assert [path.name for path in (place / "outside").iterdir()] == ["b.png"]
    assert (place / "outside" / "b.png").read_text() == "picture"


@pytest.mark.skipif(sys.platform != "linux", reason="folders are held open by way of /proc")
@pytest.mark.parametrize(
    ("action", "swapped"),
    [
        ("move", "frames/sub"),
        ("move", "to/sub"),
        ("copy-unique", "to/sub"),
        ("delete", "frames/sub"),
        ("trash", "frames/sub"),
    ],
)
def test_a_folder_exchanged_for_a_link_in_the_last_moment_is_not_followed(
    place, plan_of, monkeypatch, action, swapped
):
    folder = place / "frames" / "sub"
    folder.mkdir()
    (folder / "b.png").write_text("picture")
    (place / "to" / "sub").mkdir(parents=True)
    if swapped == "to/sub":
        (place / "outside" / "b.png").unlink()
    before = [path.name for path in (place / "outside").iterdir()]
    if action == "copy-unique":
        plan = plan_of(place / "frames", kept=["sub/b.png"], dropped={})
    else:
        plan = plan_of(place / "frames", kept=["a.png"], dropped={"sub/b.png": "a.png"})
    rename = transfer.rename_new

    def swap_and_rename(*paths):
        if (place / "x.jsonl").exists() and not (place / "old").exists():
            (place / swapped).rename(place / "old")
            (place / swapped).symlink_to(place / "outside")
        rename(*paths)

    for module in (transfer, atomic):
        monkeypatch.setattr(module, "rename_new", swap_and_rename)
    to = place / "to" if action in ("move", "copy-unique") else None
    assert apply_plan(plan, action=action, to=to, journal=place / "x.jsonl").done == 1
    assert [path.name for path in (place / "outside").iterdir()] == before
    left = [path.name for path in (place / "old").iterdir()]
    assert left == (["b.png"] if swapped == "to/sub" else [])


def test_an_error_names_files_as_the_user_knows_them(place, plan_of, monkeypatch):
    (place / "frames" / "b.png").write_text("picture")
    plan = plan_of(place / "frames", kept=["a.png"], dropped={"b.png": "a.png"})
    create = Journal.create

    def create_and_intrude(self, path):
        create(self, path)
        (place / "to").mkdir()
        (place / "to" / "b.png").write_text("another")

    monkeypatch.setattr(Journal, "create", create_and_intrude)
    report = apply_plan(plan, action="move", to=place / "to", journal=place / "x.jsonl")
    assert (
        report.skipped[0].reason == f"{place / 'to' / 'b.png'} exists already; it is not replaced"
    )


def test_undo_follows_no_link_either(place, plan_of):
    folder = place / "frames" / "sub"
    folder.mkdir()
    (folder / "c.png").write_text("picture")
    plan = plan_of(place / "frames", kept=["a.png"], dropped={"sub/c.png": "a.png"})
    apply_plan(plan, action="move", to=place / "to", journal=place / "x.jsonl")
    folder.rmdir()
    folder.symlink_to(place / "outside")
    report = undo(place / "x.jsonl")
    assert "a link leads" in report.skipped[0].reason
    assert not (place / "outside" / "c.png").exists()
    assert (place / "to" / "sub" / "c.png").exists()
