import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from nearframe.embeddings import NAMED_WEIGHTS, Embedder
from nearframe.index import FrameIndex, stored_threshold
from nearframe.query import DedupPlan
from nearframe.scripts.main import nearframe

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def photos(make_folder):
    return make_folder(15, name="photos")


@pytest.fixture
def index(run, make_folder):
    make_folder([0, 1, 0, 2])
    run("buildIndex", "-i", "frames", "-o", "x.index")
    return "x.index"


def test_prints_the_threshold_and_what_it_rests_on(run, photos):
    result = run("calibrate", "photos", "--frames", 4, "--rate", 0.1)
    made_with, head, _, threshold, above, interval, mistakes, *rest = result.stdout.splitlines()
    assert made_with.startswith("Made with weights builtin (sha256 ")
    assert head == "15 images, 105 pairs taken for different"
    assert threshold.startswith("Threshold: 0.")
    assert above == "  10 of these pairs reach it, with 1 in 10 allowed"
    assert interval.endswith(" in 95 % of folders drawn at random from this one")
    assert mistakes.startswith("  at this rate, of the pairs of 1,000 different images 49,950")
    assert "Copies it finds, of 4 images:" in rest
    assert "jpeg60       100%" in result.stdout
    nearest = rest.index("Nearest pairs; if these show the same, the threshold is too high:")
    assert all("photos/0000" in line for line in rest[nearest + 1 : nearest + 6])
    assert rest[-1] == f"Next: dedup FOLDER --threshold {threshold.removeprefix('Threshold: ')}"
    assert (result.stderr, result.exit_code) == ("", 0)


def test_is_the_same_each_time(run, photos):
    arguments = ("calibrate", "photos", "--frames", 4, "--rate", 0.1)
    assert run(*arguments).stdout == run(*arguments).stdout


def test_warns_of_few_pairs_and_says_how_sure_it_is(run, photos):
    result = run("calibrate", "photos", "--frames", 4, "--rate", 0.01)
    (line,) = result.stderr.splitlines()
    assert line.startswith("Warning: 105 pairs are few for a rate of 1 in 100: give 46 images")
    assert "may be as high as 1 in 22" in line
    assert " in 95 % of folders" not in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize("count", [1, 2, 15])
def test_recommends_and_stores_nothing_for_too_few_images(run, make_folder, index, count):
    make_folder(count, name="few")
    result = run("calibrate", "few", "--into", index)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    images = "1 image makes" if count == 1 else f"{count} images make"
    assert line.startswith(f"Error: few: {images} {count * (count - 1) // 2} pair")
    assert "at least 142 images are needed" in line
    assert "add images of which no two show the same" in line
    with FrameIndex.open(index) as opened:
        assert stored_threshold(opened) is None


def test_says_so_in_json_too(run, photos):
    result = run("calibrate", "photos", "--json")
    answer = json.loads(result.stdout)
    assert (answer["threshold"], answer["stored_in"]) == (None, None)
    assert (answer["images"], answer["images_needed"], answer["pairs"]) == (15, 142, 105)
    assert result.stderr == f"Error: {answer['error']}\n"
    assert result.exit_code == 1


def test_marks_pairs_that_look_the_same_and_warns(run, photos, picture):
    picture(3).resize((90, 60)).save(photos / "000004 smaller.png")
    result = run("calibrate", "photos", "--frames", 4, "--rate", 0.1)
    (marked,) = (line for line in result.stdout.splitlines() if line.endswith("looks the same"))
    assert "000004 smaller.png" in marked
    assert "nearest pairs look like the same picture twice" in result.stderr


def test_counts_the_pairs_with_equal_pixels_that_are_left_out(run, make_folder):
    make_folder([0, 1, 2, 0], name="photos")
    lines = run("calibrate", "photos", "--rate", 0.5).stdout.splitlines()
    assert lines[1] == ("4 images, 5 pairs taken for different; 1 pair with equal pixels left out")


def test_json_has_the_same(run, photos):
    answer = json.loads(run("calibrate", "photos", "--frames", 4, "--rate", 0.1, "--json").stdout)
    table = run("calibrate", "photos", "--frames", 4, "--rate", 0.1).stdout
    assert f"Threshold: {answer['threshold']:g}\n" in table
    assert (answer["images"], answer["pairs"], answer["above"]) == (15, 105, 10)
    assert answer["found"]["jpeg60"] == 1
    assert len(answer["nearest"]) == 5
    assert answer["interval"][0] <= answer["threshold"] <= answer["interval"][1]
    assert (answer["stored_in"], answer["warnings"], answer["skipped"]) == (None, [], [])


def test_into_an_index_it_is_what_dedup_and_query_use(run, photos, index):
    result = run("calibrate", "photos", "--rate", 0.1, "--frames", 4, "--into", index)
    assert result.stdout.splitlines()[-1] == (
        "Stored in x.index; queryDataset uses it there, and dedup where its default is lower."
    )
    with FrameIndex.open(index) as opened:
        stored = stored_threshold(opened)
    assert (stored.rate, stored.pairs) == (0.1, 105)
    threshold = NAMED_WEIGHTS["builtin"].dedup.of(4)
    assert stored.value < threshold
    assert run("dedup", index).stdout.splitlines()[0] == (
        f"Would drop 1 of 4 frames (similarity {threshold:g} or more to an earlier kept frame, "
        "the default of weights builtin for 4 pictures (precision 0.999))"
    )
    answer = run("queryDataset", "-q", "photos/000009.png", "-i", index).stdout
    last = answer.splitlines()[-1]
    assert (
        f"is below {stored.value}, from where frames count as the same, calibrated for this index"
        in last
    )
    assert "above another view: unsure" in last
    assert (
        f"Threshold:   {stored.value:g} (calibrated from 105 pairs, " in run("info", index).stdout
    )
    assert json.loads(run("info", index, "--json").stdout)["threshold"]["pairs"] == 105


def test_dedup_says_where_its_threshold_comes_from(run, index):
    default = run("dedup", index).stdout.splitlines()[0]
    said = " to an earlier kept frame, the default of weights builtin for 4 pictures (precision"
    assert default.endswith(f"{said} 0.999))")
    given = run("dedup", index, "--threshold", 0.5, "--against", "all").stdout.splitlines()[0]
    assert given.endswith("(similarity 0.5 or more to an earlier frame, as given)")
    answer = json.loads(run("dedup", index, "--json").stdout)
    assert answer["rules"]["threshold_origin"] == "weights"


def test_a_plan_says_so_too(run, index):
    run("dedup", index, "--threshold", 0.5, "--plan", "p.json")
    assert DedupPlan.load("p.json").rules.threshold_origin == "given"


def test_takes_the_weights_and_the_fit_of_the_index(run, photos, make_folder):
    make_folder(2)
    run("buildIndex", "-i", "frames", "-o", "x.index", "--fit", "crop")
    result = run("calibrate", "photos", "--rate", 0.1, "--frames", 4, "--into", "x.index")
    assert result.exit_code == 0
    assert " crop, " in result.stdout.splitlines()[0]


def test_other_weights_than_those_of_the_index_are_refused_before_the_work(
    run, photos, index, monkeypatch
):
    monkeypatch.setattr(Embedder, "embed_source", None)
    result = run("calibrate", "photos", "--into", index, "--weights", "imagenet")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: the index x.index has weights builtin")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none: no such file or folder"),
        (["photos/000001.png"], "photos/000001.png: calibrate takes a folder of images"),
        (["photos", "--rate", 0], "the rate is a share of all pairs"),
        (["photos", "--rate", 1.5], "the rate is a share of all pairs"),
        (["photos", "--frames", 0], "--frames must be 1 or more, not 0"),
        (["photos", "--into", "none.index"], "no such index: none.index; make one with buildIndex"),
        (["photos", "--into", "photos"], "photos is not an index"),
    ],
)
def test_bad_input_is_one_line(run, photos, arguments, message):
    result = run("calibrate", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {message}")


def test_the_page_on_thresholds_names_options_that_exist_and_counts_right():
    page = (REPOSITORY / "docs" / "thresholds.md").read_text("utf-8")
    helps = "".join(
        CliRunner().invoke(nearframe, [name, "--help"]).stdout
        for name in ("calibrate", "evaluate", "dedup")
    )
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page))
    assert {"--into", "--rate", "--ground-truth"} <= named
    assert {option for option in named if option not in helps} == set()
    for images, pairs in re.findall(r"^\| ([\d,]+) \| ([\d,]+) \|", page, re.MULTILINE):
        count = int(images.replace(",", ""))
        assert count * (count - 1) // 2 == int(pairs.replace(",", ""))
    for images, one_in in re.findall(r"([\d,]+) for 1 in ([\d,]+)", page):
        count = int(images.replace(",", ""))
        needed = 10 * int(one_in.replace(",", ""))
        assert (count - 1) * (count - 2) / 2 < needed <= count * (count - 1) / 2
