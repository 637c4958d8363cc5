"""What is visible on transparent ground stands out from the colour that it is laid over."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nearframe.embeddings.sources import read_image
from nearframe.embeddings.sources.transparency import background_of

COLOURS = {
    "white": [(255, 255, 255)],
    "black": [(0, 0, 0)],
    "mid-grey": [(128, 128, 128)],
    "light grey": [(225, 225, 225)],
    "dark grey": [(60, 60, 60)],
    "yellow": [(255, 255, 0)],
    "white and black": [(255, 255, 255), (0, 0, 0)],
    "white, black and grey": [(255, 255, 255), (0, 0, 0), (128, 128, 128)],
    "magenta and greys": [(255, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128)],
    "all greys": [(level, level, level) for level in range(0, 256, 15)],
}


def text(words, colours, mode="RGBA", hidden=(255, 255, 255)):
    """Words in stripes of the colours on transparent ground."""
    mask = Image.new("L", (120, 60))
    ImageDraw.Draw(mask).text((8, 8), words, 255, font_size=40)
    stripes = np.asarray(colours, np.uint8)[np.arange(120) // 3 % len(colours)]
    pixels = np.repeat(stripes[None], 60, axis=0)
    pixels[np.asarray(mask) == 0] = hidden
    image = Image.fromarray(pixels)
    image.putalpha(mask)
    return image.convert(mode)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.gif"])
@pytest.mark.parametrize("colours", COLOURS.values(), ids=COLOURS)
def test_every_visible_colour_differs_from_the_ground(tmp_path, name, colours):
    image = text("ABC", colours)
    options = {"lossless": True} if name == "a.webp" else {}
    image.save(tmp_path / name, **options)
    pixels = read_image(tmp_path / name).astype(int)
    opaque = np.asarray(image)[..., 3] == 255
    ground = pixels[0, 0]
    assert (pixels[~opaque & (np.asarray(image)[..., 3] == 0)] == ground).all()
    assert np.abs(pixels[opaque] - ground).max(axis=1).min() > 60


def test_different_white_texts_differ_in_their_pixels(tmp_path):
    pictures = []
    for number, words in enumerate(["ABC", "XYZ"]):
        text(words, [(255, 255, 255)]).save(tmp_path / f"{number}.png")
        pictures.append(read_image(tmp_path / f"{number}.png").astype(int))
    assert np.abs(pictures[0] - pictures[1]).mean() > 10


def test_what_nobody_sees_has_no_say(tmp_path):
    pixels = []
    for hidden in ((255, 255, 255), (0, 0, 0)):
        text("ABC", [(255, 255, 255)], hidden=hidden).save(tmp_path / "a.png")
        pixels.append(read_image(tmp_path / "a.png"))
    np.testing.assert_array_equal(*pixels)


def test_few_pixels_do_not_decide():
    pixels = np.zeros((50, 50, 4), np.uint8)
    pixels[10:40, 10:40] = (20, 20, 20, 255)
    assert background_of(pixels) == (255, 255, 255)
    pixels[10, 10:20] = (255, 255, 255, 255)
    assert background_of(pixels) == (255, 255, 255)


def test_where_nothing_is_visible_or_transparent_there_is_nothing_to_choose():
    assert background_of(np.zeros((5, 5, 4), np.uint8)) is None
    assert background_of(np.full((5, 5, 4), 255, np.uint8)) is None


def test_sixteen_bit_transparency_is_laid_over_too(tmp_path):
    import cv2

    values = np.zeros((30, 40, 4), np.uint16)
    values[5:25, 5:20] = 65535
    assert cv2.imwrite(str(tmp_path / "a.png"), values)
    pixels = read_image(tmp_path / "a.png")
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[10, 10].tolist() == [255, 255, 255]
