import sqlite3
from contextlib import closing
from importlib import import_module

import numpy as np
import pytest

from nearframe.embeddings import FrameRef
from nearframe.embeddings.sources import Sampling
from nearframe.index import FrameIndex, IndexLockedError, build_index
from nearframe.index.lock import acquire_write_lock
from nearframe.query import search


def matches(index, query, embedder, k=1):
    (result,) = search(index, query, k=k, embedder=embedder).results
    return result.matches


@pytest.fixture
def blind(embedder_of):
    """An embedder to which all pictures are one."""
    return embedder_of(lambda pixels: np.ones((len(pixels), 2048)))


def test_a_search_finds_the_frame_with_the_same_pixels(make_folder, picture, blind, tmp_path):
    index = tmp_path / "x.index"
    build_index([make_folder(6)], index, embedder=blind)
    for seed in range(6):
        for query in (picture(seed), np.asarray(picture(seed))):
            ((first, *others),) = (
                r.matches for r in search(index, query, k=3, embedder=blind).results
            )
            assert first.frame.number == seed
            assert first.pixels == pytest.approx(0, abs=1e-3)
            assert len(others) == 2
            assert all(match.pixels > 1 for match in others)


def test_queries_come_in_blocks(make_folder, blind, tmp_path, monkeypatch):
    # By its name alone, it is the function.
    monkeypatch.setattr(import_module("nearframe.query.search.search"), "_BLOCK", 2)
    sizes = []
    nearest = FrameIndex.nearest

    def noting(self, queries, *arguments, **options):
        sizes.append(len(queries))
        return nearest(self, queries, *arguments, **options)

    monkeypatch.setattr(FrameIndex, "nearest", noting)
    index, folder = tmp_path / "x.index", make_folder(5)
    build_index([folder], index, embedder=blind)
    results = search(index, folder, embedder=blind).results
    assert [result.matches[0].frame.number for result in results] == [0, 1, 2, 3, 4]
    assert [result.matches[0].frame.source for result in results] == [r.query for r in results]
    assert sizes == [2, 2, 1]


def test_frames_without_thumbnails_come_behind_the_one_with_the_same_pixels(
    make_folder, blind, tmp_path
):
    index = tmp_path / "x.index"
    folder = make_folder(3)
    build_index([folder], index, embedder=blind)
    with FrameIndex.open(index, write=True) as opened:
        (batch,) = blind.embed_source(folder)
        opened.append(batch.frames[2:], batch.vectors[2:])
    ((first, *_),) = (
        result.matches
        for result in search(index, folder / "000002.png", k=4, embedder=blind).results
    )
    assert first.frame.number == 1


def test_an_index_from_before_is_searched_and_goes_on(make_folder, picture, blind, tmp_path):
    index = tmp_path / "x.index"
    folder = make_folder(2)
    build_index([folder], index, embedder=blind)
    with closing(sqlite3.connect(index / "frames.sqlite")) as database:
        database.executescript("DROP TRIGGER drop_thumbnail; DROP TABLE thumbnails")
    (match,) = matches(index, folder / "000001.png", blind)
    assert match.pixels is None
    picture(7).save(folder / "000007.png")
    build_index([folder], index, embedder=blind)
    found = matches(index, folder / "000007.png", blind, k=3)
    assert [match.pixels is None for match in found] == [False, True, True]


def test_thumbnails_go_with_their_frames(make_folder, blind, tmp_path):
    index = tmp_path / "x.index"
    folder = make_folder(4)
    build_index([folder], index, embedder=blind)
    with FrameIndex.open(index) as opened:
        ids = opened.catalog.frame_ids()
        assert len(opened.catalog.thumbnails.of(ids)) == 4
    (folder / "000001.png").unlink()
    build_index([folder], index, embedder=blind, prune=True)
    with FrameIndex.open(index) as opened:
        assert len(opened.catalog.thumbnails.of(ids)) == 3


@pytest.fixture
def same_pixels_are_second(picture, blind, tmp_path):
    """An index of two frames: to the query, that with its pixels has the lower cosine."""
    (asked, _), thumbnails = blind.describe([picture(0), picture(1)])
    away = np.where(np.arange(len(asked)) % 2, asked, -asked)
    cosines = np.array([[0.975], [0.99]], np.float32)
    vectors = cosines * asked + np.sqrt(1 - cosines**2) * away
    with FrameIndex.create(tmp_path / "x.index", blind.fingerprint) as index:
        index.append(
            [FrameRef("/a.png", 0, None), FrameRef("/b.png", 1, None)], vectors, thumbnails
        )
    return index.path


@pytest.mark.parametrize(
    ("threshold", "found", "nearest"),
    [(None, [0], 0.975), (0.97, [0], 0.975), (0.98, [1], 0.99), (0.995, [], 0.99)],
)
def test_a_frame_above_the_threshold_is_found_behind_one_below(
    same_pixels_are_second, picture, blind, threshold, found, nearest
):
    (result,) = search(
        same_pixels_are_second, picture(0), threshold=threshold, embedder=blind
    ).results
    assert [match.frame.number for match in result.matches] == found
    assert result.nearest == pytest.approx(nearest, abs=1e-6)


def test_thumbnails_of_another_shape_add_nothing(picture, blind, tmp_path):
    vectors, thumbnails = blind.describe([picture(0), picture(1)])
    frames = [FrameRef("/a.png", 0, None), FrameRef("/b.png", 1, None)]
    with FrameIndex.create(tmp_path / "x.index", blind.fingerprint) as index:
        for wrong in (thumbnails[:1], thumbnails[:, :16]):
            with pytest.raises(ValueError, match=r"expected \(2, 32, 32\)"):
                index.append(frames, vectors, wrong)
        index.append(frames, vectors, thumbnails)
    with FrameIndex.open(index.path) as opened:
        assert [place[1:] for place in opened.catalog.places(after=0, limit=9).tolist()] == [
            [1, 0],
            [1, 1],
        ]


def test_an_index_from_before_is_not_changed_while_another_process_writes(
    make_folder, blind, tmp_path
):
    index = tmp_path / "x.index"
    build_index([make_folder(2)], index, embedder=blind)
    with closing(sqlite3.connect(index / "frames.sqlite")) as database:
        database.executescript("DROP TRIGGER drop_thumbnail; DROP TABLE thumbnails")
        with acquire_write_lock(index), pytest.raises(IndexLockedError):
            FrameIndex.open(index, write=True)
        query = "SELECT name FROM sqlite_master WHERE name LIKE '%thumbnail%'"
        assert database.execute(query).fetchall() == []


def test_one_missing_thumbnail_leaves_the_others_in_order(make_folder, picture, blind, tmp_path):
    index, folder = tmp_path / "x.index", make_folder(6)
    build_index([folder], index, embedder=blind)
    for missing in range(6):
        with closing(sqlite3.connect(index / "frames.sqlite")) as database:
            (saved,) = database.execute(
                "SELECT * FROM thumbnails ORDER BY frame_id LIMIT 1 OFFSET ?", (missing,)
            ).fetchall()
            database.execute("DELETE FROM thumbnails WHERE frame_id = ?", saved[:1])
            database.commit()
        for seed in set(range(6)) - {missing}:
            (match,) = matches(index, picture(seed), blind)
            assert match.frame.number == seed
        with closing(sqlite3.connect(index / "frames.sqlite")) as database:
            database.execute("INSERT INTO thumbnails VALUES (?, ?)", saved)
            database.commit()


def test_more_frames_as_near_than_are_compared_at_first(make_folder, blind, picture, tmp_path):
    index, folder = tmp_path / "x.index", make_folder(200)
    build_index([folder], index, embedder=blind)
    for seed in (0, 127, 128, 163, 199):
        (match,) = matches(index, picture(seed), blind)
        assert match.frame.number == seed


def test_rehash_makes_missing_thumbnails(make_folder, blind, sample_video, tmp_path):
    index, folder = tmp_path / "x.index", make_folder(3)
    inputs, sampling = [folder, sample_video], Sampling(every=100)
    build_index(inputs, index, embedder=blind, sampling=sampling)
    with closing(sqlite3.connect(index / "frames.sqlite")) as database:
        database.execute("DELETE FROM thumbnails WHERE frame_id IN (1, 5)")
        database.commit()
    report = build_index(inputs, index, embedder=blind, sampling=sampling, rehash=True)
    assert [source.embedded for source in report.sources] == [1, 3]
    with FrameIndex.open(index) as opened:
        ids = opened.catalog.frame_ids()
        assert len(ids) == len(opened.catalog.thumbnails.of(ids)) == 6
