"""EXIF orientation counts whatever else in its block is damaged."""

import struct

import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings.sources import read_image
from nearframe.embeddings.sources.header import read_header

SHORT, LONG, ASCII, RATIONAL, BYTE = 3, 4, 2, 5, 1


def entry(tag, kind, count, value, order):
    packed = value if isinstance(value, bytes) else struct.pack(f"{order}H", value)
    return struct.pack(f"{order}HHI", tag, kind, count) + packed.ljust(4, b"\0")[:4]


def block(*entries, order="<", count=None, start=8, after=b"\0\0\0\0"):
    """An EXIF block with one directory of raw entries."""
    packed = b"".join(entry(*values, order) for values in entries)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    number = len(entries) if count is None else count
    return b"Exif\0\0" + head + struct.pack(f"{order}H", number) + packed + after


ORIENTATION = (0x0112, SHORT, 1, 6)
MAKE, RESOLUTION = 0x010F, 0x011A
FAR = struct.pack("<I", 0x7FFFFFFF)
BLOCKS = {
    "in order": block(ORIENTATION),
    "big-endian": block(ORIENTATION, order=">"),
    "an offset behind the end": block((MAKE, ASCII, 40, FAR), ORIENTATION),
    "a huge count": block((MAKE, ASCII, 0xFFFFFFFF, FAR), ORIENTATION),
    "a rational without its value": block((RESOLUTION, RATIONAL, 1, FAR), ORIENTATION),
    "a number that is text": block((RESOLUTION, ASCII, 4, b"abc\0"), ORIENTATION),
    "an unknown type": block((MAKE, 99, 1, 5), ORIENTATION),
    "a broken pointer to more EXIF": block(
        (0x8769, LONG, 1, FAR), (0x8825, LONG, 1, FAR), ORIENTATION
    ),
    "tags twice": block((MAKE, SHORT, 1, 5), (MAKE, SHORT, 1, 5), ORIENTATION, ORIENTATION),
    "too many entries announced": block(ORIENTATION, count=60000),
    "cut behind the orientation": block(ORIENTATION, count=9, after=b"")[:-2],
    "a broken next directory": block(ORIENTATION, after=FAR),
    "a broken first offset": block(ORIENTATION, start=0x7FFFFFFF),
    "as a long": block((0x0112, LONG, 1, struct.pack("<I", 6))),
    "as a byte": block((0x0112, BYTE, 1, b"\6")),
    "as text": block((0x0112, ASCII, 2, b"6\0")),
    "of an unknown type": block((0x0112, 77, 1, 6)),
    "of a wrong count": block((0x0112, SHORT, 50000, 6)),
    "an invalid one before it": block((0x0112, SHORT, 1, 0), ORIENTATION),
}


def upright():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :30] = (250, 10, 10)
    pixels[:20, 30:] = (10, 250, 10)
    pixels[20:, :30] = (10, 10, 250)
    pixels[20:, 30:] = (240, 240, 10)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("damage", BLOCKS)
def test_the_picture_is_upright_whatever_is_damaged(tmp_path, name, damage):
    path = tmp_path / name
    stored = upright().transpose(Image.Transpose.ROTATE_90)
    stored.save(path, exif=BLOCKS[damage], quality=95)
    pixels = read_image(path)
    assert pixels.shape == (40, 60, 3)
    inner = np.ix_([8, 30], [12, 46])
    assert np.abs(pixels[inner].astype(int) - np.asarray(upright())[inner]).max() < 40


@pytest.mark.parametrize("damage", BLOCKS)
def test_the_header_has_the_size_of_the_upright_picture(tmp_path, damage):
    path = tmp_path / "a.jpg"
    upright().transpose(Image.Transpose.ROTATE_90).save(path, exif=BLOCKS[damage])
    header = read_header(path)
    assert (header.width, header.height) == (60, 40)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path, value):
    path = tmp_path / "a.png"
    upright().save(path, exif=block((0x0112, SHORT, 1, value)))
    np.testing.assert_array_equal(read_image(path), np.asarray(upright()))


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("kind", [RATIONAL, ASCII, 99])
def test_a_tiff_is_upright_with_a_damaged_tag_beside(tmp_path, kind):
    path = tmp_path / "a.tif"
    upright().transpose(Image.Transpose.ROTATE_90).save(
        path, tiffinfo={0x0112: 6, 0x0131: "an editor of some sort"}
    )
    data = bytearray(path.read_bytes())
    # The tag of the editor gets an offset behind the end of the file.
    place = data.index(struct.pack("<HH", 0x0131, ASCII))
    data[place + 2 : place + 12] = struct.pack("<HI", kind, 5000) + FAR
    path.write_bytes(data)
    np.testing.assert_array_equal(read_image(path), np.asarray(upright()))


@pytest.mark.parametrize("name", ["o6_neg_rat.jpg", "o6_ascii_num.jpg", "o6_good.jpg"])
def test_the_cases_are_upright(shared_data, name):
    folder = shared_data / "cases" / "exif_orientation_bad_tag"
    pixels, right = read_image(folder / name), read_image(folder / "_upright.png")
    assert pixels.shape == right.shape
    assert np.abs(pixels.astype(int) - right).mean() < 6
