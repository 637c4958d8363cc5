"""The sample video and the script that renders it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

DATA = Path(__file__).resolve().parents[2] / "data"
VIDEO = DATA / "yard.mp4"
STILL = [(0, 36), (107, 130), (198, 216), (246, 258), (288, 299)]  # first and last frame number
CLIP = range(60, 76)  # the car drives through: each frame differs from the next


@pytest.fixture(scope="module")
def render() -> Iterator[ModuleType]:
    """data/render.py, loaded from its path: it is a script, not part of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DATA))
        spec = importlib.util.spec_from_file_location("render_sample", DATA / "render.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def film(render):
    return render.Film()


@pytest.fixture(scope="module")
def clip(render, film, tmp_path_factory):
    """A short video, with B-frames, of a stretch in which something moves."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    render.encode(film, path, CLIP)
    return path


def brightness(image: np.ndarray) -> float:
    return float(image.mean())


def test_the_video_is_300_small_h264_frames():
    with av.open(str(VIDEO)) as container:
        stream = container.streams.video[0]
        times = [frame.time for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.codec_context.has_b_frames
        assert (stream.width, stream.height) == (640, 360)
    np.testing.assert_allclose(times, np.arange(300) / 30, atol=1e-3)
    assert VIDEO.stat().st_size < 2_000_000


def test_the_video_begins_with_its_table_of_contents():
    head = VIDEO.read_bytes()[:100_000]
    assert 0 < head.find(b"moov") < head.find(b"mdat")


def test_the_same_seed_renders_the_same_frames(render, film):
    again = render.Film()
    for number in (290, 70, 160):
        np.testing.assert_array_equal(again.frame(number), film.frame(number))


def test_another_seed_renders_another_scene(render, film):
    assert not np.array_equal(render.Film(render.SEED + 1).frame(0), film.frame(0))


def test_the_same_frames_encode_to_the_same_bytes(render, film, clip, tmp_path):
    render.encode(film, tmp_path / "again.mp4", CLIP)
    assert (tmp_path / "again.mp4").read_bytes() == clip.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.mp4"]


def test_the_committed_video_shows_the_rendered_frames(render, film):
    for number, decoded in enumerate(render.decode(VIDEO)):
        if number % 20 == 0:
            error = np.abs(decoded.astype(int) - film.frame(number)).mean()
            assert error < 4, f"frame {number}"


def test_extracted_frames_are_the_decoded_frames_named_from_1(render, clip, tmp_path):
    arguments = ["frames", str(tmp_path / "out"), "--video", str(clip)]
    result = CliRunner().invoke(render.cli, arguments)
    assert result.exit_code == 0, result.output
    paths = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in paths] == [f"{n:06d}.png" for n in range(1, len(CLIP) + 1)]
    for path, decoded in zip(paths, render.decode(clip), strict=True):
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), decoded)


def test_frames_are_decoded_in_presentation_order(render, film, clip):
    rendered = np.stack([film.frame(number)[::4, ::4] for number in CLIP]).astype(int)
    for position, decoded in enumerate(render.decode(clip)):
        errors = np.abs(rendered - decoded[::4, ::4]).mean(axis=(1, 2, 3))
        assert errors.argmin() == position


def test_a_failed_write_leaves_nothing_behind(render, tmp_path):
    def write_half_and_fail() -> None:
        with render.written_whole(tmp_path / "frame.png") as part:
            part.write_bytes(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half_and_fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("first", "last"), STILL)
def test_nothing_moves_in_a_still_stretch(film, first, last):
    for number in range(first + 1, last + 1):
        np.testing.assert_array_equal(film.frame(number), film.frame(first))


@pytest.mark.parametrize(("first", "last"), STILL)
def test_something_moves_right_before_and_after_a_still_stretch(film, first, last):
    if first > 0:
        assert not np.array_equal(film.frame(first - 1), film.frame(first))
    if last < 299:
        assert not np.array_equal(film.frame(last), film.frame(last + 1))


def test_the_yard_is_the_same_before_and_after_the_car(film):
    np.testing.assert_array_equal(film.frame(0), film.frame(120))


def test_the_light_falls_by_more_than_30_of_255_levels(film):
    assert brightness(film.frame(210)) - brightness(film.frame(250)) > 30
