import os
import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from nearframe.common import NearframeError
from nearframe.embeddings import Embedder
from nearframe.embeddings.sources import Sampling
from nearframe.index import (
    FrameIndex,
    FrameIndexError,
    IndexDamagedError,
    build_index,
    summarize,
    verify,
)

pytestmark = pytest.mark.usefixtures("fake_network")


def flip_bit(path, *, seed=0, after=0):
    """Change one bit of a file, at a random place."""
    data = bytearray(path.read_bytes())
    generator = random.Random(seed)
    data[generator.randrange(after, len(data))] ^= 1 << generator.randrange(8)
    path.write_bytes(data)


def cut(path):
    os.truncate(path, path.stat().st_size - 4)


@pytest.fixture
def folder(make_folder):
    return make_folder(6)


@pytest.fixture
def built(folder, tmp_path, monkeypatch):
    """An index of the folder in three shards of two frames."""
    monkeypatch.setattr("nearframe.index.build.COMMIT_EVERY", 2)
    build_index([folder], tmp_path / "my.index", embedder=Embedder(batch_size=2))
    assert len(list((tmp_path / "my.index").glob("*.f32"))) == 3
    return tmp_path / "my.index"


def second_shard(index):
    return sorted(index.glob("*.f32"))[1]


class TestVerify:
    def test_a_whole_index_has_no_damage(self, built):
        result = verify(built)
        assert (result.frames, result.shards, result.damage) == (6, 3, ())

    def test_an_empty_index_has_no_damage(self, make_index):
        assert verify(make_index()).damage == ()

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda path: path.unlink(), "is missing or has another size"),
            (cut, "is missing or has another size"),
            (flip_bit, "does not match its checksum"),
        ],
        ids=["missing", "cut", "flipped"],
    )
    def test_a_damaged_shard(self, built, damage, words):
        shard = second_shard(built)
        damage(shard)
        (line,) = verify(built).damage
        assert line.startswith(f"{shard} {words}; delete that file if it is there and run")
        assert "\n" not in line

    def test_every_damaged_shard_is_named(self, built):
        for shard in built.glob("*.f32"):
            flip_bit(shard)
        assert len(verify(built).damage) == 3

    @pytest.mark.parametrize("seed", range(10))
    def test_a_bit_of_a_vector_in_the_faiss_file(self, built, seed):
        (file,) = built.glob("search-*.faiss")
        flip_bit(file, seed=seed, after=200)
        (line,) = verify(built).damage
        assert line == (
            f"{file} differs from the vectors; delete it and run buildIndex again, which makes it "
            "anew"
        )

    def test_a_faiss_file_that_is_none(self, built):
        (file,) = built.glob("search-*.faiss")
        file.write_bytes(b"garbage")
        assert "is no FAISS file; delete it" in verify(built).damage[0]

    def test_a_missing_faiss_file_is_no_damage(self, built):
        (file,) = built.glob("search-*.faiss")
        file.unlink()
        assert verify(built).damage == ()

    def test_a_damaged_shard_is_not_laid_to_the_faiss_file(self, built):
        flip_bit(second_shard(built))
        assert not any("search-" in line for line in verify(built).damage)

    def test_a_frame_without_a_vector(self, built):
        connection = sqlite3.connect(built / "frames.sqlite")
        connection.execute("UPDATE frames SET shard_row = 7 WHERE id = 2")
        connection.execute("UPDATE frames SET shard_id = 99 WHERE id = 3")
        connection.commit()
        connection.close()
        (line,) = verify(built).damage
        assert "2 frames without a vector" in line
        assert "run buildIndex again" in line

    def test_a_damaged_page_of_the_catalogue(self, built):
        catalogue = built / "frames.sqlite"
        data = bytearray(catalogue.read_bytes())
        for page in range(4096, len(data), 4096):  # all but the first, which has the schema
            data[page : page + 64] = b"\xff" * 64
        catalogue.write_bytes(data)
        with pytest.raises(FrameIndexError, match=r"damaged.*run buildIndex again"):
            verify(built)

    def test_a_shard_that_cannot_be_read_is_listed(self, built, monkeypatch):
        shard, read_bytes = second_shard(built), Path.read_bytes

        def fail(self):
            if self == shard:
                raise OSError(5, "Input/output error")
            return read_bytes(self)

        monkeypatch.setattr(Path, "read_bytes", fail)
        (line,) = verify(built).damage
        assert line == f"{shard}: cannot be read (Input/output error)"

    def test_the_command_lists_the_damage_and_fails(self, built, run):
        flip_bit(second_shard(built))
        result = run("verify", "my.index")
        assert result.exit_code == 1
        assert result.stdout == "my.index: 6 frames in 3 files checked, 1 damaged\n"
        assert result.stderr.startswith("Error: ")
        assert len(result.stderr.splitlines()) == 1


class TestDamageInUse:
    @pytest.fixture
    def query(self, folder, run):
        return lambda: run("queryDataset", "-q", folder / "000004.png", "-i", "my.index")

    def test_a_query_needs_every_shard(self, built, query):
        second_shard(built).unlink()
        result = query()
        assert result.exit_code == 1
        assert result.stderr == (
            "Error: my.index/vectors-000002.f32 is missing or has another size; delete that file "
            "if it is there and run the same buildIndex again: its frames are embedded anew\n"
        )

    def test_a_flipped_bit_is_found_when_the_vectors_are_read(self, built):
        flip_bit(second_shard(built))
        with (
            FrameIndex.open(built) as index,
            pytest.raises(IndexDamagedError, match="does not match its checksum"),
        ):
            list(index.blocks())

    def test_a_flipped_bit_is_found_by_a_search_without_the_faiss_file(self, built, query):
        next(built.glob("search-*")).unlink()
        flip_bit(second_shard(built))
        assert "does not match its checksum" in query().stderr

    @pytest.mark.parametrize("delete", [True, False], ids=["deleted", "cut"])
    def test_the_remedy_heals(self, built, folder, query, delete, embedded, contents):
        before = contents(built)
        flip_bit(second_shard(built))
        if delete:
            second_shard(built).unlink()
        else:
            cut(second_shard(built))
        report = build_index([folder], built)
        assert embedded == ["000003.png", "000004.png"]
        assert (report.embedded, report.unchanged, report.total) == (2, 4, 6)
        assert verify(built).damage == ()
        after = contents(built)
        assert after.keys() == before.keys()
        for ref, vector in after.items():
            np.testing.assert_allclose(
                np.frombuffer(vector, np.float32), np.frombuffer(before[ref], np.float32), atol=1e-6
            )
        assert "Frame Number: 3" in query().stdout

    def test_the_remedy_heals_a_video(self, sample_video, tmp_path, monkeypatch):
        monkeypatch.setattr("nearframe.index.build.COMMIT_EVERY", 16)
        every_sixth = Sampling(every=6)
        build_index([sample_video], tmp_path / "v.index", sampling=every_sixth)
        second_shard(tmp_path / "v.index").unlink()
        assert build_index([sample_video], tmp_path / "v.index", sampling=every_sixth).total == 50
        assert verify(tmp_path / "v.index").damage == ()

    def test_a_lost_shard_of_a_file_that_is_gone_too_is_lost(self, built, folder):
        second_shard(built).unlink()
        (folder / "000003.png").unlink()
        assert build_index([folder], built).total == 5
        assert verify(built).damage == ()


class TestSummary:
    def test_what_is_in_an_index(self, built, folder):
        with FrameIndex.open(built) as index:
            summary = summarize(index)
        assert (summary.frames, summary.vectors) == (6, 6)
        assert summary.bytes == sum(file.stat().st_size for file in built.iterdir())
        assert [(s.path, s.kind, s.files, s.frames) for s in summary.sources] == [
            (str(folder), "folder", 6, 6)
        ]
        assert summary.problems == ()

    def test_vectors_of_changed_files_are_counted(self, built, folder, picture):
        picture(50).save(folder / "000001.png")
        build_index([folder], built)
        with FrameIndex.open(built) as index:
            summary = summarize(index)
        assert (summary.frames, summary.vectors) == (6, 7)

    def test_a_file_that_a_writer_removes_meanwhile(self, built, monkeypatch):
        iterdir = Path.iterdir
        monkeypatch.setattr(
            Path, "iterdir", lambda self: [*iterdir(self), self / ".search-000009.faiss.7.tmp"]
        )
        with FrameIndex.open(built) as index:
            assert summarize(index).frames == 6

    def test_problems_are_those_of_videos(self, tmp_path, sample_video, folder):
        (folder / "000002.png").write_bytes(b"no image")
        video = tmp_path / "film.mp4"
        data = sample_video.read_bytes()
        video.write_bytes(data[: len(data) // 2] + bytes(20_000) + data[len(data) // 2 + 20_000 :])
        build_index([folder, video], tmp_path / "i", sampling=Sampling(every=30))
        with FrameIndex.open(tmp_path / "i") as index:
            assert [problem.source for problem in summarize(index).problems] == [str(video)]
            assert index.unreadable() == list(summarize(index).problems)


def test_an_error_is_always_one_line(tmp_path):
    path = tmp_path / "a\nb\udce9"
    with pytest.raises(NearframeError) as info:
        FrameIndex.open(path)
    assert "\n" not in str(info.value)
    str(info.value).encode()
