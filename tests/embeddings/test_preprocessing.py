import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2

from nearframe.common import FITS, NearframeError
from nearframe.embeddings import Preprocessing


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def difference(a, b):
    return np.abs(a.astype(int) - np.asarray(b).astype(int))


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (500, 500), (50, 40), (224, 224)])
def test_stretch_is_pillow_s_antialiased_bilinear(size):
    pixels = noise(*size)
    expected = Image.fromarray(pixels).resize((224, 224), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(Preprocessing().resize(pixels), expected)


@pytest.mark.parametrize("size", [(640, 360), (300, 700)])
def test_stretch_is_near_torchvision_s_antialiased_bilinear(size, picture):
    pixels = np.array(picture(1, size))
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    expected = v2.functional.resize(tensor, [224, 224], antialias=True).permute(1, 2, 0)
    assert difference(Preprocessing().resize(pixels), expected).max() <= 1


def test_stretch_averages_what_it_shrinks():
    # Stripes of one pixel: without antialiasing they would come out black, white or in bands.
    pixels = np.zeros((896, 896, 3), np.uint8)
    pixels[:, ::2] = 255
    inner = Preprocessing().resize(pixels)[:, 1:-1]
    assert np.abs(inner.astype(int) - 127).max() <= 2


def test_stretch_sees_the_sides_of_a_wide_picture():
    pixels = np.zeros((90, 160, 3), np.uint8)
    pixels[:, :10] = 255
    assert Preprocessing(fit="stretch").resize(pixels).max() == 255
    assert Preprocessing(fit="crop").resize(pixels).max() == 0


@pytest.mark.parametrize(
    "size", [(640, 360), (360, 640), (500, 500), (300, 301), (1024, 256), (100, 80), (49, 49)]
)
def test_crop_is_near_the_imagenet_recipe(size, picture):
    recipe = v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224)])
    image = picture(1, size)
    ours = Preprocessing(fit="crop").resize(np.asarray(image))
    # Pillow's own resize works in whole numbers; one level of difference is rounding.
    assert difference(ours, recipe(image)).mean() < 0.5
    assert difference(ours, recipe(image)).max() <= 3


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(10_000, 1), (1, 10_000), (30_000, 2)])
def test_thin_pictures_do_not_blow_up(fit, size, monkeypatch):
    sizes = []
    resize = Image.Image.resize

    def spy(image, *arguments, **options):
        result = resize(image, *arguments, **options)
        sizes.append(result.size)
        return result

    monkeypatch.setattr(Image.Image, "resize", spy)
    assert Preprocessing(fit=fit).resize(noise(*size)).shape == (224, 224, 3)
    assert sizes == [(224, 224)]


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    fit=st.sampled_from(FITS),
    size=st.sampled_from([224, 160, 112, 32]),
)
def test_the_output_is_square_whatever_comes_in(width, height, fit, size):
    resized = Preprocessing(size=size, fit=fit).resize(np.full((height, width, 3), 77, np.uint8))
    assert resized.shape == (size, size, 3)
    assert resized.dtype == np.uint8
    assert (resized == 77).all()


@given(width=st.integers(1, 3000), height=st.integers(1, 3000))
def test_the_crop_is_the_square_that_torchvision_would_cut(width, height):
    left, top, right, bottom = Preprocessing(fit="crop")._centre(width, height)
    short = min(width, height)
    wide, high = 256 * width // short, 256 * height // short
    assert (left, right) == pytest.approx(
        (round((wide - 224) / 2) * width / wide, (round((wide - 224) / 2) + 224) * width / wide)
    )
    assert (top, bottom) == pytest.approx(
        (round((high - 224) / 2) * height / high, (round((high - 224) / 2) + 224) * height / high)
    )


@given(st.integers(1, 700), st.integers(1, 700))
def test_the_crop_lies_inside_the_picture(width, height):
    left, top, right, bottom = Preprocessing(fit="crop")._centre(width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_the_input_stays_as_it_is():
    pixels = noise(300, 200)
    before = pixels.copy()
    Preprocessing().resize(pixels)
    np.testing.assert_array_equal(pixels, before)


def test_an_unknown_fit_is_refused():
    with pytest.raises(NearframeError, match="fit must be one of stretch, crop, not 'squeeze'"):
        Preprocessing(fit="squeeze")


@pytest.mark.parametrize(
    "preprocessing",
    [Preprocessing(), Preprocessing(fit="crop"), Preprocessing(size=160, mean=(0, 0.1, 0.2))],
)
def test_json_brings_back_an_equal_one(preprocessing):
    text = json.dumps(preprocessing.to_json())
    assert Preprocessing.from_json(json.loads(text)) == preprocessing


@pytest.mark.parametrize(
    "fields",
    [{}, {"size": 224}, {**Preprocessing().to_json(), "rotation": 90}, None, []],
    ids=["empty", "incomplete", "from the future", "null", "a list"],
)
def test_other_json_is_refused(fields):
    with pytest.raises(NearframeError, match="not a description of preprocessing") as caught:
        Preprocessing.from_json(fields)
    assert "\n" not in str(caught.value)
