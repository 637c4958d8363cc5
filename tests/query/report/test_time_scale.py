"""Bins over time, without the long stretches in which nothing is."""

import itertools
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.query.report.time_scale import TimeScale, wall_seconds
from nearframe.query.report.timeline import TimelineRow, draw_timeline

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


@pytest.mark.parametrize(("screen", "pixels"), [("wide", 760), ("narrow", 330)])
@pytest.mark.parametrize("count", [1, 2, 14])
def test_labels_do_not_touch(screen, pixels, count):
    epoch = datetime(1970, 1, 1)
    times = [(epoch + timedelta(seconds=second), "images") for second in days(count)]
    timeline = draw_timeline([TimelineRow("c1", times)], kinds=("images",))
    lines = {}
    for tick in timeline.ticks:
        if tick.text and tick.screens in ("", screen):
            width = 7 * len(tick.text)
            x = tick.x * pixels / 100
            left = x - {"start": 0, "middle": width / 2, "end": width}[tick.anchor]
            lines.setdefault(tick.line, []).append((left, left + width))
    assert lines
    for places in lines.values():
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(places))
        assert places[0][0] >= 0
        assert places[-1][1] <= pixels
    assert len(timeline.breaks) == count - 1
    assert all(title.startswith("nothing from") for _, title in timeline.breaks)
