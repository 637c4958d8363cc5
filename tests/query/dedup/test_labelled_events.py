"""Labels of what happens in the shared videos, and what kept frames miss of it."""

import pytest

from benchmarks.labelled_events import Event, Labels
from nearframe.query import dedup_video


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["car-detection", "bottle-detection"])
def test_hybrid_keeps_every_event_and_drops_four_of_five_frames(shared_data, name):
    labels = Labels.load(name)
    found = dedup_video(shared_data / "videos" / labels.video)
    assert found.rules.method == "hybrid"
    assert found.total == labels.frames
    assert labels.missed([frame.number for frame in found.kept]) == []
    assert len(found.kept) <= 0.2 * found.total
