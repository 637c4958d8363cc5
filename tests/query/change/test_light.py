import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.query import Light, fit_light


def surfaces(seed, shape=(90, 160), low=40, high=180):
    """Grey values of many tones with some noise, uint8 ``shape``."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(low, high, (6, 9), np.uint8).astype(np.float32)
    values = cv2.resize(coarse, shape[::-1]) + generator.normal(0, 2, shape)
    return np.clip(values, 0, 255).astype(np.uint8)


def lit(image, gain, offset=0.0):
    return np.clip(np.rint(image * gain + offset), 0, 255).astype(np.uint8)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    gain=st.floats(0.5, 2.0),
    offset=st.floats(-10, 40),
    share=st.floats(0, 0.35),
)
def test_gain_and_offset_are_found_beside_what_changed(seed, gain, offset, share):
    a = surfaces(seed, high=100)
    b = lit(a, gain, offset)
    b[: round(share * len(b))] = 5 if b.mean() > 128 else 250
    light = fit_light(a, b)
    # What matters is how far the lines lie apart at the grey values that there are.
    levels = np.array([40, 100])
    found, expected = (levels * line.gain + line.offset for line in (light, Light(gain, offset)))
    assert found == pytest.approx(expected, abs=5)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), gain=st.floats(0.4, 2.4), offset=st.floats(-20, 20))
def test_the_way_back_is_the_inverse(seed, gain, offset):
    a = surfaces(seed)
    b = lit(a, gain, offset)
    forth, back = fit_light(a, b), fit_light(b, a)
    assert forth.gain * back.gain == pytest.approx(1, rel=1e-3)
    assert back.offset == pytest.approx(-forth.offset / forth.gain, abs=0.2)


def test_equal_frames_are_in_equal_light():
    for seed in range(5):
        a = surfaces(seed, low=0, high=255)
        assert fit_light(a, a) == Light()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_frame_of_one_colour_fits_no_other(grey):
    a = surfaces(1)
    assert fit_light(a, a * 0 + np.uint8(grey)).gain in (pytest.approx(1), pytest.approx(1 / 4))
    assert Light().difference(a, a * 0 + np.uint8(grey)).max() > 50


def test_clipped_pixels_take_no_part():
    a = surfaces(2, low=60, high=250)
    light = fit_light(a, lit(a, 1.6))
    assert (light.gain, light.offset) == (pytest.approx(1.6, rel=0.03), pytest.approx(0, abs=4))


def test_frames_with_next_to_nothing_but_clipped_pixels_tell_no_light():
    a = surfaces(3)
    b = np.full_like(a, 255)
    b[0, :20] = 128
    assert fit_light(a, b) == Light()
    assert fit_light(a[:1, :3], b[:1, :3]) == Light()


@pytest.mark.parametrize("gain", [0.1, 0.2])
def test_a_gain_beyond_the_limit_is_no_light(gain):
    a = surfaces(4, low=30, high=250)
    light = fit_light(a, lit(a, gain, 20))
    assert light == Light() or light.gain == pytest.approx(0.25, rel=0.02)


def test_the_difference_of_equal_light_is_plain():
    a, b = surfaces(5), surfaces(6)
    assert np.array_equal(Light().difference(a, b), cv2.absdiff(a, b))


def test_what_one_frame_clips_is_no_difference():
    a = surfaces(7, low=20, high=250)
    for light in (Light(1.5), Light(0.6), Light(1.0, 60), Light(1.0, -60), Light(2.0, -100)):
        assert light.difference(a, lit(a, light.gain, light.offset)).max() <= 1


def test_a_frame_that_was_clipped_and_blurred_differs_little():
    a = surfaces(8, low=20, high=250)
    light = Light(1.5)
    sharp = a.copy()
    sharp[np.arange(len(sharp)) % 12 < 4] = 250
    blurred = [cv2.GaussianBlur(image, (5, 5), 0) for image in (sharp, lit(sharp, 1.5))]
    assert light.difference(*blurred, reach=0).max() > 30
    assert light.difference(*blurred, reach=3).max() <= 20


def test_masked_pixels_make_no_allowance_for_clipping():
    a = surfaces(9, low=100, high=120)
    b = lit(a, 1.5)
    b[40:50, 40:50] -= 60
    unmasked = np.ones_like(a, np.bool_)
    unmasked[50:60] = False
    for value in (0, 255):
        a[50:60] = value
        difference = Light(1.5).difference(a, b, unmasked=unmasked, reach=8)
        assert (difference[40:50, 40:50] > 40).all()


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    gain=st.floats(0.25, 4),
    offset=st.floats(-100, 100),
    reach=st.integers(0, 4),
)
def test_the_difference_is_the_same_both_ways(seed, gain, offset, reach):
    generator = np.random.default_rng(seed)
    a, b = generator.integers(0, 256, (2, 20, 30), np.uint8)
    forth = Light(gain, offset).difference(a, b, reach=reach).astype(int)
    back = Light(1 / gain, -offset / gain).difference(b, a, reach=reach).astype(int)
    assert np.abs(forth - back).max() <= 1
