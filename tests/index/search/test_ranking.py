import numpy as np
import pytest

from nearframe.index.search import largest


@pytest.mark.parametrize("top", [1, 3, 8, 9, 40])
def test_the_largest_come_first_and_of_equal_ones_the_first(top):
    values = np.random.default_rng(5).integers(0, 9, (20, 30)).astype(np.float32)
    expected = np.argsort(-values, axis=1, kind="stable")[:, :top]
    assert np.array_equal(largest(values, top), expected)
