import logging
from fractions import Fraction

import av
import numpy as np
import pytest

from nearframe.common import NearframeError
from nearframe.embeddings import Frame
from nearframe.embeddings.sources import Sampling, VideoSource, open_source

FORMATS = {
    "a.mp4": {},
    "a.mkv": {},
    "a.mov": {},
    "a.ts": {},
    "a.avi": {"codec": "mpeg4"},
    "b.avi": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "h264.avi": {},
    "a.webm": {"codec": "libvpx"},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "12", "lag-in-frames": "8"}},
    "a.mpg": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}},
}


@pytest.fixture(params=FORMATS)
def video(request, make_video):
    if (codec := FORMATS[request.param].get("codec", "libx264")) not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {codec}")
    return make_video(request.param, 30, **FORMATS[request.param])


def frames(path, sampling=None, **resume):
    source = VideoSource.open(path, sampling)
    if resume:
        source = source.resume(**resume)
    decoded = [decode() for decode in source.decoders()]
    assert all(isinstance(frame, Frame) for frame in decoded), decoded
    return decoded


def numbers(path, sampling=None, **resume):
    return [frame.number for frame in frames(path, sampling, **resume)]


def test_every_frame_comes_in_presentation_order(video, read_number):
    decoded = frames(video)
    assert [frame.number for frame in decoded] == list(range(30))
    assert [read_number(frame.image) for frame in decoded] == list(range(30))


def test_times_are_one_frame_apart(video):
    times = [frame.time_s for frame in frames(video)]
    np.testing.assert_allclose(np.diff(times), 1 / 25, atol=1e-6)


def test_frames_name_their_source_and_are_rgb(video):
    frame = frames(video)[0]
    assert frame.source == str(video)
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.dtype == np.uint8


def test_keyframes_carry_the_numbers_and_times_of_the_whole_stream(video, read_number):
    every = {frame.number: frame for frame in frames(video)}
    keyframes = frames(video, Sampling(keyframes=True))
    assert 1 < len(keyframes) < 15
    for keyframe in keyframes:
        assert read_number(keyframe.image) == keyframe.number
        assert keyframe.time_s == every[keyframe.number].time_s


def test_keyframes_are_those_that_the_stream_marks(make_video):
    path = make_video("a.mp4")
    with av.open(str(path)) as container:
        marked = [float(frame.time) for frame in container.decode(video=0) if frame.key_frame]
    assert [frame.time_s for frame in frames(path, Sampling(keyframes=True))] == marked


def test_keyframes_of_an_open_group_keep_their_place(make_video):
    # Frames that are shown before the keyframe come after it in the file.
    options = {"bf": "3", "x264-params": "open-gop=1:keyint=12:scenecut=0:b-adapt=0"}
    path = make_video("a.mkv", 40, options=options)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    second = next(packet for packet in packets[1:] if packet.is_keyframe)
    assert any(packet.pts < second.pts for packet in packets[packets.index(second) :])
    assert numbers(path, Sampling(keyframes=True)) == [0, 12, 24, 36]


def test_variable_rate_gives_the_stamps_and_not_number_by_rate(make_video, read_number):
    stamps = [0, 1, 2, 50, 51, 90, 91, 92, 300, 1000]
    path = make_video("a.mp4", 10, stamps=stamps, time_base=Fraction(1, 90))
    decoded = frames(path)
    assert [frame.number for frame in decoded] == list(range(10))
    assert [read_number(frame.image) for frame in decoded] == list(range(10))
    assert [frame.time_s for frame in decoded] == pytest.approx([stamp / 90 for stamp in stamps])


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_times_are_the_stamps_of_an_independent_demux(make_video, name):
    path = make_video(name, 20, stamps=[n * n for n in range(20)], time_base=Fraction(1, 1000))
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
        expected = sorted(float(packet.pts * packet.time_base) for packet in packets)
    assert [frame.time_s for frame in frames(path)] == expected


def test_avi_with_reordered_h264_has_times_from_zero(make_video):
    # AVI has no presentation time stamps; what FFmpeg makes up here jumps back and forth.
    assert [frame.time_s for frame in frames(make_video("a.avi"))] == pytest.approx(
        [number / 25 for number in range(30)]
    )


def test_gaps_in_an_avi_are_no_loss(make_video):
    stamps = [*range(10), *range(40, 50)]
    path = make_video("a.avi", 20, codec="mpeg4", stamps=stamps)
    decoded = frames(path)
    assert [frame.number for frame in decoded] == list(range(20))
    assert decoded[10].time_s == pytest.approx(40 / 25)


@pytest.mark.parametrize("every", [1, 2, 7, 29, 30, 1000])
def test_every_nth_frame(make_video, every, read_number):
    decoded = frames(make_video("a.mp4"), Sampling(every=every))
    assert [frame.number for frame in decoded] == list(range(0, 30, every))
    assert [read_number(frame.image) for frame in decoded] == list(range(0, 30, every))


def test_frames_per_second_takes_the_first_at_or_after_each_step(make_video):
    # 25 frames per second, 2 wanted: at 0, 0.5, 1.0 … the first frames are 0, 13, 25.
    assert numbers(make_video("a.mp4"), Sampling(fps=2)) == [0, 13, 25]


@pytest.mark.parametrize("fps", [25, 60])
def test_a_rate_as_high_as_the_video_s_takes_all(make_video, fps):
    assert numbers(make_video("a.mp4"), Sampling(fps=fps)) == list(range(30))


def test_frames_per_second_follow_the_clock_of_a_variable_rate(make_video):
    stamps = [0, 10, 20, 99, 101, 102, 350, 399, 400]
    path = make_video("a.mp4", 9, stamps=stamps, time_base=Fraction(1, 100))
    assert numbers(path, Sampling(fps=1)) == [0, 4, 6, 8]


@pytest.mark.parametrize("after", [-1, 0, 12, 28, 29, 100])
def test_resuming_leaves_out_what_came_before(make_video, after):
    assert numbers(make_video("a.mp4"), after=after) == list(range(after + 1, 30))


@pytest.mark.parametrize("sampling", [Sampling(every=7), Sampling(fps=3), Sampling(keyframes=True)])
@pytest.mark.parametrize("after", [0, 6, 7, 13])
def test_resuming_a_sample_goes_on_with_the_same_frames(make_video, sampling, after):
    path = make_video("a.mp4")
    expected = [number for number in numbers(path, sampling) if number > after]
    assert numbers(path, sampling, after=after) == expected


def test_of_two_video_streams_of_one_size_the_first_is_read_and_that_is_said(
    tmp_path, numbered_picture, read_number, caplog
):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            for offset, stream in zip((0, 50), streams, strict=True):
                frame = av.VideoFrame.from_ndarray(numbered_picture(number + offset))
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    with caplog.at_level(logging.WARNING, "nearframe"):
        decoded = frames(path)
    assert [read_number(frame.image) for frame in decoded] == [0, 1, 2, 3, 4]
    assert (
        "two.mkv has 2 video streams; reading the largest: number 1, 64 x 48 pixels" in caplog.text
    )


def test_one_video_stream_gives_no_warning(make_video, caplog):
    VideoSource.open(make_video("a.mp4", 3))
    assert not caplog.records


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [(None, 30), (Sampling(every=4), 8), (Sampling(fps=5), 6), (Sampling(keyframes=True), None)],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_the_frame_count_for_a_progress_bar(make_video, name, sampling, expected):
    assert VideoSource.open(make_video(name), sampling).frame_count == expected


@pytest.mark.parametrize("name", ["a b.mp4", "a\nb.mp4", "-.mp4", "concat:a|b.mp4", "ä%d.mp4"])
def test_any_file_name_can_be_opened(make_video, name, tmp_path, monkeypatch):
    path = make_video("plain.mp4", 3).rename(tmp_path / name)
    assert len(frames(path)) == 3
    monkeypatch.chdir(tmp_path)
    assert len(list(open_source(name).decoders())) == 3


def test_a_file_name_that_is_not_utf8_can_be_opened(make_video, tmp_path):
    path = make_video("plain.mp4", 3).rename(tmp_path / "\udcff.mp4")
    assert len(frames(path)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "`every` must be 1 or more, not 0"),
        ({"every": -3}, "`every` must be 1 or more, not -3"),
        ({"fps": 0}, "`fps` must be above 0 and finite, not 0"),
        ({"fps": float("inf")}, "`fps` must be above 0 and finite, not inf"),
        ({"fps": float("nan")}, "`fps` must be above 0 and finite, not nan"),
        ({"every": 2, "fps": 1}, "exclude each other; give one"),
        ({"every": 2, "keyframes": True}, "exclude each other; give one"),
    ],
)
def test_a_sampling_out_of_range_is_refused(options, message):
    with pytest.raises(NearframeError, match=message):
        Sampling(**options)


def test_samplings_describe_themselves_alike_exactly_when_they_are_equal():
    texts = [
        sampling.describe()
        for sampling in (
            Sampling(),
            Sampling(every=2),
            Sampling(every=3),
            Sampling(fps=2),
            Sampling(fps=2.5),
            Sampling(keyframes=True),
        )
    ]
    assert len(set(texts)) == len(texts)
    assert Sampling(every=1).describe() == Sampling().describe()
    assert Sampling(fps=2).describe() == Sampling(fps=2.0).describe()
