"""Which files are pictures and which videos, whatever they are called."""

import io
import os
import re
import shutil
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from nearframe.common import SourceError
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import (
    IMAGE_SUFFIXES,
    RAW_SUFFIXES,
    VIDEO_SUFFIXES,
    kind_of,
    open_source,
    open_sources,
    read_image,
)

PAGE = Path(__file__).parents[2] / "docs" / "kinds.md"


@pytest.fixture
def scene(picture):
    return picture(3, (96, 64))


@pytest.fixture
def film(make_video):
    return make_video("film.mkv", 5)


def frames_of(path):
    return [decode() for decode in open_source(path).decoders()]


def listed(folder):
    """Names of the pictures and of the videos that a run over a folder takes."""
    found = {"folder": [], "video": []}
    for source in open_sources(folder):
        assert not isinstance(source, SourceError), source
        paths = [file.path for file in source.files] if source.kind == "folder" else [source.path]
        found[source.kind] += [os.path.basename(path) for path in paths]  # noqa: PTH119
    return found["folder"], found["video"]


@pytest.mark.parametrize(
    ("suffix", "format_"),
    [
        (".jfif", "JPEG"),
        (".JFIF", "JPEG"),
        (".jpe", "JPEG"),
        (".mpo", "MPO"),
        (".jp2", "JPEG2000"),
        (".j2k", "JPEG2000"),
        (".tga", "TGA"),
        (".apng", "PNG"),
        (".dib", "DIB"),
        (".ppm", "PPM"),
        (".pcx", "PCX"),
        (".sgi", "SGI"),
    ],
)
def test_pictures_of_many_suffixes_are_read(scene, tmp_path, suffix, format_):
    scene.save(tmp_path / f"a{suffix}", format_, quality=95)
    assert listed(tmp_path) == ([f"a{suffix}"], [])
    (frame,) = frames_of(tmp_path / f"a{suffix}")
    assert np.abs(frame.image.astype(int) - np.asarray(scene)).mean() < 12


def test_a_tga_with_runs_and_an_origin_below_is_read(scene, tmp_path):
    scene.save(tmp_path / "a.tga", compression="tga_rle", orientation=-1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tga"), np.asarray(scene))


@pytest.mark.parametrize(
    ("suffix", "format_", "codec"),
    [
        (".mts", "mpegts", "libx264"),
        (".MTS", "mpegts", "libx264"),
        (".m2ts", "mpegts", "libx264"),
        (".3gp", "3gp", "libx264"),
        (".3g2", "3g2", "libx264"),
        (".mpg", "mpeg", "mpeg2video"),
        (".mpeg", "mpeg", "mpeg1video"),
        (".vob", "vob", "mpeg2video"),
        (".m2v", "mpeg2video", "mpeg2video"),
        (".ogv", "ogg", "libtheora"),
        (".mxf", "mxf", "mpeg2video"),
        (".y4m", "yuv4mpegpipe", "wrapped_avframe"),
        (".nut", "nut", "libx264"),
        (".mjpeg", "mjpeg", "mjpeg"),
        (".h264", "h264", "libx264"),
        (".qt", "mov", "libx264"),
    ],
)
def test_videos_of_many_suffixes_are_read(numbered_picture, tmp_path, suffix, format_, codec):
    path = tmp_path / f"a{suffix}"
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no encoder {codec}")
    write_video(path, format_, codec, [numbered_picture(n, (352, 288)) for n in range(6)])
    assert listed(tmp_path) == ([], [f"a{suffix}"])
    assert len(frames_of(path)) == 6
    # By its content alone, too.
    nameless = path.rename(tmp_path / "recording.dat")
    assert kind_of(nameless) == ("image" if format_ == "mjpeg" else "video")


def write_video(path, format_, codec, pictures):
    with av.open(str(path), "w", format=format_) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                format=stream.pix_fmt
            )
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("name", ["a.dat", "a", "a.jpg", "a.mp4", "a.mkv", "a.bak", "a.cr2"])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000"])
def test_a_picture_is_known_by_its_content(scene, tmp_path, name, format_):
    if (name, format_) == ("a.cr2", "TIFF"):
        pytest.skip("raw files are TIFFs")
    scene.save(tmp_path / name, format_)
    assert listed(tmp_path) == ([name], [])
    (frame,) = frames_of(tmp_path / name)
    assert frame.time_s is None
    assert frame.image.shape == (64, 96, 3)


@pytest.mark.parametrize("name", ["a.dat", "a", "a.jpg", "a.png", "a.avi", "a.tif", "a.nef"])
@pytest.mark.parametrize("container", ["mp4", "mkv", "avi", "ts", "mov", "webm", "flv", "mpg"])
def test_a_video_is_known_by_its_content(make_video, tmp_path, name, container):
    codec = {"webm": "libvpx", "mpg": "mpeg2video"}.get(container, "libx264")
    made = make_video(f"made.{container}", 5, codec=codec, options={})
    made.rename(tmp_path / name)
    assert listed(tmp_path) == ([], [name])
    assert [frame.number for frame in frames_of(tmp_path / name)] == list(range(5))


def test_a_damaged_file_keeps_the_kind_of_its_suffix(tmp_path):
    for name in ("a.png", "b.mp4", "c.jfif", "d.vob"):
        (tmp_path / name).write_bytes(b"\x93" * 500)
    assert [kind_of(tmp_path / f"{name}") for name in ("a.png", "b.mp4", "c.jfif", "d.vob")] == [
        "image",
        "video",
        "image",
        "video",
    ]


@pytest.mark.parametrize(
    "name", ["._a.jpg", "._film.mp4", ".DS_Store", "Thumbs.db", "desktop.ini", "ehthumbs.db"]
)
def test_what_a_system_keeps_for_itself_is_left_out(scene, tmp_path, name):
    scene.save(tmp_path / "a.jpg")
    scene.save(tmp_path / name, "JPEG")
    assert listed(tmp_path) == (["a.jpg"], [])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"P6 is the sixth item\n"),
        ("page.html", b"<!DOCTYPE html><p>II*"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"></svg>'),
        ("song.mp3", b"ID3\4\0\0\0\0\0\0"),
        ("song.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom"),
        ("song.m4b", b"\0\0\0\x20ftypisom\0\0\0\0isommp42"),
        ("code.ts", b"export const size: number = 3;\n"),
        ("code.mts", "// größer\nexport const size = 3;\n".encode()),
        ("subtitles.srt", b"1\n00:00:01,000 --> 00:00:02,000\nx\n"),
        ("archive.zip", b"PK\3\4rest"),
        ("nothing", b""),
    ],
)
def test_other_files_are_neither(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert kind_of(tmp_path / name) is None


def scripts(inside):
    """What opens other files, or runs: name, content."""
    name = inside.name
    return {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n".encode(),
        "m3u8_bom": f"\ufeff#EXTM3U\n#EXTINF:1,\n{name}\n".encode(),
        "concat": f"ffconcat version 1.0\nfile {name}\n".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        b"m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
        f"<BaseURL>{name}</BaseURL></Period></MPD>".encode(),
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{name}"/></svg>'.encode(),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
        "eps_binary": b"\xc5\xd0\xd3\xc6" + struct.pack("<IIIIIIH", 32, 60, 0, 0, 0, 0, 65535)
        + b"\0\0%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        "pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n",
        "wmf": b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<hhhhH", 0, 0, 9, 9, 1000) + bytes(6)
        + b"\1\0\t\0\0\3" + bytes(200),
        "emf": b"\1\0\0\0" + struct.pack("<I", 108) + bytes(32) + b" EMF" + bytes(200),
        "text": b"Plain text, which FFmpeg would draw as a terminal does.\n" * 20,
        "pls": f"[playlist]\nFile1={name}\nNumberOfEntries=1\nVersion=2\n".encode(),
    }  # fmt: skip


def why_it_is_unreadable(path):
    try:
        (outcome,) = frames_of(path)
    except SourceError as error:
        return error.reason
    return outcome.reason


KINDS_OF_SCRIPT = sorted(scripts(Path("film.mkv")))


@pytest.mark.parametrize("suffix", [".mp4", ".jpg", ".png", ".tga", ".ts"])
@pytest.mark.parametrize("kind", KINDS_OF_SCRIPT)
def test_a_script_by_an_innocent_name_opens_nothing(film, tmp_path, kind, suffix, caplog):
    path = film.with_name(f"innocent{suffix}")
    path.write_bytes(scripts(film)[kind])
    reason = why_it_is_unreadable(path)
    assert reason
    if kind_of(path) and kind in ("m3u8", "m3u8_bom", "concat", "sdp", "dash", "svg", "pls"):
        assert reason.startswith("text that names other files")
    assert "\n" not in reason
    # In a folder it stands in the way of nothing.
    broken = 0
    for source in open_sources(tmp_path):
        if isinstance(source, SourceError):
            broken += 1
            continue
        outcomes = [decode() for decode in source.decoders()]
        broken += sum(isinstance(outcome, Unreadable) for outcome in outcomes)
        if source.kind == "video":
            assert [outcome.source for outcome in outcomes] == [str(film)] * 5
    assert broken == (kind_of(path) is not None)
    assert not caplog.records


@pytest.mark.parametrize("suffix", [".m3u8", ".sdp", ".txt", ".eps"])
@pytest.mark.parametrize("kind", KINDS_OF_SCRIPT)
def test_a_script_by_its_own_name_is_no_source(film, kind, suffix):
    path = film.with_name(f"list{suffix}")
    path.write_bytes(scripts(film)[kind])
    with pytest.raises(SourceError, match="neither a folder nor a known kind"):
        open_source(path)


def test_a_film_that_names_itself_a_playlist_inside_is_a_film(film):
    """A script is known by how it begins: what a file says of itself further on is only data."""
    film.write_bytes(film.read_bytes() + b"\n#EXTM3U\nother.mkv\n")
    assert len(frames_of(film)) == 5


def test_a_jpeg_with_further_pictures_counts_by_its_first(picture, tmp_path):
    first, second = picture(1, (96, 64)), picture(2, (48, 32))
    alone = io.BytesIO()
    first.save(alone, "JPEG", quality=90)
    path = tmp_path / "phone.jpg"
    first.save(path, "MPO", save_all=True, append_images=[second], quality=90)
    with Image.open(path) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    (frame,) = frames_of(path)
    np.testing.assert_array_equal(frame.image, read_image(alone_at(tmp_path, alone)))


def alone_at(folder, data):
    (folder / "alone.jpg").write_bytes(data.getvalue())
    return folder / "alone.jpg"


def test_what_was_ignored_by_its_suffix_is_read(shared_data):
    images, videos = listed(shared_data / "cases" / "ignored_suffixes")
    assert images == ["p0.jpg", "p1.jfif", "p2.JFIF"]
    assert videos == ["AVCHD.MTS", "phone.3gp"]


def test_a_link_to_a_picture_of_an_unknown_suffix_counts(scene, tmp_path):
    scene.save(tmp_path / "a.png")
    shutil.copy(tmp_path / "a.png", tmp_path / "blob")
    (tmp_path / "link").symlink_to("blob")
    assert listed(tmp_path) == (["a.png", "blob", "link"], [])


def test_the_page_names_every_suffix():
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"`(\.\w+)`", page)) >= IMAGE_SUFFIXES | VIDEO_SUFFIXES | RAW_SUFFIXES
