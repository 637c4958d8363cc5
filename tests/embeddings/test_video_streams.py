"""Which stream of a file is read, and which moment of it counts as 0:00."""

import logging
from fractions import Fraction

import av
import numpy as np
import pytest

from nearframe.embeddings.sources import VideoSource, frames_at

RATE, SAMPLE_RATE = 25, 48000


@pytest.fixture
def make_streams(tmp_path, numbered_picture):
    """``make_streams("a.mkv", [(64, 48), (128, 96)])``: stream n begins with number 20 n."""

    def make(name, sizes, *, default=None, codecs=None, count=5):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            streams = []
            for number, size in enumerate(sizes):
                stream = container.add_stream(codecs[number] if codecs else "mpeg4", rate=RATE)
                stream.width, stream.height = size
                stream.pix_fmt = "yuvj420p" if codecs and codecs[number] == "mjpeg" else "yuv420p"
                if default is not None:
                    flags = av.stream.Disposition
                    stream.disposition = flags.default if number == default else flags(0)
                streams.append(stream)
            for frame_number in range(count):
                for number, stream in enumerate(streams):
                    picture = numbered_picture(20 * number + frame_number, sizes[number])
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    container.mux(stream.encode(frame))
            for stream in streams:
                container.mux(stream.encode(None))
        return path

    return make


def frames(path):
    return [decode() for decode in VideoSource.open(path).decoders()]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov", "a.ts"])
@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        ([(64, 48), (128, 96)], 1),
        ([(128, 96), (64, 48)], 0),
        ([(64, 48), (80, 64), (96, 64)], 2),
        ([(160, 48), (96, 96)], 1),
    ],
)
def test_the_largest_stream_is_read(make_streams, read_number, caplog, name, sizes, taken):
    path = make_streams(name, sizes)
    with caplog.at_level(logging.WARNING, "nearframe"):
        found = frames(path)
    assert [read_number(frame.image) for frame in found] == [20 * taken + n for n in range(5)]
    assert {frame.image.shape[1::-1] for frame in found} == {sizes[taken]}
    (line,) = caplog.messages
    width, height = sizes[taken]
    assert f"reading the largest: number {taken + 1}, {width} x {height} pixels" in line
    refs = [frame.ref for frame in found[1::2]]
    assert [read_number(frame.image) for frame in frames_at(str(path), refs)] == [
        20 * taken + n for n in (1, 3)
    ]


def test_a_track_of_thumbnails_before_the_film_is_not_taken_for_it(make_streams, read_number):
    path = make_streams("a.mkv", [(64, 48), (128, 96)], codecs=["mjpeg", "mpeg4"], default=0)
    assert [read_number(frame.image) for frame in frames(path)] == [20, 21, 22, 23, 24]


@pytest.mark.parametrize("default", [0, 1])
def test_of_streams_of_one_size_the_default_is_read(make_streams, read_number, default):
    path = make_streams("a.mkv", [(64, 48), (64, 48)], default=default)
    assert read_number(frames(path)[0].image) == 20 * default


@pytest.fixture
def make_with_sound(tmp_path, numbered_picture):
    """``make_with_sound("a.ts", sound_s=1, picture_s=3)``: when which of them begins."""

    def make(name, *, sound_s, picture_s, audio="aac", video="mpeg4"):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(video, rate=RATE)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.time_base = Fraction(1, RATE)
            sound = container.add_stream(audio, rate=SAMPLE_RATE, layout="mono")
            for number in range(RATE):
                picture = numbered_picture(number)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts = number + round(picture_s * RATE)
                frame.time_base = Fraction(1, RATE)
                container.mux(stream.encode(frame))
            size = sound.codec_context.frame_size or 960
            for number in range(round(picture_s - sound_s + 1) * SAMPLE_RATE // size):
                wave = av.AudioFrame.from_ndarray(
                    np.zeros((1, size), np.float32), format="fltp", layout="mono"
                )
                wave.sample_rate = SAMPLE_RATE
                wave.pts = round(sound_s * SAMPLE_RATE) + number * size
                wave.time_base = Fraction(1, SAMPLE_RATE)
                container.mux(sound.encode(wave))
            container.mux(stream.encode(None))
            container.mux(sound.encode(None))
        return path

    return make


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.mp4"])
@pytest.mark.parametrize(
    ("sound_s", "picture_s", "first_s"), [(10, 10, 0), (10, 12, 2), (3600, 3600.4, 0.4)]
)
def test_time_starts_with_what_begins_first(make_with_sound, name, sound_s, picture_s, first_s):
    path = make_with_sound(name, sound_s=sound_s, picture_s=picture_s)
    found = frames(path)
    # Encoders put one frame of sound, 21 ms, before the first.
    assert found[0].time_s == pytest.approx(first_s, abs=0.05)
    assert found[-1].time_s == pytest.approx(first_s + 0.96, abs=0.05)


@pytest.mark.parametrize(("name", "audio", "video"), [("a.mkv", "aac", "mpeg4")])
def test_sound_that_only_its_decoder_needs_does_not_count(make_with_sound, name, audio, video):
    path = make_with_sound(name, sound_s=0, picture_s=0, audio=audio, video=video)
    assert [frame.time_s for frame in frames(path)[:2]] == pytest.approx([0, 0.04], abs=0.0011)
