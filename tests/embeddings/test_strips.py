import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings.sources import content_beyond_rgb, read_image, strips
from nearframe.embeddings.sources.strips import array_of, boxes


def saved(folder, picture, kind):
    """Write a picture in a way that has its own road to RGB; return the file."""
    path = folder / f"a.{'tif' if kind in ('float', 'inverted') else 'png'}"
    noise = np.random.default_rng(1)
    alpha = Image.fromarray(noise.integers(0, 256, (picture.height, picture.width), np.uint8))
    if kind == "float":
        picture = Image.fromarray(np.asarray(picture.convert("L"), np.float32) / 300)
    elif kind == "RGBA":
        picture.putalpha(alpha)
    elif kind == "I;16":
        grey = np.asarray(picture.convert("L"), np.uint16) * 201
        picture = Image.fromarray(grey)
    elif kind != "RGB":
        picture = picture.convert(kind.split()[0])
    if kind == "P see-through":
        picture.save(path, transparency=3)
    elif kind == "L see-through":
        picture.save(path, transparency=120)
    else:
        picture.save(path)
    return path


@pytest.mark.parametrize(
    "kind", ["RGB", "L", "1", "LA", "P", "P see-through", "L see-through", "RGBA", "I;16", "float"]
)
def test_a_picture_in_strips_is_the_same_as_whole(tmp_path, picture, monkeypatch, kind):
    path = saved(tmp_path, picture(1, (37, 29)), kind)
    whole = read_image(path), content_beyond_rgb(path)
    monkeypatch.setattr(strips, "_PIXELS", 100)
    parts = read_image(path), content_beyond_rgb(path)
    np.testing.assert_array_equal(parts[0], whole[0])
    assert parts[1] == whole[1]
    assert parts[0].flags.writeable


def test_strips_cover_a_picture(monkeypatch):
    monkeypatch.setattr(strips, "_PIXELS", 100)
    assert list(boxes((30, 8))) == [(0, 0, 30, 3), (0, 3, 30, 6), (0, 6, 30, 8)]
    # A row is never cut.
    assert list(boxes((300, 2))) == [(0, 0, 300, 1), (0, 1, 300, 2)]


def test_an_array_of_an_image_is_its_own(picture):
    image = picture(1)
    array_of(image)[:] = 0
    assert np.asarray(image).any()
