"""What an earlier nearframe wrote is read as it was meant.

The files in `written_before` are of nearframe 0.1.0 before the folders `common` and `query/files`,
made with the fake network: three pictures of which the third repeats the first.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import nearframe

BEFORE = Path(__file__).parent / "written_before"


@pytest.fixture
def folder(tmp_path):
    """The files as they lay, with the pictures where the plan expects them."""
    shutil.copytree(BEFORE, tmp_path, dirs_exist_ok=True)
    for name in ("x.dedup.json", "x.dedup.journal.jsonl"):
        text = (tmp_path / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("@FOLDER@", str(tmp_path)), "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["x.index", "x.json", "x.faiss"])
@pytest.mark.usefixtures("fake_network")
def test_an_index_answers(folder, name):
    with nearframe.open_index(folder / name) as index:
        assert [frame.number for frame in index] == [0, 1, 2]
        answer = index.search(folder / "photos" / "000002.png").results[0]
        assert answer.matches[0].frame.number == 1
        assert answer.nearest == pytest.approx(1)
        np.testing.assert_allclose(np.linalg.norm(index.vectors, axis=1), 1, atol=1e-5)


def test_an_index_is_whole_and_goes_on(folder, run):
    assert run("verify", "x.index").exit_code == 0
    assert "3 frames" in run("info", "x.index").stdout.lower().replace("frames: 3", "3 frames")
    assert run("buildIndex", "photos", "-o", "x.index").exit_code == 0


def test_a_plan_is_applied_and_taken_back(folder, run, snapshot):
    before = snapshot(folder / "photos")
    result = run("apply", "x.dedup.json", "--action", "move", "--to", "away")
    assert result.exit_code == 0
    assert len(list((folder / "photos").iterdir())) == 2
    assert run("undo", "x.dedup.journal-2.jsonl").exit_code == 0
    assert snapshot(folder / "photos") == before


def test_a_plan_has_the_keys_it_had(folder, run):
    run("dedup", "photos", "--plan", "new.json", "--threshold", "0.99")
    before, now = (json.loads((folder / f"{n}.json").read_text()) for n in ("x.dedup", "new"))
    assert before.keys() <= now.keys()
    assert [file["file"] for file in now["dropped"]] == [file["file"] for file in before["dropped"]]


def test_a_journal_is_taken_back(folder, run, snapshot):
    before = snapshot(folder / "photos")
    (dropped,) = json.loads((folder / "x.dedup.json").read_text())["dropped"]
    repeats = folder / "photos-repeats"
    repeats.mkdir()
    (folder / "photos" / dropped["file"]).rename(repeats / dropped["file"])
    assert run("undo", "x.dedup.journal.jsonl").exit_code == 0
    assert snapshot(folder / "photos") == before
    assert not repeats.exists()
