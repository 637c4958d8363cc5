"""A build that dies at any moment leaves an index that is whole, and goes on where it was."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nearframe.embeddings import Embedder
from nearframe.embeddings.sources import Sampling
from nearframe.index import FrameIndex, build_index, verify
from nearframe.index.catalog import Catalog
from nearframe.index.database import Database

pytestmark = pytest.mark.usefixtures("fake_network")

CRASHING = Path(__file__).parent / "crashing.py"

# Of all steps every one is tried with the slow tests, every STRIDE-th without.
STRIDE = 17
SCENARIOS = ["fresh", "update", "json", "ivf", "ivf-update"]
KILLED = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 1}


def read(path):
    with FrameIndex.open(path) as index:
        blocks = list(index.blocks())
    refs = [frame.ref for block in blocks for frame in block.frames]
    return refs, np.concatenate([block.vectors for block in blocks])


def assert_same(path, reference):
    (refs, vectors), (expected_refs, expected_vectors) = read(path), read(reference)
    assert refs == expected_refs
    np.testing.assert_allclose(vectors, expected_vectors, atol=1e-6)


class TestDeath:
    """The process ends as by kill -9, before one step of its writing."""

    @pytest.fixture
    def die_before(self, tmp_path, make_folder, picture, monkeypatch):
        monkeypatch.setattr("nearframe.index.search.choice._FEWEST_FOR_LISTS", 1)
        folder = make_folder(5)  # two commits
        (folder / "000003.png").write_bytes(b"no image at all")

        def run(scenario, stride, offset):
            if "update" in scenario:
                ann = "ivf" if "ivf" in scenario else None
                build_index([folder], tmp_path / "before" / "my.index", ann=ann)
                picture(20).save(folder / "000001.png")
                picture(21).save(folder / "000001b.png")
                (folder / "000002.png").unlink()
                (folder / "000004.png").write_bytes(b"no image any more")
            result = subprocess.run(
                [sys.executable, CRASHING, scenario, tmp_path, str(stride), str(offset)],
                capture_output=True,
                text=True,
            )
            assert result.returncode == 0, result.stdout + result.stderr
            return int(result.stdout.split()[0])

        return run

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_before_some_steps(self, die_before, scenario):
        assert die_before(scenario, STRIDE, random.Random(scenario).randrange(STRIDE)) >= 3

    @pytest.mark.slow
    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_before_each_step(self, die_before, scenario):
        assert die_before(scenario, 1, 0) >= 3 * STRIDE


class TestInterrupt:
    """Ctrl-C before one step; what was embedded is kept, and no file is lost from the index."""

    @pytest.fixture
    def interrupt(self, monkeypatch):
        """Run a build with a Ctrl-C before a step of that number; return the number of steps."""

        def build(inputs, output, number):
            steps = 0
            with monkeypatch.context() as patch:
                for owner, name in ((os, "fsync"), (os, "replace"), (Database, "run")):
                    function = getattr(owner, name)

                    def step(*args, function=function):
                        nonlocal steps
                        if steps == number:
                            signal.raise_signal(signal.SIGINT)
                        steps += 1
                        return function(*args)

                    patch.setattr(owner, name, step)
                if number < 0:
                    build_index(inputs, output, embedder=Embedder(batch_size=2))
                else:
                    with pytest.raises(KeyboardInterrupt):
                        build_index(inputs, output, embedder=Embedder(batch_size=2))
            return steps

        monkeypatch.setattr("nearframe.index.build.COMMIT_EVERY", 4)
        return build

    @pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.slow)])
    def test_before_a_step(self, interrupt, make_folder, tmp_path, stride):
        folder = make_folder(6)
        reference, output = tmp_path / "reference", tmp_path / "my.index"
        steps = interrupt([folder], reference, -1)
        assert steps > 60
        for number in range(0, steps, stride):
            interrupt([folder], output, number)
            assert not FrameIndex.exists(output) or verify(output).damage == ()
            build_index([folder], output)
            assert_same(output, reference)
            FrameIndex.remove(output)

    def test_what_was_embedded_is_kept(self, make_folder, tmp_path, contents):
        folder, output = make_folder(6), tmp_path / "my.index"
        embedder = Embedder(batch_size=2)
        embed_source = embedder.embed_source

        def interrupted(source):
            for number, batch in enumerate(embed_source(source)):
                if number == 2:
                    signal.raise_signal(signal.SIGINT)
                yield batch

        embedder.embed_source = interrupted
        with pytest.raises(KeyboardInterrupt):
            build_index([folder], output, embedder=embedder)
        assert [ref.number for ref in contents(output)] == [0, 1, 2, 3]

    def test_a_file_is_not_noted_without_its_frame(self, make_folder, tmp_path, monkeypatch):
        folder, output = make_folder(6), tmp_path / "my.index"
        put_file = Catalog.put_file

        def interrupted(self, source_id, state):
            put_file(self, source_id, state)
            signal.raise_signal(signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(Catalog, "put_file", interrupted)
            with pytest.raises(KeyboardInterrupt):
                build_index([folder], output)
        assert build_index([folder], output).total == 6

    def test_a_video_that_rehash_found_changed_is_not_lost(
        self, sample_video, tmp_path, monkeypatch
    ):
        video, output = tmp_path / "film.mp4", tmp_path / "my.index"
        shutil.copy(sample_video, video)
        sampling = Sampling(every=100)
        build_index([video], output, sampling=sampling)
        status = video.stat()
        video.write_bytes(video.read_bytes()[:-1] + b"x")
        os.utime(video, ns=(status.st_atime_ns, status.st_mtime_ns))
        remove_frames = Catalog.remove_frames

        def interrupted(self, path):
            remove_frames(self, path)
            signal.raise_signal(signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(Catalog, "remove_frames", interrupted)
            with pytest.raises(KeyboardInterrupt):
                build_index([video], output, sampling=sampling, rehash=True)
        assert build_index([video], output, sampling=sampling).total == 3


class TestKilled:
    """Another process is interrupted or killed at random moments, again and again."""

    @pytest.fixture
    def source(self, request, make_folder, sample_video):
        return sample_video if request.param == "video" else make_folder(60)

    @pytest.fixture
    def killed_builds(self, start, tmp_path, monkeypatch):
        """Kill builds some time after their first batch; yield after each."""
        started = tmp_path / "started"
        monkeypatch.setenv("NEARFRAME_TEST_COMMIT_EVERY", "8")
        monkeypatch.setenv("NEARFRAME_TEST_STARTED", str(started))

        def builds(source, output, how, times):
            moments = random.Random(f"{source.name} {how}")
            for _ in range(times):
                process = start(
                    *("buildIndex", "-i", source, "-o", output, "--batch-size", 4), delay_s=0.05
                )
                while not started.exists() and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(moments.uniform(0, 0.3))
                process.send_signal(how)
                _, error = process.communicate()
                assert process.returncode == KILLED[how], error
                if how == signal.SIGINT:
                    assert "Error: interrupted; what was read is kept" in error
                started.unlink()
                yield

        return builds

    @pytest.mark.parametrize("how", KILLED, ids=lambda how: how.name)
    @pytest.mark.parametrize(
        "source", ["folder", pytest.param("video", marks=pytest.mark.slow)], indirect=True
    )
    def test_the_same_build_completes_the_index(self, source, how, killed_builds, tmp_path):
        output, reference = tmp_path / "my.index", tmp_path / "reference"
        kept = 0
        for _ in killed_builds(source, output, how, times=2):
            assert verify(output).damage == ()
            with FrameIndex.open(output) as index:
                assert len(index) >= kept
                kept = len(index)
        report = build_index([source], output)
        assert report.unchanged == kept
        build_index([source], reference)
        assert_same(output, reference)

    @pytest.mark.slow
    @pytest.mark.parametrize("how", KILLED, ids=lambda how: how.name)
    @pytest.mark.parametrize("source", ["folder", "video"], indirect=True)
    def test_the_same_build_completes_a_single_file(self, source, how, killed_builds, tmp_path):
        output, reference = tmp_path / "x.json", tmp_path / "reference.json"
        for _ in killed_builds(source, output, how, times=4):
            assert not output.exists()
            assert verify(tmp_path / ".x.json.partial").damage == ()
        build_index([source], output)
        build_index([source], reference)
        found, expected = (json.loads(path.read_text())["frames"] for path in (output, reference))
        for frame, other in zip(found, expected, strict=True):
            assert np.allclose(frame.pop("embedding"), other.pop("embedding"), atol=1e-6)
            assert frame == other
        assert not (tmp_path / ".x.json.partial").exists()


class TestSteps:
    """An error between two steps of a commit."""

    @pytest.fixture
    def path(self, make_index, film, unit_vectors):
        return make_index((film(3), unit_vectors(3)))

    def fail_to_add(self, path, frames, vectors):
        with FrameIndex.open(path, write=True) as index:
            index.append(frames, vectors)

    @pytest.mark.parametrize(
        ("owner", "name"),
        [
            ("nearframe.index.frame_index.write_shard", "before the shard"),
            ("nearframe.index.catalog.Catalog.add_shard", "after the shard"),
            ("nearframe.index.catalog.Catalog.set_meta", "before SQLite's COMMIT"),
        ],
        ids=lambda value: value.replace(" ", "-") if " " in value else "",
    )
    def test_before_the_commit_leaves_the_last_one(
        self, path, film, unit_vectors, monkeypatch, owner, name, contents
    ):
        before = contents(path)

        def crash(*_):
            raise ZeroDivisionError(name)

        with monkeypatch.context() as patch:
            patch.setattr(owner, crash)
            with pytest.raises(ZeroDivisionError):
                self.fail_to_add(path, film(2, first=3), unit_vectors(2))
        assert contents(path) == before
        assert verify(path).damage == ()
        assert len(list(path.glob("*.f32"))) == 1  # the orphan is swept

    def test_after_the_commit_only_the_faiss_file_is_missing(
        self, path, film, unit_vectors, monkeypatch, contents
    ):
        def crash(*_):
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr("nearframe.index.search.flat_file.FlatFile.write", crash)
            with pytest.raises(ZeroDivisionError):
                self.fail_to_add(path, film(2, first=3), unit_vectors(2))
        assert list(contents(path)) == film(5)
        assert verify(path).damage == ()
        assert list(path.glob("search-*")) == []

    def test_the_index_goes_on_after_a_commit_that_failed(
        self, path, film, unit_vectors, monkeypatch, contents
    ):
        with FrameIndex.open(path, write=True) as index:
            index.append(film(2, first=3), unit_vectors(2))
            with monkeypatch.context() as patch:
                patch.setattr(Catalog, "set_meta", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    index.commit()
            index.append(film(1, first=9), unit_vectors(1))
        assert list(contents(path)) == [*film(3), *film(1, first=9)]
        assert verify(path).damage == ()

    def test_leftovers_are_swept_by_the_next_writer(self, path, listing):
        before = listing(path)
        (path / "vectors-000009.f32").write_bytes(b"orphan")
        (path / ".vectors-000010.f32.77.tmp").write_bytes(b"half")
        (path / "search-000000.faiss").write_bytes(b"old")
        FrameIndex.open(path).close()
        assert len(listing(path)) == len(before) + 3  # readers change nothing
        FrameIndex.open(path, write=True).close()
        assert listing(path) == before

    def test_files_of_others_are_not_swept(self, path, listing):
        for name in ("diary.txt", "export.faiss", "notes.tmp"):
            (path / name).touch()
        FrameIndex.open(path, write=True).close()
        assert {"diary.txt", "export.faiss", "notes.tmp"} < set(listing(path))


def test_a_transaction_that_died_half_written_is_undone_by_the_next_reader(
    make_index, film, unit_vectors, contents
):
    path = make_index((film(3), unit_vectors(3)))
    before = contents(path)
    # A cache of one page makes SQLite write to the file before the commit.
    code = f"""
import os, sqlite3
connection = sqlite3.connect({str(path / "frames.sqlite")!r}, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM frames")
for number in range(3000):
    connection.execute("INSERT INTO sources (path, kind) VALUES (?, 'video')", (str(number),))
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (path / "frames.sqlite-journal").stat().st_size > 0
    assert contents(path) == before
    assert verify(path).damage == ()
