import json
import re

import pytest

from nearframe.embeddings import NAMED_WEIGHTS


@pytest.fixture
def pair(tmp_path, picture):
    """Two sizes of one picture, and another picture."""
    picture(1).save(tmp_path / "a.png")
    picture(1, size=(384, 256)).save(tmp_path / "b.png")
    picture(2).save(tmp_path / "c.png")


def test_prints_the_similarity_and_nothing_else(run, pair):
    result = run("getSimilarity", "-q", "a.png", "-t", "b.png")
    assert re.fullmatch(r"Image Similarity: 0\.99\d+\n", result.stdout)
    assert result.stderr == ""
    assert result.exit_code == 0


def test_an_image_is_as_like_itself_as_can_be(run, pair):
    result = run("getSimilarity", "--query", "a.png", "--target", "a.png")
    assert float(result.stdout.removeprefix("Image Similarity: ")) == pytest.approx(1, abs=1e-6)


def test_other_pictures_are_less_alike(run, pair):
    result = run("getSimilarity", "-q", "a.png", "-t", "c.png")
    assert float(result.stdout.removeprefix("Image Similarity: ")) < 0.9


def test_json_has_both_paths_and_the_similarity(run, pair):
    result = run("getSimilarity", "-q", "a.png", "-t", "b.png", "--json")
    answer = json.loads(result.stdout)
    assert (answer["query"], answer["target"]) == ("a.png", "b.png")
    assert 0.99 < answer["similarity"] <= 1


def test_options_of_the_network_arrive(run, pair):
    plain = run("getSimilarity", "-q", "a.png", "-t", "c.png")
    cropped = run("getSimilarity", "-q", "a.png", "-t", "c.png", "--fit", "crop")
    other = run("getSimilarity", "-q", "a.png", "-t", "c.png", "--weights", "imagenet")
    assert len({plain.stdout, cropped.stdout, other.stdout}) == 3


@pytest.mark.parametrize("missing", ["-q", "-t"])
def test_two_images_are_needed(run, pair, missing):
    given = "-t" if missing == "-q" else "-q"
    result = run("getSimilarity", given, "a.png")
    assert result.exit_code == 2
    assert "two images are compared, not 1" in result.stderr


@pytest.mark.parametrize("side", ["-q", "-t"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.png", "no such file"),
        ("text.jpg", "not an image"),
        ("empty.png", "empty"),
        ("folder", "expected an image"),
    ],
)
def test_what_is_no_image_is_one_line(run, pair, tmp_path, side, name, message):
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    other = "-t" if side == "-q" else "-q"
    result = run("getSimilarity", side, name, other, "a.png")
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {name}: ")
    assert message in line


def test_a_video_is_no_image(run, pair, sample_video):
    result = run("getSimilarity", "-q", sample_video, "-t", "a.png")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_two_images_need_no_flags(run, picture, tmp_path):
    for seed in (1, 2):
        picture(seed).save(tmp_path / f"{seed}.png")
    expected = run("getSimilarity", "-q", "1.png", "-t", "2.png").stdout
    assert run("getSimilarity", "1.png", "2.png").stdout == expected
    for wrong in (("1.png",), ("1.png", "2.png", "1.png"), ()):
        result = run("getSimilarity", *wrong)
        assert result.exit_code == 2
        assert f"not {len(wrong)}" in result.stderr


@pytest.mark.parametrize(
    ("other", "verdict"), [("b.png", "same picture"), ("c.png", "not the same picture")]
)
def test_json_carries_threshold_and_verdict(run, pair, other, verdict):
    answer = json.loads(run("getSimilarity", "a.png", other, "--json").stdout)
    assert answer["threshold"] == NAMED_WEIGHTS["builtin"].threshold
    assert answer["verdict"] == verdict


def test_weights_without_a_threshold_have_no_verdict(run, pair):
    answer = json.loads(
        run("getSimilarity", "a.png", "b.png", "--weights", "imagenet", "--json").stdout
    )
    assert (answer["threshold"], answer["verdict"]) == (None, None)
