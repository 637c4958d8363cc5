import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from nearframe.common import PastLimitsError, SourceError
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import (
    Animation,
    ImageSequence,
    VideoSource,
    contained,
    container,
    content_beyond_rgb,
    decoding,
    limits,
    read_image,
)
from nearframe.embeddings.sources.scans import scans_in

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bomb_files = load("bomb_files")


@pytest.fixture
def most_bytes(monkeypatch):
    """Set the limit to so many bytes per pixel of a picture of 100 x 100 pixels."""

    def set_limit(per_pixel):
        monkeypatch.setattr(limits, "MOST_BYTES", per_pixel * 10_000)

    return set_limit


@pytest.fixture
def no_children(monkeypatch):
    """Fail where a process is started."""
    monkeypatch.setattr(contained.subprocess, "Popen", None)


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        (lambda: bomb_files.flat_png(100, colour_type=2), 7),
        (lambda: bomb_files.flat_png(100, colour_type=6), 11),
        (lambda: bomb_files.flat_png(100, colour_type=2, depth=16), 18),
        (lambda: bomb_files.flat_png(100, depth=1), 4),
        (lambda: bomb_files.flat_png(100, depth=1, see_through=True), 8),
        (lambda: bomb_files.float_tiff(100), 14),
        (lambda: bomb_files.jpeg_of_scans(100, 0), 13),
    ],
    ids=["RGB", "RGBA", "RGB 16", "1 bit", "1 bit see-through", "float", "progressive"],
)
def test_the_limit_knows_how_much_each_kind_of_pixel_takes(
    tmp_path, most_bytes, no_children, content, needed
):
    path = tmp_path / "a.png"
    path.write_bytes(content())
    most_bytes(needed)
    assert read_image(path).shape == (100, 100, 3)
    most_bytes(needed - 0.1)
    with pytest.raises(
        PastLimitsError, match=r"100 x 100 pixels of this kind take .* make it smal"
    ):
        read_image(path)


def test_a_picture_that_is_decoded_smaller_takes_less(tmp_path, most_bytes, picture):
    from nearframe.embeddings.preprocessing import Preprocessing

    path = tmp_path / "a.jpg"
    picture(1, (800, 800)).save(path)
    most_bytes(100)
    with pytest.raises(PastLimitsError):
        read_image(path)
    assert read_image(path, Preprocessing(size=32)).shape == (32, 32, 3)


def test_a_picture_past_the_limits_is_listed_and_the_others_are_read(tmp_path, most_bytes, picture):
    picture(1, (90, 100)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(bomb_files.flat_png(100, colour_type=6, depth=16))
    most_bytes(10)
    good, bad = [decode() for decode in ImageSequence.of_folder(tmp_path).decoders()]
    assert good.image.shape == (100, 90, 3)
    assert isinstance(bad, Unreadable)
    assert bad.past_limits
    with pytest.raises(PastLimitsError):
        content_beyond_rgb(tmp_path / "b.png")


def test_an_animation_past_the_limits_has_no_frames(tmp_path, most_bytes, picture):
    path = tmp_path / "a.gif"
    picture(1, (100, 100)).save(path, save_all=True, append_images=[picture(2, (100, 100))])
    most_bytes(12)
    (outcome,) = [decode() for decode in Animation.open(path).decoders()]
    assert outcome.past_limits


@pytest.mark.usefixtures("no_children")
def test_a_jpeg_of_very_many_scans_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(bomb_files.jpeg_of_scans(64, 600))
    with pytest.raises(PastLimitsError, match=r"a JPEG of 61. scans, of which it may have 500"):
        read_image(path)


def test_a_usual_progressive_jpeg_is_read_in_this_process(tmp_path, picture, no_children):
    path = tmp_path / "a.jpg"
    picture(1).save(path, progressive=True)
    assert read_image(path).shape == (64, 96, 3)


def test_scans_are_told_from_what_only_looks_like_one():
    def segment(kind, content):
        return bytes([0xFF, kind]) + (2 + len(content)).to_bytes(2, "big") + content

    scan = segment(0xDA, b"abc") + b"\x12\xff\x00\xff\xd3\x34"
    data = b"\xff\xd8" + segment(0xE1, b"\xff\xda" * 40 + b"\xff\xd9") + scan + scan
    data += segment(0xC4, b"\xff\xda\xff\xd9") + scan + b"\xff\xd9" + b"\xff\xd8" + scan
    assert scans_in(data) == 3


def test_a_suspicious_picture_is_the_same_from_a_process_of_its_own(tmp_path, monkeypatch, picture):
    path = tmp_path / "a.png"
    image = picture(1, (60, 40))
    image.putalpha(image.convert("L"))
    image.save(path)
    here = read_image(path), content_beyond_rgb(path)
    monkeypatch.setattr(limits, "_LARGE_BYTES", 0)
    apart = read_image(path), content_beyond_rgb(path)
    np.testing.assert_array_equal(apart[0], here[0])
    assert apart[1] == here[1]
    assert apart[0].flags.writeable


def test_what_is_wrong_with_a_suspicious_picture_is_said(tmp_path, monkeypatch, picture):
    path = tmp_path / "a.png"
    picture(1, (200, 150)).save(path)
    path.write_bytes(path.read_bytes()[:-3000])
    monkeypatch.setattr(limits, "_LARGE_BYTES", 0)
    (outcome,) = [decode() for decode in ImageSequence.of_file(path).decoders()]
    assert "truncated" in outcome.reason
    assert not outcome.past_limits


def test_a_picture_that_takes_too_long_is_given_up_and_not_tried_again(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(bomb_files.jpeg_of_scans(64, 100))
    monkeypatch.setattr(contained, "MOST_S", 0)
    before = psutil.Process().children()
    with pytest.raises(PastLimitsError, match="takes more than 0 seconds to decode"):
        read_image(path)
    assert psutil.Process().children() == before
    monkeypatch.setattr(contained.subprocess, "Popen", None)
    with pytest.raises(PastLimitsError, match="takes more than 0 seconds to decode"):
        read_image(path)
    # Another content is another file.
    path.write_bytes(bomb_files.jpeg_of_scans(64, 1))
    assert read_image(path).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-11, r"its decoder crashes \(SIGSEGV\)"),
        (-9, "the system ended its decoder, as it does when memory runs out"),
        (-24, "takes more than 20 seconds of a core"),
    ],
)
def test_a_process_that_ends_without_an_answer_costs_one_file(
    tmp_path, monkeypatch, picture, code, reason
):
    path = tmp_path / "a.png"
    picture(1).save(path)
    ending = f"import os; os.kill(os.getpid(), {-code}) # {{path!r}}"
    monkeypatch.setattr(contained, "_START", ending)
    monkeypatch.setattr(limits, "_LARGE_BYTES", 0)
    with pytest.raises(PastLimitsError, match=reason):
        read_image(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_a_process_that_somebody_ends_says_nothing_about_the_file(
    tmp_path, monkeypatch, picture, name
):
    path = tmp_path / "a.png"
    picture(1).save(path)
    ending = (
        f"import os, signal; signal.signal(signal.{name}, signal.SIG_DFL); "
        f"os.kill(os.getpid(), signal.{name}) # {{path!r}}"
    )
    with monkeypatch.context() as patch:
        patch.setattr(contained, "_START", ending)
        patch.setattr(limits, "_LARGE_BYTES", 0)
        (outcome,) = [decode() for decode in ImageSequence.of_file(path).decoders()]
    assert f"its decoder was ended ({name})" in outcome.reason
    assert not outcome.past_limits
    assert read_image(path).shape == (64, 96, 3)


def test_a_process_that_cannot_work_says_nothing_about_the_file(tmp_path, monkeypatch, picture):
    path = tmp_path / "a.png"
    picture(1).save(path)
    monkeypatch.setattr(contained, "_START", "raise SystemExit(3) # {path!r}")
    monkeypatch.setattr(limits, "_LARGE_BYTES", 0)
    (outcome,) = [decode() for decode in ImageSequence.of_file(path).decoders()]
    assert "ends without an answer (exit code 3)" in outcome.reason
    assert not outcome.past_limits


def test_a_decoder_is_not_asked_for_a_pixel_format_that_its_video_does_not_say(tmp_path):
    class Decoder:
        format = None
        width = height = 0
        codec = SimpleNamespace(intra_only=False)

        def __init__(self):
            self.options = {}

        @property
        def pix_fmt(self):
            raise AssertionError("PyAV before 18 ends the process")

    decoder = Decoder()
    limits.set_up(tmp_path / "a.mp4", SimpleNamespace(codec_context=decoder))
    assert int(decoder.options["max_pixels"]) > 0


def test_frames_of_a_video_that_take_too_much_are_refused(make_video, monkeypatch):
    path = make_video("a.mp4", 3)
    monkeypatch.setattr(limits, "MOST_BYTES", 64 * 48 * 20)
    with pytest.raises(SourceError, match=r"frames of 64 x 48 pixels, of which .* make them small"):
        VideoSource.open(path)


def test_frames_that_are_larger_than_the_header_of_their_video_says_are_left_out(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.avi"
    pictures = [bomb_files.photo_jpeg(size) for size in ((64, 48), (640, 480), (64, 48))]
    bomb_files.write_video(path, "mjpeg", (64, 48), iter(pictures))
    monkeypatch.setattr(limits, "MOST_BYTES", 64 * 48 * 100)
    *frames, problem = [decode() for decode in VideoSource.open(path).decoders()]
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert isinstance(problem, Unreadable)


def test_a_frame_of_very_many_scans_is_left_out(tmp_path):
    path = tmp_path / "a.avi"
    pictures = [bomb_files.jpeg_of_scans(64, scans) for scans in (0, 600, 0)]
    bomb_files.write_video(path, "mjpeg", (64, 64), iter(pictures))
    outcomes = [decode() for decode in VideoSource.open(path).decoders()]
    assert [isinstance(outcome, Unreadable) for outcome in outcomes] == [False, False, True]


def test_a_video_ends_with_a_frame_that_takes_too_long(make_video, monkeypatch):
    path = make_video("a.mp4", 60)
    monkeypatch.setattr(decoding, "MOST_S", -1)
    *frames, problem = [decode() for decode in VideoSource.open(path).decoders()]
    assert len(frames) < 60
    assert problem.past_limits
    assert "what follows is left out" in problem.reason


def test_a_decoder_has_fewer_threads_for_larger_frames(make_video, monkeypatch):
    path = make_video("a.mp4", 3)
    monkeypatch.setattr(limits, "cores", lambda: 64)
    with container.opened(path) as (_, stream):
        assert stream.codec_context.thread_count == 16
    # Of a quarter of the budget, two frames.
    monkeypatch.setattr(limits.DECODED, "limit", 64 * 48 * 1.5 * 8)
    with container.opened(path) as (_, stream):
        assert stream.codec_context.thread_count == 2


def test_a_decoder_that_has_answered_ends_in_peace():
    code = (
        "from nearframe.embeddings.sources import child; "
        "child.TASKS['answer'] = lambda path: path; child.main()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        pickle.dump(("answer", "x.png"), process.stdin)
        process.stdin.flush()
        assert pickle.load(process.stdout) == ("done", "x.png")
        assert process.wait(timeout=60) == 0  # while its stdin is open


def test_a_decoder_ends_with_the_process_that_asked_it():
    code = (
        "import time; from nearframe.embeddings.sources import child; "
        "child.TASKS['wait'] = lambda _: time.sleep(600); child.main()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        pickle.dump(("wait", "x.png"), process.stdin)
        process.stdin.close()  # as the system does when a process ends
        assert process.wait(timeout=60) == 1
