import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import NAMED_WEIGHTS, Embedder
from nearframe.query import COPY_EDITS

THRESHOLD = NAMED_WEIGHTS["builtin"].threshold
SAME = [">=", f"{THRESHOLD:g}"]


@pytest.fixture
def photos(make_folder):
    return make_folder(6, name="photos")


def test_prints_recall_of_every_edit_and_micro_ap(run, photos):
    result = run("evaluate", "photos")
    head, made_with, empty, columns, *rows = result.stdout.splitlines()
    assert head == "6 images, 108 copies, searched for among the 6 images of photos"
    assert made_with.startswith("Made with weights builtin (sha256 ")
    assert empty == ""
    assert columns.split() == ["recall@1", "nearframe", "similarity", *SAME]
    assert [row.split()[0] for row in rows[:20]] == [*COPY_EDITS, "mean", "micro-AP"]
    assert rows[1].split()[1] == "1.000"
    assert rows[-1].startswith("Different images: similarity ")
    assert (result.stderr, result.exit_code) == ("", 0)


def test_columns_stand_below_their_names(run, photos):
    lines = run("evaluate", "photos", "--baselines").stdout.splitlines()
    columns = lines[3]
    assert columns.split() == ["recall@1", "nearframe", "thumbnail", "phash", "similarity", *SAME]
    for name in ("nearframe", "thumbnail", "phash"):
        end = columns.index(name) + len(name)
        assert all(line[end - 1].isdigit() for line in lines[4:24])


def test_each_edit_has_the_share_above_the_threshold_beside_that_at_first_place(run, photos):
    answer = json.loads(run("evaluate", "photos", "--json").stdout)
    shares = answer["share_at_threshold"]
    assert answer["threshold"] == THRESHOLD
    assert list(shares) == list(COPY_EDITS)
    recall = answer["methods"]["nearframe"]["recall"]
    # Crops come first and are still not called the same.
    assert any(shares[edit] < recall[edit] for edit in shares)
    assert shares["jpeg60"] == 1.0
    for line in run("evaluate", "photos").stdout.splitlines()[4:22]:
        edit, first, _, share = line.split()
        assert (first, share) == (f"{recall[edit]:.3f}", f"{shares[edit]:.3f}")


def test_weights_without_a_threshold_have_no_such_share(run, photos):
    result = run("evaluate", "photos", "--weights", "imagenet")
    assert result.stdout.splitlines()[3].split() == ["recall@1", "nearframe", "similarity"]


def test_is_the_same_each_time(run, photos):
    assert run("evaluate", "photos").stdout == run("evaluate", "photos").stdout
    assert run("evaluate", "photos", "--seed", 1).stdout != run("evaluate", "photos").stdout


def test_json_has_the_same_figures(run, photos):
    answer = json.loads(run("evaluate", "photos", "--json", "--baselines").stdout)
    assert (answer["source"], answer["originals"], answer["copies"]) == ("photos", 6, 108)
    assert list(answer["methods"]) == ["nearframe", "thumbnail", "phash"]
    scores = answer["methods"]["nearframe"]
    assert list(scores["recall"]) == list(scores["median_similarity"]) == list(COPY_EDITS)
    assert scores["mean_recall"] == pytest.approx(np.mean(list(scores["recall"].values())))
    assert 0 < scores["micro_ap"] <= 1
    assert answer["fingerprint"]["weights"] == "builtin"
    (row,) = (line for line in run("evaluate", "photos").stdout.splitlines() if "micro" in line)
    assert row.split() == ["micro-AP", f"{scores['micro_ap']:.3f}"]


def test_a_video_shows_how_many_frames_off(run, sample_video):
    result = run("evaluate", sample_video, "--frames", 2)
    head, *_ = lines = result.stdout.splitlines()
    assert head.startswith("2 frames, 38 copies, searched for among the 300 frames of ")
    assert lines[3].split() == ["recall@1", "nearframe", "similarity", *SAME, "frames", "off"]
    assert lines[4].split()[0] == "unchanged"
    assert lines[4].split()[-1] == "-"
    assert "micro-AP" not in result.stdout
    assert lines[-1].startswith("Other frames: ")


def test_the_users_own_pairs(run, photos, tmp_path, picture):
    picture(2).convert("L").save(tmp_path / "mine.png")
    (tmp_path / "pairs.csv").write_text("mine.png,photos/000003.png\n")
    result = run("evaluate", "photos", "--ground-truth", "pairs.csv")
    lines = result.stdout.splitlines()
    assert lines[0] == "1 query searched for among the 6 images of photos"
    assert lines[4].split()[:2] == ["pairs", "1.000"]
    assert lines[5].split() == ["micro-AP", "1.000"]
    assert not [line for line in lines if line.startswith("mean")]


def test_draws_a_plot(run, photos, tmp_path):
    result = run("evaluate", "photos", "--plot", "plot.png")
    assert result.stdout.splitlines()[-1] == "Plot: plot.png"
    with Image.open(tmp_path / "plot.png") as image:
        assert image.format == "PNG"


@pytest.mark.parametrize("name", ["plot.txt", "none/plot.png"])
def test_a_plot_that_cannot_be_drawn_is_refused_before_the_work(run, photos, name, monkeypatch):
    monkeypatch.setattr(Embedder, "embed_source", None)
    result = run("evaluate", "photos", "--plot", name)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: cannot draw {name}")


def test_without_imagehash_the_thumbnail_remains_and_the_remedy_is_said(run, photos, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "imagehash" else find(name, *rest),
    )
    result = run("evaluate", "photos", "--baselines")
    assert result.stdout.splitlines()[3].split() == [
        "recall@1",
        "nearframe",
        "thumbnail",
        "similarity",
        *SAME,
    ]
    assert result.stderr == ("No perceptual hash beside it: pip install 'nearframe[baselines]'\n")


def test_files_that_do_not_decode_are_listed_once(run, photos):
    (photos / "000002.png").write_text("no image")
    result = run("evaluate", "photos")
    assert result.stderr.splitlines() == [
        "Skipped 1 file:",
        "  photos/000002.png: not an image that can be decoded",
    ]
    assert result.exit_code == 0
    assert run("evaluate", "photos", "--strict").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none: no such file or folder"),
        (["photos/000001.png"], "photos/000001.png: is one image; expected a folder of images"),
        (["photos", "--frames", 0], "--frames must be 1 or more, not 0"),
        (["photos", "--seed", -1], "--seed must be 0 or more, not -1"),
        (["photos", "--ground-truth", "none.csv"], "none.csv: no such file or folder"),
    ],
)
def test_bad_input_is_one_line(run, photos, arguments, message):
    result = run("evaluate", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {message}")


def test_frames_and_ground_truth_exclude_each_other(run, photos):
    result = run("evaluate", "photos", "--frames", 2, "--ground-truth", "pairs.csv")
    assert result.exit_code == 2
    assert "--ground-truth makes no copies" in result.stderr
