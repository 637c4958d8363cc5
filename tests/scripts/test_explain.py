import json

import numpy as np
import pytest
from PIL import Image

from nearframe.query import explain


@pytest.fixture
def pair(tmp_path, picture):
    """Write a.png and b.png: the same place, and something white in it."""
    pixels = np.asarray(picture(3, size=(320, 180))) // 2
    Image.fromarray(pixels).save(tmp_path / "a.png")
    pixels = pixels.copy()
    pixels[60:120, 20:100] = 255
    Image.fromarray(pixels).save(tmp_path / "b.png")
    return "a.png", "b.png"


def test_it_prints_scores_regions_and_verdict_and_draws_them(run, pair, tmp_path):
    result = run("explain", *pair)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "Same scene, 1 region changed"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "Similarity",
        "Changed area",
        "Dedup",
        "Region 1",
        "Picture",
    ]
    assert lines[4].endswith("6% to 32% from the left, 32% to 68% from the top")
    assert lines[-1].split() == ["Picture:", "explain.png"]
    with Image.open(tmp_path / "explain.png") as image:
        assert image.format == "PNG"


def test_json_has_the_same(run, pair):
    answer = json.loads(run("explain", *pair, "--json", "-o", "out.webp").stdout)
    assert answer["verdict"] == "same scene, 1 region changed"
    assert answer["changed"] is True
    assert answer["changed_area"] == pytest.approx(60 * 80 / (180 * 320), rel=0.15)
    assert answer["change_threshold"] == 0.005
    assert -1 <= answer["similarity"] <= 1
    assert -1 <= answer["similarity_threshold"] <= 1
    assert answer["light"] == {
        "gain": pytest.approx(1, abs=0.02),
        "offset": pytest.approx(0, abs=2),
    }
    assert answer["masked_area"] == 0
    assert answer["method"] == "embedding"
    assert answer["repeats"] == {"embedding": False, "change": False, "hybrid": False}
    assert answer["content_difference"] is None
    assert answer["moved"] == []
    (region,) = answer["regions"]
    assert region["area"] == answer["changed_area"]
    assert region["left"] < region["right"]
    assert answer["picture"] == "out.webp"


def test_a_picture_that_is_there_stays_unless_it_is_to_be_replaced(run, pair, tmp_path):
    for name in ("explain.png", "mine.png"):
        (tmp_path / name).write_text("mine")
    assert run("explain", *pair).stdout.splitlines()[-1].split()[1] == "explain-2.png"
    assert (tmp_path / "explain.png").read_text() == "mine"
    assert run("explain", *pair, "-o", "mine.png").exit_code == 1
    assert (tmp_path / "mine.png").read_text() == "mine"
    assert run("explain", *pair, "-o", "mine.png", "--force").exit_code == 0
    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "options",
    [
        ["--black-mask", 40, 0, 0, 0],
        ["--mask", "mask.png"],
        ["--diff-threshold", 254],
        ["--min-diff-area", 0.5],
    ],
)
def test_each_option_can_make_the_change_go_away(run, pair, tmp_path, options):
    mask = np.full((180, 320), 255, np.uint8)
    mask[50:130, 10:110] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    answer = json.loads(run("explain", *pair, "--json", *options).stdout)
    assert answer["changed_area"] == 0
    assert answer["regions"] == []


def test_the_threshold_of_the_score_can_be_set(run, pair):
    answer = json.loads(run("explain", *pair, "--json", "--change-threshold", 0.5).stdout)
    assert not answer["changed"]
    assert answer["changed_area"] > 0
    assert answer["verdict"] == "same scene, but for 1 small region"


def test_the_size_of_the_comparison_can_be_set(run, pair):
    answer = json.loads(run("explain", *pair, "--json", "--resize-to", 18, 32).stdout)
    assert answer["regions"][0]["left"] * 32 == round(answer["regions"][0]["left"] * 32)


def test_blurs_are_applied_one_after_the_other(run, pair):
    areas = []
    for radii in ([1], [51], [51, 51]):
        options = [text for radius in radii for text in ("--blur-radius", radius)]
        answer = json.loads(run("explain", *pair, "--json", *options).stdout)
        areas.append(answer["changed_area"])
    assert areas[0] < areas[1] < areas[2]


def test_light_compensation_can_be_switched_off(run, pair, tmp_path):
    with Image.open(tmp_path / "a.png") as image:
        Image.eval(image, lambda value: value * 2).save(tmp_path / "b.png")
    assert json.loads(run("explain", *pair, "--json").stdout)["changed_area"] == 0
    answer = json.loads(run("explain", *pair, "--json", "--no-light-compensation").stdout)
    assert answer["changed_area"] > 0.5
    assert answer["light"] is None


def test_a_long_list_of_regions_is_cut(run, tmp_path):
    points = np.zeros((360, 640), np.uint8)
    points[5::60, 5::60] = 255
    Image.new("RGB", (640, 360)).save(tmp_path / "a.png")
    Image.fromarray(points).save(tmp_path / "b.png")
    arguments = ["--min-diff-area", 0, "--change-threshold", 0, "--blur-radius", 1]
    result = run("explain", "a.png", "b.png", "--no-light-compensation", *arguments)
    assert "Region 20:" in result.stdout
    assert "Region 21:" not in result.stdout
    assert "and 46 smaller regions" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "missing.png"], "missing.png: no such file"),
        (["a.png", "text.png"], "text.png: not an image that can be decoded"),
        (["a.png", "b.png", "--mask", "text.png"], "text.png: not an image that can be decoded"),
        (["a.png", "b.png", "--mask", "missing.png"], "missing.png: no such file"),
        (["a.png", "b.png", "--mask", "square.png"], "the mask is 50x50 but the picture 320x180"),
        (["a.png", "b.png", "--mask", "black.png"], "the mask leaves nothing to look at"),
        (["a.png", "b.png", "--black-mask", 50, 0, 50, 0], "left 50 and right 50 percent"),
        (["a.png", "b.png", "--black-mask", -5, 0, 0, 0], "--black-mask left is a percentage"),
        (["a.png", "b.png", "--black-mask", 49.99, 0, 50, 0], "leaves nothing to look at"),
        (["a.png", "b.png", "--blur-radius", 4], "--blur-radius must be an odd number"),
        (["a.png", "b.png", "--min-diff-area", -1], "--min-diff-area is a share of the picture"),
        (["a.png", "b.png", "--change-threshold", "nan"], "--change-threshold is a share"),
        (["a.png", "b.png", "--diff-threshold", 300], "--diff-threshold must be from 0 to 254"),
        (["a.png", "b.png", "--resize-to", 0, 10], "--resize-to takes height and width"),
        (["a.png", "b.png", "-o", "b.png"], "b.png is one of the images to explain"),
        (["a.png", "b.png", "-o", "out.gif"], "cannot draw out.gif; expected a name that ends in"),
        (["a.png", "b.png", "-o", "no/out.png"], "cannot draw no/out.png: there is no folder no"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, pair, tmp_path, snapshot, arguments, message):
    (tmp_path / "text.png").write_text("no image")
    Image.new("L", (50, 50), 255).save(tmp_path / "square.png")
    Image.new("L", (320, 180), 0).save(tmp_path / "black.png")
    before = snapshot(tmp_path)
    result = run("explain", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert message in line
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.png"],
        ["a.png", "b.png", "--resize-to", 10],
        ["a.png", "b.png", "--black-mask", 1, 2, 3],
        ["a.png", "b.png", "--diff-threshold", "much"],
    ],
)
def test_wrong_usage_is_exit_code_2(run, pair, arguments):
    assert run("explain", *arguments).exit_code == 2


@pytest.mark.parametrize("moved", [0, 6])
def test_it_says_what_the_library_says_without_options(
    run, tmp_path, picture, fake_embedder, moved
):
    """With a change of 0.8 % of the area, and with something that moved a little."""
    a = np.asarray(picture(3, size=(320, 180))) // 2
    b = a.copy()
    if moved:
        a[60:120, 20:100] = 255
        b[60:120, 20 + moved : 100 + moved] = 255
    else:
        b[80:120, 150:162] = 255
    for name, pixels in (("a.png", a), ("b.png", b)):
        Image.fromarray(pixels).save(tmp_path / name)
    answer = json.loads(run("explain", "a.png", "b.png", "--json").stdout)
    explanation = explain(tmp_path / "a.png", tmp_path / "b.png", embedder=fake_embedder)
    assert answer["changed_area"] == explanation.change.score
    assert answer["changed"] == explanation.change.changed
    assert answer["repeats"]["change"] == explanation.repeats["change"]
