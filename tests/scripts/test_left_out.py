"""Every run over a folder says what of it was left out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nearframe.embeddings.sources import INDEX_FILE
from nearframe.embeddings.sources.raw import raw_available
from nearframe.index.catalog import CATALOG_NAME

LINE = (
    "Left out of frames: 3 files (2 .txt, 1 without a suffix), 1 video (.mp4), "
    "1 raw picture (.nef; pip install 'nearframe[raw]'), 2 system files (.DS_Store and the like), "
    "2 sub-folders with 3 files"
)


@pytest.fixture
def folder(make_folder, picture, sample_video):
    """Twelve pictures, and what nearly every folder has besides."""
    folder = make_folder(12)
    (folder / "notes.txt").write_text("x")
    (folder / "other.TXT").write_text("x")
    (folder / "LICENSE").write_text("x")
    (folder / "film.mp4").symlink_to(sample_video)
    (folder / "shot.nef").write_bytes(b"II*\0")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    picture(1).save(folder / "._000001.png")
    for name in ("a/1.png", "a/b/2.png", "c/3.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(2).save(path, "PNG")
    return folder


@pytest.fixture(autouse=True)
def without_rawpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    raw_available.cache_clear()
    yield
    raw_available.cache_clear()


COMMANDS = {
    "dedup": ("dedup", "frames"),
    "sweep": ("sweep", "frames"),
    "overview": ("overview", "frames"),
    "split": ("split", "frames", "--to", "cameras"),
    "evaluate": ("evaluate", "frames", "--frames", 2),
    "calibrate": ("calibrate", "frames", "--rate", 0.2),
}


def left_out_lines(result):
    return [line for line in result.stderr.splitlines() if line.startswith("Left out")]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_over_pictures_says_what_it_left_out(run, folder, name):
    result = run(*COMMANDS[name])
    assert left_out_lines(result) == [f"{LINE}; --recursive takes them"], result.stderr


def test_a_build_reads_the_videos(run, folder):
    (folder / "film.mp4").unlink()
    (folder / "broken.mp4").write_text("no video")
    (line,) = left_out_lines(run("buildIndex", "frames", "-o", "my.index"))
    assert line == LINE.replace(" 1 video (.mp4),", "") + "; --recursive takes them"


def test_a_query_says_it_without_the_option_that_it_has_not(run, folder):
    run("buildIndex", folder / "000001.png", "-o", "my.index")
    assert left_out_lines(run("queryDataset", "frames", "my.index")) == [LINE]


@pytest.mark.parametrize("name", COMMANDS)
def test_json_has_it_too(run, folder, name):
    result = run(*COMMANDS[name], "--json")
    assert json.loads(result.stdout)["left_out"] == [
        {
            "folder": "frames",
            "files": 7,
            "others": {".txt": 2, "": 1},
            "videos": {".mp4": 1},
            "raw": {".nef": 1},
            "system": 2,
            "moved": 0,
            "too_long": 0,
            "folders": 2,
            "files_in_folders": 3,
        }
    ]


def test_json_of_a_build_and_of_a_query_has_it(run, folder):
    (folder / "film.mp4").unlink()
    built = json.loads(run("buildIndex", "frames", "-o", "my.index", "--json").stdout)
    asked = json.loads(run("queryDataset", "frames", "my.index", "--json").stdout)
    assert [entry["files"] for entry in built["left_out"] + asked["left_out"]] == [6, 6]


@pytest.mark.parametrize("name", COMMANDS)
def test_where_nothing_is_left_out_nothing_is_said(run, make_folder, name):
    make_folder(12)
    result = run(*COMMANDS[name], "--json")
    assert not left_out_lines(result)
    assert json.loads(result.stdout)["left_out"] == []


def test_of_sub_folders_that_are_searched_the_files_are_counted(run, folder):
    (line,) = left_out_lines(run("overview", "frames", "--recursive"))
    assert "sub-folder" not in line
    assert "--recursive" not in line


def test_a_folder_without_pictures_says_what_is_there_instead(run, tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "a.xyz").write_bytes(b"\x93")
    result = run("dedup", "frames")
    assert result.exit_code == 1
    assert "left out: 1 file (.xyz)" in result.stderr


def test_an_index_in_the_folder_is_no_sub_folder(run, make_folder):
    make_folder(3)
    run("buildIndex", "frames", "-o", "frames/my.index")
    for options in ((), ("--recursive",)):
        result = run("overview", "frames", *options)
        assert not left_out_lines(result), result.stderr
    assert INDEX_FILE == CATALOG_NAME


def test_what_an_application_moves_away_is_not_left_out(run, make_folder):
    make_folder([1, 1, 2, 3])
    result = run("dedup", "frames", "--apply", "move", "--to", "frames/repeats")
    assert result.exit_code == 0, result.stderr
    assert not left_out_lines(result)


@pytest.fixture
def deep(tmp_path, picture):
    """A folder below which a picture and a folder have paths that are too long."""
    if sys.platform != "linux":
        pytest.skip("makes paths of more than 4096 bytes as Linux does")
    (tmp_path / "frames").mkdir()
    picture(1).save(tmp_path / "frames" / "1.png")
    here = os.open(tmp_path / "frames", os.O_RDONLY)
    for _ in range(25):
        os.mkdir("x" * 200, dir_fd=here)
        below = os.open("x" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        length = len(str(Path(f"/proc/self/fd/{here}").readlink()))
        if 4096 - 250 < length < 4096:
            os.close(os.open("y" * 250 + ".png", os.O_CREAT | os.O_WRONLY, dir_fd=here))
            os.mkdir("z" * 250, dir_fd=here)
            break
    yield tmp_path
    os.close(here)
    subprocess.run(["rm", "-rf", tmp_path / "frames"], check=True)


@pytest.mark.parametrize("command", [("overview",), ("dedup",), ("buildIndex", "-o", "my.index")])
def test_what_has_too_long_a_path_is_counted(run, deep, command):
    # Absolute, since what counts is the path as it is given.
    result = run(*command, deep / "frames", "--recursive")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ("Left out of frames: 2 with a path that is too long for this system\n")
