import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from nearframe.common import show_time
from nearframe.embeddings import NAMED_WEIGHTS
from nearframe.scripts.query_dataset import Seconds


@pytest.fixture
def index(run, make_folder):
    make_folder(6)
    run("buildIndex", "-i", "frames", "-o", "x.index")
    return "x.index"


@pytest.fixture
def video_index(run, sample_video, tmp_path):
    shutil.copy(sample_video, tmp_path / "film.mp4")
    run("buildIndex", "-i", "film.mp4", "-o", "v.index", "--every", 30)
    return "v.index"


@pytest.mark.parametrize("digits", [6, 4])
def test_prints_the_lines_people_know(run, picture, tmp_path, digits):
    # Frame numbers count from 0: 000100.png is frame 99.
    (tmp_path / "frames").mkdir()
    for number in range(1, 101):
        name = f"{number:0{digits}d}.png"
        picture(number % 50, size=(16, 12)).save(tmp_path / "frames" / name)
    picture(1000, size=(16, 12)).save(tmp_path / "frames" / f"{100:0{digits}d}.png")
    run("buildIndex", "-i", "frames", "-o", "x.index")
    result = run("queryDataset", "-q", f"frames/{100:0{digits}d}.png", "-i", "x.index")
    assert result.stdout.splitlines() == [
        "Most Similar Frame:",
        "Frame Number: 99",
        "Cosine Similarity: 1.000000",
        f"Source: frames/{100:0{digits}d}.png",
    ]
    assert (result.stderr, result.exit_code) == ("", 0)


def test_a_video_frame_comes_with_its_time(run, video_index, picture, tmp_path):
    picture(3).save(tmp_path / "q.png")
    result = run("queryDataset", "-q", "q.png", "-i", video_index, "--from", 4, "--to", 4.5)
    lines = result.stdout.splitlines()
    assert lines[:2] == ["Most Similar Frame:", "Frame Number: 120"]
    assert re.fullmatch(r"Cosine Similarity: -?0\.\d{6}", lines[2])
    assert lines[3:5] == ["Source: film.mp4", "Time: 0:00:04.000"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00:00.000"), (83.4, "0:01:23.400"), (59.9996, "0:01:00.000"), (36000, "10:00:00.000")],
)
def test_times_are_shown_in_hours_minutes_and_seconds(seconds, shown):
    assert show_time(seconds) == shown


def test_what_is_far_from_all_frames_says_how_far(run, index, picture):
    picture(1000).save("other.png")
    last = run("queryDataset", "other.png", index).stdout.splitlines()[-1]
    threshold = NAMED_WEIGHTS["builtin"].threshold
    assert re.fullmatch(
        rf"Similarity -?0\.\d{{6}} is below {threshold}, from where frames count as the same, and "
        r"only 0\.0\d{5} above another view: unsure, perhaps not in the index\.",
        last,
    )


def test_a_crop_that_comes_first_is_not_called_missing(run, index, picture):
    # Far from the original, and yet farther from everything else.
    pixels = np.asarray(picture(3)).copy()
    pixels[:, 25:] = np.asarray(picture(1000))[:, 25:]
    Image.fromarray(pixels).save("half.png")
    lines = run("queryDataset", "half.png", index).stdout.splitlines()
    assert lines[1] == "Frame Number: 3"
    assert re.fullmatch(
        r"Similarity 0\.[1-6]\d+ is below .* the same, but 0\.\d{6} above any other view: likely "
        r"an edited copy, or a part of this frame\.",
        lines[-1],
    )
    (answer,) = json.loads(run("queryDataset", "half.png", index, "--json").stdout)["results"]
    assert answer["verdict"] == "likely"
    assert answer["margin"] >= 0.12


def test_k_prints_a_table(run, index):
    result = run("queryDataset", "-q", "frames/000003.png", "-i", index, "-k", 5)
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["Rank", "Similarity", "Pixels", "Frame", "Time", "Source"]
    assert len(rows) == 5
    rank, similarity, pixels, frame, time, source = rows[0].split()
    assert (rank, similarity, pixels, frame, time) == ("1", "1.000000", "0.00", "2", "-")
    assert source == "frames/000003.png"
    similarities = [float(row.split()[1]) for row in rows]
    assert similarities == sorted(similarities, reverse=True)


def test_the_columns_of_the_table_stand_under_their_heads(run, video_index, picture, tmp_path):
    picture(3).save(tmp_path / "q.png")
    result = run("queryDataset", "-q", "q.png", "-i", video_index, "-k", 3)
    head, *rows = result.stdout.splitlines()[:4]
    for row in rows:
        for name in ("Frame", "Time", "Source"):
            column = head.index(name)
            assert row[column - 1] == " "
            assert row[column] != " "
        # Numbers end where their heads end.
        for name in ("Rank", "Similarity"):
            end = head.index(name) + len(name)
            assert row[end - 1].isdigit()
            assert row[end] == " "


def test_several_stills_are_answered_in_one_table(run, index):
    result = run("queryDataset", "frames/000001.png", "frames/000004.png", index)
    head, *rows = [line.split() for line in result.stdout.splitlines()]
    assert head == ["still", "source", "time", "frame", "similarity", "verdict"]
    assert rows == [
        ["frames/000001.png", "frames/000001.png", "-", "0", "1.000000", "found"],
        ["frames/000004.png", "frames/000004.png", "-", "3", "1.000000", "found"],
    ]


def test_a_folder_of_stills_has_a_row_for_each_match(run, index):
    result = run("queryDataset", "-q", "frames", "-i", index)
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert [row[3] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    result = run("queryDataset", "-q", "frames", "-i", index, "-k", 2)
    assert [line.split()[0] for line in result.stdout.splitlines()[1:5]] == [
        *("frames/000001.png", "frames/000001.png"),
        *("frames/000002.png", "frames/000002.png"),
    ]


def test_a_still_without_a_match_has_a_row_too(run, index, picture):
    picture(1000).save("other.png")
    result = run("queryDataset", "frames/000001.png", "other.png", index, "--threshold", 0.99)
    last = result.stdout.splitlines()[-1]
    assert re.fullmatch(r"other\.png +- +- +- +-?0\.\d{6} +no match", last)


def test_csv_has_the_same_table(run, video_index, picture, tmp_path):
    picture(3).save("a,b.png")
    picture(4).save("c.png")
    result = run("queryDataset", "a,b.png", "c.png", video_index, "-k", 2, "--csv", "t.csv")
    assert result.stdout.splitlines()[-1] == "Table: t.csv"
    with Path("t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["still", "source", "time", "frame", "similarity", "verdict"]
    assert [row["still"] for row in rows] == ["a,b.png"] * 2 + ["c.png"] * 2
    for row in rows:
        assert row["source"] == str(tmp_path / "film.mp4")
        assert row["time"] == show_time(int(row["frame"]) / 30)
        assert row["verdict"].split(";")[0] == "unsure"


def test_csv_replaces_its_own_tables_only(run, index):
    Path("t.csv").write_text("name,price\n")
    result = run("queryDataset", "frames", index, "--csv", "t.csv")
    assert result.exit_code == 1
    assert "was not written by nearframe" in result.stderr
    assert Path("t.csv").read_text() == "name,price\n"
    for _ in range(2):
        assert run("queryDataset", "frames", index, "--csv", "u.csv").exit_code == 0
    assert run("queryDataset", "frames", index, "--csv", "t.csv", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "threshold", "origin", "verdict"),
    [
        ((), NAMED_WEIGHTS["builtin"].threshold, "weights", "found"),
        (("--threshold", "99%"), 0.99, "given", "found"),
    ],
)
def test_json_carries_threshold_and_verdict(run, index, arguments, threshold, origin, verdict):
    answer = json.loads(
        run("queryDataset", "frames/000003.png", index, "--json", *arguments).stdout
    )
    assert (answer["threshold"], answer["threshold_origin"]) == (threshold, origin)
    assert [result["verdict"] for result in answer["results"]] == [verdict]


def test_a_broken_query_is_listed_beside_the_answers(run, index, tmp_path):
    (tmp_path / "frames" / "000002.png").write_text("no image")
    result = run("queryDataset", "-q", "frames", "-i", index)
    assert result.stdout.count("found") == 5
    assert "Skipped 1 file:\n  frames/000002.png: not an image" in result.stderr
    assert result.exit_code == 0
    assert run("queryDataset", "-q", "frames", "-i", index, "--strict").exit_code == 1


def test_no_frame_reaches_the_threshold(run, index, picture, tmp_path):
    picture(1000).save(tmp_path / "other.png")
    result = run("queryDataset", "-q", "other.png", "-i", index, "--threshold", 0.99)
    assert re.fullmatch(
        r"No frame with a similarity of 0\.99 or more \(nearest -?0\.\d{6}\)\n", result.stdout
    )
    assert result.exit_code == 0


def test_source_restricts_the_answer(run, index):
    result = run("queryDataset", "-q", "frames/000001.png", "-i", index, "--source", "000005.png")
    assert "Frame Number: 4\n" in result.stdout


def test_a_source_that_is_not_in_the_index_is_named_with_what_is(run, index):
    result = run("queryDataset", "-q", "frames/000001.png", "-i", index, "--source", "film.mp4")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert re.match("Error: no frame of x.index is of film.mp4; it holds: .*frames", line)


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        ("0", "1.5", {"0", "30"}),
        ("8", None, {"240", "270"}),
        ("0:08", "0:08", {"240"}),
        ("0:00:07.5", "0:08.5", {"240"}),
    ],
)
def test_from_and_to_restrict_by_time(run, video_index, picture, tmp_path, start, end, frames):
    picture(3).save(tmp_path / "q.png")
    limits = ["--from", start, *(["--to", end] if end else [])]
    result = run("queryDataset", "-q", "q.png", "-i", video_index, "-k", 20, *limits, "--json")
    (answer,) = json.loads(result.stdout)["results"]
    assert {str(match["frame_number"]) for match in answer["matches"]} == frames


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("0.25", 0.25), ("2:03", 123), ("1:02:03.5", 3723.5)]
)
def test_times_are_seconds_minutes_and_hours(text, seconds):
    assert Seconds().convert(text, None, None) == seconds


@pytest.mark.parametrize("time", ["soon", "1:2:3:4", "-1", "1:xx", ""])
def test_what_is_no_time_is_wrong_usage(run, index, time):
    result = run("queryDataset", "-q", "frames/000001.png", "-i", index, "--from", time)
    assert result.exit_code == 2
    assert "expected seconds, m:ss or h:mm:ss" in result.stderr


@pytest.mark.parametrize("options", [("-k", 0), ("-k", "x"), ("--threshold", 2)])
def test_wrong_options_are_wrong_usage(run, index, options):
    result = run("queryDataset", "-q", "frames/000001.png", "-i", index, *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr.splitlines()[-1]


def test_a_threshold_that_is_no_number_is_refused(run, index):
    result = run("queryDataset", "-q", "frames/000001.png", "-i", index, "--threshold", "nan")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: --threshold is a cosine and must be between -1 and 1, not nan\n"
    )


def test_json_has_every_match(run, video_index, tmp_path, picture):
    picture(3).save(tmp_path / "q.png")
    (tmp_path / "broken.jpg").touch()
    result = run(
        "queryDataset", "-q", "q.png", "-q", "broken.jpg", "-i", video_index, "-k", 2, "--json"
    )
    answer = json.loads(result.stdout)
    assert answer["skipped"] == [{"source": "broken.jpg", "reason": "the file is empty"}]
    (found,) = answer["results"]
    assert found["query"] == "q.png"
    assert [set(match) for match in found["matches"]] == [
        {"frame_number", "source", "time_s", "stamp_s", "similarity", "pixels"}
    ] * 2
    assert found["nearest"] == found["matches"][0]["similarity"]
    match = found["matches"][0]
    assert match["time_s"] == pytest.approx(match["frame_number"] / 30)
    assert match["source"] == str(tmp_path / "film.mp4")


def test_the_weights_of_the_index_are_taken(run, make_folder):
    make_folder(3)
    run("buildIndex", "-i", "frames", "-o", "x.index", "--weights", "imagenet", "--fit", "crop")
    result = run("queryDataset", "-q", "frames/000002.png", "-i", "x.index")
    assert "Cosine Similarity: 1.000000" in result.stdout


@pytest.mark.parametrize("options", [("--weights", "imagenet"), ("--fit", "crop")])
def test_other_weights_than_those_of_the_index_are_refused(run, index, options):
    result = run("queryDataset", "-q", "frames/000001.png", "-i", index, *options)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: the index has weights builtin")
    assert "but this run has" in line


def test_a_name_of_two_lines_stays_on_one(run, picture, tmp_path):
    (tmp_path / "frames").mkdir()
    picture(1).save(tmp_path / "frames" / "a\nb.png")
    run("buildIndex", "-i", "frames", "-o", "x.index")
    result = run("queryDataset", "-q", "frames/a\nb.png", "-i", "x.index")
    assert "Source: frames/a\\nb.png\n" in result.stdout


def test_query_and_index_need_no_flags(run, index):
    expected = run("queryDataset", "-q", "frames/000003.png", "-i", index).stdout
    assert run("queryDataset", "frames/000003.png", index).stdout == expected
    assert run("queryDataset", "frames/000003.png", "-i", index).stdout == expected
    assert run("queryDataset", index, "-q", "frames/000003.png").stdout == expected


@pytest.mark.parametrize("arguments", [(), ("x.index",), ("-q", "frames"), ("-i", "x.index")])
def test_half_a_question_is_wrong_usage(run, index, arguments):
    result = run("queryDataset", *arguments)
    assert result.exit_code == 2
    assert "queryDataset still.jpg my.index" in result.stderr


@pytest.mark.parametrize("threshold", ["99%", " 99 %", "99.0%", "0.99"])
def test_a_threshold_may_be_a_percentage(run, index, picture, tmp_path, threshold):
    picture(1000).save(tmp_path / "other.png")
    result = run("queryDataset", "-q", "other.png", "-i", index, "--threshold", threshold)
    assert "No frame with a similarity of 0.99 or more" in result.stdout


def test_what_is_no_similarity_is_wrong_usage(run, index):
    result = run("queryDataset", "frames/000001.png", index, "--threshold", "high")
    assert result.exit_code == 2
    assert "'high' is no similarity; expected 0.95 or 95%" in result.stderr


@pytest.mark.parametrize("threshold", ["x%", "%", "101%", "-101%"])
def test_what_is_no_percentage_is_wrong_usage(run, index, threshold):
    result = run("queryDataset", "frames/000001.png", index, "--threshold", threshold)
    assert result.exit_code == 2
    assert "--threshold" in result.stderr


def test_the_answer_says_which_bars_were_trimmed(run, index, picture):
    ImageOps.expand(picture(3), (0, 20, 0, 24)).save("q.png")
    lines = run("queryDataset", "q.png", index).stdout.splitlines()
    assert lines[1] == "Frame Number: 3"
    assert lines[-1] == "Bars: trimmed from the query, 20 px at the top, 24 px at the bottom"
    (answer,) = json.loads(run("queryDataset", "q.png", index, "--json").stdout)["results"]
    assert answer["bars"] == {"left": 0, "top": 20, "right": 0, "bottom": 24}
    page = run_report(run, "q.png", index)
    assert r"without the query\u0027s bars" in page  # as JSON in a page writes it


def run_report(run, *arguments):
    run("queryDataset", *arguments, "--report", "r.html")
    return Path("r.html").read_text("utf-8")


def test_a_query_without_bars_is_asked_whole(run, index):
    result = run("queryDataset", "frames/000003.png", index)
    assert "Bars" not in result.stdout
    (answer,) = json.loads(run("queryDataset", "frames/000003.png", index, "--json").stdout)[
        "results"
    ]
    assert answer["bars"] is None
