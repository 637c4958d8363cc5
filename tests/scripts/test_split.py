import json

import pytest

from nearframe.common import SPLIT_ACTIONS
from nearframe.scripts import split as command


@pytest.fixture
def lot(tmp_path, picture):
    folder = tmp_path / "lot"
    folder.mkdir()
    for name in ("c10-1616694872510", "c9-1616694872510", "c9-1616694872511", "door", "unknown-x"):
        picture(len(name)).save(folder / f"{name}.png")
    (folder / "c9-1616694872512.png").write_bytes(b"")
    return folder


COUNTS = "       2  c9\n       1  c10\n       2  unknown  (no camera in the name)\n"
SKIPPED = "Skipped 1 file:\n  lot/c9-1616694872512.png: the file is empty\n"


@pytest.mark.parametrize(
    ("options", "verb"),
    [([], "Copied"), (["--action", "move"], "Moved"), (["--action", "link"], "Linked")],
)
def test_split_and_undo(run, lot, tmp_path, snapshot, options, verb):
    before = snapshot(lot)
    result = run("split", "lot", "--to", "cameras", *options)
    assert result.exit_code == 0
    assert result.stdout == (
        f"{verb} 5 images to cameras\n"
        f"{COUNTS}"
        "To take it back: nearframe undo cameras.journal.jsonl\n"
    )
    assert result.stderr == SKIPPED
    assert len(snapshot(tmp_path / "cameras")) == 5
    result = run("undo", "cameras.journal.jsonl")
    assert (result.exit_code, result.stdout) == (0, "Took back 5 files; 0 left alone\n")
    assert snapshot(lot) == before
    assert not (tmp_path / "cameras").exists()


def test_dry_run_changes_nothing(run, lot, tmp_path, snapshot):
    before = snapshot(tmp_path)
    result = run("split", "lot", "--to", "cameras", "--action", "move", "--dry-run")
    assert result.stdout == f"Would move 5 images to cameras\n{COUNTS}"
    assert result.stderr == SKIPPED
    assert snapshot(tmp_path) == before


def test_images_that_are_there_already_are_counted(run, lot):
    run("split", "lot", "--to", "cameras")
    result = run("split", "lot", "--to", "cameras")
    assert result.stdout == "Copied 0 images to cameras\n5 images there already\n"


def test_json(run, lot, tmp_path):
    planned = json.loads(run("split", "lot", "--to", "cameras", "--dry-run", "--json").stdout)
    done = json.loads(run("split", "lot", "--to", "cameras", "--json").stdout)
    both = {
        "to": str(tmp_path / "cameras"),
        "cameras": {"c9": 2, "c10": 1, "unknown": 2},
        "already": 0,
        "skipped": [{"source": str(lot / "c9-1616694872512.png"), "reason": "the file is empty"}],
        "left_out": [],
    }
    assert planned == {**both, "planned": 5}
    journal = str(tmp_path / "cameras.journal.jsonl")
    assert done == {**both, "done": 5, "journal": journal, "resumed": False}


def test_strict_makes_an_unreadable_file_a_failure(run, lot):
    assert run("split", "lot", "--to", "cameras", "--strict").exit_code == 1


def test_a_name_that_is_taken_is_an_error_before_anything_is_done(run, lot, tmp_path, snapshot):
    (tmp_path / "cameras" / "unknown").mkdir(parents=True)
    (tmp_path / "cameras" / "unknown" / "door.png").write_text("mine")
    before = snapshot(tmp_path)
    result = run("split", "lot", "--to", "cameras")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: nothing was done")
    assert result.stderr.count("\n") == 1
    assert snapshot(tmp_path) == before


def test_a_pattern(run, lot):
    result = run("split", "lot", "--to", "cameras", "--name-pattern", "(?P<camera>c[0-9]).*")
    assert "       2  c9\n       1  c1\n" not in result.stdout
    assert "       1  c1\n       2  c9\n       2  unknown" in result.stdout


def test_a_journal_elsewhere(run, lot, tmp_path):
    result = run("split", "lot", "--to", "cameras", "--journal", "mine.jsonl")
    assert "nearframe undo mine.jsonl" in result.stdout
    assert (tmp_path / "mine.jsonl").is_file()


def test_to_is_required(run, lot):
    result = run("split", "lot")
    assert result.exit_code == 2
    assert "--to" in result.stderr


def test_the_choices_of_the_command_are_those_of_the_library():
    assert command.SPLIT_ACTIONS == SPLIT_ACTIONS
