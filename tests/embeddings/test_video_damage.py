import re
import struct
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import Sampling, VideoSource
from nearframe.embeddings.sources.decoding import Decoding, Ordinals

FASTSTART = {"container_options": {"movflags": "faststart"}}
# Low rates, so that a part that is missing is longer than what headers are off by.
CUT = {
    "a.mp4": {**FASTSTART, "rate": 10},
    "a.mov": {**FASTSTART, "rate": 10},
    "a.avi": {"codec": "mpeg4", "rate": 10},
    "a.mkv": {"rate": 10},
    "a.webm": {"codec": "libvpx", "rate": 10},
    "a.flv": {"rate": 10},
}


def read(path, sampling=None):
    """Return the frames that decode, and what is said about the others."""
    outcomes = [decode() for decode in VideoSource.open(path, sampling).decoders()]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Unreadable)]
    assert outcomes[len(outcomes) - len(lost) :] == lost
    assert all(outcome.number is None and outcome.source == str(path) for outcome in lost)
    return outcomes[: len(outcomes) - len(lost)], [outcome.reason for outcome in lost]


def cut(path, part):
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    return path


def garble(path, index, *, stream_frames=60):
    """Overwrite the data of a packet, counted in decoding order."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert len(packets) == stream_frames
        at, size = packets[index].pos, packets[index].size
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(index).integers(0, 256, size - 5, np.uint8).tobytes()
    data[at + 5 : at + size] = noise
    path.write_bytes(data)


@pytest.mark.parametrize("name", CUT)
def test_of_a_video_that_is_cut_off_the_start_is_read_and_the_loss_said(
    make_video, name, read_number
):
    path = make_video(name, 60, **CUT[name])
    whole, complaints = read(path)
    assert (len(whole), complaints) == (60, [])
    frames, (complaint,) = read(cut(path, 0.6))
    assert 5 < len(frames) < 60
    # Not all: of the last ones, a frame that is shown later may be stored first.
    assert [frame.number for frame in frames][:-4] == list(range(len(frames) - 4))
    for frame in frames:
        assert read_number(frame.image) == frame.number
        assert frame.time_s == whole[frame.number].time_s
    assert "cut" in complaint


def test_a_cut_mp4_says_how_many_frames_there_were(make_video):
    frames, (complaint,) = read(cut(make_video("a.mp4", 60, **FASTSTART), 0.6))
    assert complaint == (f"only {len(frames)} of 60 frames decode; the file is damaged or cut")


def test_a_cut_mkv_says_where_it_should_have_ended(make_video):
    frames, (complaint,) = read(cut(make_video("a.mkv", 60, rate=10), 0.6))
    end_s = float(re.fullmatch(r"the video ends at (.*) of 6\.0 seconds; .* cut off", complaint)[1])
    assert frames[-1].time_s < end_s < frames[-1].time_s + 0.5


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_cut_is_also_seen_from_keyframes_alone(make_video, name):
    options = FASTSTART if name == "a.mp4" else {}
    path = cut(make_video(name, 60, rate=10, **options), 0.6)
    frames, (complaint,) = read(path, Sampling(keyframes=True))
    assert [frame.number for frame in frames] == [0, 12, 24, 36][: len(frames)]
    assert "of 6.0 seconds; the file is cut off" in complaint


def test_the_number_of_decoding_threads_does_not_change_what_is_lost(make_video):
    path = cut(make_video("a.mp4", 60, **FASTSTART), 0.6)
    counts = set()
    for threads in (1, 4, 16):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
            decoding = Decoding(path, container, stream, keyframes=False)
            counts.add(len(list(decoding.frames())))
    assert len(counts) == 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("index", [5, 24, 40])
def test_after_a_damaged_part_frames_keep_their_numbers(make_video, name, index):
    path = make_video(name, 60)
    expected = {frame.time_s: frame.number for frame in read(path)[0]}
    garble(path, index)
    frames, complaints = read(path)
    assert frames[-1].number == 59
    assert {frame.time_s: frame.number for frame in frames}.items() <= expected.items()
    if len(frames) < 60:
        assert complaints == [f"only {len(frames)} of 60 frames decode; the file is damaged or cut"]


def test_a_damaged_part_costs_frames_in_this_very_format(make_video):
    # So that the test above is about something.
    path = make_video("a.mp4", 60)
    garble(path, 5)
    assert 30 < len(read(path)[0]) < 60


def test_sampling_a_damaged_video_takes_the_same_numbers(make_video):
    path = make_video("a.mp4", 60)
    garble(path, 5)
    there = {frame.number for frame in read(path)[0]}
    sampled = [frame.number for frame in read(path, Sampling(every=4))[0]]
    assert set(range(20, 60, 4)) <= set(sampled) <= there


def test_a_damaged_interlaced_video_is_not_judged_by_its_packets(make_video):
    # Elsewhere, each of the two fields of a frame is a packet.
    options = {"x264-params": "interlaced=1:keyint=12:bframes=2:scenecut=0"}
    path = make_video("a.mp4", 60, options=options)
    assert read(path)[1] == []
    garble(path, 5)
    frames, (complaint,) = read(path)
    assert len(frames) < 60
    assert complaint.startswith("damaged in ")


def test_a_slide_show_whose_last_picture_stays_is_not_cut(make_video, tmp_path):
    path = tmp_path / "slides.mkv"
    source = make_video("a.mkv", 4, codec="ffv1", pixel_format="yuv444p")
    with av.open(str(source)) as container, av.open(str(path), "w") as slides:
        stream = slides.add_stream_from_template(container.streams.video[0])
        for number, packet in enumerate(container.demux(video=0)):
            if packet.size:
                packet.pts = packet.dts = 5000 * number  # the time base is a millisecond
                packet.duration = 5000
                packet.stream = stream
                slides.mux(packet)
    with av.open(str(path)) as container:
        assert container.duration == 20_000_000
        assert all(packet.duration < 5000 for packet in container.demux(video=0))
    frames, complaints = read(path)
    assert [frame.time_s for frame in frames] == [0, 5, 10, 15]
    assert complaints == []


def test_frames_outside_an_edit_list_are_no_loss(make_video, read_number):
    # Phones trim a clip by an edit list: all frames stay in the file, few are shown.
    path = make_video("a.mp4", 60)
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12  # name, version and flags, count; then duration and start
    duration, start = struct.unpack_from(">Ii", data, at)
    struct.pack_into(">I", data, at, duration // 2)
    path.write_bytes(data)
    frames, complaints = read(path)
    assert [frame.number for frame in frames] == list(range(30))
    assert [read_number(frame.image) for frame in frames] == list(range(30))
    assert complaints == []
    with av.open(str(path)) as container:
        step = container.streams.video[0].time_base
    struct.pack_into(">Ii", data, at, duration // 2, start + int(Fraction(1, 2) / step))
    path.write_bytes(data)
    frames, complaints = read(path)
    first = read_number(frames[0].image)
    assert first > 5
    assert [read_number(frame.image) - first for frame in frames] == [
        frame.number for frame in frames
    ]
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert complaints == []


def test_frames_of_vp8_that_are_not_shown_do_not_count(make_video, read_number):
    path = make_video("a.webm", 30, codec="libvpx", options={"g": "12"})
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    data[data.index(packets[5])] &= ~0x10  # RFC 6386, 9.1: show_frame
    path.write_bytes(data)
    frames, complaints = read(path)
    assert [frame.number for frame in frames] == list(range(29))
    assert [read_number(frame.image) for frame in frames] == [*range(5), *range(6, 30)]
    assert complaints == []
    keyframes, _ = read(path, Sampling(keyframes=True))
    by_time = {frame.time_s: frame.number for frame in frames}
    assert [by_time[frame.time_s] for frame in keyframes] == [frame.number for frame in keyframes]


def test_a_stream_that_never_decodes_gives_no_frames_but_a_complaint(make_video):
    path = make_video("a.mp4", 30)
    data = path.read_bytes()
    start = data.index(b"mdat") + 4
    path.write_bytes(
        data[:start] + b"\0" * (data.index(b"moov") - start - 4) + data[data.index(b"moov") - 4 :]
    )
    frames, (complaint,) = read(path)
    assert frames == []
    assert complaint == "only 0 of 30 frames decode; the file is damaged or cut"


def test_a_container_that_breaks_off_gives_what_came_before(make_video, monkeypatch):
    path = make_video("a.mp4", 30)

    class BreaksOff:
        def __init__(self, container):
            self._container = container
            self.format = container.format

        def demux(self, stream):
            for number, packet in enumerate(self._container.demux(stream)):
                if number == 20:
                    raise av.error.OSError(5, "Input/output error")
                yield packet

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoding = Decoding(path, BreaksOff(container), stream, keyframes=False)
        frames = list(decoding.frames())
        assert [frame.number for frame in frames][:16] == list(range(16))
        assert None not in [frame.time_s for frame in frames]
        assert len(frames) == 20
        assert "Input/output error" in decoding.loss()


@given(
    order=st.permutations(range(12)),
    lost=st.sets(st.integers(0, 11)),
    late=st.sets(st.integers(0, 11)),
)
def test_ordinals_are_ranks_whatever_is_lost_or_late(order, lost, late):
    stamps = [7 * rank - 20 for rank in range(12)]
    ordinals = Ordinals()
    inside, numbers = set(), {}

    def come_out(ranks):
        for rank in sorted(ranks):
            inside.remove(rank)
            numbers[rank] = ordinals.number(stamps[rank])

    for position, rank in enumerate(order):
        ordinals.read(stamps[rank])
        if rank not in lost:
            inside.add(rank)
        # A decoder lets a frame go when all that are shown before it have been read.
        already = set(order[: position + 1])
        come_out({rank for rank in inside - late if set(range(rank)) <= already})
    come_out(set(inside))
    assert numbers == {rank: rank for rank in range(12) if rank not in lost}


@pytest.mark.parametrize("stamps", [[0, 1, 1, 2], [0, None, None, 3], [None] * 4, [0, 5, 3, 9]])
def test_ordinals_never_give_a_number_twice(stamps):
    ordinals = Ordinals()
    for stamp in stamps:
        if stamp is not None:
            ordinals.read(stamp)
    numbers = [ordinals.number(stamp) for stamp in stamps]
    assert sorted(numbers) == [0, 1, 2, 3]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuva420p"])
def test_frames_whose_colours_ffmpeg_cannot_convert_are_named_one_by_one(
    make_video, numbered_picture, pixel_format
):
    def unknown_colours(stream):
        stream.codec_context.colorspace = 14  # ICtCp

    path = make_video(
        "a.mkv",
        codec="ffv1",
        pixel_format=pixel_format,
        prepare=unknown_colours,
        pictures=[numbered_picture(number) for number in range(2)],
    )
    outcomes = [decode() for decode in VideoSource.open(path).decoders()]
    assert [outcome.number for outcome in outcomes] == [0, 1]
    assert all("cannot become RGB (Operation not sup" in outcome.reason for outcome in outcomes)


def test_a_decoder_that_cannot_be_opened_ends_no_process(tmp_path):
    # With PyAV 19, asking such a decoder for its name does; so it is tried in another process.
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for seed in range(5):
            pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        private = container.streams.video[0].codec_context.extradata
    content = path.read_bytes()
    assert content.count(private) == 1
    path.write_bytes(content.replace(private, private[:4] + bytes(len(private) - 4)))
    program = (
        "import sys\nfrom nearframe.common import NearframeError\n"
        "from nearframe.embeddings.sources import open_source\n"
        "try:\n    print([type(d()).__name__ for d in open_source(sys.argv[1]).decoders()])\n"
        "except NearframeError as error:\n    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, path], check=False, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout
