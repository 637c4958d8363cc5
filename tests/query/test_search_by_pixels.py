import sqlite3
from contextlib import closing

import numpy as np
import pytest

from nearframe.index import FrameIndex, build_index
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
            assert first.difference == pytest.approx(0, abs=1e-3)
            assert len(others) == 2
            assert all(match.difference > 1 for match in others)


def test_frames_without_thumbnails_keep_the_order_of_their_vectors(make_folder, blind, tmp_path):
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
    assert first.frame.number == 0


def test_an_index_from_before_is_searched_and_goes_on(make_folder, picture, blind, tmp_path):
    index = tmp_path / "x.index"
    folder = make_folder(2)
    build_index([folder], index, embedder=blind)
    with closing(sqlite3.connect(index / "frames.sqlite")) as database:
        database.executescript("DROP TRIGGER drop_thumbnail; DROP TABLE thumbnails")
    (match,) = matches(index, folder / "000001.png", blind)
    assert match.difference is None
    picture(7).save(folder / "000007.png")
    build_index([folder], index, embedder=blind)
    found = matches(index, folder / "000007.png", blind, k=3)
    assert [match.difference is None for match in found] == [True, True, False]


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
