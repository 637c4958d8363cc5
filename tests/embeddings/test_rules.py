"""Which files newer rules of decoding may read otherwise."""

import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings.sources import DECODING_RULES, reads_otherwise


@pytest.mark.parametrize(
    ("name", "format_", "mode", "concerned"),
    [
        ("a.jpg", "JPEG", "RGB", False),
        ("a.png", "PNG", "RGB", False),
        ("a.png", "PNG", "RGBA", True),
        ("a.png", "PNG", "LA", True),
        ("a.png", "PNG", "I;16", True),
        ("a.webp", "WEBP", "RGBA", True),
        ("a.bmp", "BMP", "RGB", False),
        ("a.tif", "TIFF", "F", True),
        ("a.tif", "TIFF", "RGB", False),
        ("a.mp4", "GIF", "P", True),
    ],
)
def test_which_pictures_are_concerned(picture, tmp_path, name, format_, mode, concerned):
    image = picture(1)
    if mode == "I;16":
        image = Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64))
    image = image.convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(picture(2).convert("L"))
    image.save(tmp_path / name, format_)
    assert reads_otherwise(tmp_path / name, 1) is concerned
    assert not reads_otherwise(tmp_path / name, DECODING_RULES)


@pytest.mark.parametrize("name", ["o6_neg_rat.jpg", "o6_ascii_num.jpg", "o6_good.jpg"])
def test_a_damaged_block_concerns_a_picture(shared_data, name):
    path = shared_data / "cases" / "exif_orientation_bad_tag" / name
    assert reads_otherwise(path, 1) is (name != "o6_good.jpg")


@pytest.mark.parametrize(
    ("name", "options", "concerned"),
    [
        ("a.mp4", {}, False),
        ("a.mkv", {}, False),
        ("a.ts", {}, True),
        ("a.mpg", {"codec": "mpeg2video"}, True),
        ("a.mkv", {"stamps": range(25, 35)}, True),
        ("a.mov", {"codec": "qtrle", "pixel_format": "argb"}, True),
        ("a.jpg", {"name": "a.mp4"}, True),
    ],
)
def test_which_videos_are_concerned(make_video, tmp_path, name, options, concerned):
    made = make_video(options.pop("name", name), 10, **options)
    made.rename(tmp_path / name)
    assert reads_otherwise(tmp_path / name, 1) is concerned


def test_joined_videos_are_concerned(make_video):
    path = make_video("a.mkv", 10)
    path.write_bytes(path.read_bytes() * 2)
    assert reads_otherwise(path, 1)


def test_what_cannot_be_read_is_concerned(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    assert reads_otherwise(tmp_path / "a.jpg", 1)
    assert reads_otherwise(tmp_path / "gone.jpg", 1)
