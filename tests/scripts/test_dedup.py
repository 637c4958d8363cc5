import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from nearframe.common import free_path
from nearframe.embeddings import NAMED_WEIGHTS
from nearframe.query import DedupPlan
from nearframe.query.files import transfer as files

THRESHOLD = NAMED_WEIGHTS["builtin"].dedup.of(8)


@pytest.fixture
def frames(make_folder):
    """Eight images, of which the third, fifth, sixth and eighth repeat an earlier one."""
    return make_folder([0, 1, 0, 2, 1, 0, 3, 2])


def test_says_how_many_of_how_many_and_where_the_plan_is(run, frames):
    result = run("dedup", "frames")
    first, *others = result.stdout.splitlines()
    assert first.startswith(
        f"Would drop 4 of 8 frames (similarity {THRESHOLD} or more to an earlier kept frame"
    )
    assert others == [
        "Plan: frames.dedup.json",
        "Next: nearframe apply frames.dedup.json --action move",
    ]
    assert (result.stderr, result.exit_code) == ("", 0)


def test_changes_nothing_without_apply(run, frames, snapshot, tmp_path):
    before = snapshot(frames)
    run("dedup", "frames")
    assert snapshot(frames) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames", "frames.dedup.json"]


def test_the_printed_next_step_works(run, frames, tmp_path):
    step = run("dedup", "frames").stdout.splitlines()[-1].removeprefix("Next: nearframe ")
    result = run(*step.split())
    assert result.stdout.splitlines() == [
        "4 files now in frames-repeats",
        "To take it back: nearframe undo frames.dedup.journal.jsonl",
    ]
    assert sorted(path.name for path in (tmp_path / "frames-repeats").iterdir()) == [
        "000003.png",
        "000005.png",
        "000006.png",
        "000008.png",
    ]


def test_the_printed_way_back_works(run, frames, snapshot, tmp_path):
    before = snapshot(frames)
    lines = run("dedup", "frames", "--apply", "move").stdout.splitlines()
    step = lines[-1].removeprefix("To take it back: nearframe ")
    result = run(*step.split())
    assert result.stdout == "Took back 4 files; 0 left alone\n"
    assert snapshot(frames) == before
    assert not (tmp_path / "frames-repeats").exists()


def test_printed_commands_are_quoted(run, make_folder):
    make_folder([0, 0], name="my frames")
    result = run("dedup", "my frames")
    assert (
        result.stdout.splitlines()[-1]
        == "Next: nearframe apply 'my frames.dedup.json' --action move"
    )
    result = run("apply", "my frames.dedup.json", "--action", "move")
    assert result.stdout.splitlines()[-1] == (
        "To take it back: nearframe undo 'my frames.dedup.journal.jsonl'"
    )


def test_without_repeats_there_is_no_next_step(run, make_folder):
    make_folder(3)
    result = run("dedup", "frames")
    assert result.stdout.splitlines()[0].startswith("Would drop 0 of 3 frames")
    assert "Next" not in result.stdout
    applied = run("apply", "frames.dedup.json", "--action", "move")
    assert "take it back" not in applied.stdout


def test_one_frame_is_no_plural(run, make_folder):
    make_folder(1)
    assert "0 of 1 frame (" in run("dedup", "frames").stdout


def test_apply_in_one_go_moves_the_repeats(run, frames, tmp_path):
    result = run("dedup", "frames", "--apply", "move")
    assert result.exit_code == 0
    assert len(list(frames.iterdir())) == 4
    assert len(list((tmp_path / "frames-repeats").iterdir())) == 4
    assert (tmp_path / "frames.dedup.json").exists()


def test_copy_unique_copies_the_new_images(run, frames, snapshot, tmp_path):
    before = snapshot(frames)
    result = run("dedup", "frames", "--apply", "copy-unique")
    assert "4 files now in frames-unique" in result.stdout
    assert snapshot(frames) == before
    kept = ("000001.png", "000002.png", "000004.png", "000007.png")
    assert snapshot(tmp_path / "frames-unique") == {name: before[name] for name in kept}


def test_to_says_where_to(run, frames, tmp_path):
    result = run("dedup", "frames", "--apply", "move", "--to", "old/repeats")
    assert "4 files now in old/repeats" in result.stdout
    assert (tmp_path / "old" / "repeats" / "000003.png").exists()


def test_an_older_plan_is_not_overwritten(run, frames, tmp_path):
    (tmp_path / "frames.dedup.json").write_text("edited by me")
    result = run("dedup", "frames")
    assert "Plan: frames.dedup-2.json\n" in result.stdout
    assert "Next: nearframe apply frames.dedup-2.json --action move" in result.stdout
    assert (tmp_path / "frames.dedup.json").read_text() == "edited by me"


def test_a_plan_can_have_a_name(run, frames, tmp_path):
    (tmp_path / "plans").mkdir()
    result = run("dedup", "frames", "--plan", "plans/mine.json")
    assert "Next: nearframe apply plans/mine.json --action move" in result.stdout
    run("apply", "plans/mine.json", "--action", "move")
    assert (tmp_path / "plans" / "mine.journal.jsonl").exists()


def test_a_plan_whose_name_would_not_be_known_again_is_refused(run, frames):
    result = run("dedup", "frames", "--plan", "plan.txt")
    assert result.exit_code == 2
    assert "plan.txt must end in .json" in result.stderr


def test_an_edited_plan_is_carried_out_as_it_is(run, frames, tmp_path):
    run("dedup", "frames")
    path = tmp_path / "frames.dedup.json"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"file": "000008.png"' not in line))
    result = run("apply", "frames.dedup.json", "--action", "move")
    assert result.stdout.startswith("3 files now in frames-repeats")
    assert (frames / "000008.png").exists()


def test_threshold_and_against_reach_the_plan(run, frames, tmp_path):
    run("dedup", "frames", "--threshold", "0.5", "--against", "all")
    plan = DedupPlan.load(tmp_path / "frames.dedup.json")
    assert (plan.rules.threshold, plan.rules.against) == (0.5, "all")


def test_recursive_looks_into_sub_folders(run, frames, picture, tmp_path):
    (frames / "sub").mkdir()
    picture(0).save(frames / "sub" / "a.png")
    assert "4 of 8 frames" in run("dedup", "frames").stdout
    assert "5 of 9 frames" in run("dedup", "frames", "--recursive").stdout
    run("apply", "frames.dedup-2.json", "--action", "move")
    assert (tmp_path / "frames-repeats" / "sub" / "a.png").exists()


def test_the_index_of_a_folder_gives_its_plan(run, frames, tmp_path):
    run("dedup", "frames")
    run("buildIndex", "-i", "frames", "-o", "x.index")
    result = run("dedup", "x.index")
    assert "Would drop 4 of 8 frames" in result.stdout
    assert "Plan: x.index.dedup.json" in result.stdout
    of_folder = DedupPlan.load(tmp_path / "frames.dedup.json")
    of_index = DedupPlan.load(tmp_path / "x.index.dedup.json")
    assert of_index.dropped == of_folder.dropped


def test_weights_without_a_threshold_ask_for_one(run, frames):
    result = run("dedup", "frames", "--weights", "imagenet")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: weights imagenet have no calibrated threshold")
    assert run("dedup", "frames", "--weights", "imagenet", "--threshold", 0.99).exit_code == 0


def test_unreadable_files_are_listed_and_stay(run, frames):
    (frames / "000003.png").write_text("no image")
    result = run("dedup", "frames", "--apply", "move")
    assert "Skipped 1 file:\n  frames/000003.png: not an image" in result.stderr
    assert result.exit_code == 0
    assert (frames / "000003.png").exists()


def test_strict_fails_when_a_file_was_unreadable(run, frames):
    assert run("dedup", "frames", "--strict").exit_code == 0
    (frames / "000003.png").write_text("no image")
    assert run("dedup", "frames", "--strict").exit_code == 1


def test_what_was_left_alone_is_listed(run, frames, picture):
    run("dedup", "frames")
    picture(50).save(frames / "000003.png")
    result = run("apply", "frames.dedup.json", "--action", "move")
    assert "3 files now in frames-repeats" in result.stdout
    assert (
        result.stderr == "Skipped 1 file:\n  frames/000003.png: changed since the plan was made\n"
    )


def test_a_second_plan_names_the_first_and_what_became_of_it(run, frames):
    run("dedup", "frames")
    earlier = "Earlier plan: frames.dedup.json, which drops 4 of 8 frames"
    assert earlier in run("dedup", "frames").stdout.splitlines()
    run("apply", "frames.dedup.json", "--action", "move")
    result = run("dedup", "frames", "--apply", "move")
    assert f"{earlier}; 4 files moved by it (frames.dedup.journal.jsonl)" in result.stdout
    assert "Nothing to move" in result.stdout


def test_json_says_what_would_be_done(run, frames):
    (frames / "000003.png").write_text("no image")
    answer = json.loads(run("dedup", "frames", "--json").stdout)
    assert answer["plan"] == "frames.dedup.json"
    assert (answer["kept"], answer["dropped"], answer["rules"]["threshold"]) == (4, 3, THRESHOLD)
    assert answer["skipped"] == [
        {"source": str(frames / "000003.png"), "reason": "not an image that can be decoded"}
    ]
    assert "applied" not in answer


def test_json_says_what_was_done(run, frames, tmp_path):
    answer = json.loads(run("dedup", "frames", "--apply", "move", "--json").stdout)
    assert answer["applied"] == {
        "done": 4,
        "already": 0,
        "to": str(tmp_path / "frames-repeats"),
        "journal": "frames.dedup.journal.jsonl",
        "skipped": [],
    }


def test_a_plan_alone_is_wrong_usage(run, frames):
    run("dedup", "frames")
    result = run("dedup", "frames.dedup.json")
    assert result.exit_code == 2
    assert (
        "a plan is carried out by nearframe apply frames.dedup.json --action move" in result.stderr
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--to", "there"),
        ("--yes",),
        ("--apply", "burn"),
        ("--threshold", "2"),
        ("--threshold", "high"),
        ("--against", "some"),
    ],
)
def test_wrong_options_are_wrong_usage(run, frames, options, tmp_path):
    result = run("dedup", "frames", *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_a_folder_whose_name_ends_like_a_plan_is_a_folder(run, make_folder):
    make_folder([0, 0], name="frames.json")
    assert "Would drop 1 of 2 frames" in run("dedup", "frames.json").stdout


def stop_after(count, monkeypatch):
    """Let the machine fail after some files were moved."""
    rename = files.rename_new
    moved = []

    def moving(self, target):
        if len(moved) == count:
            raise KeyboardInterrupt
        moved.append(self)
        return rename(self, target)

    monkeypatch.setattr(files, "rename_new", moving)


@pytest.mark.parametrize("against", ["kept", "all"])
def test_after_an_interruption_the_same_command_goes_on(
    run, frames, tmp_path, snapshot, monkeypatch, against
):
    shutil.copytree(frames, tmp_path / "straight")
    run("dedup", "straight", "--apply", "move", "--against", against)
    command = ("dedup", "frames", "--apply", "move", "--against", against)
    with monkeypatch.context() as broken:
        stop_after(2, broken)
        result = run(*command)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: interrupted; the same command goes on from there, and nearframe undo "
        "frames.dedup.journal.jsonl takes back what was done\n"
    )
    result = run(*command)
    assert result.exit_code == 0
    assert result.stderr == "Going on with frames.dedup.json, which was interrupted\n"
    assert "4 files now in frames-repeats" in result.stdout
    assert sorted(snapshot(frames)) == sorted(snapshot(tmp_path / "straight"))
    assert sorted(snapshot(tmp_path / "frames-repeats")) == sorted(
        snapshot(tmp_path / "straight-repeats")
    )
    assert not (tmp_path / "frames.dedup-2.json").exists()


def test_after_an_interruption_the_plan_goes_on_too(run, frames, tmp_path, monkeypatch):
    run("dedup", "frames")
    with monkeypatch.context() as broken:
        stop_after(1, broken)
        run("apply", "frames.dedup.json", "--action", "move")
    result = run("apply", "frames.dedup.json", "--action", "move")
    assert "4 files now in frames-repeats" in result.stdout
    assert len(list((tmp_path / "frames-repeats").iterdir())) == 4


def test_an_interruption_that_was_undone_is_not_continued(run, frames, monkeypatch):
    with monkeypatch.context() as broken:
        stop_after(2, broken)
        run("dedup", "frames", "--apply", "move")
    assert run("undo", "frames.dedup.journal.jsonl").exit_code == 0
    result = run("dedup", "frames", "--apply", "move")
    assert "Plan: frames.dedup-2.json" in result.stdout


def test_an_interrupted_run_of_another_folder_of_that_name_is_left_alone(
    run, frames, monkeypatch, tmp_path
):
    with monkeypatch.context() as broken:
        stop_after(2, broken)
        run("dedup", "frames", "--apply", "move")
    other = tmp_path / "other" / "frames"
    shutil.copytree(frames, other)
    result = run("dedup", other, "--apply", "move")
    assert "Plan: frames.dedup-2.json" in result.stdout


def test_an_interruption_before_anything_was_done_says_so(run, frames, monkeypatch, snapshot):
    before = snapshot(frames)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("nearframe.query.files.journal.Journal.create", interrupt)
    result = run("dedup", "frames", "--apply", "move")
    assert result.exit_code == 1
    assert result.stderr == "Error: interrupted; nothing was changed\n"
    assert snapshot(frames) == before


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(run, frames, tmp_path, monkeypatch):
    copy2 = shutil.copy2
    copied = []

    def fill_up(source, target):
        if len(copied) == 2:
            raise OSError(28, "No space left on device")
        copied.append(copy2(source, target))

    command = ("dedup", "frames", "--apply", "copy-unique")
    with monkeypatch.context() as full:
        full.setattr(shutil, "copy2", fill_up)
        result = run(*command)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "the disk is full; free some space and run the same command again" in line
    assert "nearframe undo frames.dedup.journal.jsonl" in line
    assert run(*command).exit_code == 0
    assert len(list((tmp_path / "frames-unique").iterdir())) == 4


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
def test_an_odd_name_is_printed_on_one_line(run, make_folder, picture):
    folder = make_folder([0])
    picture(0).save(folder / "a\nb.png")
    (folder / "c\nd.png").touch()
    result = run("dedup", "frames", "--apply", "move")
    assert result.stderr == "Skipped 1 file:\n  frames/c\\nd.png: the file is empty\n"


def test_free_names_are_found_for_plans_of_dotted_folders(tmp_path):
    assert free_path(tmp_path / "a.b.dedup.json").name == "a.b.dedup.json"


def test_a_report_is_written_before_the_files_go(run, make_folder):
    make_folder([1, 1, 2])
    result = run("dedup", "frames", "--apply", "move", "--report", "r.html")
    assert result.stdout.splitlines()[2] == "Report: r.html"
    page = Path("r.html").read_text("utf-8")
    assert page.count("data:image/webp") == 1  # in the script that shows them
    assert "the file is gone" not in page
    assert "frames: 2 of 3 frames are new" in page


def test_the_answer_names_the_report(run, make_folder):
    make_folder([1, 1])
    assert json.loads(run("dedup", "frames", "--json").stdout)["report"] is None
    answer = json.loads(run("dedup", "frames", "--json", "--report", "r.html").stdout)
    assert answer["report"] == "r.html"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frames", "--report", "r.png"], "--report writes a page; expected a name like r.html"),
        (["frames", "--report", "no/r.html"], "there is no folder no"),
        (["film.mp4", "--report", "r.html"], "--report is not for a video"),
    ],
)
def test_a_report_that_cannot_be_is_refused_before_the_work(run, make_folder, arguments, words):
    make_folder(2)
    result = run("dedup", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not list(Path().glob("*.json"))


def test_an_animation_alone_is_a_video(run, make_folder, tmp_path):
    pictures = [Image.open(path).convert("P") for path in sorted(make_folder(3).iterdir())]
    path = tmp_path / "moving.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    result = run("keep-new", "moving.gif", "--to", "new", "--method", "embedding")
    assert (result.stderr, result.exit_code) == ("", 0)
    assert [name.name for name in sorted((tmp_path / "new").iterdir())] == [
        "moving_000000_0h00m00.000s.jpg",
        "moving_000001_0h00m00.100s.jpg",
        "moving_000002_0h00m00.200s.jpg",
    ]


@pytest.mark.parametrize("threshold", ["95%", "0.95"])
def test_json_carries_the_threshold_which_may_be_a_percentage(run, make_folder, threshold):
    make_folder(3)
    answer = json.loads(run("dedup", "frames", "--threshold", threshold, "--json").stdout)
    assert (answer["threshold"], answer["threshold_origin"]) == (0.95, "given")
    assert answer["complete"] is True


def test_an_option_of_change_that_does_not_count_is_said(run, make_folder):
    make_folder(3)
    result = run("dedup", "frames", "--method", "embedding", "--mask", "nope.png")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: --mask does not count for method embedding; for what")
    assert "--mask" not in run("dedup", "frames", "--method", "embedding").stderr
