"""Acting where names that differ are one, and where the trash keeps no records: on fakes."""

import errno
import os
import sys
import unicodedata
from pathlib import Path

import pytest

from nearframe.query import apply_plan, undo
from nearframe.query.files import transfer
from nearframe.query.files import trash as trash_module

NFC, NFD = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))


@pytest.fixture
def folding(monkeypatch):
    """Let the target be on a file system to which names are one that differ in case or form."""
    rename_there = transfer.rename_new

    def key(path):
        return unicodedata.normalize("NFC", Path(path).name).casefold()

    def rename_folding(source, target):
        beside = Path(os.path.realpath(Path(target).parent))  # it may be held open
        if beside.name == "to" and any(key(path) == key(target) for path in beside.iterdir()):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        rename_there(source, target)

    monkeypatch.setattr(transfer, "rename_new", rename_folding)


@pytest.mark.usefixtures("folding")
@pytest.mark.skipif(sys.platform != "linux", reason="needs names of which others make one")
@pytest.mark.parametrize("names", [("b.png", "B.PNG"), (NFC, NFD)], ids=["case", "form"])
def test_two_files_whose_names_become_one_are_both_kept(tmp_path, plan_of, snapshot, names):
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in ("a.png", *names):
        (folder / name).write_text(name)
    before = snapshot(folder)
    plan = plan_of(folder, kept=["a.png"], dropped=dict.fromkeys(names, "a.png"))
    done = apply_plan(plan, action="move", to=tmp_path / "to", journal=tmp_path / "j.jsonl")
    assert done.done == 1
    (skipped,) = done.skipped
    assert "exists already; it is not replaced" in skipped.reason
    assert undo(tmp_path / "j.jsonl").done == 1
    assert snapshot(folder) == before


def test_a_trash_without_records_gets_files_from_the_system(monkeypatch, tmp_path, plan_of):
    sent = []
    monkeypatch.setattr(trash_module, "HAS_RECORDS", False)
    monkeypatch.setattr(trash_module, "_send", lambda path: sent.append(path) or path.unlink())
    (tmp_path / "frames").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "frames" / name).write_text(name)
    plan = plan_of(tmp_path / "frames", kept=["a.png"], dropped={"b.png": "a.png"})
    assert apply_plan(plan, action="trash", journal=tmp_path / "j.jsonl").done == 1
    assert sent == [tmp_path / "frames" / "b.png"]
