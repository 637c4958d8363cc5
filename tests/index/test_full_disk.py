"""A full disk: one line says so, what was committed stays, and the same command goes on."""

import errno
import os
import shutil
import sqlite3
import subprocess

import numpy as np
import pytest

from nearframe.common import DiskFullError
from nearframe.index import FrameIndex, build_index, export_index, verify
from nearframe.index.search import FlatSearch

pytestmark = pytest.mark.usefixtures("fake_network")

FULL = OSError(errno.ENOSPC, "No space left on device")


def failing_at(call, error):
    """Make a function that works until its call of that number and raises an error from there."""

    def wrap(function):
        calls = 0

        def wrapped(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls >= call:
                raise error
            return function(*args, **kwargs)

        return wrapped

    return wrap


@pytest.fixture
def folder(make_folder):
    return make_folder(8)


@pytest.fixture
def build(run, monkeypatch, folder):
    """Run buildIndex with a commit after every two frames, on a disk that is full or is not."""
    monkeypatch.setattr("nearframe.index.build.COMMIT_EVERY", 2)

    def build_(*broken):
        with monkeypatch.context() as patch:
            for owner, name, wrap in broken:
                patch.setattr(owner, name, wrap(getattr(owner, name)))
            return run("buildIndex", "-i", folder, "-o", "my.index", "--batch-size", 2)

    return build_


def full_for(statement, call):
    """Make an sqlite3.connect whose connections fail at that call of a statement, all together."""
    left = call

    class Connection(sqlite3.Connection):
        def execute(self, text, *parameters):
            nonlocal left
            if text.strip().startswith(statement):
                left -= 1
                if left <= 0:
                    raise sqlite3.OperationalError("database or disk is full")
            return super().execute(text, *parameters)

    connect = sqlite3.connect
    return lambda *args, **options: connect(*args, **options, factory=Connection)


@pytest.mark.parametrize("call", [1, 2, 4, 7])
def test_while_syncing_files(build, folder, tmp_path, call):
    result = build((os, "fsync", failing_at(call, FULL)))
    assert result.exit_code == 1
    assert "the disk is full; free some space and run the same command again" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    goes_on(build, folder, tmp_path)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_while_writing_a_shard(build, folder, tmp_path, call):
    from nearframe.index import frame_index

    result = build((frame_index, "write_shard", failing_at(call, FULL)))
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: cannot write my.index: the disk is full; free some space and run the same command "
        "again; what was committed before is kept\n"
    )
    with FrameIndex.open(tmp_path / "my.index") as index:
        assert len(index) == 2 * (call - 1)
    goes_on(build, folder, tmp_path)


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        *(("INSERT OR REPLACE INTO meta", 1), ("INSERT OR REPLACE INTO meta", 4)),
        *(("INSERT INTO files", 1), ("INSERT INTO files", 5), ("INSERT INTO shards", 2)),
        *(("DELETE FROM frames", 6), ("COMMIT", 1), ("COMMIT", 3)),
    ],
)
def test_while_sqlite_writes(build, folder, tmp_path, statement, call):
    result = build((sqlite3, "connect", lambda _: full_for(statement, call)))
    assert result.exit_code == 1
    assert "the disk is full; free some space and run the same command again" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    goes_on(build, folder, tmp_path)


def goes_on(build, folder, tmp_path):
    """Check what stayed, and that the same command completes the index."""
    output = tmp_path / "my.index"
    assert not FrameIndex.exists(output) or verify(output).damage == ()
    result = build()
    assert result.exit_code == 0, result.stderr
    build_index([folder], tmp_path / "reference")
    with FrameIndex.open(output) as found, FrameIndex.open(tmp_path / "reference") as expected:
        (mine,), (theirs,) = found.blocks(), expected.blocks()
        assert [frame.ref for frame in mine.frames] == [frame.ref for frame in theirs.frames]
        np.testing.assert_allclose(mine.vectors, theirs.vectors, atol=1e-6)
    assert verify(output).damage == ()


def test_while_the_faiss_file_is_written_only_a_note_says_so(
    make_index, film, unit_vectors, monkeypatch, caplog
):
    path = make_index()
    index = FrameIndex.open(path, write=True)
    index.append(film(3), unit_vectors(3))
    index.commit()
    monkeypatch.setattr(
        "nearframe.index.search.flat.FlatSearch.write", failing_at(1, FULL)(lambda *_: None)
    )
    index.close()
    (note,) = caplog.messages
    assert "could not write" in note
    assert "No space left on device" in note
    with FrameIndex.open(path) as index:
        assert len(index.nearest(unit_vectors(1), 3)[0]) == 3


@pytest.mark.parametrize("suffix", [".json", ".faiss", ".npy"])
def test_while_exporting(make_index, film, unit_vectors, monkeypatch, tmp_path, suffix, listing):
    path = make_index((film(3), unit_vectors(3)))
    monkeypatch.setattr(os, "fsync", failing_at(1, FULL)(os.fsync))
    with FrameIndex.open(path) as index, pytest.raises(DiskFullError, match="the disk is full"):
        export_index(index, tmp_path / f"x{suffix}")
    assert listing(tmp_path) == ["made.index"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk, *, leave):
    """Fill a disk up to some free bytes."""
    with (disk / "ballast").open("wb") as file:
        while (free := shutil.disk_usage(disk).free) > leave:
            file.write(b"\0" * min(free - leave, 65536))
            file.flush()


class TestRealDisk:
    @pytest.mark.parametrize("leave", [0, 4096, 20_000, 60_000, 90_000, 140_000, 165_000])
    def test_the_same_command_goes_on(
        self, small_disk, run, monkeypatch, folder, leave, contents, caplog
    ):
        monkeypatch.setattr("nearframe.index.build.COMMIT_EVERY", 2)
        command = ("buildIndex", "-i", folder, "-o", small_disk / "my.index", "--batch-size", 2)
        fill(small_disk, leave=leave)
        result = run(*command)
        if result.exit_code == 0:  # at most the FAISS file, which is derived, found no room
            missing = not list((small_disk / "my.index").glob("search-*.faiss"))
            assert ("No space left on device" in caplog.text) == missing
        else:
            assert "the disk is full; free some space and run the same" in result.stderr
            assert len(result.stderr.splitlines()) == 1
        if FrameIndex.exists(small_disk / "my.index"):
            assert verify(small_disk / "my.index").damage == ()
        (small_disk / "ballast").unlink()
        assert run(*command).exit_code == 0
        assert len(contents(small_disk / "my.index")) == 8
        assert verify(small_disk / "my.index").damage == ()
        assert len(list((small_disk / "my.index").glob("search-*.faiss"))) == 1

    @pytest.mark.parametrize("suffix", [".json", ".faiss", ".npy"])
    def test_an_export_leaves_nothing_behind(
        self, small_disk, make_index, film, unit_vectors, suffix, listing
    ):
        path = make_index((film(20), unit_vectors(20)))
        fill(small_disk, leave=50_000)
        with FrameIndex.open(path) as index, pytest.raises(DiskFullError, match="cannot write"):
            export_index(index, small_disk / f"x{suffix}")
        assert listing(small_disk) == ["ballast"]

    @pytest.mark.parametrize("suffix", [".faiss", ".npy"])
    def test_an_export_is_whole_or_not_there(
        self, small_disk, make_index, film, unit_vectors, suffix, tmp_path, snapshot
    ):
        path = make_index((film(20), unit_vectors(20)))
        (tmp_path / "straight").mkdir()
        with FrameIndex.open(path) as index:
            export_index(index, tmp_path / "straight" / f"x{suffix}")
            whole = contents_of(snapshot(tmp_path / "straight"))
            failed = []
            for pages in range(38, 46):  # the vectors have 40
                fill(small_disk, leave=4096 * pages)
                try:
                    export_index(index, small_disk / f"x{suffix}")
                except DiskFullError:
                    failed.append(pages)
                (small_disk / "ballast").unlink()
                found = contents_of(snapshot(small_disk))
                assert found == ({} if pages in failed else whole)
                for name in found:
                    (small_disk / name).unlink()
        assert 0 < len(failed) < 8

    def test_a_faiss_file_is_never_cut_short_in_silence(self, small_disk, unit_vectors, tmp_path):
        search = FlatSearch.build([(np.arange(8), unit_vectors(8))], count=8)
        search.write(tmp_path / "whole.faiss")
        whole = (tmp_path / "whole.faiss").read_bytes()
        failed = []
        for pages in range(14, 20):  # the vectors have 16
            fill(small_disk, leave=4096 * pages)
            try:
                search.write(small_disk / "x.faiss")
            except OSError:
                failed.append(pages)
            else:
                assert (small_disk / "x.faiss").read_bytes() == whole
            (small_disk / "ballast").unlink()
            (small_disk / "x.faiss").unlink()
        assert failed == [14, 15, 16]


def contents_of(files):
    return {name: content for name, (content, _) in files.items()}
