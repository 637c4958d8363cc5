"""Recordings joined by ``cat``, with numbers in the pictures to check those of the frames."""

import logging
from pathlib import Path

import av
import pytest

from nearframe.embeddings.frame import Unreadable
from nearframe.embeddings.sources import Sampling, VideoSource, frames_at

CASE = Path(__file__).parents[3] / "shared/data/cases/joined_ts/concat.ts"
# 20, then 27 frames; a keyframe every 12.
FIRST, SECOND = 20, 27
KEYFRAMES = [0, 12, 20, 32, 44]
MPEG2 = {"g": "12", "bf": "2"}
X265 = {"x265-params": "keyint=12:bframes=3:log-level=none"}

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def make_joined(make_video, numbered_picture):
    """``make_joined("a.ts", [20, 27])``: numbers in the pictures go on over the joints."""

    def make(name, counts, *, sizes=None, starts=None, **how):
        whole, first = b"", 0
        for part, count in enumerate(counts):
            size = sizes[part] if sizes else (64, 48)
            pictures = [numbered_picture(first + number, size) for number in range(count)]
            start = starts[part] if starts else 0
            stamps = range(start, start + count)
            part_name = f"part{part}{Path(name).suffix}"
            path = make_video(part_name, pictures=pictures, size=size, stamps=stamps, **how)
            whole += path.read_bytes()
            first += count
        joined = path.with_name(name)
        joined.write_bytes(whole)
        return joined

    return make


def decoded(path, sampling=None):
    results = [decode() for decode in VideoSource.open(path, sampling).decoders()]
    assert [item for item in results if isinstance(item, Unreadable)] == []
    return results


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.ts", {}),
        ("a.mts", {}),
        ("a.mkv", {}),
        ("a.mpg", {"codec": "mpeg2video", "options": MPEG2}),
        ("a.vob", {"codec": "mpeg2video", "options": MPEG2}),
        ("hevc.ts", {"codec": "libx265", "options": X265}),
    ],
)
def test_frames_of_joined_recordings_keep_their_order(make_joined, read_number, caplog, name, how):
    path = make_joined(name, [FIRST, SECOND], **how)
    with caplog.at_level(logging.WARNING, "nearframe"):
        frames = decoded(path)
    numbers = list(range(FIRST + SECOND))
    assert [frame.number for frame in frames] == numbers
    assert [read_number(frame.image) for frame in frames] == numbers
    times_s = [frame.time_s for frame in frames]
    assert times_s[:2] == pytest.approx([0, 0.04], abs=0.0011)
    assert times_s[FIRST : FIRST + 2] == pytest.approx([0, 0.04], abs=0.0011)
    assert times_s[-1] == pytest.approx((SECOND - 1) / 25, abs=0.0011)
    (line,) = caplog.messages
    assert f"{name}: at frame 20 the time jumps back" in line
    keyframes = decoded(path, Sampling(keyframes=True))
    assert [frame.number for frame in keyframes] == KEYFRAMES
    assert [read_number(frame.image) for frame in keyframes] == KEYFRAMES
    assert [frame.ref for frame in keyframes] == [frames[number].ref for number in KEYFRAMES]


def test_frames_of_joined_recordings_are_found_again_by_number(make_joined, read_number):
    path = str(make_joined("a.ts", [FIRST, SECOND]))
    refs = [frame.ref for frame in decoded(path)]
    wanted = [2, 19, 20, 22, 46]
    found = list(frames_at(path, [refs[number] for number in wanted]))
    assert [frame.ref for frame in found] == [refs[number] for number in wanted]
    assert [read_number(frame.image) for frame in found] == wanted


def test_each_joined_recording_is_sampled_from_its_start(make_joined):
    path = make_joined("a.ts", [FIRST, SECOND])
    frames = decoded(path, Sampling(fps=5))
    assert [frame.number for frame in frames] == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]


@pytest.mark.parametrize("counts", [[20, 9, 20], [3, 40], [12, 12, 12], [30, 1, 2, 3]])
def test_any_number_of_recordings_of_any_length(make_joined, read_number, counts):
    frames = decoded(make_joined("a.ts", counts))
    assert [frame.number for frame in frames] == list(range(sum(counts)))
    assert [read_number(frame.image) for frame in frames] == list(range(sum(counts)))


@pytest.mark.parametrize("starts", [[0, 250], [250, 0], [0, 2500, 250]])
def test_joined_recordings_that_start_at_other_times(make_joined, read_number, starts):
    counts = [20] * len(starts)
    path = make_joined("a.ts", counts, starts=starts)
    frames = decoded(path)
    assert [frame.number for frame in frames] == list(range(sum(counts)))
    assert [read_number(frame.image) for frame in frames] == list(range(sum(counts)))
    for part, start in enumerate(starts):
        time_s = max(0, start - starts[0]) / 25
        # Only the first keeps the room that its B-frames need.
        assert frames[20 * part].time_s == pytest.approx(time_s, abs=0.1)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.ts", {}),
        ("a.h264", {}),
        ("hevc.ts", {"codec": "libx265", "options": X265}),
        ("a.mpg", {"codec": "mpeg2video", "options": MPEG2}),
        ("a.m2v", {"codec": "mpeg2video", "options": MPEG2}),
        ("mpeg1.mpg", {"codec": "mpeg1video", "options": MPEG2}),
        ("mpeg4.ts", {"codec": "mpeg4", "options": MPEG2}),
    ],
)
@pytest.mark.parametrize("sizes", [[(64, 48), (128, 96)], [(128, 96), (64, 48)]])
def test_where_the_size_changes_no_frame_is_lost(make_joined, read_number, name, how, sizes):
    path = make_joined(name, [FIRST, SECOND], sizes=sizes, **how)
    frames = decoded(path)
    numbers = list(range(FIRST + SECOND))
    assert [frame.number for frame in frames] == numbers
    assert [read_number(frame.image) for frame in frames] == numbers
    shapes = [frame.image.shape[1::-1] for frame in frames]
    assert shapes == [sizes[0]] * FIRST + [sizes[1]] * SECOND
    assert [frame.number for frame in decoded(path, Sampling(keyframes=True))] == KEYFRAMES


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.h264", {}),
        ("a.hevc", {"codec": "libx265", "options": X265}),
        ("a.m2v", {"codec": "mpeg2video", "options": MPEG2}),
        ("a.m4v", {"codec": "mpeg4", "options": MPEG2, "container_format": "m4v"}),
    ],
)
def test_keyframes_of_streams_without_a_container_are_numbered_among_all(
    make_joined, read_number, name, how
):
    path = make_joined(name, [FIRST, SECOND], **how)
    assert [frame.number for frame in decoded(path)] == list(range(FIRST + SECOND))
    keyframes = decoded(path, Sampling(keyframes=True))
    assert [frame.number for frame in keyframes] == KEYFRAMES
    assert [read_number(frame.image) for frame in keyframes] == KEYFRAMES


def _as_they_come_out(path, read_number):
    """Decode a whole file as FFmpeg does; return the numbers drawn, and which are keyframes."""
    with av.open(str(path)) as container:
        # What is drawn where something is missing depends on it.
        container.streams.video[0].thread_type = "AUTO"
        pictures = [
            (read_number(picture.to_ndarray(format="rgb24")), picture.key_frame)
            for picture in container.decode(video=0)
        ]
    return [number for number, _ in pictures], [n for n, (_, key) in enumerate(pictures) if key]


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
@pytest.mark.parametrize(
    ("name", "unit", "how"),
    [
        ("a.ts", 188, {}),
        ("a.mpg", 2048, {"codec": "mpeg2video", "options": MPEG2, "size": (320, 240)}),
        ("a.h264", 1, {}),
    ],
)
@pytest.mark.parametrize("missing", ["end of the first", "start of the second"])
def test_a_joint_within_a_group_of_pictures(
    make_video, numbered_picture, read_number, name, unit, how, part, missing
):
    pictures = [numbered_picture(number, how.get("size", (64, 48))) for number in range(47)]
    first = make_video(f"first_{name}", pictures=pictures[:FIRST], **how).read_bytes()
    second = make_video(f"second_{name}", pictures=pictures[FIRST:], **how)
    path, second = second.with_name(name), second.read_bytes()
    if missing == "end of the first":
        first = first[: int(len(first) / unit * part) * unit]
    else:
        second = second[int(len(second) / unit * part) * unit :]
    path.write_bytes(first + second)
    drawn, keyframes = _as_they_come_out(path, read_number)
    frames = [decode() for decode in VideoSource.open(path).decoders()]
    frames = [frame for frame in frames if not isinstance(frame, Unreadable)]
    assert [frame.number for frame in frames] == list(range(len(drawn)))
    assert [read_number(frame.image) for frame in frames] == drawn
    sampled = [d() for d in VideoSource.open(path, Sampling(keyframes=True)).decoders()]
    assert [frame.number for frame in sampled if not isinstance(frame, Unreadable)] == keyframes
    refs = [frame.ref for frame in frames[::4]]
    for ref, found in zip(refs, frames_at(str(path), refs), strict=True):
        assert found.ref == ref
        assert read_number(found.image) == drawn[ref.number]


def test_a_program_stream_with_stamps_that_are_made_up(make_video, read_number, caplog):
    path = make_video("a.mpg", 27, codec="mpeg1video", options=MPEG2, size=(128, 96))
    with caplog.at_level(logging.WARNING, "nearframe"):
        frames = decoded(path)
    assert [frame.number for frame in frames] == list(range(27))
    assert [read_number(frame.image) for frame in frames] == list(range(27))
    keyframes = decoded(path, Sampling(keyframes=True))
    assert [frame.number for frame in keyframes] == [0, 12, 24]
    assert [read_number(frame.image) for frame in keyframes] == [0, 12, 24]
    assert not caplog.messages


@pytest.mark.parametrize("hours", [1, 10, 20, 25])
def test_a_clock_that_starts_again_far_before_has_not_gone_round(make_joined, read_number, hours):
    path = make_joined("a.ts", [FIRST, FIRST, FIRST], starts=[hours * 3600 * 25, 0, 100])
    frames = decoded(path)
    assert [frame.number for frame in frames] == list(range(60))
    assert [read_number(frame.image) for frame in frames] == list(range(60))
    times_s = [frames[number].time_s for number in (0, 20, 40)]
    assert times_s == pytest.approx([0, 0, 4], abs=0.1)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.mp4", {"codec": "mpeg4", "options": MPEG2}),
        ("a.mp4", {"codec": "libx265", "options": X265}),
        ("a.mkv", {"codec": "libx265", "options": X265}),
    ],
)
def test_a_file_that_calls_all_frames_keyframes_is_not_joined(make_video, caplog, name, how):
    whole = make_video(f"whole{Path(name).suffix}", 60, **how)
    path = whole.with_name(name)
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream, packet.is_keyframe = copy, True
                target.mux(packet)
    with caplog.at_level(logging.WARNING, "nearframe"):
        frames = decoded(path)
    assert [frame.number for frame in frames] == list(range(60))
    assert [frame.time_s for frame in frames] == pytest.approx([n / 25 for n in range(60)])
    assert not caplog.messages


def test_a_clock_that_goes_round_goes_on(make_video):
    stamps = range(2**33 // 3600 - 10, 2**33 // 3600 + 20)
    path = make_video("a.ts", 30, stamps=stamps)
    frames = decoded(path)
    assert [frame.time_s for frame in frames] == pytest.approx(
        [n / 25 for n in range(30)], abs=1e-3
    )


def test_where_a_part_was_cut_out_what_a_player_shows_counts(make_video, read_number):
    options = {"x265-params": "open-gop=1:keyint=12:bframes=3:log-level=none"}
    whole = make_video("a.ts", 40, codec="libx265", options=options)
    first = make_video("b.ts", 10, codec="libx265", options=options).read_bytes()
    path = _cut(whole, 2)
    path.write_bytes(first + path.read_bytes())
    frames = decoded(path)
    drawn, keyframes = _as_they_come_out(path, read_number)
    assert [frame.number for frame in frames] == list(range(len(drawn)))
    assert [read_number(frame.image) for frame in frames] == drawn
    assert [frame.number for frame in decoded(path, Sampling(keyframes=True))] == keyframes


@pytest.mark.skipif(not CASE.exists(), reason="needs the shared data")
def test_the_reported_recordings():
    assert [frame.number for frame in decoded(CASE)] == list(range(80))
    keyframes = decoded(CASE, Sampling(keyframes=True))
    assert [frame.number for frame in keyframes] == [0, 12, 24, 36, 40, 48, 60, 72]


def _cut(path, keyframe):
    """Copy a video from its n-th keyframe on."""
    cut = path.with_name(f"cut_{path.name}")
    with av.open(str(path)) as source, av.open(str(cut), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        count = -1
        for packet in source.demux(stream):
            count += packet.is_keyframe
            if packet.size and count >= keyframe:
                packet.stream = copy
                target.mux(packet)
    return cut


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.ts", {"options": {"bf": "3", "x264-params": "open-gop=1:keyint=12:b-adapt=0"}}),
        ("a.mkv", {"options": {"bf": "3", "x264-params": "open-gop=1:keyint=12:b-adapt=0"}}),
        ("hevc.mkv", {"codec": "libx265", "options": {"x265-params": "open-gop=1:keyint=12"}}),
        ("a.mpg", {"codec": "mpeg2video", "options": MPEG2}),
    ],
)
def test_a_file_cut_at_an_open_group_is_whole(make_video, read_number, name, how):
    path = _cut(make_video(name, 40, **how), 2)
    frames = decoded(path)
    assert [frame.number for frame in frames] == list(range(16))
    assert [read_number(frame.image) for frame in frames] == list(range(24, 40))
    assert frames[0].time_s == 0
    keyframes = decoded(path, Sampling(keyframes=True))
    assert [frame.ref for frame in keyframes] == [frames[0].ref, frames[12].ref]


def test_a_file_whose_open_group_was_moved_behind_the_keyframe_is_whole(make_video, read_number):
    whole = make_video("whole.ts", 40, codec="mpeg2video", options=MPEG2)
    path = whole.with_name("a.ts")
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        keyframes, start, latest = 0, None, -(10**9)
        for packet in source.demux(stream):
            keyframes += packet.is_keyframe
            if not packet.size or keyframes < 3:
                continue
            start = packet.pts if start is None else start
            # As `ffmpeg -ss` does it: what was before the start comes a tick behind the other.
            latest = max(packet.dts, latest + 1, start + 1 if packet.pts < start else latest + 1)
            packet.pts, packet.dts = max(packet.pts, latest), latest
            packet.stream = copy
            target.mux(packet)
    frames = decoded(path)
    drawn, keyframes = _as_they_come_out(path, read_number)
    assert [frame.number for frame in frames] == list(range(len(drawn)))
    assert [read_number(frame.image) for frame in frames] == drawn
    assert [frame.number for frame in decoded(path, Sampling(keyframes=True))] == keyframes


@pytest.mark.parametrize("rate", [10, 25])
def test_time_is_counted_from_the_start_that_players_show(make_video, rate):
    path = make_video("a.ts", 20, rate=rate, stamps=range(3600 * rate, 3600 * rate + 20))
    frames = decoded(path)
    assert [frame.time_s for frame in frames] == pytest.approx([n / rate for n in range(20)])
    stamps_s = [frame.stamp_s for frame in frames]
    assert stamps_s == pytest.approx([stamps_s[0] + n / rate for n in range(20)])
    assert stamps_s[0] >= 3600
    refs = [frame.ref for frame in frames[::3]]
    assert [frame.ref for frame in frames_at(str(path), refs)] == refs
    assert [frame.number for frame in decoded(path, Sampling(fps=2))] == [
        *range(0, 20, (rate + 1) // 2)
    ]
