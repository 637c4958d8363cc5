import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from nearframe.common import UnreadableImageError
from nearframe.embeddings.sources import header, read_image
from nearframe.embeddings.sources.header import ImageHeader, read_header

FORMATS = ("jpg", "png", "webp", "gif", "bmp", "tif", "avif", "heic")


@pytest.fixture
def no_decoding(monkeypatch):
    """Fail where pixels are decoded."""

    def decode(path):
        raise AssertionError(f"{path} was decoded")

    monkeypatch.setattr(header, "read_image", decode)


def exif_of(taken=None, *, fraction=None, offset=None, offset_of_file=None, orientation=None):
    exif = Image.Exif()
    exif[0x010F] = "a maker"  # Pillow takes a block of details alone for empty
    if orientation is not None:
        exif[0x0112] = orientation
    details = exif.get_ifd(0x8769)
    for tag, value in {
        0x9003: taken,
        0x9291: fraction,
        0x9011: offset,
        0x9010: offset_of_file,
    }.items():
        if value is not None:
            details[tag] = value
    return exif


@pytest.mark.parametrize("suffix", FORMATS)
def test_size_is_that_of_the_decoded_image(tmp_path, picture, suffix):
    path = tmp_path / f"x.{suffix}"
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    picture(1, size=(48, 32)).save(path)
    for check in (False, True):
        found = read_header(path, check=check)
        assert (found.height, found.width) == read_image(path).shape[:2] == (32, 48)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_whole_jpeg_or_png_is_not_decoded(tmp_path, picture, suffix, no_decoding):
    path = tmp_path / f"x.{suffix}"
    picture(1).save(path)
    assert read_header(path) == ImageHeader(96, 64)
    with pytest.raises(AssertionError, match="was decoded"):
        read_header(path, check=True)


def test_what_it_holds_decides_not_its_suffix(tmp_path, picture, no_decoding):
    path = tmp_path / "x.jpg"
    picture(1).save(path, format="PNG")
    assert read_header(path) == ImageHeader(96, 64)


@pytest.mark.parametrize("suffix", FORMATS[:-1])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_a_cut_file_is_unreadable(tmp_path, suffix, part):
    path = tmp_path / f"x.{suffix}"
    noise = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(UnreadableImageError):
        read_header(path)


def test_a_file_without_its_end_whose_pixels_are_all_there_is_readable(tmp_path, picture):
    path = tmp_path / "x.png"
    picture(1).save(path)
    path.write_bytes(path.read_bytes()[:-12])
    assert read_header(path) == ImageHeader(96, 64)


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(tmp_path, picture):
    path = tmp_path / "x.jpg"
    picture(1).save(path)
    path.write_bytes(path.read_bytes() + b"\0" * 100)
    assert read_header(path) == ImageHeader(96, 64)


def test_damage_in_the_middle_is_seen_when_everything_is_decoded(tmp_path, picture):
    path = tmp_path / "x.png"
    picture(1).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert read_header(path) == ImageHeader(96, 64)
    with pytest.raises(UnreadableImageError):
        read_header(path, check=True)


def test_neither_a_folder_nor_a_pipe_nor_text_is_an_image(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "link.png").symlink_to("nowhere")
    names = ["folder.png", "text.png", "link.png", "gone.png"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        names.append("pipe.png")
    for name in names:
        with pytest.raises(UnreadableImageError):
            read_header(tmp_path / name)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_exif_time(tmp_path, picture, suffix):
    path = tmp_path / f"x.{suffix}"
    exif = exif_of("2021:03:26 16:44:04", fraction="51", offset="+01:00", offset_of_file="+05:00")
    picture(1).save(path, exif=exif)
    for check in (False, True):
        assert read_header(path, check=check) == ImageHeader(
            96, 64, "2021:03:26 16:44:04", "51", "+01:00"
        )


def test_exif_time_of_a_tiff(tmp_path, picture):
    path = tmp_path / "x.tif"
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x8769] = {0x9003: "2021:03:26 16:44:04"}
    picture(1).save(path, tiffinfo=tags)
    assert read_header(path) == ImageHeader(96, 64, "2021:03:26 16:44:04")


def test_the_offset_of_the_file_stands_in(tmp_path, picture):
    path = tmp_path / "x.jpg"
    picture(1).save(path, exif=exif_of("2021:03:26 16:44:04", offset_of_file="+05:00"))
    assert read_header(path).taken_offset == "+05:00"


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path, picture, suffix, orientation):
    path = tmp_path / f"x.{suffix}"
    picture(1).save(path, exif=exif_of(orientation=orientation))
    found = read_header(path)
    assert (found.height, found.width) == read_image(path).shape[:2]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_damaged_exif_block_costs_only_the_time(tmp_path, picture):
    path = tmp_path / "x.jpg"
    picture(1).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 20)
    assert read_header(path) == ImageHeader(96, 64)


def test_a_png_is_not_decoded_in_search_of_exif(tmp_path, picture, monkeypatch):
    # PNG allows EXIF behind the pixels, and Pillow would read them to look there.
    path = tmp_path / "x.png"
    picture(1).save(path)
    content = path.read_bytes()
    block = b"II*\0\x08\0\0\0\0\0\0\0\0\0"
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    path.write_bytes(content[:-12] + chunk + content[-12:])

    def load(*_):
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    monkeypatch.setattr(header, "read_image", load)
    assert read_header(path) == ImageHeader(96, 64)
