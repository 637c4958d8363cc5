"""Labels of what happens in the shared videos, and what kept frames miss of it."""

import pytest

from benchmarks.labelled_events import Event, Labels


def test_an_event_is_missed_where_no_kept_frame_lies_within_it():
    labels = Labels("a.mp4", 100, "by hand", (Event("a", 10, 20), Event("b", 20, 30)))
    assert labels.missed([9, 31]) == list(labels.events)
    assert labels.missed([10]) == [Event("b", 20, 30)]
    assert labels.missed([20]) == []
    assert labels.missed([11, 30]) == []


@pytest.mark.parametrize("name", ["car-detection", "bottle-detection"])
def test_labels_lie_within_their_video(name):
    labels = Labels.load(name)
    assert labels.events
    for event in labels.events:
        assert 0 <= event.first < event.last < labels.frames
    assert labels.missed(range(labels.frames)) == []
    assert len({event.event for event in labels.events}) == len(labels.events)
