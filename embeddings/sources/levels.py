"""Samples of more than 8 bits -> 8 bits, as they are meant to be seen."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .deep import Samples

# The depths that instruments write, in bits. A file's values are of the smallest that holds them.
_DEPTHS = (8, 10, 12, 14, 16, 20, 24, 31, 32)
# Values that are all multiples of one of these are 8-bit ones that were made longer.
_LENGTHENED = (257, 256, 0x01010101, 1 << 24)
# A range that is a smaller part of what the depth can hold is spread.
_NARROW = 1 / 8
# Of the values, this share at each end decides nothing: hot pixels.
_SPARED, _FEWEST = 0.001, 64
_MOST_SAMPLES = 1 << 20
# How far floats from 0 to 1 may exceed 1, and go below 0 as a share of the largest: what
# sharpening and resampling leave.
_OVERSHOOT, _UNDERSHOOT = 1.25, 0.1
# Fractions above that which are no more than this were not meant for 0 to 255.
_DARK_255 = 32.0


def to_eight_bits(values: Samples, stated_maximum: int | None = None) -> npt.NDArray[np.uint8]:
    """Scale samples to 8 bits, so that a file shows what its faithful 8-bit version shows.

    In this order, where a thousandth of the values at each end, and whatever is not finite, has
    no say:

    1. Multiples of 257, of 256, or of the same for 32 bits, are 8-bit values made longer.
    2. Floats up to 1 (with 1.25 for overshoot) run from 0 to 1. Whole numbers and larger values
       are like integers; fractions that end between 1.25 and 32 run from 0 to their largest.
    3. Integers run from 0 to the stated maximum, or else to that of the smallest usual depth that
       holds them: 8, 10, 12, 14, 16, … bits.
    4. Values that use less than an eighth of that range, as a thermal camera's do, or that are
       negative, run from their smallest to their largest. Not those of 8 bits, nor floats that
       are 8-bit or 16-bit values divided by their maximum.

    Args:
        values: Integers or floats, of any shape but a single one; of colour, all channels together.
        stated_maximum: What the file says is its largest value, if it does.

    Returns:
        uint8, of the same shape.
    """
    low, high = _shown_range(_sample(values), stated_maximum)
    levels = np.empty(values.shape, np.uint8)
    # Some rows at a time: each step makes another copy, of 8 bytes per sample.
    rows = max(1, _MOST_SAMPLES // max(1, values[:1].size))
    for top in range(0, len(values), rows):
        part = values[top : top + rows].astype(np.float64)
        if values.dtype.kind == "f":
            part = np.nan_to_num(part, copy=False, nan=low, posinf=high, neginf=low)
        scaled = (np.clip(part, low, high, out=part) - low) * (255.0 / (high - low))
        levels[top : top + rows] = np.rint(scaled)
    return levels


def _sample(values: Samples) -> npt.NDArray[Any]:
    """Return the finite values that decide, 1-d: of a large picture, every so many."""
    flat = values.flat[:: max(1, -(-values.size // _MOST_SAMPLES))]
    kind = np.float64 if flat.dtype.kind == "f" else np.int64
    return np.asarray(flat[np.isfinite(flat)], kind)


def _shown_range(values: npt.NDArray[Any], stated_maximum: int | None) -> tuple[float, float]:
    """Return the values that become 0 and 255."""
    if not len(values):
        return 0.0, 1.0
    low, high = _used_range(values)
    values = values[(values >= low) & (values <= high)]
    if values.dtype.kind == "f":
        if -_UNDERSHOOT * high <= low < 0:
            low = 0.0
        if low >= 0 and high <= _OVERSHOOT:
            if _is_whole(values * 255) or _is_whole(values * 65535):
                return 0.0, 1.0
            return _spread(low, high, 1.0)
        if not _is_whole(values):
            return (0.0, high) if low >= 0 and high <= _DARK_255 else _of_integers(low, high, None)
        values = np.rint(values)  # still floats: they hold larger ones than integers do
    for step in _LENGTHENED:
        if 255 < high <= 255 * step and (values % step == 0).mean() >= 1 - _SPARED:
            return 0.0, 255.0 * step
    return _of_integers(low, high, stated_maximum)


def _of_integers(low: float, high: float, stated_maximum: int | None) -> tuple[float, float]:
    if stated_maximum is not None and high <= stated_maximum:
        return _spread(low, high, float(stated_maximum))
    full = next((2.0**bits - 1 for bits in _DEPTHS if high < 2**bits), high)
    return (0.0, full) if full == 255 and low >= 0 else _spread(low, high, full)


def _spread(low: float, high: float, full: float) -> tuple[float, float]:
    """Return the used range where it is a small part of the full one, or starts below it."""
    if low < high and (low < 0 or high - low < full * _NARROW):
        return low, high
    return 0.0, full


def _used_range(values: npt.NDArray[Any]) -> tuple[float, float]:
    spared = max(1, int(len(values) * _SPARED)) if len(values) >= _FEWEST else 0
    ends = (spared, len(values) - 1 - spared)
    parted = np.partition(values, ends)
    return float(parted[ends[0]]), float(parted[ends[1]])


def _is_whole(values: npt.NDArray[Any]) -> bool:
    """Tell whether practically all values are whole numbers, but for the rounding of floats."""
    return bool((np.abs(values - np.rint(values)) <= 0.02).mean() >= 1 - _SPARED)
