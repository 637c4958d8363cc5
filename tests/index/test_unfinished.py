"""An index whose build did not reach its end is called incomplete by every command."""

import json
import signal
import time

import pytest

from nearframe.common import DiskFullError
from nearframe.embeddings import Embedder
from nearframe.index import FrameIndex, build_index, unfinished_inputs
from nearframe.index.frame_index import write_shard

pytestmark = pytest.mark.usefixtures("fake_network")


def unfinished(path):
    with FrameIndex.open(path) as index:
        return unfinished_inputs(index)


def build_interrupted(inputs, output, error=KeyboardInterrupt):
    embedder = Embedder(batch_size=2)
    embed_source = embedder.embed_source

    def interrupted(source):
        for number, batch in enumerate(embed_source(source)):
            if number == 1:
                raise error
            yield batch

    embedder.embed_source = interrupted
    with pytest.raises(error):
        build_index(inputs, output, embedder=embedder)


@pytest.fixture
def half(make_folder, tmp_path):
    folder, output = make_folder(6), tmp_path / "x.index"
    build_interrupted([folder], output)
    return folder, output


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_until_the_build_reaches_its_end(make_folder, tmp_path, error):
    folder, output = make_folder(6), tmp_path / "x.index"
    build_interrupted([folder], output, error)
    assert unfinished(output) == (str(folder),)
    build_index([folder], output)
    assert unfinished(output) == ()


def test_a_full_disk_leaves_it_incomplete(make_folder, tmp_path, monkeypatch):
    folder, output = make_folder(3), tmp_path / "x.index"
    build_index([folder], output)
    (folder / "000001.png").unlink()
    (folder / "000002.png").rename(folder / "000009.png")

    def full(*_):
        raise DiskFullError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("nearframe.index.frame_index.write_shard", full)
        with pytest.raises(DiskFullError):
            build_index([folder], output)
    assert write_shard is not full
    assert unfinished(output) == (str(folder),)


def test_a_killed_build_leaves_it_incomplete(start, make_folder, tmp_path, monkeypatch):
    started = tmp_path / "started"
    monkeypatch.setenv("NEARFRAME_TEST_STARTED", str(started))
    folder, output = make_folder(30), tmp_path / "x.index"
    process = start("buildIndex", "-i", folder, "-o", output, "--batch-size", 1, delay_s=1)
    while not started.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert unfinished(output) == (str(folder),)


def test_another_build_does_not_complete_it(half, make_folder, picture, tmp_path):
    folder, output = half
    other = make_folder([20, 21], name="other")
    build_index([other], output)
    assert unfinished(output) == (str(folder),)
    build_index([folder], output)
    assert unfinished(output) == ()


def test_a_build_of_the_folder_above_completes_it(half, tmp_path):
    _, output = half
    build_index([tmp_path / "frames", tmp_path], output, recursive=True)
    assert unfinished(output) == ()


def test_other_weights_that_are_refused_do_not_mark_it(run, make_folder):
    make_folder(2)
    run("buildIndex", "-i", "frames", "-o", "x.index")
    assert run("buildIndex", "-i", "frames", "-o", "x.index", "--weights", "random").exit_code == 1
    assert "incomplete" not in run("info", "x.index").stderr


def test_a_build_without_news_leaves_the_generation(make_folder, tmp_path):
    folder, output = make_folder(2), tmp_path / "x.index"
    build_index([folder], output)
    with FrameIndex.open(output) as index:
        before = index.catalog.generation()
    build_index([folder], output)
    with FrameIndex.open(output) as index:
        assert index.catalog.generation() == before


@pytest.mark.parametrize(
    "command",
    [
        ("info", "x.index"),
        ("verify", "x.index"),
        ("queryDataset", "-q", "frames/000001.png", "-i", "x.index"),
        ("export", "x.index", "out.json"),
        ("dedup", "x.index", "--threshold", 0.9),
    ],
    ids=lambda command: command[0],
)
def test_every_command_says_so(run, half, command):
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    assert "x.index is incomplete: building it from frames was interrupted" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("info", "x.index"),
        ("verify", "x.index"),
        ("queryDataset", "-q", "frames/000001.png", "-i", "x.index"),
        ("dedup", "x.index", "--threshold", "90%"),
    ],
    ids=lambda command: command[0],
)
def test_json_says_so(run, half, command):
    assert json.loads(run(*command, "--json").stdout)["complete"] is False
    run("buildIndex", "-i", "frames", "-o", "x.index")
    assert json.loads(run(*command, "--json").stdout)["complete"] is True
