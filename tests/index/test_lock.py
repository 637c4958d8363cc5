import signal
import time

import pytest

from nearframe.common import OutputError
from nearframe.index import FrameIndex, IndexLockedError, build_index
from nearframe.index.lock import acquire_write_lock

pytestmark = pytest.mark.usefixtures("fake_network")


def test_a_second_writer_is_refused(make_index):
    path = make_index()
    with (
        FrameIndex.open(path, write=True),
        pytest.raises(
            IndexLockedError,
            match=r"made\.index is being written by another process; wait until it ends",
        ),
    ):
        FrameIndex.open(path, write=True)


def test_a_second_creator_is_refused(tmp_path, fingerprint):
    (tmp_path / "i").mkdir()
    lock = acquire_write_lock(tmp_path / "i")
    with pytest.raises(IndexLockedError, match="being written by another process"):
        FrameIndex.create(tmp_path / "i", fingerprint)
    lock.release()
    FrameIndex.create(tmp_path / "i", fingerprint).close()


def test_a_creator_that_comes_too_late_does_not_overwrite(
    tmp_path, fingerprint, monkeypatch, film, unit_vectors, contents
):
    """Another process makes the index between a look at the directory and the lock."""
    path = tmp_path / "i"

    def lock_late(directory):
        monkeypatch.undo()
        with FrameIndex.create(directory, fingerprint) as other:
            other.append(film(2), unit_vectors(2))
        return acquire_write_lock(directory)

    monkeypatch.setattr("nearframe.index.frame_index.acquire_write_lock", lock_late)
    with pytest.raises(Exception, match="exists and is not empty"):
        FrameIndex.create(path, fingerprint)
    assert list(contents(path)) == film(2)


def test_readers_need_no_lock(make_index, film, unit_vectors):
    path = make_index((film(2), unit_vectors(2)))
    with FrameIndex.open(path, write=True), FrameIndex.open(path) as a, FrameIndex.open(path) as b:
        assert len(a) == len(b) == 2


def test_a_place_that_cannot_be_written_is_said(make_index, monkeypatch):
    path = make_index()

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    with pytest.raises(OutputError, match=r"cannot write .*made\.index: no permission"):
        FrameIndex.open(path, write=True)


def committed(path):
    if not FrameIndex.exists(path):
        return 0
    with FrameIndex.open(path) as index:
        return len(index)


class TestAnotherProcess:
    @pytest.fixture
    def hold(self, tmp_path):
        """While this file is there, the other process waits after its first commit."""
        file = tmp_path / "hold"
        file.touch()
        return file

    @pytest.fixture
    def building(self, start, make_folder, tmp_path, monkeypatch, hold):
        """A process that builds my.index of 40 frames and has committed 4."""
        monkeypatch.setenv("NEARFRAME_TEST_HOLD", str(hold))
        monkeypatch.setenv("NEARFRAME_TEST_COMMIT_EVERY", "4")
        folder, output = make_folder(40), tmp_path / "my.index"
        process = start(
            *("buildIndex", "-i", folder, "-o", output, "--batch-size", 4), delay_s=0.05
        )
        while not committed(output):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        return process

    def test_a_second_build_is_refused_at_once(self, building, run):
        result = run("buildIndex", "-i", "frames", "-o", "my.index")
        assert building.poll() is None
        assert result.exit_code == 1
        assert result.stderr == (
            "Error: my.index is being written by another process; wait until it ends, or write to "
            "another index\n"
        )

    def test_readers_see_the_last_commit(self, building, run, tmp_path):
        result = run("queryDataset", "-q", "frames/000001.png", "-i", "my.index")
        assert building.poll() is None
        assert result.exit_code == 0
        assert "Frame Number: 0\nCosine Similarity: 1.000000" in result.stdout
        assert committed(tmp_path / "my.index") == 4

    def test_readers_never_stop_the_writer(self, building, hold, tmp_path, fake_embedder):
        queries = fake_embedder.embed([tmp_path / "frames" / "000001.png"])
        sizes = []
        with FrameIndex.open(tmp_path / "my.index") as index:
            half_read = index.blocks(1)
            next(half_read)
            while building.poll() is None:
                (row,) = index.nearest(queries, 100)
                assert row[0].frame.number == 0
                sizes.append(len(row))
                hold.unlink(missing_ok=True)
            assert len(list(half_read)) == 3
        _, error = building.communicate()
        assert building.returncode == 0, error
        assert sizes == sorted(sizes)
        assert sizes[0] == 4
        assert committed(tmp_path / "my.index") == 40

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=lambda how: how.name)
    def test_the_lock_goes_with_the_process(self, building, hold, tmp_path, how):
        building.send_signal(how)
        hold.unlink()  # an interruption lets the batch in the network come to its end
        building.wait()
        assert build_index([tmp_path / "frames"], tmp_path / "my.index").total == 40


def test_a_lock_file_that_was_left_is_no_lock(make_index):
    path = make_index()
    (path / "write.lock").write_text("12345")
    FrameIndex.open(path, write=True).close()
