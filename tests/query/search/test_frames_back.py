import pytest
from PIL import Image

from nearframe.embeddings import Embedder
from nearframe.embeddings.sources import Sampling, VideoSource
from nearframe.index import build_index
from nearframe.query import search

EVERY = 12


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bottle-detection.mp4", "car-detection.mp4"])
def test_a_frame_saved_as_jpeg_finds_itself_in_its_video(shared_data, tmp_path, name):
    video = shared_data / "videos" / name
    sampling = Sampling(every=EVERY)
    embedder = Embedder()
    build_index([video], tmp_path / "video.index", embedder=embedder, sampling=sampling)
    frames = [decode() for decode in VideoSource.open(video, sampling).decoders()]
    for frame in frames[:: len(frames) // 8]:
        still = tmp_path / "still.jpg"
        Image.fromarray(frame.image).save(still, quality=90)
        (result,) = search(tmp_path / "video.index", still, embedder=embedder).results
        found = result.matches[0].frame.number
        # These videos stand still for long stretches: a frame of the same pixels is as right.
        same = next(other for other in frames if other.number == found)
        assert found == frame.number or (same.image == frame.image).all()
