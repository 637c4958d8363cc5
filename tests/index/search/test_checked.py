"""Derived files are compared with their checksums once, and are made anew when they differ."""

import faiss
import numpy as np
import pytest

from nearframe.index import FrameIndex, FrameIndexError, verify
from nearframe.index.search import IvfSearch, checked
from nearframe.index.search.ivf import IvfLists
from nearframe.index.search.record import DerivedFile

N = 60


@pytest.fixture
def vectors(scene_vectors):
    return scene_vectors(N)


@pytest.fixture
def path(approximate, film, vectors):
    return approximate((film(N), vectors))


@pytest.fixture
def flat(make_index, film, vectors):
    return make_index((film(N), vectors), name="flat.index")


@pytest.fixture
def hashed(monkeypatch):
    """The files that were read for their checksum."""
    names = []
    of = DerivedFile.of

    def counting(path, name):
        names.append(name)
        return of(path, name)

    monkeypatch.setattr(DerivedFile, "of", counting)
    return names


@pytest.fixture(autouse=True)
def _few(few_suffice):
    """Of 60 frames, lists are made."""


def found(path, vectors):
    with FrameIndex.open(path) as index:
        return [row[0].frame.number for row in index.nearest(vectors, 1)]


def changed(file):
    content = bytearray(file.read_bytes())
    content[-3000] ^= 255
    file.write_bytes(content)


def test_what_was_written_here_is_not_read_for_it(path, vectors, hashed):
    assert found(path, vectors) == list(range(N))
    assert hashed == []


def test_a_copy_is_read_once(path, vectors, hashed, tmp_path):
    copy = tmp_path / "copy.index"
    copy.mkdir()
    for file in path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    for _ in range(3):
        assert found(copy, vectors) == list(range(N))
    assert hashed == ["ivf-000001.faiss"]


def test_without_a_cache_it_is_read_each_time(path, vectors, hashed, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        assert found(path, vectors) == list(range(N))
    assert hashed == ["ivf-000001.faiss"] * 2


def test_only_so_many_are_remembered(path, vectors, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(checked, "_REMEMBERED", 2)
    for number in range(4):
        checked.remember(path, DerivedFile("ivf-000001.faiss", 1, str(number)))
    assert len([*(tmp_path / "cache" / "nearframe" / "checked").iterdir()]) == 2


@pytest.mark.parametrize("kind", ["path", "flat"])
def test_one_bit_is_noticed_said_and_mended_by_the_next_writer(kind, request, vectors, caplog):
    path = request.getfixturevalue(kind)
    (file,) = path.glob("*.faiss")
    changed(file)
    assert found(path, vectors) == list(range(N))
    (record,) = caplog.records
    assert f"{file.name} is damaged and not used" in record.getMessage()
    assert record.about_results
    FrameIndex.open(path, write=True).close()
    caplog.clear()
    assert found(path, vectors) == list(range(N))
    assert caplog.messages == []
    assert verify(path).damage == ()


def test_a_file_of_an_older_nearframe_has_no_checksum(flat, vectors, caplog):
    with FrameIndex.open(flat, write=True) as index:
        index.catalog.remove_meta("flat")
        index.commit()
    assert found(flat, vectors) == list(range(N))
    assert caplog.messages == []


def test_a_name_elsewhere_is_no_record(path, vectors, tmp_path):
    (path / "ivf-000001.faiss").rename(tmp_path / "ivf-000001.faiss")
    with FrameIndex.open(path, write=True) as index:
        values = index.catalog.meta("ivf", dict)
        values["base"]["name"] = "../ivf-000001.faiss"
        index.catalog.set_meta("ivf", values)
        assert index._search.record() is None
    assert (tmp_path / "ivf-000001.faiss").exists()


def lists_of(index):
    return faiss.downcast_index(index.index)


@pytest.mark.parametrize(
    "damage",
    [
        lambda index: setattr(index, "ntotal", 10**9),
        lambda index: setattr(lists_of(index), "ntotal", 10**9),
        lambda index: setattr(lists_of(index), "nlist", lists_of(index).nlist + 1),
        lambda index: setattr(lists_of(index), "code_size", 5),
        lambda index: setattr(lists_of(index).sq, "d", 8),
        lambda index: lists_of(index).sq.trained.clear(),
        lambda index: setattr(lists_of(index).quantizer, "ntotal", 0),
        lambda index: setattr(lists_of(index), "metric_type", faiss.METRIC_L2),
        lambda index: setattr(index, "is_trained", False),
        lambda index: lists_of(index).invlists.resize(0, 0),
        lambda index: faiss.downcast_VectorTransform(index.chain.at(0)).A.resize(2048),
    ],
)
def test_lists_whose_parts_do_not_fit_are_refused(tmp_path, vectors, damage):
    lists = IvfLists.train(vectors, 4)
    lists.add([(np.arange(N), vectors)])
    damage(lists._index)
    faiss.write_index(lists._index, str(tmp_path / "x.faiss"))
    with pytest.raises(FrameIndexError, match=r"FAISS can read|holds no approximate search"):
        IvfLists.read(tmp_path / "x.faiss")


def test_lists_that_fit_are_read(path):
    assert len(IvfLists.read(path / "ivf-000001.faiss")) == N
    with FrameIndex.open(path) as index:
        assert isinstance(index._search.current(), IvfSearch)
