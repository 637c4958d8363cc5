"""Bins over time, without the long stretches in which nothing is."""

import itertools
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.query.report.time_axis import time_axis
from nearframe.query.report.time_scale import TimeScale
from nearframe.query.report.wall_time import wall_seconds

HOUR, DAY = 3600, 86400
MONDAY = wall_seconds(datetime(2021, 3, 22))


def days(count, first=8, last=18, every=600):
    """Times of a camera that works by day."""
    return [
        MONDAY + day * DAY + second
        for day in range(count)
        for second in range(first * HOUR, last * HOUR, every)
    ]


def test_nights_are_cut_out():
    scale = TimeScale.of(days(10), 200)
    assert len(scale.stretches) == 10
    assert scale.bins <= 200
    assert scale.span == pytest.approx(10 * 10 * HOUR, rel=0.1)
    number, begin, end = next(scale.breaks())
    assert (begin, end) == (MONDAY + 18 * HOUR, MONDAY + DAY + 8 * HOUR)
    assert number == scale.stretches[0].bins


def test_without_long_empty_times_nothing_is_cut():
    scale = TimeScale.of(days(1), 200)
    assert len(scale.stretches) == 1
    assert list(scale.breaks()) == []
    sparse = [MONDAY + n * 6 * HOUR for n in range(400)]
    assert len(TimeScale.of(sparse, 200).stretches) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_every_time_lies_in_its_bin_and_the_order_stays(times):
    scale = TimeScale.of(times, 200)
    places = [scale.bin_of(time) for time in sorted(times)]
    assert places == sorted(places)
    for time in times:
        begin = scale.begin_of(scale.bin_of(time))
        assert begin <= time < begin + scale.step * (1 + 1e-9)
    gone = {number for number, _, _ in scale.breaks()}
    assert gone.isdisjoint(places)
    assert scale.bins <= 3 * 200


def test_labels_do_not_touch():
    parts = time_axis(TimeScale.of(days(14), 203), left=150, width=810, top=40)
    rows = {}
    for part in parts:
        if part.startswith("<text"):
            x, y = (float(part.split(f'{axis}="')[1].split('"')[0]) for axis in "xy")
            rows.setdefault(y, []).append(x)
    for places in rows.values():
        assert all(b - a >= 50 for a, b in itertools.pairwise(places))
    assert sum("<title>nothing from" in part for part in parts) == 13
