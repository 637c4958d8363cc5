"""Cameras' raw files, by the preview inside them."""

import io
import shutil
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from nearframe.common import SourceError, UnreadableImageError
from nearframe.embeddings.sources import (
    content_beyond_rgb,
    content_may_repeat,
    kind_of,
    open_source,
    open_sources,
    read_image,
)
from nearframe.embeddings.sources.header import read_header
from nearframe.embeddings.sources.raw import raw_available

_FORMATS = {1: "B", 2: "c", 3: "H", 4: "I", 5: "I"}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
_IDENTITY = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]


def jpeg_of(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def dng_of(image, *, orientation=1, seed=0):
    """A small DNG: 64x48 samples of a sensor, and a JPEG as preview unless `image` is None."""
    preview = b"" if image is None else jpeg_of(image)
    width, height = (1, 1) if image is None else image.size
    samples = np.random.default_rng(seed).integers(0, 60_000, (48, 64), np.uint16).tobytes()
    preview += b"\0" * (len(preview) % 2)
    first_sample, sensor = 8 + len(preview), [
        (254, 4, [0]), (256, 4, [64]), (257, 4, [48]), (258, 3, [16]), (259, 3, [1]),
        (262, 3, [32803]), (273, 4, [8 + len(preview)]), (277, 3, [1]), (278, 4, [48]),
        (279, 4, [len(samples)]), (33421, 3, [2, 2]), (33422, 1, b"\0\1\1\2"),
    ]  # fmt: skip
    camera = [
        (271, 2, b"Test\0"), (272, 2, b"Camera\0"), (274, 3, [orientation]),
        (50706, 1, b"\1\4\0\0"), (50707, 1, b"\1\1\0\0"), (50708, 2, b"Test Camera\0"),
        (50721, 5, _IDENTITY), (50778, 3, [21]),
    ]  # fmt: skip
    place = first_sample + len(samples)
    if image is None:
        return header(place) + preview + samples + directory([*sensor, *camera], place)
    inner = directory(sensor, place)
    outer = [
        (254, 4, [1]), (256, 4, [width]), (257, 4, [height]), (258, 3, [8, 8, 8]), (259, 3, [7]),
        (262, 3, [6]), (273, 4, [8]), (277, 3, [3]), (278, 4, [height]), (279, 4, [len(preview)]),
        (330, 4, [place]), *camera,
    ]  # fmt: skip
    after = place + len(inner)
    return header(after) + preview + samples + inner + directory(outer, after)


def header(first_directory):
    return b"II*\0" + struct.pack("<I", first_directory)


def directory(entries, place):
    """Bytes of a TIFF directory at a place in its file."""
    table = further = b""
    place += 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries):
        if not isinstance(values, bytes):
            values = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
        count = len(values) // _BYTES[kind]
        if len(values) > 4:
            table += struct.pack("<HHII", tag, kind, count, place + len(further))
            further += values + b"\0" * (len(values) % 2)
        else:
            table += struct.pack("<HHI", tag, kind, count) + values.ljust(4, b"\0")
    return struct.pack("<H", len(entries)) + table + bytes(4) + further


@pytest.fixture
def scene(picture):
    return picture(5, (160, 96))


@pytest.fixture
def rawpy():
    return pytest.importorskip("rawpy", reason="needs rawpy: pip install 'nearframe[raw]'")


@pytest.fixture
def without_rawpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    raw_available.cache_clear()
    yield
    raw_available.cache_clear()


def shown(image):
    """The pixels of a JPEG of an image."""
    return np.asarray(Image.open(io.BytesIO(jpeg_of(image))).convert("RGB"))


@pytest.mark.parametrize("name", ["a.dng", "a.NEF", "a.arw", "a.cr2", "a.tif", "a.dat", "a"])
def test_a_raw_file_is_read_by_its_preview(rawpy, scene, tmp_path, name):
    (tmp_path / name).write_bytes(dng_of(scene))
    (decode,) = open_source(tmp_path / name).decoders()
    np.testing.assert_array_equal(decode().image, shown(scene))
    assert (read_header(tmp_path / name).width, read_header(tmp_path / name).height) == (160, 96)
    (folder,) = open_sources(tmp_path)
    assert [file.path for file in folder.files] == [str(tmp_path / name)]
    assert not folder.left_out


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_its_preview_is_turned_upright(rawpy, scene, tmp_path, orientation, turns):
    (tmp_path / "a.dng").write_bytes(dng_of(scene, orientation=orientation))
    expected = np.rot90(shown(scene), turns)
    np.testing.assert_array_equal(read_image(tmp_path / "a.dng"), expected)


def test_a_preview_of_plain_pixels_is_turned_as_the_file_says(rawpy, tmp_path, monkeypatch):
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    bitmap = rawpy.Thumbnail(rawpy.ThumbFormat.BITMAP, pixels)
    monkeypatch.setattr(rawpy, "imread", lambda _: FakeRaw(bitmap, flip=6))
    (tmp_path / "a.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0")
    np.testing.assert_array_equal(read_image(tmp_path / "a.cr2"), np.rot90(pixels, 3))


class FakeRaw:
    """What rawpy opens, of a camera of which nobody here has a file."""

    def __init__(self, preview, flip):
        self.preview, self.sizes = preview, type("Sizes", (), {"flip": flip})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def extract_thumb(self):
        return self.preview


def test_a_raw_file_without_a_preview_is_unreadable(rawpy, tmp_path):
    (tmp_path / "a.dng").write_bytes(dng_of(None))
    with pytest.raises(UnreadableImageError, match="a raw file without a preview; convert it"):
        read_image(tmp_path / "a.dng")


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"II*\0" + bytes(40)])
def test_what_is_only_called_a_raw_file_is_unreadable(rawpy, tmp_path, content):
    (tmp_path / "a.nef").write_bytes(content)
    (folder,) = open_sources(tmp_path)
    (outcome,) = [decode() for decode in folder.decoders()]
    assert outcome.reason
    assert "\n" not in outcome.reason


def test_a_raw_file_cut_short_stops_nothing(rawpy, scene, tmp_path):
    (tmp_path / "a.dng").write_bytes(dng_of(scene)[:3000])
    scene.save(tmp_path / "b.png")
    (folder,) = open_sources(tmp_path)
    outcomes = [decode() for decode in folder.decoders()]
    assert hasattr(outcomes[0], "reason")
    assert outcomes[1].number == 1


def test_only_the_same_bytes_hold_what_a_raw_file_does(rawpy, scene, tmp_path):
    raw, other, copy, jpeg = (tmp_path / name for name in ("a.dng", "b.dng", "c.dng", "a.jpg"))
    raw.write_bytes(dng_of(scene))
    other.write_bytes(dng_of(scene, seed=1))
    shutil.copy(raw, copy)
    jpeg.write_bytes(jpeg_of(scene))
    np.testing.assert_array_equal(read_image(raw), read_image(jpeg))
    content = {path: content_beyond_rgb(path) for path in (raw, other, copy, jpeg)}
    may = [
        (a.name, b.name)
        for a in content
        for b in content
        if a != b and content_may_repeat(content[a], content[b])
    ]
    assert may == [("a.dng", "c.dng"), ("c.dng", "a.dng")]


def test_without_rawpy_raw_files_are_left_out(without_rawpy, scene, tmp_path):
    (tmp_path / "a.dng").write_bytes(dng_of(scene))
    (tmp_path / "b.dat").write_bytes(dng_of(scene))
    scene.save(tmp_path / "c.png")
    (folder,) = open_sources(tmp_path)
    assert [file.path for file in folder.files] == [str(tmp_path / "c.png")]
    assert folder.left_out.describe() == (
        "2 raw pictures (1 .dng, 1 .dat; pip install 'nearframe[raw]')"
    )


def test_without_rawpy_a_raw_file_alone_says_what_to_install(without_rawpy, scene, tmp_path):
    (tmp_path / "a.dng").write_bytes(dng_of(scene))
    with pytest.raises(SourceError, match=r"needs rawpy; pip install 'nearframe\[raw\]'"):
        open_source(tmp_path / "a.dng")
    with pytest.raises(UnreadableImageError, match=r"pip install 'nearframe\[raw\]'"):
        read_image(tmp_path / "a.dng")


def test_an_ordinary_tiff_is_no_raw_file(scene, tmp_path):
    scene.save(tmp_path / "a.tif", compression="tiff_lzw")
    assert kind_of(tmp_path / "a.tif") == "image"
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.asarray(scene))


def test_what_a_raw_file_holds_is_said_to_be_that(rawpy, scene, tmp_path):
    (tmp_path / "a.dng").write_bytes(dng_of(scene))
    content = content_beyond_rgb(tmp_path / "a.dng")
    assert content.raw
    assert (content.alpha, content.frames, content.depth) == (None, None, None)
