import shutil
from dataclasses import replace

import numpy as np
import pytest

from nearframe.embeddings import Frame, FrameRef, Unreadable
from nearframe.embeddings.sources import VideoSource, frames_at, seeking

NUMBERS = (0, 1, 58, 59, 60, 61, 150, 299)


@pytest.fixture(scope="module")
def decoded(sample_video):
    """Every frame of the sample video, decoded from its start."""
    return [decode() for decode in VideoSource.open(sample_video).decoders()]


def refs_of(decoded, numbers=NUMBERS):
    return [decoded[number].ref for number in numbers]


def assert_same(found, expected):
    assert [frame.ref for frame in found] == [frame.ref for frame in expected]
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a.image, b.image)


def test_the_frames_are_those_of_a_full_decode(sample_video, decoded, monkeypatch):
    counted = []
    monkeypatch.setattr(seeking, "_from_start", lambda _, refs: counted.extend(refs) or iter(()))
    found = list(frames_at(str(sample_video), refs_of(decoded)))
    assert_same(found, [decoded[number] for number in NUMBERS])
    assert counted == []


@pytest.mark.parametrize("time_s", [None, 0.001])
def test_without_a_time_that_leads_there_frames_are_counted(sample_video, decoded, time_s):
    refs = [replace(ref, time_s=time_s, stamp_s=None) for ref in refs_of(decoded)]
    found = list(frames_at(str(sample_video), refs))
    assert_same(found, [decoded[number] for number in NUMBERS])


def test_where_seeking_fails_half_way_the_rest_is_counted(sample_video, decoded):
    refs = refs_of(decoded)
    refs[3] = replace(refs[3], stamp_s=1e6)
    found = list(frames_at(str(sample_video), refs))
    assert_same(found, [decoded[number] for number in NUMBERS])


def test_a_frame_that_is_not_there_is_said(sample_video, decoded):
    path = str(sample_video)
    refs = [*refs_of(decoded, [5]), FrameRef(path, 5000, 170.0), FrameRef(path, 5001, None)]
    first, *missing = frames_at(path, refs)
    assert isinstance(first, Frame)
    assert [(entry.number, type(entry)) for entry in missing] == [
        (5000, Unreadable),
        (5001, Unreadable),
    ]
    assert "no such frame" in missing[0].reason


def test_a_video_that_is_gone_or_broken_is_said_per_frame(tmp_path):
    path = tmp_path / "film.mp4"
    refs = [FrameRef(str(path), 1, 0.1), FrameRef(str(path), 2, None)]
    assert [entry.number for entry in frames_at(str(path), refs)] == [1, 2]
    path.write_bytes(b"broken")
    (entry, _) = frames_at(str(path), refs)
    assert "not a video" in entry.reason


def test_a_cut_video_gives_what_it_has(tmp_path, sample_video, decoded):
    path = tmp_path / "cut.mp4"
    shutil.copy(sample_video, path)
    with path.open("r+b") as file:
        file.truncate(sample_video.stat().st_size // 2)
    first, last = frames_at(str(path), refs_of(decoded, [3, 299]))
    assert np.array_equal(first.image, decoded[3].image)
    assert isinstance(last, Unreadable)


OPEN_H264 = {"bf": "3", "x264-params": "open-gop=1:keyint=12:scenecut=0:b-adapt=0"}
OPEN_H265 = {"x265-params": "open-gop=1:keyint=12:bframes=3:scenecut=0:b-adapt=0:log-level=none"}
MPEG2 = {"g": "12", "bf": "2"}


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.ts", {}),
        ("a.ts", {"options": OPEN_H264}),
        ("a.ts", {"codec": "libx265", "options": OPEN_H265}),
        ("a.ts", {"codec": "mpeg2video", "options": MPEG2}),
        ("a.ts", {"codec": "mpeg4", "options": MPEG2}),
        ("a.mpg", {"codec": "mpeg2video", "options": MPEG2}),
        ("a.mpg", {"codec": "mpeg1video", "options": MPEG2}),
        ("a.vob", {"codec": "mpeg2video", "options": MPEG2}),
        ("a.mkv", {"options": OPEN_H264}),
        ("a.mkv", {"codec": "libx265", "options": OPEN_H265}),
        ("a.mp4", {"codec": "libx265", "options": OPEN_H265}),
        ("a.flv", {}),
        ("a.avi", {"codec": "mpeg4", "options": MPEG2}),
        ("a.m2v", {"codec": "mpeg2video", "options": MPEG2}),
        ("a.h264", {}),
    ],
)
def test_each_frame_is_found_whatever_the_format(make_video, name, how):
    path = make_video(name, 100, **how)
    whole = [decode() for decode in VideoSource.open(path).decoders()]
    for first in range(8):
        some = whole[first * 4 :: 31]
        assert_same(list(frames_at(str(path), [frame.ref for frame in some])), some)
