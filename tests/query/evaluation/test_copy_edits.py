import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nearframe.query import COPY_EDITS, edit_copy
from nearframe.query.evaluation.copy_edits import MAX_SIDE

# What draws random numbers, and so depends on the seed and on the picture's number.
RANDOM = {"crop70", "crop40", "hue", "rotate10", "padding", "noise", "overlay"}


@pytest.fixture
def photo(picture):
    return picture(3, (96, 64))


def pixels(image):
    return np.asarray(image).astype(int)


@pytest.fixture
def map_of_places():
    """A picture whose red is the column and whose green the row."""
    rows, columns = np.mgrid[:120, :200]
    return Image.fromarray(np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8))


def test_names_and_their_order_stay_since_they_seed_the_edits():
    assert list(COPY_EDITS) == [
        "jpeg20",
        "jpeg60",
        "third",
        "crop70",
        "crop40",
        "blur",
        "bright0.6",
        "bright1.5",
        "contrast0.5",
        "grey",
        "channels",
        "hue",
        "rotate10",
        "mirror",
        "padding",
        "noise",
        "overlay",
        "screenshot",
    ]


@pytest.mark.parametrize("edit", COPY_EDITS)
def test_gives_another_rgb_picture_and_leaves_the_photo_alone(photo, edit):
    before = photo.copy()
    edited = edit_copy(photo, edit, 0)
    assert photo == before
    assert edited.mode == "RGB"
    assert np.asarray(edited).dtype == np.uint8
    assert edited != photo


@pytest.mark.parametrize("edit", COPY_EDITS)
def test_the_same_arguments_give_the_same_pixels_in_any_order(photo, picture, edit):
    first, second = edit_copy(photo, edit, 0), edit_copy(photo, edit, 1)
    edit_copy(picture(4), "noise", 7)
    assert edit_copy(photo, edit, 1) == second
    assert edit_copy(photo, edit, 0) == first


@pytest.mark.parametrize("edit", COPY_EDITS)
def test_random_edits_differ_with_the_number_and_the_seed(photo, edit):
    by_number = {edit_copy(photo, edit, number).tobytes() for number in range(6)}
    by_seed = {edit_copy(photo, edit, 0, seed=seed).tobytes() for seed in range(6)}
    assert (len(by_number) > 1, len(by_seed) > 1) == (edit in RANDOM, edit in RANDOM)


@pytest.mark.parametrize("number", [0, 5])
def test_the_default_seed_is_that_of_training(map_of_places, number):
    # Weights are compared by figures that were measured with these very numbers.
    rng = np.random.default_rng((list(COPY_EDITS).index("crop40"), number))
    width, height = round(200 * 0.4**0.5), round(120 * 0.4**0.5)
    left, top = rng.integers(0, 200 - width + 1), rng.integers(0, 120 - height + 1)
    edited = edit_copy(map_of_places, "crop40", number)
    assert edited.getpixel((0, 0)) == (left, top, 0)
    assert edited.size == (width, height)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(list(COPY_EDITS)))
@settings(deadline=None)
def test_edits_tiny_pictures_too(width, height, edit):
    edited = edit_copy(Image.new("RGB", (width, height), "teal"), edit, 0)
    assert edited.mode == "RGB"
    assert min(edited.size) >= 1


@pytest.mark.parametrize("size", [(5000, 1000), (1000, 5000), (MAX_SIDE + 1, 1), (6000, 2)])
def test_large_photos_are_scaled_down_first(size):
    longest = max(size)
    edited = edit_copy(Image.new("RGB", size, "teal"), "mirror", 0)
    assert edited.size == tuple(max(1, round(side * MAX_SIDE / longest)) for side in size)


def test_photos_up_to_the_limit_keep_their_size():
    assert edit_copy(Image.new("RGB", (MAX_SIDE, 7)), "mirror", 0).size == (MAX_SIDE, 7)


def test_crops_keep_their_share_of_the_area(picture):
    photo = picture(1, (300, 200))
    for edit, share in (("crop70", 0.7), ("crop40", 0.4)):
        edited = edit_copy(photo, edit, 0)
        assert edited.width * edited.height == pytest.approx(share * 300 * 200, rel=0.01)


def test_crops_reach_all_sides(map_of_places):
    corners = [edit_copy(map_of_places, "crop70", number) for number in range(200)]
    lefts = {corner.getpixel((0, 0))[0] for corner in corners}
    rights = {corner.getpixel((corner.width - 1, 0))[0] for corner in corners}
    assert min(lefts) == 0
    assert max(rights) == 199


def test_a_third_is_a_third_of_each_side(photo):
    assert edit_copy(photo, "third", 0).size == (32, 21)


def test_the_mirror_swaps_left_and_right(photo):
    assert np.array_equal(pixels(edit_copy(photo, "mirror", 0)), pixels(photo)[:, ::-1])


def test_channels_are_turned_round(photo):
    assert np.array_equal(pixels(edit_copy(photo, "channels", 0)), pixels(photo)[..., ::-1])


def test_grey_has_three_equal_channels_and_the_lightness_of_the_photo(photo):
    grey = pixels(edit_copy(photo, "grey", 0))
    assert np.ptp(grey, axis=2).max() == 0
    assert np.abs(grey[..., 0] - pixels(photo.convert("L"))).max() == 0


@pytest.mark.parametrize(("edit", "factor"), [("bright0.6", 0.6), ("bright1.5", 1.5)])
def test_brightness_multiplies(photo, edit, factor):
    expected = np.minimum(pixels(photo) * factor, 255)
    assert np.abs(pixels(edit_copy(photo, edit, 0)) - expected).max() <= 1


def test_contrast_halves_the_distance_to_the_mean(photo):
    mean = pixels(photo.convert("L")).mean()
    expected = mean + (pixels(photo) - mean) / 2
    assert np.abs(pixels(edit_copy(photo, "contrast0.5", 0)) - expected).max() <= 1.5


def test_hue_turns_by_an_eighth_of_the_circle_and_keeps_the_rest():
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    turned = {edit_copy(red, "hue", number).getpixel((0, 0)) for number in range(20)}
    hues = {Image.new("RGB", (1, 1), color).convert("HSV").getpixel((0, 0)) for color in turned}
    assert {value for _, *rest in hues for value in rest} == {255}
    assert {min(hue, 256 - hue) for hue, *_ in hues} == {32}
    assert len(hues) == 2


def test_rotation_shows_the_whole_photo_turned_by_ten_degrees(photo):
    sizes = {edit_copy(photo, "rotate10", number).size for number in range(8)}
    cos, sin = np.cos(np.radians(10)), np.sin(np.radians(10))
    ((width, height),) = sizes
    assert (width, height) == pytest.approx((96 * cos + 64 * sin, 64 * cos + 96 * sin), abs=2)


def test_padding_puts_one_shade_around_the_whole_photo(photo):
    shades = set()
    for number in range(20):
        edited = pixels(edit_copy(photo, "padding", number))
        assert edited.shape == (64 + 20, 96 + 20, 3)
        assert np.array_equal(edited[10:-10, 10:-10], pixels(photo))
        shades |= set(edited[0].ravel().tolist())
    assert shades == {0, 128, 255}


def test_noise_has_the_deviation_it_says_and_no_seams(picture):
    grey = Image.new("RGB", (150, 200), (128, 128, 128))
    rng = np.random.default_rng((list(COPY_EDITS).index("noise"), 4))
    at_once = np.float32(128) + rng.normal(0, 20, (200, 150, 3))
    edited = pixels(edit_copy(grey, "noise", 4))
    assert np.array_equal(edited, at_once.clip(0, 255).astype(np.uint8))
    assert (edited - 128).std() == pytest.approx(20, rel=0.05)


def test_jpeg_20_is_farther_from_the_photo_than_jpeg_60(photo):
    far, near = (
        np.abs(pixels(edit_copy(photo, edit, 0)) - pixels(photo)).mean()
        for edit in ("jpeg20", "jpeg60")
    )
    assert far > near > 0


def test_blur_smooths(photo):
    def roughness(image):
        return np.abs(np.diff(pixels(image), axis=1)).mean()

    noisy = edit_copy(photo, "noise", 0)
    assert roughness(edit_copy(noisy, "blur", 0)) < 0.9 * roughness(noisy)


def test_an_overlay_hides_some_and_leaves_most(photo):
    photo = photo.resize((480, 320))
    for number in range(5):
        edited = edit_copy(photo, "overlay", number)
        changed = (pixels(edited) != pixels(photo)).any(axis=2).mean()
        assert edited.size == photo.size
        assert 0.05 < changed < 0.35


def test_a_screenshot_has_the_whole_photo_in_it(photo):
    photo = photo.resize((300, 200))
    edited = pixels(edit_copy(photo, "screenshot", 0))
    assert np.array_equal(edited[24 : 24 + 200, 18 : 18 + 300], pixels(photo))


def test_no_two_edits_give_the_same_picture(photo):
    edited = {edit: edit_copy(photo, edit, 0) for edit in COPY_EDITS}
    assert not [
        pair for pair in itertools.combinations(edited, 2) if edited[pair[0]] == edited[pair[1]]
    ]


def test_own_edits_can_be_given_and_have_random_numbers_of_their_own(photo):
    draws = {}
    edits = {
        name: lambda image, rng, name=name: draws.setdefault(name, rng.random()) and image
        for name in ("first", "second")
    }
    for name in edits:
        edit_copy(photo, name, 0, edits=edits)
    assert len(set(draws.values())) == 2
