import gc
import threading
import weakref

import numpy as np
import psutil
import pytest

from nearframe.common import SourceError
from nearframe.embeddings import Embedder, Frame, Unreadable
from nearframe.embeddings.sources import ImageSequence, Sampling, VideoSource


class MadeUp:
    """A source of frames of one colour; keeps count of those alive."""

    path = "made up"
    kind = "video"

    def __init__(self, count, *, unreadable=(), fails_at=None):
        self.frame_count = count
        self.unreadable = unreadable
        self.fails_at = fails_at
        self.alive = self.most_alive = self.decoded = 0
        self.closed = threading.Event()
        self._lock = threading.Lock()

    def decoders(self):
        try:
            for number in range(self.frame_count):
                if number == self.fails_at:
                    raise OSError("the disk is gone")
                yield lambda number=number: self._decode(number)
        finally:
            self.closed.set()

    def _decode(self, number):
        if number in self.unreadable:
            return Unreadable(self.path, number, "made up")
        image = np.full((48, 64, 3), number % 256, np.uint8)
        with self._lock:
            self.decoded += 1
            self.alive += 1
            self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(image, self._gone)
        return Frame(self.path, number, number / 25, image)

    def _gone(self):
        with self._lock:
            self.alive -= 1


def leftovers():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("nearframe")]


@pytest.fixture
def embedder(fake_network):
    return Embedder(batch_size=4)


def test_batches_hold_all_frames_in_order(embedder):
    batches = list(embedder.embed_source(MadeUp(10)))
    assert [len(batch.frames) for batch in batches] == [4, 4, 2]
    frames = [frame for batch in batches for frame in batch.frames]
    assert [frame.number for frame in frames] == list(range(10))
    assert [frame.time_s for frame in frames] == [number / 25 for number in range(10)]


def test_frames_of_a_batch_carry_no_pixels(embedder):
    (batch,) = embedder.embed_source(MadeUp(3))
    assert not any(hasattr(frame, "image") for frame in batch.frames)


def test_each_vector_is_that_of_its_frame(embedder, make_folder):
    folder = make_folder(9)
    batches = list(embedder.embed_source(folder))
    vectors = np.concatenate([batch.vectors for batch in batches])
    np.testing.assert_allclose(vectors, embedder.embed(sorted(folder.iterdir())), atol=1e-6)
    assert all(batch.vectors.dtype == np.float32 for batch in batches)


def test_unreadable_frames_come_with_the_batch_they_lie_in(embedder):
    batches = list(embedder.embed_source(MadeUp(10, unreadable={1, 5, 6})))
    assert [[frame.number for frame in batch.frames] for batch in batches] == [
        [0, 2, 3],
        [4, 7],
        [8, 9],
    ]
    assert [[item.number for item in batch.unreadable] for batch in batches] == [[1], [5, 6], []]
    assert [len(batch.vectors) for batch in batches] == [3, 2, 2]


def test_a_batch_of_only_unreadable_frames_has_no_vectors(embedder):
    (batch,) = embedder.embed_source(MadeUp(3, unreadable={0, 1, 2}))
    assert batch.frames == ()
    assert batch.vectors.shape == (0, 2048)
    assert batch.vectors.dtype == np.float32
    assert len(batch.unreadable) == 3


def test_an_empty_source_gives_no_batches(embedder):
    assert list(embedder.embed_source(MadeUp(0))) == []


@pytest.mark.parametrize("count", [40, 200])
def test_the_number_of_frames_in_memory_does_not_grow_with_the_source(embedder, count):
    source = MadeUp(count)
    for _ in embedder.embed_source(source):
        pass
    assert source.decoded == count
    # Two batches ahead, and one in each hand that passes them on.
    assert source.most_alive <= 2 * 4 + 4
    gc.collect()
    assert source.alive == 0


def test_a_slow_consumer_does_not_let_frames_pile_up(embedder):
    source = MadeUp(100)
    batches = embedder.embed_source(source)
    next(batches)
    decoded = -1
    while decoded != source.decoded:
        decoded = source.decoded
        threading.Event().wait(0.2)
    # The batch that was taken, two in or behind the network, and the pictures of two more.
    assert decoded <= 5 * 4
    batches.close()


@pytest.mark.parametrize("consumed", [1, 2])
def test_stopping_early_ends_the_threads_and_closes_the_source(embedder, consumed):
    source = MadeUp(1000)
    batches = embedder.embed_source(source)
    for _ in range(consumed):
        next(batches)
    batches.close()
    assert source.closed.is_set()
    assert leftovers() == []
    assert source.decoded < 50


def test_leaving_a_loop_early_ends_the_threads(embedder):
    source = MadeUp(1000)
    for _ in embedder.embed_source(source):
        break
    gc.collect()
    assert leftovers() == []
    assert source.closed.is_set()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sampling", [None, Sampling(keyframes=True)])
def test_stopping_early_closes_the_video_file(embedder, make_video, sampling):
    path = make_video("a.mp4", 100, options={"g": "3"})
    before = psutil.Process().num_fds()
    batches = embedder.embed_source(VideoSource.open(path, sampling))
    next(batches)
    assert psutil.Process().num_fds() > before
    batches.close()
    del batches
    gc.collect()
    assert psutil.Process().num_fds() == before
    assert leftovers() == []


@pytest.mark.filterwarnings("error")
def test_reading_to_the_end_leaves_nothing_open(embedder, make_video, make_folder):
    folder, video = make_folder(10), make_video("a.mp4", 20)
    before = psutil.Process().num_fds()
    for source in (folder, video):
        assert list(embedder.embed_source(source))
    assert psutil.Process().num_fds() == before
    assert leftovers() == []


def test_an_error_of_the_source_comes_after_the_frames_before_it(embedder):
    source = MadeUp(10, fails_at=6)
    batches = embedder.embed_source(source)
    assert [frame.number for frame in next(batches).frames] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert leftovers() == []


def test_an_error_of_a_decoder_reaches_the_caller(embedder, monkeypatch):
    source = MadeUp(10)
    decode = source._decode

    def fail(number):
        if number == 5:
            raise ZeroDivisionError("a bug in a decoder")
        return decode(number)

    monkeypatch.setattr(source, "_decode", fail)
    with pytest.raises(ZeroDivisionError, match="a bug in a decoder"):
        list(embedder.embed_source(source))
    assert leftovers() == []


def test_an_error_of_the_network_ends_the_threads(embedder):
    def fail(pixels):
        raise RuntimeError("out of memory")

    embedder._backbone = fail
    source = MadeUp(1000)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(embedder.embed_source(source))
    gc.collect()
    assert leftovers() == []
    assert source.closed.is_set()


def test_a_path_is_opened_with_the_options(embedder, make_video, make_folder, tmp_path):
    video = make_video("a.mp4", 20)
    (batch,) = embedder.embed_source(str(video), sampling=Sampling(every=9))
    assert [frame.number for frame in batch.frames] == [0, 9, 18]
    make_folder(2, name="outer")
    (tmp_path / "outer" / "inner").mkdir()
    (tmp_path / "outer" / "000001.png").rename(tmp_path / "outer" / "inner" / "1.png")
    (batch,) = embedder.embed_source(tmp_path / "outer", recursive=True)
    assert len(batch.frames) == 2


def test_a_path_with_nothing_to_read_is_an_error(embedder, tmp_path):
    with pytest.raises(SourceError, match="no such file or folder"):
        next(embedder.embed_source(tmp_path / "gone"))


def test_a_selection_keeps_the_numbers(embedder, make_folder):
    sequence = ImageSequence.of_folder(make_folder(5))
    chosen = sequence.select({sequence.files[1].path, sequence.files[4].path})
    (batch,) = embedder.embed_source(chosen)
    assert [frame.number for frame in batch.frames] == [1, 4]


def test_what_a_video_lost_is_in_the_last_batch(embedder, make_video):
    path = make_video("a.mp4", 30, container_options={"movflags": "faststart"}, rate=5)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.7 * len(data))])
    batches = list(embedder.embed_source(path))
    assert [len(batch.unreadable) for batch in batches[:-1]] == [0] * (len(batches) - 1)
    (lost,) = batches[-1].unreadable
    assert "of 30 frames decode" in lost.reason
