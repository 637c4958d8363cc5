"""Reading an index that may not be written, or that others hold open."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nearframe.common import NearframeError, OutputError
from nearframe.index import FrameIndex, FrameIndexError, IndexLockedError, build_index
from nearframe.index.catalog import Catalog
from nearframe.index.database import Database

FAKE_CLI = Path(__file__).parent.parent / "fake_cli.py"


@pytest.fixture
def nearframe():
    """Run a command in a process that may write only what the permissions allow."""
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if not shutil.which("setpriv") or subprocess.run([*prefix, "true"]).returncode != 0:
            pytest.skip("root may write everywhere, and there is no setpriv to give that up")

    def run(*arguments):
        command = [*prefix, sys.executable, FAKE_CLI, *arguments]
        return subprocess.run([str(part) for part in command], capture_output=True, text=True)

    return run


@pytest.mark.usefixtures("fake_network")
class TestReadOnly:
    @pytest.fixture
    def folder(self, make_folder):
        return make_folder(4)

    @pytest.fixture
    def index(self, folder, tmp_path):
        path = tmp_path / "my.index"
        build_index([folder], path)
        for file in path.iterdir():
            file.chmod(0o444)
        path.chmod(0o555)
        yield path
        path.chmod(0o755)

    def test_it_can_be_queried(self, index, folder, nearframe, snapshot):
        before = snapshot(index)
        result = nearframe("queryDataset", "-q", folder / "000003.png", "-i", index)
        assert result.stderr == ""
        assert "Frame Number: 2\nCosine Similarity: 1.000000" in result.stdout
        assert snapshot(index) == before

    def test_it_can_be_verified(self, index, nearframe):
        assert nearframe("verify", index).returncode == 0

    def test_it_can_be_exported(self, index, nearframe, tmp_path):
        assert nearframe("export", index, tmp_path / "x.json").returncode == 0

    def test_without_the_faiss_file_too(self, index, folder, nearframe):
        index.chmod(0o755)
        next(index.glob("search-*")).unlink()
        index.chmod(0o555)
        result = nearframe("queryDataset", "-q", folder / "000003.png", "-i", index)
        assert "Frame Number: 2\n" in result.stdout

    def test_a_build_says_that_it_may_not_write(self, index, folder, nearframe):
        result = nearframe("buildIndex", "-i", folder, "-o", index)
        assert result.returncode == 1
        assert result.stderr == (
            f"Error: cannot write {index}: no permission; choose another place or change its "
            "permissions\n"
        )

    def test_a_build_says_so_also_when_it_may_lock(self, index, folder, nearframe):
        (index / "write.lock").chmod(0o666)
        (folder / "000003.png").write_bytes(b"changed")
        result = nearframe("buildIndex", "-i", folder, "-o", index)
        assert result.returncode == 1
        assert result.stderr.startswith(
            f"Error: cannot use {index}/frames.sqlite: attempt to write"
        )
        assert "check the disk and the permissions" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_a_catalogue_that_may_not_be_read(self, index, nearframe):
        (index / "frames.sqlite").chmod(0)
        result = nearframe("verify", index)
        assert result.stderr == (
            f"Error: {index}/frames.sqlite: no permission to read it; change its permissions or "
            "run as its owner\n"
        )

    def test_from_a_mounted_disk(self, index, folder, nearframe, tmp_path):
        disk = tmp_path / "disk"
        disk.mkdir()
        bind = ["mount", "--bind", "-o", "ro", index, disk]
        if os.geteuid() != 0 or subprocess.run(bind, capture_output=True).returncode != 0:
            pytest.skip("may not mount here")
        try:
            result = nearframe("queryDataset", "-q", folder / "000003.png", "-i", disk)
            assert "Frame Number: 2\n" in result.stdout
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


class TestTogether:
    def test_a_reader_keeps_no_writer_from_committing(self, make_index, film, unit_vectors):
        path = make_index((film(3), unit_vectors(3)))
        with FrameIndex.open(path) as reader:
            blocks = reader.blocks(1)
            next(blocks)
            with FrameIndex.open(path, write=True) as writer:
                writer.catalog._database._connection.execute("PRAGMA busy_timeout = 0")
                writer.append(film(1, first=3), unit_vectors(1))
            assert [frame.ref for block in blocks for frame in block.frames] == film(2, first=1)
            assert len(reader) == 4

    def test_a_reader_sees_nothing_of_a_transaction(self, make_index, film, unit_vectors):
        path = make_index((film(3), unit_vectors(3)))
        with FrameIndex.open(path, write=True) as writer, FrameIndex.open(path) as reader:
            writer.append(film(1, first=3), unit_vectors(1))
            writer.catalog.remove_frames("/films/a.mp4")
            assert len(reader) == 3
            assert len(reader.nearest(unit_vectors(1), 9)[0]) == 3

    def test_a_big_transaction_locks_no_reader_out(self, make_index, film, unit_vectors):
        path = make_index((film(3), unit_vectors(3)))
        with FrameIndex.open(path, write=True) as writer, FrameIndex.open(path) as reader:
            database = writer.catalog._database
            database.run("PRAGMA cache_size = 1")  # as if the transaction were huge
            database.run_each(
                "INSERT INTO sources (path, kind) VALUES (?, 'video')",
                ((str(n),) for n in range(5000)),
            )
            reader.catalog._database.run("PRAGMA busy_timeout = 0")
            assert len(reader) == 3

    def test_a_reader_cannot_change_the_catalogue(self, make_index):
        with FrameIndex.open(make_index()) as reader, pytest.raises(NearframeError):
            reader.catalog.set_meta("generation", 7)

    def test_commits_survive_a_power_cut(self, make_index):
        with FrameIndex.open(make_index(), write=True) as writer:
            ((level,),) = writer.catalog._database.run("PRAGMA synchronous")
        assert level == 3  # EXTRA

    def test_threads_may_share_a_reader(self, make_index, film, unit_vectors):
        from concurrent.futures import ThreadPoolExecutor

        path = make_index((film(30), unit_vectors(30)))
        with FrameIndex.open(path) as reader, ThreadPoolExecutor(4) as pool:
            ask = pool.map(lambda n: reader.nearest(unit_vectors(30)[n : n + 1], 1), range(30))
            assert [row[0].frame.number for (row,) in ask] == list(range(30))


class TestDatabaseErrors:
    @pytest.mark.parametrize(
        ("error", "kind", "words"),
        [
            (
                sqlite3.OperationalError("database is locked"),
                IndexLockedError,
                "in use by another process; wait until it ends and run the same command again",
            ),
            (
                sqlite3.OperationalError("disk I/O error"),
                OutputError,
                "disk I/O error; check the disk and the permissions of",
            ),
            (
                sqlite3.DatabaseError("database disk image is malformed"),
                FrameIndexError,
                "is damaged or no catalogue .*malformed.*run buildIndex again",
            ),
        ],
    )
    def test_each_says_what_to_do(self, make_index, error, kind, words):
        with (
            FrameIndex.open(make_index()) as index,
            pytest.raises(kind, match=words),
            index.catalog._database._errors(),
        ):
            raise error

    def test_a_file_that_cannot_be_opened(self, tmp_path):
        with pytest.raises(OutputError, match="unable to open database file"):
            Database(tmp_path / "no" / "such" / "folder")

    @pytest.mark.parametrize("value", ["one", None, [1]])
    def test_a_format_version_that_is_none(self, make_index, value):
        path = make_index()
        with FrameIndex.open(path, write=True) as index:
            index.catalog.set_meta("format_version", value)
        with pytest.raises(FrameIndexError, match="format_version: Expected `int`, got"):
            FrameIndex.open(path)


def test_a_catalogue_is_made_complete_or_not_at_all(tmp_path, fingerprint, monkeypatch, listing):
    monkeypatch.setattr(Catalog, "set_meta", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        FrameIndex.create(tmp_path / "i", fingerprint)
    assert listing(tmp_path / "i") == ["write.lock"]
    monkeypatch.undo()
    FrameIndex.create(tmp_path / "i", fingerprint).close()
