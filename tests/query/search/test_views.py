"""The stretch of a video that shows the same, and how far everything else is."""

import av
import numpy as np
import pytest

from nearframe.embeddings import FrameRef
from nearframe.embeddings.sources import Sampling
from nearframe.index import Match, Restriction, build_index
from nearframe.query import Threshold, View, search
from nearframe.query.search.views import judge, next_view_margin

RATE = 10


# Numbers of the pictures that are shown, each for so many seconds.
SCENES = [(1, 20), (2, 27), (3, 150), (2, 5)]


@pytest.fixture(scope="module")
def film(tmp_path_factory, picture):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.bit_rate = 96, 64, 4_000_000
        for seed, seconds in SCENES:
            pixels = np.asarray(picture(seed))
            for _ in range(seconds * RATE):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def index_of_film(film, make_fake_embedder):
    path = film.with_name("x.index")
    build_index([film], path, embedder=make_fake_embedder())
    return path


@pytest.fixture
def index(index_of_film, fake_network):
    """An index of all frames of the film, which is only read, with the network that made it."""
    return index_of_film


def test_the_stretch_that_shows_the_same_is_given(index, picture):
    first, second, long = search(index, [picture(1), picture(2), picture(3)]).results
    assert (first.view.start_s, first.view.end_s) == pytest.approx((0, 19.9), abs=0.11)
    # The longer or the shorter of two; the other is a stretch of its own.
    spans = [(20, 46.9), (197, 201.9)]
    assert any(
        (second.view.start_s, second.view.end_s) == pytest.approx(span, abs=0.11) for span in spans
    )
    # Longer than what is looked at first.
    assert (long.view.start_s, long.view.end_s) == pytest.approx((47, 196.9), abs=0.11)


@pytest.mark.parametrize("every", [7, 200])
def test_of_few_frames_the_stretch_is_found_too(film, picture, tmp_path, fake_embedder, every):
    sampling = Sampling(every=every)
    build_index([film], tmp_path / "s.index", embedder=fake_embedder, sampling=sampling)
    (result,) = search(tmp_path / "s.index", picture(3)).results
    frames = [n for n in range(0, 2020, every) if 470 <= n < 1970]
    assert (result.view.start_s, result.view.end_s) == pytest.approx(
        (frames[0] / RATE, frames[-1] / RATE), abs=0.11
    )


def test_the_stretch_stays_within_the_limits_of_the_search(index, picture):
    (result,) = search(index, picture(3), within=Restriction(start_s=60, end_s=70)).results
    assert (result.view.start_s, result.view.end_s) == pytest.approx((60, 70), abs=0.11)


def test_images_and_frames_without_such_neighbours_have_none(
    make_folder, picture, tmp_path, fake_embedder
):
    build_index([make_folder(4)], tmp_path / "i.index", embedder=fake_embedder)
    (result,) = search(tmp_path / "i.index", picture(2)).results
    assert result.view is None


def test_stills_of_one_stretch_are_described(index, picture, tmp_path, run):
    picture(1).save(tmp_path / "q.png")
    text = run("queryDataset", "q.png", index).stdout
    assert "\nSame view from 0:00:00.000 to 0:00:19.900\n" in text


def match(similarity, source="/a.mp4", time_s=None):
    return Match(FrameRef(source, 0, time_s), similarity)


def test_the_margin_is_to_what_shows_something_else():
    best = match(0.6, time_s=50.0)
    found = [best, match(0.59, time_s=51.0), match(0.5, time_s=90.0), match(0.45, "/b.png")]
    assert next_view_margin(best, found, View(43, 70)) == pytest.approx(0.1)
    assert next_view_margin(best, found[:2], View(43, 70)) is None


def image(similarity, source, number):
    return Match(FrameRef(source, number, None), similarity)


def test_images_that_follow_each_other_and_are_as_near_show_the_same():
    images = [image(0.6, "/a/3.png", 3), image(0.59, "/a/4.png", 4), image(0.585, "/a/5.png", 5)]
    images += [image(0.4, "/a/2.png", 2)]
    assert next_view_margin(images[0], images, None) == pytest.approx(0.2)
    # Neither one of another folder, nor one behind a gap.
    for other in (image(0.59, "/b/4.png", 4), image(0.59, "/a/7.png", 7)):
        assert next_view_margin(images[0], [*images, other], None) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("similarity", "margin", "verdict"),
    [
        (0.8, 0.0, "found"),
        (0.7, None, "found"),
        (0.6, 0.3, "likely"),
        (0.6, 0.01, "unsure"),
        (0.6, None, "unsure"),
    ],
)
def test_verdicts(similarity, margin, verdict):
    assert judge(similarity, margin, Threshold(0.7, "weights")) == verdict
    assert judge(similarity, margin, None) is None
