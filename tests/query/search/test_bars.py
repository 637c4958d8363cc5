"""Bars around a query: found in any colour, and trimmed where that brings a nearer frame."""

import io
from itertools import product

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from nearframe.embeddings import Embedder
from nearframe.index import build_index
from nearframe.query import Bars, search
from nearframe.query.search.bars import possible_bars

COLOURS = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (30, 60, 120)]
# Left, top, right, bottom.
FORMS = [(0, 60, 0, 60), (80, 0, 80, 0), (50, 40, 50, 40), (0, 70, 0, 0), (0, 0, 60, 0)]


def as_jpeg(picture, quality=80):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def barred(picture, form, colour=(0, 0, 0), quality=80):
    return as_jpeg(ImageOps.expand(picture, form, colour), quality)


def widths(bars):
    return np.array([bars.left, bars.top, bars.right, bars.bottom])


@pytest.mark.parametrize("quality", [95, 50, 20])
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("form", FORMS)
def test_bars_of_any_colour_are_found_to_a_few_pixels(picture, form, colour, quality):
    shown = picture(3, size=(320, 240))
    found = possible_bars(np.asarray(barred(shown, form, colour, quality)))
    assert min(np.abs(widths(bars) - form).max() for bars in found) <= 4


def test_a_letterboxed_film_on_a_coloured_screen_has_two_frames_of_bars(picture):
    inner = ImageOps.expand(picture(4, size=(320, 240)), (0, 40, 0, 40), (0, 0, 0))
    found = possible_bars(np.asarray(barred(inner, (60, 0, 60, 0), (40, 90, 40))))
    assert min(np.abs(widths(bars) - (60, 40, 60, 40)).max() for bars in found) <= 4


def test_grain_in_the_bars_does_not_hide_them(picture):
    pixels = np.asarray(ImageOps.expand(picture(5, size=(320, 240)), (0, 60, 0, 60), (20, 20, 20)))
    noise = np.random.default_rng(0).normal(0, 4, pixels.shape)
    found = possible_bars(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    assert min(np.abs(widths(bars) - (0, 60, 0, 60)).max() for bars in found) <= 4


@pytest.mark.parametrize("own", [0, 255])
def test_what_is_shown_may_be_as_plain_as_the_bars_on_one_side(picture, own):
    # A dark floor, or a white wall: the bar seems to go on, but screens have equal bars.
    pixels = np.array(picture(6, size=(320, 240)))
    pixels[200:] = own
    found = possible_bars(np.asarray(barred(Image.fromarray(pixels), (0, 60, 0, 60), (own,) * 3)))
    assert min(np.abs(widths(bars) - (0, 60, 0, 60)).max() for bars in found) <= 4


def test_titles_on_a_bar_do_not_hide_it(picture):
    pixels = np.array(ImageOps.expand(picture(7, size=(320, 240)), (0, 60, 0, 60), (0, 0, 0)))
    pixels[-40:-25, 60:260:4] = 255
    found = possible_bars(np.asarray(as_jpeg(Image.fromarray(pixels))))
    assert min(np.abs(widths(bars) - (0, 60, 0, 60)).max() for bars in found) <= 4


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 2), (320, 240)])
@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_picture_of_one_colour_has_no_bars(size, level):
    assert possible_bars(np.full((*size[::-1], 3), level, np.uint8)) == ()


def test_an_ordinary_picture_has_no_bars(picture):
    assert [possible_bars(np.asarray(picture(seed, size=(320, 240)))) for seed in range(20)] == [
        ()
    ] * 20


@pytest.fixture
def index(make_folder, tmp_path, fake_embedder):
    build_index([make_folder(12)], tmp_path / "x.index", embedder=fake_embedder)
    return tmp_path / "x.index"


@pytest.mark.parametrize("form", FORMS)
def test_a_query_is_asked_whole_and_trimmed_and_the_better_answer_wins(
    index, picture, tmp_path, form
):
    for seed in range(3):
        barred(picture(seed, size=(240, 160)), form, quality=90).save(tmp_path / f"q{seed:02d}.png")
    report = search(index, sorted(tmp_path.glob("q*.png")))
    assert [result.matches[0].frame.number for result in report.results] == list(range(3))
    for result in report.results:
        assert np.abs(widths(result.bars) - form).max() <= 3
        assert result.nearest == result.matches[0].similarity > 0.99


def test_pictures_and_arrays_are_trimmed_too(index, picture):
    query = barred(picture(5, size=(240, 160)), (0, 80, 0, 80))
    for result in search(index, [query, np.asarray(query)]).results:
        assert result.matches[0].frame.number == 5
        assert result.bars is not None


def test_frames_that_have_bars_themselves_are_found_whole(picture, tmp_path, fake_embedder):
    # Dark scenes, white grounds and letterboxed films: asked as they are, nothing is nearer.
    frames = tmp_path / "films"
    frames.mkdir()
    for seed, (form, colour) in enumerate(product(FORMS, COLOURS[:2])):
        barred(picture(seed, size=(320, 240)), form, colour).save(frames / f"{seed:02d}.png")
    build_index([frames], tmp_path / "f.index", embedder=fake_embedder)
    report = search(tmp_path / "f.index", frames)
    assert [result.matches[0].frame.number for result in report.results] == list(range(10))
    assert [result.bars for result in report.results] == [None] * 10


def test_bars_add_up():
    assert Bars(1, 2, 3, 4) + Bars(10, 20, 30, 40) == Bars(11, 22, 33, 44)


def stills_of(video, numbers):
    with av.open(str(video)) as container:
        frames = container.decode(video=0)
        return {n: f.to_image() for n, f in enumerate(frames) if n in numbers}


@pytest.mark.slow
def test_letterboxed_stills_of_footage_are_all_found(shared_data, tmp_path):
    numbers = {
        "bottle-detection.mp4": (170, 339, 509, 679, 849, 1018),
        "car-detection.mp4": (54, 107, 161, 215, 269, 322),
    }
    videos = [shared_data / "videos" / name for name in numbers]
    queries, expected = [], []
    for video in videos:
        for number, still in stills_of(video, numbers[video.name]).items():
            # On a screen of 4 to 3.
            high = (still.width * 3 // 4 - still.height) // 2
            queries.append(barred(still, (0, high, 0, high)))
            expected.append((video.name, number))
    build_index(videos, tmp_path / "v.index", embedder=Embedder())
    found = [result.matches[0] for result in search(tmp_path / "v.index", queries).results]
    assert [(match.frame.source.split("/")[-1], match.frame.number) for match in found] == expected
