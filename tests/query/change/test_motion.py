"""Something that moved a little is no change; something that appeared is."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.common import NearframeError
from nearframe.query import ChangeDetection

TOLERANCE = 0.05
PLAIN = ChangeDetection(motion_tolerance=0)
TOLERANT = ChangeDetection(motion_tolerance=TOLERANCE)
WIDTH = 640


def street(*cars, size=(100, 60), seed=0, factor=1.0):
    """A road with dark cars of this width x height at the x of their left sides; RGB 640x360."""
    noise = np.random.default_rng(seed).normal(120, 3, (360, WIDTH, 1))
    image = np.repeat(cv2.GaussianBlur(noise, (0, 0), 1)[..., None], 3, axis=2)
    for left in cars:
        image[150 : 150 + size[1], left : left + size[0]] = 30
        image[165 : 150 + size[1] // 2, left + 10 : left + size[0] // 2] = 200
    return np.clip(image * factor, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("factor", [1.0, 0.6])
@pytest.mark.parametrize("shift", [-25, 18, 25])
def test_something_that_moved_a_little_is_no_change(shift, factor):
    a, b = street(300), street(300 + shift, seed=1, factor=factor)
    assert PLAIN.compare(a, b).score > 0.005
    assert TOLERANT.compare(a, b).regions == ()
    assert not TOLERANT.compare(a, b).changed


@pytest.mark.parametrize("shift", [-200, -60, 60, 200])
def test_something_that_moved_far_is_a_change_of_its_whole_area(shift):
    a, b = street(300), street(300 + shift, seed=1)
    assert PLAIN.compare(a, b).score > 0.02
    assert TOLERANT.compare(a, b).score == PLAIN.compare(a, b).score


@pytest.mark.parametrize("size", [(100, 60), (30, 60), (24, 40)])
def test_something_that_appears_or_vanishes_is_a_change_of_its_whole_area(size):
    a, b = street(), street(300, size=size, seed=1)
    for pair in ((a, b), (b, a)):
        assert PLAIN.compare(*pair).score > 0.005
        assert TOLERANT.compare(*pair).score == PLAIN.compare(*pair).score


def test_one_moves_and_another_appears():
    a, b = street(100), street(115, 400, seed=1)
    (region,) = TOLERANT.compare(a, b).regions
    assert len(PLAIN.compare(a, b).regions) > 1
    assert region.left == pytest.approx(400 / WIDTH, abs=0.02)


def test_the_tolerance_is_relative_to_the_width():
    for scale in (0.5, 2):
        a, b, c = (
            cv2.resize(street(left, seed=left), None, fx=scale, fy=scale)
            for left in (300, 325, 360)
        )
        assert not TOLERANT.compare(a, b).changed
        assert TOLERANT.compare(a, c).changed


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    tolerance=st.floats(0, 1),
    light=st.booleans(),
    mask=st.booleans(),
)
def test_the_regions_are_some_of_those_without_tolerance(seed, tolerance, light, mask):
    generator = np.random.default_rng(seed)
    a, b = (cv2.resize(generator.integers(0, 256, (4, 5, 3), np.uint8), (80, 60)) for _ in range(2))
    b = np.where(cv2.resize(generator.random((4, 6)), (80, 60))[..., None] > 0.5, a, b)
    common = {
        "resize_to": None,
        "min_diff_area": 0.0,
        "light_compensation": light,
        "black_mask": (10, 0, 20, 0) if mask else (0, 0, 0, 0),
    }
    plain = ChangeDetection(**common, motion_tolerance=0).compare(a, b)
    tolerant = ChangeDetection(**common, motion_tolerance=tolerance).compare(a, b)
    assert set(tolerant.regions) <= set(plain.regions)
    assert tolerant.light == plain.light
    if not tolerance:
        assert tolerant == plain


def test_masked_pixels_are_nothing_that_could_have_moved():
    # What is new has the greys of a car beside it.
    a, b = street(300), street(300, 420, seed=1)
    assert not ChangeDetection(motion_tolerance=1).compare(a, b).changed
    masked = ChangeDetection(motion_tolerance=1, black_mask=(64, 0, 0, 0))
    assert masked.compare(a, b).changed


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_tolerance_beyond_the_width_is_refused(value):
    with pytest.raises(NearframeError, match=r"`motion_tolerance` is a share .* from 0 to 1"):
        ChangeDetection(motion_tolerance=value)
