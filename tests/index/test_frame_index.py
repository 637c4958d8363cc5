import os

import numpy as np
import pytest

from nearframe.embeddings import Fingerprint, FrameRef, Preprocessing
from nearframe.index import FrameIndex, FrameIndexError, IndexDamagedError, frame_index

IMAGE = FrameRef("/photos/cat.jpg", 0, None)


def refs(path):
    with FrameIndex.open(path) as index:
        return [frame.ref for block in index.blocks() for frame in block.frames]


def test_reopening_gives_the_same_frames_and_vectors(make_index, film, unit_vectors):
    frames, vectors = film(7), unit_vectors(7)
    path = make_index((frames, vectors))
    with FrameIndex.open(path) as index:
        (block,) = index.blocks()
        assert [frame.ref for frame in block.frames] == frames
        np.testing.assert_array_equal(block.vectors, vectors)
        assert block.vectors.dtype == np.float32
        assert len(index) == 7


def test_leaving_the_block_commits(tmp_path, fingerprint, film, unit_vectors):
    with FrameIndex.create(tmp_path / "i", fingerprint) as index:
        index.append(film(3), unit_vectors(3))
    assert refs(tmp_path / "i") == film(3)


def test_an_exception_forgets_what_was_not_committed(tmp_path, fingerprint, film, unit_vectors):
    def write():
        with FrameIndex.create(tmp_path / "i", fingerprint) as index:
            index.append(film(3), unit_vectors(3))
            index.commit()
            index.append(film(4, first=3), unit_vectors(4))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert refs(tmp_path / "i") == film(3)
    assert len(list((tmp_path / "i").glob("*.f32"))) == 1


def test_close_forgets_what_was_not_committed(tmp_path, fingerprint, film, unit_vectors):
    index = FrameIndex.create(tmp_path / "i", fingerprint)
    index.append(film(3), unit_vectors(3))
    index.close()
    assert refs(tmp_path / "i") == []


def test_closing_twice_is_harmless(make_index):
    index = FrameIndex.open(make_index(), write=True)
    index.close()
    index.close()


def test_close_lets_go_the_lock(make_index):
    path = make_index()
    FrameIndex.open(path, write=True).close()
    FrameIndex.open(path, write=True).close()


def test_what_is_not_committed_does_not_count(tmp_path, fingerprint, film, unit_vectors):
    with FrameIndex.create(tmp_path / "i", fingerprint) as index:
        index.append(film(2), unit_vectors(2))
        index.commit()
        index.append(film(3, first=2), unit_vectors(3, seed=1))
        assert len(index) == 2
        assert [len(block.frames) for block in index.blocks()] == [2]
        assert len(index.nearest(unit_vectors(1, seed=1), 9)[0]) == 2
        assert index.pending == 3
        index.commit()
        assert index.pending == 0
        assert len(index) == 5
        assert index.nearest(unit_vectors(1, seed=1), 1)[0][0].frame == film(3, first=2)[0]


def test_an_index_can_be_written_again(make_index, film, unit_vectors):
    path = make_index((film(3), unit_vectors(3)))
    with FrameIndex.open(path, write=True) as index:
        index.append(film(2, first=3), unit_vectors(2, seed=1))
    with FrameIndex.open(path) as index:
        vectors = np.concatenate([block.vectors for block in index.blocks()])
    np.testing.assert_array_equal(vectors, np.vstack([unit_vectors(3), unit_vectors(2, seed=1)]))


def test_frames_come_source_by_source_as_their_numbers_run(make_index, film, unit_vectors):
    a, b = film(4), film(3, source="/films/b.mp4")
    mixed = [b[2], a[3], a[0], b[0], a[2], a[1], b[1]]
    path = make_index((mixed[:3], unit_vectors(3)), (mixed[3:], unit_vectors(4, seed=1)))
    assert refs(path) == b + a  # b came first


def test_each_frame_keeps_its_own_vector_through_the_order(make_index, film, unit_vectors):
    frames, vectors = film(30), unit_vectors(30)
    order = np.random.default_rng(3).permutation(30)
    commits = [
        ([frames[i] for i in part], vectors[part]) for part in np.array_split(order, 11)
    ]  # more shards than stay in memory
    with FrameIndex.open(make_index(*commits)) as index:
        (block,) = index.blocks()
    assert [frame.ref for frame in block.frames] == frames
    np.testing.assert_array_equal(block.vectors, vectors)


@pytest.mark.parametrize("size", [1, 2, 3, 9, 10, 11, 1000])
def test_blocks_of_any_size_hold_everything_once(make_index, film, unit_vectors, size):
    path = make_index((film(4), unit_vectors(4)), (film(6, first=4), unit_vectors(6, seed=1)))
    with FrameIndex.open(path) as index:
        blocks = list(index.blocks(size))
    assert [len(block.frames) for block in blocks] == [size] * (10 // size) + [10 % size] * (
        10 % size > 0
    )
    assert [frame.ref for block in blocks for frame in block.frames] == film(10)
    np.testing.assert_array_equal(
        np.concatenate([block.vectors for block in blocks]),
        np.vstack([unit_vectors(4), unit_vectors(6, seed=1)]),
    )


def test_blocks_keep_few_vectors_in_memory(make_index, film, unit_vectors, monkeypatch):
    path = make_index(
        *((film(2, first=2 * n), unit_vectors(2, seed=n)) for n in range(20)), name="many"
    )
    with FrameIndex.open(path) as index:
        for block in index.blocks(size=3):
            assert block.vectors.shape[0] <= 3
            assert sum(map(len, index._vectors._cache.values())) <= 2 * 8


def test_an_image_has_no_time(make_index, unit_vectors):
    assert refs(make_index(([IMAGE], unit_vectors(1)))) == [IMAGE]


def test_the_fingerprint_comes_back(tmp_path):
    fingerprint = Fingerprint("/w/own.pth", "0f" * 32, Preprocessing(fit="crop"))
    FrameIndex.create(tmp_path / "i", fingerprint).close()
    with FrameIndex.open(tmp_path / "i") as index:
        assert index.fingerprint == fingerprint


def test_sources_are_listed_as_they_came(make_index, film, unit_vectors):
    frames = [*film(2, source="/films/z.mp4"), IMAGE, *film(1)]
    with FrameIndex.open(make_index((frames, unit_vectors(4)))) as index:
        assert [(s.path, s.kind, s.files, s.frames) for s in index.sources()] == [
            ("/films/z.mp4", "video", 1, 2),
            ("/photos/cat.jpg", "image", 1, 1),
            ("/films/a.mp4", "video", 1, 1),
        ]


def test_a_relative_source_is_made_absolute(make_index, unit_vectors, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = make_index(([FrameRef("x/../cat.jpg", 0, None)], unit_vectors(1)))
    assert refs(path) == [FrameRef(str(tmp_path / "cat.jpg"), 0, None)]


def test_each_commit_adds_one_shard_and_changes_none(make_index, film, unit_vectors):
    path = make_index((film(3), unit_vectors(3)))
    first = {file.name: file.read_bytes() for file in path.glob("*.f32")}
    with FrameIndex.open(path, write=True) as index:
        index.append(film(2, first=3), unit_vectors(2))
    second = {file.name: file.read_bytes() for file in path.glob("*.f32")}
    assert len(first) == 1
    assert len(second) == 2
    assert first.items() <= second.items()


def test_a_shard_is_what_numpy_reads(make_index, film, unit_vectors):
    (shard,) = make_index((film(3), unit_vectors(3))).glob("*.f32")
    np.testing.assert_array_equal(np.fromfile(shard, "<f4").reshape(-1, 2048), unit_vectors(3))


def test_the_number_of_a_shard_is_never_given_twice(make_index, film, unit_vectors):
    path = make_index((film(1), unit_vectors(1)), (film(1, first=1), unit_vectors(1)))
    last = max(path.glob("*.f32"))
    last.unlink()
    with FrameIndex.open(path, write=True) as index:
        index.append(film(1, first=2), unit_vectors(1))
    assert max(path.glob("*.f32")).name > last.name


def test_the_id_of_a_frame_is_never_given_twice(make_index, film, unit_vectors):
    path = make_index((film(3), unit_vectors(3)))
    with FrameIndex.open(path, write=True) as index:
        before = {frame.id for frame in index.catalog.frames()}
        index.catalog.remove_frames("/films/a.mp4")
        index.append(film(3), unit_vectors(3))
    with FrameIndex.open(path) as index:
        assert before.isdisjoint(frame.id for frame in index.catalog.frames())


def test_a_commit_without_a_change_leaves_everything_as_it_was(
    make_index, film, unit_vectors, snapshot
):
    path = make_index((film(3), unit_vectors(3)))
    before = snapshot(path)
    with FrameIndex.open(path, write=True) as index:
        index.commit()
        index.append([], unit_vectors(0))
    assert snapshot(path) == before


def test_what_was_appended_may_be_changed_before_the_commit(
    tmp_path, fingerprint, film, unit_vectors
):
    buffer = unit_vectors(2)
    with FrameIndex.create(tmp_path / "i", fingerprint) as index:
        index.append(film(2), buffer)
        buffer[:] = 0
    with FrameIndex.open(tmp_path / "i") as index:
        np.testing.assert_array_equal(next(index.blocks()).vectors, unit_vectors(2))


@pytest.mark.parametrize("shape", [(1, 2048), (3, 2048), (2, 512), (2048,)])
def test_vectors_of_another_shape_are_refused(make_index, film, shape):
    with (
        FrameIndex.open(make_index(), write=True) as index,
        pytest.raises(ValueError, match=r"expected \(2, 2048\)"),
    ):
        index.append(film(2), np.zeros(shape, np.float32))


def test_an_index_that_is_open_for_reading_cannot_be_changed(make_index, film, unit_vectors):
    path = make_index((film(1), unit_vectors(1)))
    with FrameIndex.open(path) as index:
        with pytest.raises(FrameIndexError, match="not open for writing"):
            index.append(film(1), unit_vectors(1))
        with pytest.raises(FrameIndexError, match="not open for writing"):
            index.commit()
    assert refs(path) == film(1)


def test_a_lost_shard_costs_its_own_frames_only(make_index, film, unit_vectors):
    path = make_index(*((film(1, first=n), unit_vectors(1, seed=n)) for n in range(3)))
    sorted(path.glob("*.f32"))[1].unlink()
    with FrameIndex.open(path) as index, pytest.raises(IndexDamagedError, match="missing"):
        list(index.blocks())
    FrameIndex.open(path, write=True).close()
    assert refs(path) == [film(3)[0], film(3)[2]]


class TestCreate:
    def test_makes_parents(self, tmp_path, fingerprint):
        FrameIndex.create(tmp_path / "a" / "b" / "i", fingerprint).close()
        assert FrameIndex.exists(tmp_path / "a" / "b" / "i")

    def test_takes_an_empty_directory(self, tmp_path, fingerprint):
        (tmp_path / "i").mkdir()
        FrameIndex.create(tmp_path / "i", fingerprint).close()
        assert FrameIndex.exists(tmp_path / "i")

    def test_refuses_a_directory_with_something_in_it(self, tmp_path, fingerprint, listing):
        (tmp_path / "i").mkdir()
        (tmp_path / "i" / "diary.txt").write_text("mine")
        with pytest.raises(FrameIndexError, match="exists and is not empty; choose a new name"):
            FrameIndex.create(tmp_path / "i", fingerprint)
        assert listing(tmp_path / "i") == ["diary.txt"]

    def test_refuses_an_index(self, make_index, fingerprint, film, unit_vectors):
        path = make_index((film(2), unit_vectors(2)))
        with pytest.raises(FrameIndexError, match="exists and is not empty"):
            FrameIndex.create(path, fingerprint)
        assert refs(path) == film(2)

    def test_refuses_a_file(self, tmp_path, fingerprint):
        (tmp_path / "i").write_text("mine")
        with pytest.raises(FrameIndexError, match="is a file, but an index is a directory"):
            FrameIndex.create(tmp_path / "i", fingerprint)
        assert (tmp_path / "i").read_text() == "mine"

    def test_goes_on_after_a_crash_before_the_catalogue_was_there(
        self, tmp_path, fingerprint, listing
    ):
        (tmp_path / "i").mkdir()
        (tmp_path / "i" / "write.lock").touch()
        (tmp_path / "i" / ".frames.sqlite.123.tmp").write_bytes(b"half")
        FrameIndex.create(tmp_path / "i", fingerprint).close()
        assert listing(tmp_path / "i") == ["frames.sqlite", "write.lock"]


class TestOpen:
    def test_a_missing_path(self, tmp_path):
        with pytest.raises(FrameIndexError, match=r"no such index: .*; make one with buildIndex"):
            FrameIndex.open(tmp_path / "nothing")

    def test_a_file(self, tmp_path):
        (tmp_path / "notes.txt").write_text("hello")
        with pytest.raises(FrameIndexError, match="not an index; expected a directory"):
            FrameIndex.open(tmp_path / "notes.txt")

    def test_an_empty_directory(self, tmp_path, listing):
        with pytest.raises(FrameIndexError, match=r"not an index \(it has no frames.sqlite\)"):
            FrameIndex.open(tmp_path)
        assert listing(tmp_path) == []

    def test_a_catalogue_that_is_garbage(self, make_index):
        path = make_index()
        (path / "frames.sqlite").write_bytes(b"garbage" * 1000)
        with pytest.raises(FrameIndexError, match=r"damaged or no catalogue.*run buildIndex again"):
            FrameIndex.open(path)

    @pytest.mark.parametrize("size", [0, 1, 100, 5000])
    def test_a_catalogue_that_was_cut(self, make_index, size):
        path = make_index()
        os.truncate(path / "frames.sqlite", size)
        with pytest.raises(FrameIndexError, match="damaged or no catalogue"):
            FrameIndex.open(path)

    def test_a_newer_format(self, make_index):
        path = make_index()
        with FrameIndex.open(path, write=True) as index:
            index.catalog.set_meta("format_version", 99)
        with pytest.raises(FrameIndexError, match=r"format version 99.*upgrade nearframe"):
            FrameIndex.open(path)

    def test_a_failure_lets_go_the_lock(self, make_index, monkeypatch):
        path = make_index()
        with monkeypatch.context() as patch:
            patch.setattr(frame_index, "drop_lost_shards", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                FrameIndex.open(path, write=True)
        FrameIndex.open(path, write=True).close()


class TestRemove:
    def test_removes_the_directory(self, make_index, film, unit_vectors):
        path = make_index((film(2), unit_vectors(2)))
        FrameIndex.remove(path)
        assert not path.exists()

    def test_leaves_the_files_of_others(self, make_index, film, unit_vectors, listing):
        path = make_index((film(2), unit_vectors(2)))
        (path / "diary.txt").write_text("mine")
        FrameIndex.remove(path)
        assert listing(path) == ["diary.txt"]
