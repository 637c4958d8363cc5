import numpy as np
import pytest

from nearframe.embeddings.thumbnail import thumbnail


@pytest.mark.parametrize("size", [32, 96, 100, 128, 224])
def test_is_the_mean_luma_of_each_cell(size):
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[: size // 2, :, 1] = 200
    small = thumbnail(pixels)
    assert small.shape == (32, 32)
    assert small.dtype == np.uint16
    assert abs(int(small[0, 0]) / 256 - 0.587 * 200) <= 0.5
    assert small[-1, -1] == 0


def test_keeps_what_whole_levels_would_lose():
    pixels = np.full((128, 128, 3), 100, np.uint8)
    pixels[0, 0] = 104  # one of the 16 pixels of a cell
    assert thumbnail(pixels)[0, 0] == 100 * 256 + 64
