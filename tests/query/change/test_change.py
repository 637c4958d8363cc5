from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nearframe.common import NearframeError
from nearframe.query import Change, ChangeDetection, Light

PLAIN = ChangeDetection(light_compensation=False)
SEEDS = st.integers(0, 2**32 - 1)
# Red, green, blue of something that stands out from `scene`, brighter or darker.
COLOURS = ((10, 15, 20), (250, 245, 255))


def scene(seed=0, size=(640, 360)):
    """A place without people: surfaces of many tones with texture, uint8 RGB, width x height."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(50, 190, (5, 8, 3), np.uint8)
    surfaces = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    fine = generator.normal(0, 8, (size[1] // 4, size[0] // 4, 1))
    texture = cv2.resize(fine, size)[..., None]
    return np.clip(surfaces + texture, 0, 255).astype(np.uint8)


def with_object(image, *, left=0.4, top=0.4, right=0.6, bottom=0.7, colour=COLOURS[0]):
    """The same with an ellipse in a box given in relative coordinates."""
    image = image.copy()
    height, width = image.shape[:2]
    centre = round((left + right) / 2 * width), round((top + bottom) / 2 * height)
    axes = round((right - left) / 2 * width), round((bottom - top) / 2 * height)
    return cv2.ellipse(image, centre, axes, 0, 0, 360, colour, cv2.FILLED)


def in_light(image, factor):
    return np.clip(image.astype(np.float32) * factor, 0, 255).astype(np.uint8)


def random_images(seed, shape):
    """Two images that differ in patches: smooth, so that blurring leaves something of them."""
    generator = np.random.default_rng(seed)
    size = (shape[1], shape[0])
    a, b = (cv2.resize(generator.integers(0, 256, (4, 5, 3), np.uint8), size) for _ in range(2))
    patches = cv2.resize(generator.random((4, 6)), size) > generator.random()
    return a, np.where(patches[..., None], a, b)


# The score


@settings(max_examples=150, deadline=None)
@given(
    seed=SEEDS,
    shape=st.tuples(st.integers(24, 90), st.integers(24, 120)),
    grid=st.none() | st.tuples(st.integers(8, 24), st.integers(8, 24)),
    radii=st.lists(st.sampled_from([1, 3, 5, 11]), max_size=3),
    diff_threshold=st.integers(0, 254),
    min_diff_area=st.floats(0, 0.3),
    change_threshold=st.floats(0, 1),
)
def test_the_score_is_that_of_opencv(
    seed, shape, grid, radii, diff_threshold, min_diff_area, change_threshold
):
    a, b = random_images(seed, shape)
    change = ChangeDetection(
        resize_to=grid,
        blur_radii=radii,
        diff_threshold=diff_threshold,
        min_diff_area=min_diff_area,
        change_threshold=change_threshold,
        light_compensation=False,
        motion_tolerance=0,
    ).compare(a, b)

    grey_a, grey_b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (a, b))
    if grid is not None:
        grey_a, grey_b = (
            cv2.resize(grey, grid[::-1], interpolation=cv2.INTER_AREA) for grey in (grey_a, grey_b)
        )
    for radius in radii:
        grey_a, grey_b = (cv2.GaussianBlur(grey, (radius, radius), 0) for grey in (grey_a, grey_b))
    _, binary = cv2.threshold(cv2.absdiff(grey_a, grey_b), diff_threshold, 255, cv2.THRESH_BINARY)
    binary = cv2.dilate(binary, None, iterations=2)
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = [cv2.contourArea(contour) / binary.size for contour in contours]
    areas = [area for area in areas if area >= min_diff_area]
    assert change.score == pytest.approx(sum(areas), abs=1e-12)
    assert sorted(region.area for region in change.regions) == pytest.approx(
        sorted(area for area in areas if area > 0)
    )
    assert change.changed == (sum(areas) > 0 and change.score >= change_threshold)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, size=st.tuples(st.integers(1, 80), st.integers(1, 80)))
def test_an_image_has_not_changed_from_itself(seed, size):
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    for resize_to in (None, (36, 64)):
        change = ChangeDetection(resize_to=resize_to, change_threshold=0).compare(image, image)
        assert change == Change(0, (), False, Light())


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, plain=st.booleans())
def test_exchanging_the_images_changes_next_to_nothing(seed, plain):
    a, b = random_images(seed, (60, 90))
    # What moved counts in full: where from and where to differ by where one begins.
    detection = ChangeDetection(resize_to=None, light_compensation=not plain, motion_tolerance=0)
    forth, back = detection.compare(a, b), detection.compare(b, a)
    # With light compensation, single grey levels may be rounded differently.
    assert forth.score == pytest.approx(back.score, abs=0 if plain else 0.01)


def test_a_wholly_changed_image_has_score_1():
    black, white = np.zeros((2, 360, 640, 3), np.uint8) + np.uint8([[[[0]]], [[[255]]]])
    assert ChangeDetection().compare(black, white).score == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("scale", [0.5, 2])
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("seed", range(4))
def test_the_score_does_not_depend_on_the_resolution(scale, colour, seed):
    a = scene(seed)
    b = with_object(a, colour=colour)
    score = ChangeDetection().compare(a, b).score
    scaled = [cv2.resize(image, None, fx=scale, fy=scale) for image in (a, b)]
    assert score == pytest.approx(np.pi / 4 * 0.2 * 0.3, rel=0.2)
    assert ChangeDetection().compare(*scaled).score == pytest.approx(score, rel=0.2)


@pytest.mark.parametrize("scale", [0.5, 0.75, 2])
def test_images_of_different_resolution_are_compared_at_one_size(scale):
    a = scene()
    b = with_object(a)
    scaled = cv2.resize(b, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for resize_to in (None, (360, 640)):
        detection = ChangeDetection(resize_to=resize_to)
        same = cv2.resize(a, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        assert detection.compare(a, same).score == 0
        assert detection.compare(a, scaled).score == pytest.approx(
            detection.compare(a, b).score, rel=0.2
        )


def test_small_regions_do_not_count():
    a = scene()
    b = with_object(with_object(a), left=0.9, top=0.9, right=0.93, bottom=0.95)
    counted = ChangeDetection().compare(a, b).regions
    everything = ChangeDetection(min_diff_area=0).compare(a, b).regions
    assert len(counted) == 1
    assert len(everything) == 2
    assert everything[0] == counted[0]
    assert everything[0].area > 0.005 > everything[1].area


def test_a_region_says_where_it_is():
    a = scene()
    (region,) = PLAIN.compare(a, with_object(a)).regions
    box = (region.left, region.top, region.right, region.bottom)
    assert box == pytest.approx((0.4, 0.4, 0.6, 0.7), abs=0.02)
    xs, ys = zip(*region.outline, strict=True)
    assert region.left <= min(xs) <= max(xs) <= region.right
    assert region.top <= min(ys) <= max(ys) <= region.bottom


def test_the_threshold_is_reached_by_an_equal_score():
    a = scene()
    b = with_object(a)
    score = PLAIN.compare(a, b).score
    for threshold, changed in ((score, True), (np.nextafter(score, 1), False), (0, True)):
        detection = ChangeDetection(light_compensation=False, change_threshold=threshold)
        assert detection.compare(a, b).changed is changed


def test_prepared_images_compare_like_the_images_themselves():
    a = scene(size=(800, 600))
    b = in_light(with_object(a), 0.8)
    mask = np.full((600, 800), 255, np.uint8)
    mask[100:200, 300:500] = 0
    detection = ChangeDetection(black_mask=(5, 0, 0, 10), mask=mask)
    prepared = [detection.prepare(image) for image in (a, b)]
    assert all(image.shape == (360, 640) and image.dtype == np.uint8 for image in prepared)
    expected = detection.compare(a, b)
    assert expected.changed
    assert detection.compare(*prepared) == expected
    assert detection.compare(a, prepared[1]) == expected


def test_a_grey_image_can_be_prepared():
    image = scene()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert np.array_equal(PLAIN.prepare(grey), PLAIN.prepare(image))


# Masks


@settings(max_examples=100, deadline=None)
@given(
    seed=SEEDS,
    shape=st.tuples(st.integers(20, 70), st.integers(20, 70)),
    grid=st.none() | st.tuples(st.integers(10, 80), st.integers(10, 80)),
    border=st.tuples(*[st.floats(0, 40)] * 4),
    island=hnp.arrays(np.bool_, (4, 4)),
    radii=st.lists(st.sampled_from([3, 7, 15]), max_size=2),
    light=st.booleans(),
    motion=st.sampled_from([0, 0.1, 0.5]),
)
def test_masked_pixels_never_count(seed, shape, grid, border, island, radii, light, motion):
    height, width = shape
    a, b = random_images(seed, shape)
    b = in_light(b, 0.7)
    mask = cv2.resize(island.astype(np.uint8) * 255, (width, height)) > 127
    nothing_left = True
    detection = ChangeDetection(
        resize_to=grid,
        black_mask=border,
        mask=mask,
        blur_radii=radii,
        min_diff_area=0,
        light_compensation=light,
        motion_tolerance=motion,
    )
    with suppress(NearframeError):
        detection.unmasked(grid or shape)
        nothing_left = False
    assume(not nothing_left)
    before = detection.compare(a, b)
    rows, columns = (np.arange(side)[:, None] + (0, 1) for side in shape)
    left, top, right, bottom = (side / 100 for side in border)
    masked = ~mask
    masked[rows[:, 1] <= top * height] = True
    masked[rows[:, 0] >= (1 - bottom) * height] = True
    masked[:, columns[:, 1] <= left * width] = True
    masked[:, columns[:, 0] >= (1 - right) * width] = True
    noise = np.random.default_rng(seed).integers(0, 256, (2, *shape, 3), np.uint8)
    a, b = (np.where(masked[..., None], noise[i], image) for i, image in enumerate((a, b)))
    assert detection.compare(a, b) == before
    assert 0 <= before.score <= 1


def test_what_is_not_masked_still_counts():
    a = scene()
    b = with_object(a)
    unmasked = ChangeDetection().compare(a, b)
    beside = ChangeDetection(black_mask=(0, 0, 35, 0)).compare(a, b)
    assert beside.score == pytest.approx(unmasked.score / 0.65, rel=0.02)
    assert beside.regions[0].left == unmasked.regions[0].left
    assert ChangeDetection(black_mask=(65, 0, 0, 0)).compare(a, b).score == 0


def test_a_changed_object_is_cut_at_the_border_of_the_mask():
    a = scene()
    b = with_object(a)
    (region,) = ChangeDetection(black_mask=(50, 0, 0, 0)).compare(a, b).regions
    assert region.left == 0.5
    assert region.area == pytest.approx(ChangeDetection().compare(a, b).score, rel=0.1)


def test_the_light_leaves_no_seam_along_a_mask():
    a = scene()
    mask = cv2.resize(np.random.default_rng(1).integers(0, 2, (9, 16), np.uint8), (640, 360)) > 0
    for factor in (0.5, 1.4):
        detection = ChangeDetection(mask=mask, blur_radii=(21, 21), min_diff_area=0)
        assert detection.compare(a, in_light(a, factor)).score == 0


def test_masked_islands_are_no_changed_area():
    a, b = np.zeros((90, 160, 3), np.uint8), np.full((90, 160, 3), 200, np.uint8)
    mask = np.full((90, 160), 255, np.uint8)
    mask[30:60, 50:110] = 0
    change = ChangeDetection(
        resize_to=None, mask=mask, light_compensation=False, blur_radii=()
    ).compare(a, b)
    assert change.score == pytest.approx(1, abs=0.02)
    assert change.score <= 1


@pytest.mark.parametrize("kind", ["bool", "grey", "rgb"])
def test_a_mask_may_be_any_kind_of_image(kind):
    a = scene()
    b = with_object(a)
    keep = np.ones((360, 640), np.bool_)
    keep[100:300, 200:440] = False
    mask = {
        "bool": keep,
        "grey": np.where(keep, 255, 0).astype(np.uint8),
        "rgb": np.where(keep[..., None], np.uint8([255, 255, 255]), np.uint8([20, 0, 40])),
    }[kind]
    assert ChangeDetection(mask=mask).compare(a, b).score == 0
    assert ChangeDetection(mask=mask[::2, ::2]).compare(a, b).score == 0


# Light


@pytest.mark.parametrize("factor", [0.6, 1.5])
@pytest.mark.parametrize("seed", range(6))
def test_a_change_of_light_is_no_change(factor, seed):
    a = scene(seed)
    for first, second in ((a, in_light(a, factor)), (in_light(a, factor), a)):
        change = ChangeDetection(change_threshold=0).compare(first, second)
        assert change.score == 0
        assert not change.changed
    assert PLAIN.compare(a, in_light(a, factor)).changed


# Not white and 1.5: white on a surface that clips is white on white.
@pytest.mark.parametrize(
    ("factor", "colour"), [(0.6, COLOURS[0]), (0.6, COLOURS[1]), (1.5, COLOURS[0])]
)
@pytest.mark.parametrize("seed", range(6))
def test_an_object_shows_in_spite_of_a_change_of_light(factor, colour, seed):
    a = scene(seed)
    b = with_object(a, colour=colour)
    expected = PLAIN.compare(a, b)
    change = ChangeDetection().compare(a, in_light(b, factor))
    assert change.changed
    assert change.score == pytest.approx(expected.score, rel=0.3)


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_the_light_is_found_beside_an_object_that_fills_a_third_of_the_picture(factor):
    a = scene(3)
    b = with_object(a, left=0.1, top=0.05, right=0.8, bottom=0.7)
    change = ChangeDetection().compare(a, in_light(b, factor))
    assert change.light.gain == pytest.approx(factor, rel=0.05)
    assert change.score == pytest.approx(PLAIN.compare(a, b).score, rel=0.15)


def test_one_surface_that_fills_most_of_the_picture_does_not_decide_alone():
    a = scene(5)
    a[:240] = 200  # an even sky
    assert ChangeDetection(min_diff_area=0).compare(a, in_light(a, 0.6)).score == 0


def test_a_covered_lens_is_a_change():
    a = scene()
    for grey in (0, 90, 255):
        assert ChangeDetection().compare(a, np.full_like(a, grey)).changed


def test_without_light_compensation_the_difference_is_plain():
    a = scene()
    b = in_light(a, 0.6)
    grey_a, grey_b = PLAIN.prepare(a), PLAIN.prepare(b)
    assert np.array_equal(PLAIN.difference(a, b), cv2.absdiff(grey_a, grey_b))
    assert PLAIN.compare(a, b).light is None


# What can be wrong


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resize_to": (0, 640)}, "`resize_to` takes height and width from 1 to 10000 pixels"),
        ({"resize_to": (360,)}, "`resize_to` takes height and width .* not 360$"),
        ({"resize_to": (-1, 99999)}, "not -1 99999"),
        ({"black_mask": (-1, 0, 0, 0)}, "`black_mask` left is a percentage .* not -1"),
        ({"black_mask": (0, 0, 0, 100)}, "`black_mask` bottom is a percentage .* not 100"),
        ({"black_mask": (0, float("nan"), 0, 0)}, "`black_mask` top .* not nan"),
        ({"black_mask": (60, 0, 40, 0)}, "left 60 and right 40 percent leave nothing"),
        ({"black_mask": (0, 50, 0, 70)}, "top 50 and bottom 70 percent leave nothing"),
        ({"black_mask": (1, 2)}, "four percentages"),
        ({"blur_radii": (5, 4)}, "`blur_radii` must be an odd number from 1 to 999, not 4"),
        ({"blur_radii": (0,)}, "`blur_radii` .* not 0"),
        ({"blur_radii": (-3,)}, "`blur_radii` .* not -3"),
        ({"blur_radii": (1001,)}, "`blur_radii` .* not 1001"),
        ({"diff_threshold": -1}, "`diff_threshold` must be from 0 to 254 grey levels, not -1"),
        ({"diff_threshold": 255}, "`diff_threshold` .* not 255"),
        ({"min_diff_area": -0.1}, "`min_diff_area` is a share .* from 0 to 1, not -0.1"),
        ({"min_diff_area": float("nan")}, "`min_diff_area` .* not nan"),
        ({"change_threshold": 2}, "`change_threshold` is a share .* not 2"),
        ({"mask": "mask.png"}, "a mask is an image: .* not 'mask.png'"),
        ({"mask": np.zeros((4, 4), np.float32)}, r"a mask is an image: .* float32 \(4, 4\)"),
        ({"mask": np.zeros((4, 4, 4), np.uint8)}, r"a mask is an image: .* uint8 \(4, 4, 4\)"),
        ({"mask": np.zeros((0, 4), np.uint8)}, r"a mask is an image: .* uint8 \(0, 4\)"),
    ],
)
def test_a_setting_out_of_range_is_refused(options, message):
    with pytest.raises(NearframeError, match=message) as caught:
        ChangeDetection(**options)
    assert "\n" not in str(caught.value)


def test_a_mask_of_another_form_is_refused():
    detection = ChangeDetection(mask=np.full((100, 100), 255, np.uint8))
    with pytest.raises(NearframeError, match="the mask is 100x100 but the picture 640x360"):
        detection.prepare(scene())


def test_a_mask_that_leaves_nothing_is_refused():
    detection = ChangeDetection(mask=np.zeros((360, 640), np.uint8))
    with pytest.raises(NearframeError, match="the mask leaves nothing to look at"):
        detection.prepare(scene())


def test_a_border_and_a_mask_that_leave_nothing_together_are_refused():
    mask = np.zeros((360, 640), np.uint8)
    mask[:, :320] = 255
    with pytest.raises(NearframeError, match="the mask leaves nothing to look at"):
        ChangeDetection(mask=mask, black_mask=(50, 0, 0, 0)).compare(scene(), scene())


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        "image.png",
        None,
    ],
)
def test_what_is_no_image_is_refused(image):
    for call in (
        lambda: ChangeDetection().prepare(image),
        lambda: ChangeDetection().compare(scene(), image),
    ):
        with pytest.raises(NearframeError, match="expected an RGB image, uint8"):
            call()


def test_prepared_images_of_different_sizes_are_refused():
    detection = ChangeDetection(resize_to=None)
    with pytest.raises(NearframeError, match="is 8x4, but the comparison is at 9x4"):
        detection.compare(np.zeros((4, 9), np.uint8), np.zeros((4, 8), np.uint8))
    with pytest.raises(NearframeError, match="is 9x4, but the comparison is at 640x360"):
        ChangeDetection().compare(np.zeros((4, 9), np.uint8), scene())
