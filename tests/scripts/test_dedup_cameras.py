"""dedup on folders of cameras and on videos, as its user meets it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nearframe.query import DedupPlan


def draw(block):
    image = Image.new("RGB", (160, 90), "grey")
    if block:
        ImageDraw.Draw(image).rectangle((block, 20, block + 20, 40), "white")
    return image


@pytest.fixture
def cameras(tmp_path):
    folder = tmp_path / "yard"
    folder.mkdir()
    for camera, blocks in (("gate", [0, 0, 30, 30, 90]), ("hall", [0, 60])):
        for number, block in enumerate(blocks):
            draw(block).save(folder / f"{camera}-{1616694872 + 60 * number}.png")
    return folder


def test_says_what_is_kept_of_each_camera_and_why_hybrid(run, cameras):
    assert run("dedup", "yard").stdout.splitlines() == [
        "File names tell cameras, so method hybrid (see --method).",
        "Would drop 2 of 7 frames (method hybrid: less than 0.5 % of the area changed from the "
        "most similar earlier kept frames)",
        "  gate  keeps 3 of 5",
        "  hall  keeps 2 of 2",
        "Plan: yard.dedup.json",
        "Next: nearframe apply yard.dedup.json --action move",
    ]


def test_comparison_options_reach_the_plan(run, cameras, tmp_path):
    Image.new("L", (160, 90), 255).save(tmp_path / "mask.png")
    result = run(
        *("dedup", "yard", "--method", "hybrid", "--threshold", "0.2", "--compare", "previous"),
        *("--window", "1h", "--across-cameras", "--keep", "sharpest", "--change-threshold", "0.01"),
        *("--black-mask", 0, 10, 0, 0, "--mask", "gate=mask.png", "--motion-tolerance", 0),
    )
    assert result.exit_code == 0
    rules = DedupPlan.load(tmp_path / "yard.dedup.json").rules
    assert (rules.method, rules.threshold, rules.against) == ("hybrid", 0.2, "previous")
    assert (rules.window.seconds, rules.across_cameras, rules.keep) == (3600, True, "sharpest")
    assert (rules.change.change_threshold, rules.change.motion_tolerance) == (0.01, 0)
    assert rules.change.black_mask == (0, 10, 0, 0)
    assert rules.change.masks == {"gate": str(tmp_path / "mask.png")}


def test_a_sweep_prints_a_table_and_makes_no_plan(run, cameras, tmp_path):
    lines = run("sweep", "yard", "--plot", "s.png").stdout.splitlines()
    assert lines[0].split() == ["Changed", "area", "Stay", "Share"]
    assert [line.split()[0] for line in lines[1:5]] == ["0.001", "0.0025", "0.005", "0.0075"]
    assert lines[3].split()[:3] == ["0.005", "5", "71.4%"]
    assert [line for line in lines if line.endswith("<- used now")] == [lines[3]]
    assert lines[-3:] == [
        "Regions below 0.005 of the area do not count (--min-diff-area).",
        "Next: dedup yard --change-threshold VALUE, or --target 20%",
        "Plot: s.png",
    ]
    assert (tmp_path / "s.png").stat().st_size > 1000
    assert not (tmp_path / "yard.dedup.json").exists()
    answer = json.loads(run("dedup", "yard", "--sweep", "--json").stdout)
    assert (answer["kind"], answer["frames"], answer["usual"]) == ("change", 7, 0.005)
    point = answer["points"][2]
    pair = point.pop("pair")
    assert point == {"threshold": 0.005, "kept": 5, "used": True}
    assert sum(point["used"] for point in answer["points"]) == 1
    assert (pair["camera"], pair["repeat"]) == ("gate", False)
    assert (Path(pair["earlier"]).exists(), Path(pair["later"]).exists()) == (True, True)
    assert pair["change"] > 0.005
    assert answer["report"] is None


def test_the_old_spelling_of_a_sweep_says_the_same_and_names_the_new_one(run, cameras):
    old, new = run("dedup", "yard", "--sweep"), run("sweep", "yard")
    assert old.stdout == new.stdout
    note = "Note: for --sweep there is a command of its own now: nearframe sweep\n"
    assert (old.stderr, new.stderr) == (note, "")


def test_the_old_spelling_for_a_video_says_the_same_and_names_the_new_one(
    run, sample_video, tmp_path
):
    options = (sample_video, "--method", "change", "--every", 30, "--to")
    old, new = run("dedup", *options, "old"), run("keep-new", *options, "new")
    assert old.stdout.replace("old", "new") == new.stdout
    note = "Note: for a video there is a command of its own now: nearframe keep-new\n"
    assert (old.stderr, new.stderr) == (note, "")
    names = [sorted(path.name for path in (tmp_path / each).iterdir()) for each in ("old", "new")]
    assert names[0] == names[1] != []


def test_a_sweep_writes_a_report(run, cameras, tmp_path):
    printed = run("sweep", "yard", "--report", "s.html").stdout.splitlines()
    assert printed[-1] == "Report: s.html"
    page = (tmp_path / "s.html").read_text("utf-8")
    assert "yard: how many frames stay at which changed area" in page
    answer = json.loads(run("dedup", "yard", "--sweep", "--json", "--report", "s.html").stdout)
    assert answer["report"] == "s.html"


def test_a_target_finds_its_threshold(run, tmp_path):
    base, change = np.random.default_rng(0).integers(0, 60, (2, 12, 12, 3))
    (tmp_path / "yard").mkdir()
    for step in range(7):
        pixels = (2 * base + step**2 * change // 20).astype(np.uint8)
        Image.fromarray(pixels.repeat(8, 0).repeat(8, 1)).save(tmp_path / "yard" / f"{step}.png")
    result = run("dedup", "yard", "--method", "embedding", "--target", "3")
    assert result.stdout.startswith("Would drop 4 of 7 frames (similarity 0.")
    assert "found for the target" in result.stdout


def test_a_video_is_counted_and_its_new_frames_are_written(run, sample_video, tmp_path):
    counted = run("keep-new", sample_video, "--method", "change", "--every", 10)
    assert counted.stdout.startswith("Would keep ")
    assert "of 30 frames (method change: less than 0.5 % of the area" in counted.stdout
    assert counted.stdout.splitlines()[-1].endswith("yard.mp4 --to DIR")
    written = run("keep-new", sample_video, "--method", "change", "--every", 10, "--to", "new")
    kept = len(list((tmp_path / "new").iterdir()))
    assert written.stdout.splitlines()[-1] == f"{kept} frames now in new"
    again = run("keep-new", sample_video, "--method", "change", "--every", 10, "--to", "new")
    assert (again.exit_code, again.stderr.startswith("Error: new exists")) == (1, True)
    answer = json.loads(
        run("keep-new", sample_video, "--method", "change", "--every", 10, "--json").stdout
    )
    assert (answer["frames"], len(answer["kept"])) == (30, kept)
    assert answer["kept"][0]["frame_number"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("yard", "--plot", "s.png"), "--plot draws a sweep; give --sweep, too"),
        (
            ("yard", "--sweep", "--apply", "move"),
            "--apply goes with a plan, and --sweep makes none",
        ),
        (("yard", "--every", "2"), "--every is for videos"),
        (("yard", "--window", "soon"), "soon is no window; expected a time such as 90s"),
        (("yard", "--window", "soon"), "or a number of frames"),
        (("yard", "--target", "few"), "is no target; expected a percentage"),
        (("a.mp4", "--recursive"), "--recursive is not for a video"),
        (("a.mp4", "--every", "2", "--fps", "1"), "exclude each other"),
    ],
)
def test_what_does_not_go_together_is_refused(run, cameras, arguments, message):
    result = run("dedup", *arguments)
    assert result.exit_code == 2
    assert message.strip("'") in result.stderr.replace("\n", " ").replace("'", "")
