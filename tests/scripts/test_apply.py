import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nearframe.query.files import trash as trash_module
from nearframe.scripts import apply as apply_script
from nearframe.scripts.apply import show_size

REPEATS = ["000003.png", "000005.png", "000006.png", "000008.png"]


@pytest.fixture
def frames(make_folder):
    """Eight images, of which the third, fifth, sixth and eighth repeat an earlier one."""
    return make_folder([0, 1, 0, 2, 1, 0, 3, 2])


@pytest.fixture
def planned(run, frames):
    run("dedup", "frames")
    return frames


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("action", "line"),
    [
        ("move", "4 files now in frames-repeats"),
        ("copy-unique", "4 files now in frames-unique"),
        ("hardlink", "4 files now in frames-unique"),
        ("trash", "4 files now in the trash"),
    ],
)
def test_says_what_it_did_and_undo_takes_it_back(run, planned, snapshot, action, line, trash):
    if action == "trash" and not trash_module.HAS_RECORDS:
        pytest.skip("this system's trash keeps no record")
    before = snapshot(planned)
    result = run("apply", "frames.dedup.json", "--action", action)
    assert result.stdout.splitlines() == [
        line,
        "To take it back: nearframe undo frames.dedup.journal.jsonl",
    ]
    assert (result.stderr, result.exit_code) == ("", 0)
    result = run("undo", "frames.dedup.journal.jsonl")
    assert (result.stdout, result.exit_code) == ("Took back 4 files; 0 left alone\n", 0)
    assert snapshot(planned) == before
    assert names(Path()) == ["frames", "frames.dedup.journal.jsonl", "frames.dedup.json"]


@pytest.mark.parametrize(
    ("action", "line"),
    [
        ("move", "4 files now in frames-repeats already, by an earlier run"),
        ("copy-unique", "4 files now in frames-unique already, by an earlier run"),
        ("hardlink", "4 files now in frames-unique already, by an earlier run"),
        ("trash", "4 files now in the trash already, by an earlier run"),
        ("delete", "4 files deleted already, by an earlier run"),
    ],
)
def test_a_second_time_says_what_the_first_did(run, planned, snapshot, action, line, trash):
    command = ("apply", "frames.dedup.json", "--action", action, "--yes")
    run(*command)
    before = snapshot(planned.parent)
    result = run(*command)
    assert result.stdout.splitlines()[0] == line
    assert (result.stderr, result.exit_code) == ("", 0)
    assert snapshot(planned.parent) == before
    assert json.loads(run(*command, "--json").stdout)["applied"]["already"] == 4


def test_a_second_time_does_what_was_taken_back(run, planned):
    command = ("apply", "frames.dedup.json", "--action", "move")
    run(*command)
    Path("frames-repeats/000003.png").rename(planned / "000003.png")
    assert run(*command).stdout.splitlines()[:2] == [
        "1 file now in frames-repeats",
        "3 files now in frames-repeats already, by an earlier run",
    ]


def test_a_file_that_went_otherwise_is_still_listed(run, planned):
    (planned / "000003.png").unlink()
    result = run("apply", "frames.dedup.json", "--action", "move")
    assert "is gone since the plan was made" in result.stderr


def without_line(name):
    """Take the line of a file out of the plan, as somebody does with an editor."""
    plan = Path("frames.dedup.json")
    lines = plan.read_text().splitlines(keepends=True)
    plan.write_text("".join(line for line in lines if f'{{"file": "{name}", "size"' not in line))


@pytest.mark.parametrize("action", ["move", "copy-unique", "hardlink", "trash", "delete"])
def test_what_is_taken_out_of_the_repeats_stays_by_every_action(run, planned, action, trash):
    without_line("000005.png")
    result = run("apply", "frames.dedup.json", "--action", action, "--yes")
    assert (result.stderr, result.exit_code) == ("", 0)
    stay = ["000001.png", "000002.png", "000004.png", "000005.png", "000007.png"]
    left = Path("frames-unique") if action in ("copy-unique", "hardlink") else planned
    assert names(left) == stay


@pytest.mark.parametrize("action", ["move", "copy-unique", "hardlink", "trash", "delete"])
def test_what_is_taken_out_of_the_new_ones_is_left_alone_with_its_repeats(
    run, planned, action, trash
):
    without_line("000002.png")
    result = run("apply", "frames.dedup.json", "--action", action, "--yes")
    assert result.stderr == (
        "Skipped 1 file:\n"
        "  frames/000005.png: the plan does not list 000002.png, which it repeats\n"
    )
    assert {"000002.png", "000005.png"} <= {*names(planned)}
    if action in ("copy-unique", "hardlink"):
        assert names(Path("frames-unique")) == ["000001.png", "000004.png", "000007.png"]


@pytest.mark.parametrize("command", ["apply", "dedup"])
class TestDelete:
    @pytest.fixture
    def delete(self, run, command, frames):  # noqa: ARG002  # it must be there
        if command == "apply":
            run("dedup", "frames")
            return lambda *more: run("apply", "frames.dedup.json", "--action", "delete", *more)
        return lambda *more: run("dedup", "frames", "--apply", "delete", *more)

    def test_without_a_terminal_it_needs_yes(self, delete, frames, snapshot):
        before = snapshot(frames)
        result = delete()
        assert result.exit_code == 2
        assert "delete asks on a terminal, and here is none; give --yes" in result.stderr
        assert snapshot(frames) == before

    def test_with_yes_they_are_gone(self, delete, frames):
        result = delete("--yes")
        assert result.stdout.splitlines()[-1] == "4 files deleted"
        assert result.exit_code == 0
        assert not set(names(frames)) & set(REPEATS)
        assert len(names(frames)) == 4

    def test_undo_is_one_line_and_fails(self, delete, run):
        delete("--yes")
        result = run("undo", "frames.dedup.journal.jsonl")
        assert (result.stdout, result.exit_code) == ("", 1)
        assert result.stderr == (
            f"Error: {Path('frames.dedup.journal.jsonl')}: 4 of 4 files were deleted, and deleted "
            "files cannot come back\n"
        )

    def test_it_takes_no_folder(self, delete, frames):
        result = delete("--yes", "--to", "there")
        assert result.exit_code == 2
        assert "delete puts no files into a folder; leave --to out" in result.stderr
        assert len(names(frames)) == 8


@pytest.mark.parametrize("answer", ["y", "n", "\x03"])
def test_on_a_terminal_it_asks(planned, tmp_path, answer):
    size = show_size(sum((planned / name).stat().st_size for name in REPEATS))
    here, there = pytest.importorskip("pty").openpty()
    command = [sys.executable, Path(__file__).parents[1] / "fake_cli.py", "apply"]
    process = subprocess.Popen(
        [*command, "frames.dedup.json", "--action", "delete"],
        cwd=tmp_path,
        stdin=there,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(there)
    os.write(here, f"{answer}\n".encode())
    stdout, stderr = process.communicate()
    os.close(here)
    if answer == "y":
        assert f"Delete 4 files ({size}) of frames for good? [y/N]" in stderr
        assert (stdout, process.returncode) == ("4 files deleted\n", 0)
        assert len(names(planned)) == 4
    elif answer == "n":
        assert stderr.endswith("Error: nothing was deleted\n")
        assert (stdout, process.returncode, len(names(planned))) == ("", 1, 8)
    else:
        assert (stdout, len(names(planned))) == ("", 8)
        assert process.returncode != 0


def test_what_is_asked_counts_what_is_left(run, planned, monkeypatch):
    (planned / REPEATS[0]).unlink()
    asked = []
    monkeypatch.setattr(apply_script, "_has_terminal", lambda: True)
    monkeypatch.setattr(apply_script.click, "confirm", lambda text, **_: asked.append(text))
    result = run("apply", "frames.dedup.json", "--action", "delete")
    assert "Delete 3 files (" in asked[0]
    assert result.stderr == "Error: nothing was deleted\n"


def test_json_says_what_was_done(run, planned, tmp_path):
    result = run("apply", "frames.dedup.json", "--action", "delete", "--yes", "--json")
    assert json.loads(result.stdout) == {
        "plan": "frames.dedup.json",
        "applied": {
            "done": 4,
            "already": 0,
            "to": None,
            "journal": "frames.dedup.journal.jsonl",
            "skipped": [],
        },
    }


def test_strict_fails_when_a_file_was_left_alone(run, planned):
    (planned / "000003.png").unlink()
    result = run("apply", "frames.dedup.json", "--action", "move", "--strict")
    assert result.stdout.startswith("3 files now in frames-repeats")
    assert "frames/000003.png: is gone since the plan was made" in result.stderr
    assert result.exit_code == 1


def test_an_interrupted_delete_offers_no_way_back(run, planned, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("nearframe.query.files.operations.remove_file", interrupt)
        result = run("apply", "frames.dedup.json", "--action", "delete", "--yes")
    assert result.stderr == "Error: interrupted; the same command goes on from there\n"
    assert run("apply", "frames.dedup.json", "--action", "delete", "--yes").exit_code == 0
    assert len(names(planned)) == 4


def test_the_table_of_a_plan_is_for_reading(run, frames, tmp_path):
    run("dedup", "frames", "--csv", "frames.csv")
    lines = (tmp_path / "frames.csv").read_text("utf-8").splitlines()
    assert len(lines) == 9
    assert lines[3].startswith("dropped,000003.png,,,000001.png,1.0,")
    result = run("apply", "frames.csv", "--action", "move")
    assert result.exit_code == 2
    assert "frames.csv is a table for reading; give the plan itself, the .json" in result.stderr


def test_a_table_is_no_plan(run, frames):
    result = run("dedup", "frames", "--plan", "frames.csv")
    assert result.exit_code == 2
    assert "frames.csv must end in .json; for a table, give --csv FILE, too" in result.stderr


def test_an_action_is_needed(run, planned):
    assert run("apply", "frames.dedup.json").exit_code == 2


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1_234_567, "1.23 MB"),
        (999_499, "999 kB"),
        (999_999, "1 MB"),
        (5 * 10**14, "500 TB"),
    ],
)
def test_sizes(size, text):
    assert show_size(size) == text
