"""Image files with several frames or pages, given alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from nearframe.embeddings.frame import Frame, Unreadable
from nearframe.embeddings.sources import (
    Animation,
    ImageSequence,
    Sampling,
    VideoSource,
    frames_at,
    is_video,
    open_source,
    open_sources,
)

COUNT = 6
DURATIONS_MS = [40, 200, 120, 40, 500, 100]
TIMES_S = [0.0, 0.04, 0.24, 0.36, 0.4, 0.9]
LOSSLESS = {"webp": {"lossless": True}, "avif": {"quality": 100, "subsampling": "4:4:4"}}
KINDS = [
    "gif",
    "webp",
    "png",
    "apng",
    pytest.param(
        "avif", marks=pytest.mark.skipif(not features.check("avif"), reason="needs AVIF in Pillow")
    ),
]


@pytest.fixture
def make_animation(tmp_path, numbered_picture):
    """``make_animation("a.gif")``: numbers are drawn in its frames; the first two are alike."""

    def make(name, count=COUNT, durations=None, pictures=None, **options):
        pictures = pictures or [Image.fromarray(numbered_picture(n)) for n in range(count)]
        suffix = Path(name).suffix[1:]
        how = {"duration": durations or DURATIONS_MS[:count]} if suffix != "tif" else {}
        how |= LOSSLESS.get(suffix, {}) | options
        if suffix in ("png", "apng"):
            how["format"] = "PNG"
        path = tmp_path / name
        pictures[0].save(path, save_all=True, append_images=pictures[1:], **how)
        return path

    return make


def decoded(source):
    return [decode() for decode in source.decoders()]


@pytest.mark.parametrize("kind", KINDS)
def test_an_animation_alone_is_a_short_video(make_animation, read_number, kind):
    path = make_animation(f"a.{kind}")
    source = open_source(path)
    assert (source.kind, source.frame_count) == ("video", COUNT)
    frames = decoded(source)
    assert [frame.number for frame in frames] == list(range(COUNT))
    assert [read_number(frame.image) for frame in frames] == list(range(COUNT))
    assert [frame.time_s for frame in frames] == pytest.approx(TIMES_S, abs=1e-3)
    assert [type(source) for source in open_sources(path)] == [Animation]
    assert is_video(path)


def test_pages_of_a_tiff_count_as_one_second_each(make_animation, read_number):
    frames = decoded(open_source(make_animation("a.tif", 3)))
    assert [(frame.number, frame.time_s) for frame in frames] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert [read_number(frame.image) for frame in frames] == [0, 1, 2]


def test_smaller_versions_of_a_page_are_no_pages(tmp_path, numbered_picture):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(numbered_picture(1))
        file.write(numbered_picture(1)[::2, ::2], subfiletype=1)
    assert isinstance(open_source(path), ImageSequence)
    assert not is_video(path)


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tif"])
def test_one_picture_is_an_image(make_animation, kind):
    source = open_source(make_animation(f"a.{kind}", 1))
    assert (source.kind, source.frame_count) == ("image", 1)


def test_a_picture_of_a_phone_with_further_ones_behind_it_is_an_image(tmp_path, numbered_picture):
    pictures = [Image.fromarray(numbered_picture(number)) for number in (1, 2)]
    data = io.BytesIO()
    pictures[0].save(data, "MPO", save_all=True, append_images=pictures[1:])
    path = tmp_path / "phone.jpg"
    path.write_bytes(data.getvalue())
    with Image.open(path) as image:
        assert image.format == "MPO"
    source = open_source(path)
    assert (source.kind, source.frame_count) == ("image", 1)
    assert not is_video(path)


def test_a_picture_for_programs_without_apng_is_no_frame(make_animation, read_number):
    path = make_animation("a.png", 4, durations=[100, 100, 100], default_image=True)
    frames = decoded(open_source(path))
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert [read_number(frame.image) for frame in frames] == [1, 2, 3]


@pytest.mark.parametrize(
    ("sampling", "numbers"),
    [
        (Sampling(every=4), [0, 4]),
        (Sampling(fps=5), [0, 2, 4, 5]),
        (Sampling(keyframes=True), list(range(COUNT))),
    ],
)
def test_an_animation_is_sampled_like_a_video(make_animation, sampling, numbers):
    source = open_source(make_animation("a.gif"), sampling=sampling)
    assert [frame.number for frame in decoded(source)] == numbers
    assert source.frame_count in (None, len(numbers))
    resumed = [frame.number for frame in decoded(source.resume(after=numbers[1]))]
    assert resumed == numbers[2:]


@pytest.mark.parametrize("duration", [0, 10])
def test_frames_that_are_too_short_are_shown_as_browsers_do(make_animation, duration):
    frames = decoded(open_source(make_animation("a.gif", 3, durations=[duration] * 3)))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2])


def test_an_animation_has_one_background(make_animation):
    empty = Image.new("RGBA", (32, 32))
    white, black = empty.copy(), empty.copy()
    white.paste((255, 255, 255, 255), (8, 8, 24, 24))
    black.paste((0, 0, 0, 255), (4, 4, 12, 12))
    path = make_animation("a.webp", pictures=[empty, white, black], durations=[100] * 3)
    corners = [tuple(frame.image[0, 31]) for frame in decoded(open_source(path))]
    assert corners == [(0, 0, 0)] * 3


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_of_an_animation_that_is_cut_off_the_start_is_read(make_animation, read_number, kind):
    path = make_animation(f"a.{kind}")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    items = decoded(open_source(path))
    frames = [item for item in items if isinstance(item, Frame)]
    assert [read_number(frame.image) for frame in frames] == list(range(len(frames)))
    assert [type(item) for item in items[len(frames) :]] == [Unreadable]
    assert items[-1].source == str(path)


def test_frames_are_found_again_by_number(make_animation):
    path = str(make_animation("a.gif"))
    frames = decoded(open_source(path))
    found = list(frames_at(path, [frames[1].ref, frames[4].ref]))
    for frame, number in zip(found, (1, 4), strict=True):
        assert frame.ref == frames[number].ref
        np.testing.assert_array_equal(frame.image, frames[number].image)


def test_in_a_folder_an_animation_is_one_image(make_animation, tmp_path):
    make_animation("a.gif")
    (source,) = open_sources(tmp_path)
    assert (source.kind, source.frame_count) == ("folder", 1)


def test_a_video_is_no_animation(make_video):
    path = make_video("a.mp4", 3)
    assert isinstance(open_source(path), VideoSource)
    assert is_video(path)
    assert not is_video(path.parent)
