"""Whatever is wrong with the input: one line that says what to do, no traceback, exit code 1."""

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing

import av
import numpy as np
import pytest

from nearframe.index import FrameIndex


@pytest.fixture
def fails(run, tmp_path):
    """Run a command that must fail; return its line without ``Error: ``."""

    def call(*arguments):
        result = run(*arguments)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert lines[-1].startswith("Error: ")
        assert all(line.startswith(("Skipped ", "  ")) for line in lines[:-1])
        return lines[-1].removeprefix("Error: ")

    return call


@pytest.fixture
def index(run, make_folder):
    make_folder(3)
    run("buildIndex", "-i", "frames", "-o", "x.index")
    return "x.index"


def sound_only(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def inputs(tmp_path, sample_video):
    """Make one of each kind of bad input in the current folder."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no image")
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "zero.png").touch()
    (tmp_path / "zero.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "cut.mp4").write_bytes(sample_video.read_bytes()[:2000])
    sound_only(tmp_path / "sound.mp4")


# What is no source at all, with the start of its reason.
NO_SOURCE = {
    "none": "no such file or folder",
    "none.jpg": "no such file or folder",
    "none.mp4": "no such file or folder",
    "empty": "no images in this folder",
    "texts": "no images in this folder",
    "notes.txt": "neither a folder nor a known kind of image or video",
}
# What is an image or a video by its name, but does not decode.
BROKEN = {
    "text.jpg": "not an image",
    "zero.png": "the file is empty",
    "zero.mp4": "the file is empty",
    "text.mp4": "not a video that can be read",
    "cut.mp4": "",
    "sound.mp4": "has no video stream; expected a video",
}
BAD_INPUTS = {**NO_SOURCE, **BROKEN}


@pytest.mark.parametrize("name", NO_SOURCE)
def test_build_index_of_no_source(fails, inputs, name, tmp_path):
    line = fails("buildIndex", "-i", name, "-o", "x.index")
    assert line.startswith(f"{name}: {NO_SOURCE[name]}")
    assert not (tmp_path / "x.index").exists()


@pytest.mark.parametrize("name", NO_SOURCE)
def test_build_index_of_no_source_beside_a_good_one(fails, inputs, make_folder, name, tmp_path):
    make_folder(2)
    line = fails("buildIndex", "-i", "frames", "-i", name, "-o", "x.index")
    assert line.startswith(f"{name}: {NO_SOURCE[name]}")
    assert not (tmp_path / "x.index").exists()


@pytest.mark.parametrize("name", BROKEN)
def test_build_index_of_a_broken_file(run, fails, inputs, name, tmp_path):
    line = fails("buildIndex", "-i", name, "-o", "x.index")
    assert line.startswith(f"{name}: ")
    assert f"{name}: {BROKEN[name]}" in run("buildIndex", "-i", name, "-o", "x.index").stderr
    assert not (tmp_path / "x.index").exists()


@pytest.mark.parametrize("name", BROKEN)
def test_build_index_of_a_broken_file_beside_a_good_one(run, inputs, make_folder, name):
    make_folder(2)
    result = run("buildIndex", "-i", "frames", "-i", name, "-o", "x.index")
    assert result.exit_code == 0
    assert "Processed 2 frames. Index saved to x.index" in result.stdout
    head, line = result.stderr.splitlines()
    assert head == "Skipped 1 file:"
    assert line.startswith(f"  {name}: {BROKEN[name]}")


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_query_dataset(fails, inputs, index, name):
    line = fails("queryDataset", "-q", name, "-i", index)
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_dedup(fails, inputs, name, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert fails("dedup", name).startswith(f"{name}: ")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_of_broken_images_alone(fails, make_folder, tmp_path):
    for path in make_folder(2).iterdir():
        path.write_text("no image")
    assert "nothing in it can be read" in fails("buildIndex", "-i", "frames", "-o", "x.index")
    assert "none of its 2 images can be read" in fails("dedup", "frames")


QUESTIONS = {
    "queryDataset": ("queryDataset", "-q", "frames/000001.png", "-i"),
    "info": ("info",),
    "verify": ("verify",),
    "export": ("export",),
}


def ask(command, index):
    return (*QUESTIONS[command], index, *(["out.npy"] if command == "export" else []))


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_missing_index(fails, make_folder, command):
    make_folder(1)
    line = fails(*ask(command, "none.index"))
    assert line == "no such index: none.index; make one with buildIndex"


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_folder_that_is_no_index(fails, make_folder, command):
    make_folder(1)
    line = fails(*ask(command, "frames"))
    assert line.startswith("frames is not an index (it has no frames.sqlite); make one with build")


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_file_that_is_no_index(fails, make_folder, command):
    make_folder(1)
    assert "is not an index" in fails(*ask(command, "frames/000001.png"))


@pytest.mark.parametrize("command", QUESTIONS)
def test_an_index_whose_catalogue_is_damaged(fails, index, tmp_path, command):
    (tmp_path / index / "frames.sqlite").write_bytes(b"garbage" * 500)
    line = fails(*ask(command, index))
    assert "frames.sqlite is damaged" in line
    assert "run buildIndex again" in line


@pytest.mark.parametrize("command", [*QUESTIONS, "buildIndex", "dedup"])
def test_an_index_of_a_newer_version(fails, index, tmp_path, command):
    with closing(sqlite3.connect(tmp_path / index / "frames.sqlite")) as catalog:
        catalog.execute("UPDATE meta SET value = '99' WHERE key = 'format_version'")
        catalog.commit()
    extra = {"buildIndex": ("buildIndex", "-i", "frames", "-o", index), "dedup": ("dedup", index)}
    line = fails(*(extra.get(command) or ask(command, index)))
    assert "has format version 99, but this nearframe reads version" in line
    assert line.endswith("upgrade nearframe")


@pytest.mark.parametrize("command", ["queryDataset", "export", "dedup"])
def test_an_index_whose_vectors_are_damaged(fails, index, tmp_path, command):
    for path in (tmp_path / index).iterdir():
        if path.suffix in (".f32", ".faiss"):
            path.unlink()
    line = fails(*(("dedup", index) if command == "dedup" else ask(command, index)))
    assert "is missing" in line
    assert "run the same buildIndex again" in line


def test_an_index_of_other_weights(fails, run, index):
    line = fails("buildIndex", "-i", "frames", "-o", index, "--weights", "imagenet")
    assert line.startswith("the index x.index has weights builtin")
    assert "but this run has weights imagenet" in line


def test_an_index_that_is_being_written(fails, index):
    with FrameIndex.open(index, write=True):
        line = fails("buildIndex", "-i", "frames", "-o", index)
    assert line.startswith("x.index is being written by another process; wait until it ends")


@pytest.mark.parametrize("name", ["x.json", "x.faiss"])
def test_a_broken_export(fails, make_folder, tmp_path, name):
    make_folder(1)
    (tmp_path / name).write_text("{")
    (tmp_path / "x.faiss.json").write_text('{"frames": []}')
    assert fails(*ask("queryDataset", name)).startswith(f"{name} is not")


def test_a_faiss_file_without_its_frames(fails, run, index, tmp_path):
    run("export", index, "x.faiss")
    (tmp_path / "x.faiss.json").unlink()
    assert "x.faiss.json" in fails(*ask("queryDataset", "x.faiss"))


def test_an_export_of_something_else(fails, make_folder, tmp_path):
    make_folder(1)
    (tmp_path / "x.json").write_text(json.dumps({"some": "thing"}))
    assert (
        "is no exported index (Object missing required field frames); expected an object"
        in fails(*ask("queryDataset", "x.json"))
    )


def test_an_output_that_is_a_folder_of_something_else(fails, make_folder, snapshot, tmp_path):
    folder = make_folder(2)
    before = snapshot(folder)
    line = fails("buildIndex", "-i", "frames", "-o", "frames")
    assert line == "frames exists and is not empty; choose a new name for the index"
    assert snapshot(folder) == before


def test_an_output_that_is_a_file(fails, make_folder, tmp_path):
    make_folder(1)
    (tmp_path / "x.index").write_text("mine")
    assert "x.index" in fails("buildIndex", "-i", "frames", "-o", "x.index")
    assert (tmp_path / "x.index").read_text() == "mine"


def test_a_plan_that_is_none(fails, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    line = fails("apply", "x.json", "--action", "move")
    assert line == "x.json is not a dedup plan; make one with dedup FOLDER"


def test_a_plan_that_is_gone(fails):
    assert fails("apply", "x.json", "--action", "move").startswith("x.json: no such file")


@pytest.mark.parametrize(
    "command",
    [
        ("getSimilarity", "-q", "frames/000001.png", "-t", "frames/000002.png"),
        ("buildIndex", "-i", "frames", "-o", "x.index"),
        ("dedup", "frames"),
    ],
)
def test_weights_that_do_not_exist(run, make_folder, monkeypatch, command, tmp_path):
    from nearframe.embeddings import embedder, weights

    make_folder(2)
    monkeypatch.chdir(tmp_path)
    # Reading them is what fails; no network is loaded.
    monkeypatch.setattr(
        embedder, "load_backbone", lambda name, *_, **__: weights.load_weights(name)
    )
    for name, message in (
        ("resnet", "unknown weights resnet; expected one of builtin, "),
        ("none.pth", "weights none.pth: no such file or folder"),
    ):
        result = run(*command, "--weights", name)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"Error: {message}")
    assert not (tmp_path / "x.index").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_names_that_are_no_text_are_printed(fails, run, make_folder, tmp_path):
    name = os.fsdecode(b"a\xff\n.jpg")
    (tmp_path / name).write_text("no image")
    assert fails("buildIndex", "-i", name, "-o", "x.index").startswith("a\\xff\\n.jpg: ")
    shutil.copy(make_folder(1) / "000001.png", tmp_path / "frames" / name)
    run("buildIndex", "-i", "frames", "-o", "x.index")
    answer = run("queryDataset", "-q", "frames/000001.png", "-i", "x.index", "-k", 2, "--json")
    found = [match["source"] for match in json.loads(answer.stdout)["results"][0]["matches"]]
    assert str(tmp_path / "frames" / name) in found


LONG = ("a" * 5000, "a/" * 3000)


@pytest.mark.parametrize("name", LONG, ids=["name", "path"])
@pytest.mark.parametrize(
    "command",
    [
        *("info {}", "verify {}", "export {} x.json", "undo {}", "apply {} --action move"),
        *("overview {}", "dedup {}", "explain {} {}", "getSimilarity {} {}", "evaluate {}"),
        *("split {} --to x", "buildIndex {} -o x", "buildIndex frames -o {}", "queryDataset {} {}"),
        *("export my.index {}.json", "dedup frames --csv {}.csv", "dedup frames --protect {}"),
        *("evaluate frames --ground-truth {}", "explain {} {} --mask {}", "calibrate {}"),
    ],
)
def test_names_longer_than_any_file_has(run, make_folder, name, command):
    make_folder(1)
    result = run(*(word.replace("{}", name) for word in command.split()))
    assert result.exit_code == 1
    assert result.stderr.count("Error: ") == 1
    assert len(result.stderr.splitlines()) <= 2


def test_memory_that_there_is_not_is_one_line(fails, make_folder, monkeypatch):
    make_folder(1)

    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr("nearframe.embeddings.sources.ImageSequence.of_folder", full)
    assert fails("dedup", "frames") == "there is not enough memory for this"


@pytest.mark.parametrize(
    "command",
    [
        ("buildIndex", ""),
        ("buildIndex", "frames", "-o", ""),
        ("queryDataset", "", "x.index"),
        ("getSimilarity", "frames/000001.png", ""),
        ("dedup", ""),
    ],
)
def test_an_empty_argument_is_not_the_current_folder(run, index, command):
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "an argument is empty" in result.stderr
