import gc

import psutil
import pytest

from nearframe.embeddings.sources import VideoSource, frames_at


@pytest.fixture
def no_collector():
    """What a file leaves behind must go with it, not when the collector happens to run."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def read_all(path):
    for decode in VideoSource.open(path).decoders():
        frame = decode()
    return frame.ref


@pytest.mark.usefixtures("no_collector")
def test_the_threads_of_decoders_do_not_pile_up_over_many_videos(make_video):
    path = make_video("a.mp4", 3)
    read_all(path)
    before = psutil.Process().num_threads()
    for _ in range(40):
        ref = read_all(path)
        list(frames_at(str(path), [ref]))
    # Those of one decoder, which ends with its last frame.
    assert psutil.Process().num_threads() <= before + 2


@pytest.mark.usefixtures("no_collector")
def test_no_frame_stays_in_memory_until_the_collector_runs(make_video):
    path = make_video("a.mp4", 40)
    read_all(path)
    # Frames in a circle of references, with their pixels, would be found now.
    assert gc.collect() < 40
