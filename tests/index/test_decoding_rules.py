"""Files that older rules of decoding read are read again, as far as it concerns them."""

import json
import signal
import sqlite3
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import Embedder
from nearframe.embeddings.sources import open_sources
from nearframe.index import FrameIndex, build, build_index, files_of_older_rules, verify
from nearframe.index.catalog import CATALOG_NAME

pytestmark = pytest.mark.usefixtures("fake_network")


def age(path, *, columns=True):
    """Make an index as the first nearframe made it; without `columns`, only its rules are old."""
    with sqlite3.connect(path / CATALOG_NAME) as database:
        if columns:
            database.execute("ALTER TABLE files DROP COLUMN rules")
            database.execute("ALTER TABLE frames DROP COLUMN stamp_s")
        else:
            database.execute("UPDATE files SET rules = 1")
    database.close()


def frames_of(path):
    with FrameIndex.open(path) as index:
        return [
            (frame.ref.source.rsplit("/", 1)[-1], frame.ref.number, frame.id)
            for frame in index.catalog.frames()
        ]


def older(path):
    with FrameIndex.open(path) as index:
        return files_of_older_rules(index)


@pytest.fixture
def make_video(tmp_path, picture):
    """Make a video in Matroska: ``make_video(name, count, first)``, 25 stamps per second."""

    def make(name, count, first=0):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for number in range(count):
                frame = av.VideoFrame.from_image(picture(number))
                frame.pts, frame.time_base = first + number, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return tmp_path / name

    return make


@pytest.fixture
def mixed(make_folder, picture):
    """A folder: two plain pictures, and three that newer rules may read otherwise."""
    folder = make_folder(2)
    picture(5).convert("RGBA").save(folder / "alpha.png")
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)).save(folder / "deep.tif")
    picture(6).save(folder / "plain.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    # A tag of a type that it cannot have, as damaged blocks do.
    block = bytearray(exif.tobytes() + b"\0" * 8)
    picture(7).save(folder / "turned.jpg", exif=bytes(block))
    return folder


@pytest.mark.parametrize("columns", [True, False])
def test_a_build_reads_what_is_concerned_and_no_more(mixed, tmp_path, columns):
    output = tmp_path / "x.index"
    build_index([mixed], output)
    before = frames_of(output)
    age(output, columns=columns)
    assert older(output) == 6
    report = build_index([mixed], output)
    assert (report.embedded, report.unchanged) == (2, 4)
    assert older(output) == 0
    after = frames_of(output)
    assert [entry[:2] for entry in after] == [entry[:2] for entry in before]
    changed = {new[0] for old, new in zip(before, after, strict=True) if old != new}
    assert changed == {"alpha.png", "deep.tif"}
    assert not verify(output).damage
    assert build_index([mixed], output).embedded == 0


def test_an_old_index_is_searched_as_it_is(mixed, tmp_path, run):
    build_index([mixed], tmp_path / "x.index")
    age(tmp_path / "x.index")
    result = run("queryDataset", mixed / "plain.jpg", "x.index", "--json")
    answer = json.loads(result.stdout)
    assert answer["results"][0]["matches"][0]["source"] == str(mixed / "plain.jpg")
    assert answer["results"][0]["matches"][0]["stamp_s"] is None
    assert not verify(tmp_path / "x.index").damage


@pytest.mark.parametrize("command", ["queryDataset", "info", "verify", "dedup"])
def test_commands_say_that_files_were_read_by_older_rules(mixed, tmp_path, run, command):
    build_index([mixed], tmp_path / "x.index")
    arguments = [mixed / "plain.jpg", "x.index"] if command == "queryDataset" else ["x.index"]
    assert "older rules" not in run(command, *arguments).stderr
    age(tmp_path / "x.index")
    line = (
        "Note: 6 files of x.index were read by older rules of decoding; "
        "the same buildIndex reads again what they concern\n"
    )
    assert line in run(command, *arguments).stderr
    if command != "dedup":
        assert json.loads(run(command, *arguments, "--json").stdout)["older_rules"] == 6
    run("buildIndex", mixed, "-o", "x.index")
    assert "older rules" not in run(command, *arguments).stderr


def test_a_video_that_starts_late_is_read_again_with_its_stamps(make_video, tmp_path):
    make_video("a.mkv", 12, first=25)
    make_video("b.mkv", 12)
    output = tmp_path / "x.index"
    build_index([tmp_path / "a.mkv", tmp_path / "b.mkv"], output)
    age(output)
    assert build_index([tmp_path / "a.mkv", tmp_path / "b.mkv"], output).embedded == 12
    with FrameIndex.open(output) as index:
        first, *_, last = index.catalog.frames()
    assert (first.ref.number, first.ref.time_s, first.ref.stamp_s) == (0, 0.0, 1.0)
    assert last.ref.stamp_s is None


def test_frames_keep_their_stamps_beside_their_times(make_video, tmp_path):
    make_video("a.mkv", 12, first=25)
    build_index([tmp_path / "a.mkv"], tmp_path / "x.index")
    with FrameIndex.open(tmp_path / "x.index") as index:
        refs = [frame.ref for frame in index.catalog.frames()]
        ids = [frame.id for frame in index.catalog.frames()]
        assert index.catalog.frames_by_id(ids)[ids[3]].ref.stamp_s == pytest.approx(1.12)
    assert [ref.stamp_s - ref.time_s for ref in refs] == pytest.approx([1.0] * 12)


def test_a_video_is_exchanged_in_one_commit(make_video, tmp_path, monkeypatch):
    make_video("a.mkv", 40, first=25)
    output = tmp_path / "x.index"
    build_index([tmp_path / "a.mkv"], output)
    age(output)
    monkeypatch.setattr(build, "COMMIT_EVERY", 4)
    seen = []
    commit = FrameIndex.commit

    def watched(index):
        commit(index)
        with FrameIndex.open(output) as reader:
            seen.append(len(reader))

    monkeypatch.setattr(FrameIndex, "commit", watched)
    build_index([tmp_path / "a.mkv"], output)
    assert set(seen) == {40}


def test_a_build_that_is_killed_leaves_the_old_frames(
    start, mixed, make_video, tmp_path, monkeypatch
):
    video = make_video("a.mkv", 40, first=25)
    output = tmp_path / "x.index"
    build_index([video], output)
    before = frames_of(output)
    age(output)
    started = tmp_path / "started"
    monkeypatch.setenv("NEARFRAME_TEST_STARTED", str(started))
    process = start("buildIndex", "-i", video, "-o", output, "--batch-size", 1, delay_s=1)
    while not started.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert frames_of(output) == before
    assert not verify(output).damage
    assert older(output) == 1
    assert build_index([video], output).embedded == 40
    assert older(output) == 0


def test_numbers_move_in_the_first_commit(make_folder, picture, tmp_path, monkeypatch):
    folder, output = make_folder(3), tmp_path / "x.index"
    build_index([folder], output)
    for number in range(6):
        picture(20 + number).save(folder / f"000001_{number}.jfif", "JPEG")
    expected = [file.path.rsplit("/", 1)[-1] for file in open_sources(folder)[0].files]
    monkeypatch.setattr(build, "COMMIT_EVERY", 2)
    numbers = []
    commit = FrameIndex.commit

    def watched(index):
        commit(index)
        with FrameIndex.open(output) as reader:
            numbers.extend(frame.ref for frame in reader.catalog.frames())

    monkeypatch.setattr(FrameIndex, "commit", watched)
    build_index([folder], output, embedder=Embedder(batch_size=2))
    assert len(numbers) > 9
    assert all(expected[ref.number] == ref.source.rsplit("/", 1)[-1] for ref in numbers)
