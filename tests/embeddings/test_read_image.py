import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from nearframe.embeddings.sources import ImageSequence, read_image, to_rgb_array


@pytest.fixture
def save(tmp_path):
    def save(image, name, **options):
        if name.endswith("heic"):
            pytest.importorskip("pillow_heif").register_heif_opener()
        path = tmp_path / name
        image.save(path, **options)
        return path

    return save


def asymmetric():
    """A picture that no turn or mirror maps onto itself: 30 wide, 20 high, four colours."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:10, :15] = (250, 10, 10)
    pixels[:10, 15:] = (10, 250, 10)
    pixels[10:, :15] = (10, 10, 250)
    pixels[10:, 15:] = (240, 240, 10)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.tiff", "a.PNG"])
def test_a_lossless_format_gives_exactly_its_pixels(save, picture, name):
    image = picture(1)
    np.testing.assert_array_equal(read_image(save(image, name)), np.asarray(image))


@pytest.mark.parametrize(("name", "options"), [("a.webp", {"lossless": True}), ("a.gif", {})])
def test_a_palette_or_webp_keeps_flat_colours(save, name, options):
    image = asymmetric()
    np.testing.assert_array_equal(read_image(save(image, name, **options)), np.asarray(image))


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp", "a.heic", "a.avif"])
def test_a_lossy_format_gives_nearly_its_pixels(save, picture, name):
    image = picture(1)
    pixels = read_image(save(image, name, quality=95))
    assert pixels.shape == (64, 96, 3)
    assert np.abs(pixels.astype(int) - np.asarray(image)).mean() < 8


def test_heic_is_read_by_a_process_that_never_heard_of_it(save, picture):
    path = save(picture(1), "a.heic")
    code = "import sys; from nearframe.embeddings.sources import read_image as read; "
    code += "print(read(sys.argv[1]).shape)"
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(64, 96, 3)"


def test_the_content_decides_and_not_the_suffix(save, picture):
    image = picture(1)
    path = save(image, "really_a_png.jpg", format="PNG")
    np.testing.assert_array_equal(read_image(path), np.asarray(image))


@pytest.mark.parametrize("size", [(1, 1), (6, 10), (1, 300), (300, 1)])
def test_small_and_thin_images_keep_their_shape(save, picture, size):
    pixels = read_image(save(picture(1, size), "a.png"))
    assert pixels.shape == (size[1], size[0], 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(save, name):
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    pixels = read_image(save(Image.fromarray(values), name))
    assert pixels[0].tolist() == [[0] * 3, [1] * 3, [128] * 3, [255] * 3]


def test_big_endian_sixteen_bit_grey_is_the_same(save):
    values = np.array([[0, 257, 32896, 65535]], ">u2")
    assert read_image(save(Image.fromarray(values), "a.tif"))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_thirty_two_bit_grey_holds_sixteen_bit_data(save):
    values = np.array([[0, 32896, 65535]], np.int32)
    assert read_image(save(Image.fromarray(values), "a.tif"))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("scale", [1, 255])
def test_float_grey_runs_to_one_or_to_255(save, scale):
    values = np.array([[0, 0.5, 1]], np.float32) * scale
    assert read_image(save(Image.fromarray(values), "a.tif"))[0, :, 0].tolist() == [0, 128, 255]


def test_grey_becomes_three_equal_channels(save, picture):
    grey = picture(1).convert("L")
    pixels = read_image(save(grey, "a.png"))
    for channel in range(3):
        np.testing.assert_array_equal(pixels[..., channel], np.asarray(grey))


def test_one_bit_is_black_and_white(save):
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert read_image(save(image, "a.png"))[..., 0].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 100), (51, 224)])
def test_transparency_lies_over_white(save, mode, alpha, expected):
    colour = (100, 100, 100, alpha) if mode == "RGBA" else (100, alpha)
    pixels = read_image(save(Image.new(mode, (4, 4), colour), "a.png"))
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_becomes_white(save, mode):
    image = Image.new(mode, (4, 4), 3 if mode != "RGB" else (3, 3, 3))
    image.putpixel((0, 0), 9 if mode != "RGB" else (9, 9, 9))
    if mode == "P":
        image.putpalette([value for colour in range(256) for value in (colour,) * 3])
    transparency = 3 if mode != "RGB" else (3, 3, 3)
    pixels = read_image(save(image, "a.png", transparency=transparency))
    assert pixels[0, 0].tolist() == [9, 9, 9]
    assert pixels[3, 3].tolist() == [255, 255, 255]


def test_cmyk_becomes_rgb(save, picture):
    image = picture(1)
    pixels = read_image(save(image.convert("CMYK"), "a.jpg", quality=95))
    assert np.abs(pixels.astype(int) - np.asarray(image)).mean() < 6


def test_the_first_frame_of_an_animation_is_taken(save, picture):
    frames = [picture(seed).quantize(64) for seed in range(3)]
    path = save(frames[0], "a.gif", save_all=True, append_images=frames[1:], duration=40)
    np.testing.assert_array_equal(read_image(path), np.asarray(frames[0].convert("RGB")))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.heic", "a.avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(save, name, orientation):
    upright = asymmetric()
    # What a camera stores so that EXIF's instruction brings it back upright, by the EXIF table:
    # 2 mirror, 3 half turn, 4 flip, 5 transpose, 6 turn 90 clockwise, 7 transverse, 8 turn 270.
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # Pillow turns counter-clockwise
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = read_image(save(stored, name, exif=exif.tobytes()))
    assert pixels.shape == (20, 30, 3)
    # Away from the edges between the colours, which lossy formats smear.
    inner = np.ix_([4, 15], [6, 23])
    assert np.abs(pixels[inner].astype(int) - np.asarray(upright)[inner]).max() < 40


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_damaged_exif_does_not_cost_the_picture(save, name):
    path = save(asymmetric(), name, exif=b"Exif\0\0nonsense")
    assert read_image(path).shape == (20, 30, 3)


@pytest.mark.parametrize("name", ["a b.png", "a\nb.png", "ä.png", "-.png", b"\xff\xfe.png"])
def test_any_file_name_can_be_read(tmp_path, name):
    path = os.path.join(os.fsencode(tmp_path), os.fsencode(name))  # noqa: PTH118  # bytes
    buffer = io.BytesIO()
    asymmetric().save(buffer, "PNG")
    with open(path, "wb") as file:  # noqa: PTH123  # bytes
        file.write(buffer.getvalue())
    (frame,) = [decode() for decode in ImageSequence.of_folder(tmp_path).decoders()]
    assert os.fsencode(frame.source) == path
    np.testing.assert_array_equal(frame.image, np.asarray(asymmetric()))


def test_a_pillow_image_converts_as_its_file_does(save, picture):
    image = picture(1).convert("RGBA")
    image.putalpha(ImageOps.invert(picture(2).convert("L")))
    np.testing.assert_array_equal(to_rgb_array(image), read_image(save(image, "a.png")))
