"""What a file holds besides its 8-bit RGB picture, and what may count as its repeat."""

import cv2
import numpy as np
import pytest
from PIL import Image

from nearframe.common import UnreadableImageError
from nearframe.embeddings.sources import content_beyond_rgb, content_may_repeat, read_image


@pytest.fixture
def save(tmp_path):
    def save(image, name, **options):
        if isinstance(image, np.ndarray) and image.ndim == 3 and image.dtype == np.uint16:
            assert cv2.imwrite(str(tmp_path / name), image[..., ::-1])
        else:
            image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
            image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def with_alpha(picture, seed, alpha_seed=9):
    image = picture(seed).convert("RGBA")
    image.putalpha(picture(alpha_seed).convert("L"))
    return image


def may_repeat(dropped, kept):
    return content_may_repeat(content_beyond_rgb(dropped), content_beyond_rgb(kept))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tif", "a.gif", "a.avif"])
def test_an_ordinary_picture_is_all_in_its_rgb(save, picture, name):
    assert content_beyond_rgb(save(picture(1), name)) is None


def test_a_jpeg_and_a_plain_png_are_not_decoded(save, picture, monkeypatch):
    paths = [save(picture(1), name) for name in ("a.jpg", "a.png", "a.webp")]
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    assert [content_beyond_rgb(path) for path in paths] == [None] * 3


def test_opaque_alpha_is_nothing_further(save, picture):
    assert content_beyond_rgb(save(picture(1).convert("RGBA"), "a.png")) is None


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_and_what_is_visible_under_it_must_be_equal(save, picture, mode):
    a = save(with_alpha(picture, 1).convert(mode), "a.png")
    again = save(with_alpha(picture, 1).convert(mode), "b.webp", lossless=True, exact=True)
    other_alpha = save(with_alpha(picture, 1, 8).convert(mode), "c.png")
    other_pixels = save(with_alpha(picture, 2).convert(mode), "d.png")
    flattened = save(picture(1), "e.jpg")
    assert may_repeat(a, again)
    for other in (other_alpha, other_pixels, flattened):
        assert not may_repeat(a, other)
        assert not may_repeat(other, a)


def test_pixels_that_nobody_sees_do_not_count(save, picture):
    a, b = picture(1).convert("RGBA"), picture(2).convert("RGBA")
    for image in (a, b):
        image.paste((1, 2, 3, 255), (0, 0, 20, 20))
        image.putalpha(
            Image.fromarray(np.pad(np.full((20, 20), 255, np.uint8), [(0, 44), (0, 76)]))
        )
    assert may_repeat(save(a, "a.png"), save(b, "b.png"))


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "I;16"])
def test_a_transparent_colour_is_alpha(save, mode):
    value = (3, 3, 3) if mode == "RGB" else 3
    image = Image.new(mode, (8, 8), value)
    if mode == "P":
        image.putpalette([level for grey in range(256) for level in (grey,) * 3])
    image.putpixel((0, 0), (9, 9, 9) if mode == "RGB" else 9)
    content = content_beyond_rgb(save(image, "a.png", transparency=value))
    assert content is not None
    assert content.alpha is not None


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.avif", "a.tif"])
def test_all_frames_are_compared(save, picture, name):
    def animation(prefix, *seeds, **options):
        first, *rest = (picture(seed).quantize(16).convert("RGB") for seed in seeds)
        return save(first, prefix + name, save_all=True, append_images=rest, **options)

    lossless = {"lossless": True} if name == "a.webp" else {}
    a, again = animation("1", 1, 2, 3, **lossless), animation("2", 1, 2, 3, **lossless)
    other, shorter = animation("3", 1, 2, 4, **lossless), animation("4", 1, 2, **lossless)
    still = animation("5", 1, **lossless)
    assert may_repeat(a, again)
    for different in (other, shorter, still):
        assert not may_repeat(a, different)
        assert not may_repeat(different, a)


def test_a_lossless_webp_repeats_its_own_gif_and_no_other(save, picture):
    frames = [picture(seed).quantize(16) for seed in range(4)]
    rgb = [frame.convert("RGB") for frame in frames]
    options = {"save_all": True, "duration": 80}
    gif = save(frames[0], "a.gif", append_images=frames[1:], **options)
    webp = save(rgb[0], "a.webp", append_images=rgb[1:], lossless=True, **options)
    other = save(rgb[0], "b.webp", append_images=rgb[2:], lossless=True, **options)
    slower = save(frames[0], "b.gif", append_images=frames[1:], save_all=True, duration=200)
    assert may_repeat(webp, gif)
    assert not may_repeat(other, gif)
    assert not may_repeat(slower, gif)


def test_a_phone_picture_with_a_second_one_behind_it_counts_by_its_first(save, picture):
    path = save(picture(1), "a.jpg", format="MPO", save_all=True, append_images=[picture(2)])
    assert content_beyond_rgb(path) is None
    assert read_image(path).shape == (64, 96, 3)


@pytest.mark.parametrize("name", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_deep_picture_is_no_repeat_of_its_8_bits(save, name, channels):
    shape = (20, 30) if channels == 1 else (20, 30, channels)
    values = np.random.default_rng(1).integers(0, 65536, shape, dtype=np.uint16)
    if channels == 4:
        values[..., 3] = 65535
    other = values.copy()
    # A bit that the 8-bit picture does not have.
    other[(5, 5, *([0] * (channels > 1)))] ^= 1
    if channels == 4:
        order = [2, 1, 0, 3]
        save = _saver_with_alpha(save, order)
    deep, again, close = (
        save(array, f"{number}.{name}") for number, array in enumerate((values, values, other))
    )
    flat = (values >> 8).astype(np.uint8)
    shallow = deep.with_name("flat.png")
    Image.fromarray(flat).save(shallow)
    assert may_repeat(deep, again)
    assert not may_repeat(deep, close)
    assert not may_repeat(deep, shallow)
    assert may_repeat(shallow, deep)


def _saver_with_alpha(save, order):
    def saver(array, name):
        # `save` turns all channels round: (R, G, B, A) must leave it as (B, G, R, A).
        return save(array[..., order][..., ::-1], name)

    return saver


def test_floats_are_compared_as_they_are(save):
    values = np.random.default_rng(1).random((20, 30)).astype(np.float32)
    a, b = save(values, "a.tif"), save(values, "b.tif")
    c = save(np.nextafter(values, 2, dtype=np.float32), "c.tif")
    assert may_repeat(a, b)
    assert not may_repeat(a, c)


def test_broken_files_are_unreadable(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(UnreadableImageError):
        content_beyond_rgb(tmp_path / "a.png")


@pytest.mark.parametrize(
    "folder", ["white_on_transparent", "tiff_same_cover", "anim_same_first_frame"]
)
def test_none_of_the_cases_repeats_another(shared_data, folder):
    contents = [
        content_beyond_rgb(path) for path in sorted((shared_data / "cases" / folder).iterdir())
    ]
    pairs = [(a, b) for i, a in enumerate(contents) for b in contents[:i]]
    assert pairs
    assert not any(content_may_repeat(a, b) for a, b in pairs)
