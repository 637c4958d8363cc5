import json
import os
import re
from datetime import datetime, timedelta

import pytest
from PIL import Image

from nearframe.query import GAP_FACTOR
from nearframe.scripts.overview import overview


@pytest.fixture
def lot(tmp_path, picture):
    """Two cameras with a gap, a tiny image, two copies, a broken file, and one without a name."""
    folder = tmp_path / "lot"
    folder.mkdir()
    start = datetime(2021, 3, 26, 8)
    for number, minutes in enumerate([*range(10), *range(100, 110)]):
        time = start + timedelta(minutes=minutes)
        picture(number).save(folder / f"c21_{time:%Y_%m_%d__%H_%M_%S}.png")
    for number in range(5):
        path = folder / f"c3-{1616694872510 + 60_000 * number}.jpg"
        picture(100 + min(number, 3), size=(64, 48)).save(path)
    Image.new("RGB", (10, 6)).save(folder / "c3-1616698872510.png")
    (folder / "c3-1616699872510.png").write_bytes(b"")
    picture(200).save(folder / "door.png")
    os.utime(folder / "door.png", (0, 1616700000))
    return folder


def test_text(run, lot):
    result = run("overview", "lot", "--time-zone", "UTC")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout == (
        "lot: 27 images of 2 cameras, 1 unreadable (not fully decoded)\n"
        "Times (wall clock): 26 from file names, 1 unknown; "
        "points in time among them are on the clock of UTC\n"
        "\n"
        "Camera       Images  First                Last                 Median interval  Gaps  "
        "Resolutions\n"
        "c3                6  2021-03-25 17:54:32  2021-03-25 19:01:12  1 min               1  "
        "64x48 (5), 10x6 (1)\n"
        "c21              20  2021-03-26 08:00:00  2021-03-26 09:49:00  1 min               1  "
        "96x64\n"
        "(no camera)       1  -                    -                    -                   0  "
        "96x64\n"
        "\n"
        "Gaps (over 10 times the median interval of the camera): 2\n"
        "  c21: 1 h 31 min, from 2021-03-26 08:09:00 to 2021-03-26 09:40:00\n"
        "  c3: 1 h 3 min, from 2021-03-25 17:58:32 to 2021-03-25 19:01:12\n"
        "\n"
        "Unreadable: 1\n"
        "  c3-1616699872510.png: the file is empty\n"
        "\n"
        "Suspiciously small (a side under 32 pixels, or under 25% of the camera's median side): 1\n"
        "  c3-1616698872510.png: 10x6\n"
        "\n"
        "Exact duplicates (same content): 1\n"
        "  c3-1616695052510.jpg = c3-1616695112510.jpg\n"
    )


def test_json(run, lot):
    result = run("overview", lot, "--time-zone", "Europe/Berlin", "--json", "--html", "page.html")
    answer = json.loads(result.stdout)
    assert result.stderr == "Page: page.html\n"
    assert {k: v for k, v in answer.items() if k not in ("cameras", "duplicates")} == {
        "folder": str(lot),
        "images": 27,
        "checked": False,
        "gap_factor": 10.0,
        "time_origins": {"name": 26, "modified": 1},
        "left_out": [],
        "unreadable": [
            {"source": str(lot / "c3-1616699872510.png"), "reason": "the file is empty"}
        ],
        "small": [
            {
                "source": str(lot / "c3-1616698872510.png"),
                "camera": "c3",
                "width": 10,
                "height": 6,
            }
        ],
    }
    assert len(answer["duplicates"]) == 1
    c3, c21, unknown = answer["cameras"]
    assert c3 == {
        "camera": "c3",
        "images": 6,
        "first": "2021-03-25T18:54:32.510000+01:00",
        "last": "2021-03-25T20:01:12.510000+01:00",
        "median_interval_s": 60.0,
        "gaps": [
            {
                "seconds": 3760.0,
                "after": {
                    "source": str(lot / "c3-1616695112510.jpg"),
                    "time": "2021-03-25T18:58:32.510000+01:00",
                },
                "before": {
                    "source": str(lot / "c3-1616698872510.png"),
                    "time": "2021-03-25T20:01:12.510000+01:00",
                },
            }
        ],
        "resolutions": [
            {"width": 64, "height": 48, "images": 5},
            {"width": 10, "height": 6, "images": 1},
        ],
        "time_origins": {"name": 6},
    }
    assert (c21["camera"], c21["first"]) == ("c21", "2021-03-26T08:00:00")
    assert (unknown["camera"], unknown["median_interval_s"]) == (None, None)
    assert unknown["time_origins"] == {"modified": 1}


def test_page(run, lot, tmp_path):
    result = run("overview", "lot", "--html", "page.html")
    assert result.exit_code == 0
    assert result.stdout.endswith("\nPage: page.html\n")
    page = (tmp_path / "page.html").read_text("utf-8")
    for camera in ("c3", "c21", "(no camera)"):
        assert f">{camera}<" in page
    assert not re.search(r"https?:|href=", page)
    # Plots are inside of the page.
    assert set(re.findall(r'src="(.{5})', page)) == {"data:"}


@pytest.mark.parametrize("name", ["page.png", "page", "nowhere/page.html"])
def test_a_page_that_cannot_be_is_refused_before_any_work(run, lot, name, monkeypatch):
    monkeypatch.setattr("nearframe.query.survey", None)
    result = run("overview", "lot", "--html", name)
    assert result.exit_code == 2
    assert "--html" in result.stderr


def test_strict_makes_an_unreadable_file_a_failure(run, lot):
    assert run("overview", "lot", "--strict").exit_code == 1
    (lot / "c3-1616699872510.png").unlink()
    assert run("overview", "lot", "--strict").exit_code == 0


def test_check_says_that_everything_was_decoded(run, lot):
    assert "(not fully decoded)" not in run("overview", "lot", "--check").stdout


def test_a_pattern_and_its_format(run, tmp_path, picture):
    (tmp_path / "nvr").mkdir()
    for minute in (1, 2, 4):
        picture(minute).save(tmp_path / "nvr" / f"D7_202103261644{minute:02d}_M.jpg")
    picture(9).save(tmp_path / "nvr" / "other.jpg")
    result = run(
        *("overview", "nvr", "--name-pattern", r"(?P<camera>D\d+)_(?P<time>\d+)_M"),
        *("--time-format", "%Y%m%d%H%M%S"),
    )
    assert "3 from file names, 1 unknown" in result.stdout
    assert re.search(r"^D7 +3 +2021-03-26 16:44:01 +2021-03-26 16:44:04 ", result.stdout, re.M)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name-pattern", "(?P<camera>"], "is not a regular expression"),
        (["--name-pattern", r"\d+"], "expected the groups camera and time"),
        (["--name-pattern", "(?P<camera>gate)"], "matches none of the 28 names"),
        (["--time-format", "epoch"], "is for the group time of --name-pattern"),
        (["--time-zone", "Atlantis"], "is unknown here"),
        (["--gap-factor", "1"], "--gap-factor must be over 1"),
    ],
)
def test_errors_are_one_line(run, lot, options, message):
    result = run("overview", "lot", *options)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert re.fullmatch(r"Error: .*\n", result.stderr)
    assert message in result.stderr


def test_long_lists_are_cut_but_not_in_json(run, lot):
    for number in range(30):
        (lot / f"gate_{number}.png").write_bytes(b"")
    result = run("overview", "lot")
    assert "Unreadable: 31\n" in result.stdout
    assert "  and 21 more; --json has them all\n" in result.stdout
    assert len(json.loads(run("overview", "lot", "--json").stdout)["unreadable"]) == 31


def test_names_that_are_no_utf8(run, lot, picture, tmp_path):
    try:
        picture(1).save(os.fsdecode(os.fsencode(lot) + b"/c\xff-1616694872510.png"))
    except OSError:
        pytest.skip("this file system refuses such names")
    result = run("overview", "lot", "--html", "page.html")
    assert "c\\xff" in result.stdout
    assert "c\\xff" in (tmp_path / "page.html").read_text("utf-8")
    cameras = [c["camera"] for c in json.loads(run("overview", "lot", "--json").stdout)["cameras"]]
    assert "c\udcff" in cameras


def test_the_default_of_the_help_is_that_of_the_library():
    (factor,) = [option for option in overview.params if option.name == "gap_factor"]
    assert factor.default == GAP_FACTOR
