import numpy as np
import pytest

from nearframe.index import order_by_pixels, thumbnail_differences


def thumbnails(*levels):
    """Thumbnails with one bright cell each, of the given levels."""
    made = np.full((len(levels), 32, 32), 100 * 256, np.uint16)
    made[:, 3, 5] += (256 * np.array(levels)).astype(np.uint16)
    return made


def test_difference_is_the_deviation_in_levels():
    (plain,), (marked,) = thumbnails(0), thumbnails(32)
    (apart,) = thumbnail_differences(plain, marked[None])
    assert apart == pytest.approx(32 * np.sqrt(1023) / 1024)
    brighter = plain[None] + np.uint16(7 * 256)
    assert thumbnail_differences(plain, brighter) == pytest.approx(0)


@pytest.mark.parametrize(
    ("similarities", "apart", "order"),
    [
        ([0.999, 0.998, 0.997], [3, 1, 2], [1, 2, 0]),
        # The last is too far from the first to be as near.
        ([0.999, 0.998, 0.90], [3, 1, 0], [1, 0, 2]),
        # Equal pixels: the vectors decide.
        ([0.999, 0.998], [1, 1], [0, 1]),
        # None has the query's pixels.
        ([0.999, 0.998], [9, 8], None),
        # Of one nothing is known; the others are in order, and it comes behind them.
        ([0.999, 0.998], [3, np.nan], [0, 1]),
        ([0.999, 0.998, 0.997, 0.996], [np.nan, 3, np.nan, 1], [3, 1, 0, 2]),
        ([0.999, 0.998], [np.nan, 9], None),
        ([0.999, 0.998], [np.nan, np.nan], None),
        # Those that were not compared stay behind.
        ([0.999, 0.999, 0.999], [3, 1], [1, 0, 2]),
        ([], [], None),
    ],
)
def test_orders_what_is_as_near_by_its_pixels(similarities, apart, order):
    found = order_by_pixels(similarities, np.array(apart, np.float32))
    assert (None if found is None else found.tolist()) == order
