import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import Embedder, Frame, Unreadable
from nearframe.embeddings.still import StillDetector
from nearframe.index import FrameIndex

SIZE = 224


def noisy(base, seed, levels=1):
    noise = np.random.default_rng(seed).integers(-levels, levels + 1, base.shape)
    return np.clip(base.astype(int) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def scene(picture):
    return np.array(picture(1, (SIZE, SIZE)))


def test_noise_repeats_and_another_picture_does_not(scene, picture):
    still = StillDetector()
    assert not still.repeats(scene)
    assert still.repeats(noisy(scene, 1))
    assert not still.repeats(np.array(picture(2, (SIZE, SIZE))))
    assert not still.repeats(scene)


def test_a_small_thing_that_moves_is_seen(scene):
    still = StillDetector()
    still.repeats(scene)
    moved = scene.copy()
    moved[100:108, 60:68] = 255 - moved[100:108, 60:68] // 2
    assert not still.repeats(moved)


def test_a_change_of_one_channel_is_seen(scene):
    still = StillDetector()
    still.repeats(scene)
    warmer = scene.copy()
    warmer[..., 0] = np.minimum(warmer[..., 0], 250) + 5
    assert not still.repeats(warmer)


def test_a_slow_drift_is_seen():
    still = StillDetector()
    grey = np.full((SIZE, SIZE, 3), 100, np.uint8)
    repeated = [still.repeats(grey + np.uint8(step)) for step in range(9)]
    assert repeated == [False, True, True] * 3


@pytest.mark.parametrize("size", [8, 96, 225])
def test_any_size_will_do(size):
    still = StillDetector()
    black = np.zeros((size, size, 3), np.uint8)
    assert not still.repeats(black)
    assert still.repeats(black + np.uint8(2))
    assert not still.repeats(black + np.uint8(3))


class Film:
    """A source of given frames; None stands for one that does not decode."""

    path, kind = "film", "video"

    def __init__(self, images):
        self.images = images
        self.frame_count = len(images)

    def decoders(self):
        for number, image in enumerate(self.images):
            if image is None:
                yield lambda number=number: Unreadable("film", number, "broken")
            else:
                yield lambda number=number, image=image: Frame("film", number, number / 25, image)


@pytest.fixture
def counted(fake_network):
    """An embedder that skips still frames, and the numbers of pictures that its network saw."""
    embedder = Embedder(batch_size=4, skip_still=True)
    network, seen = embedder._backbone, []
    embedder._backbone = lambda pixels: (seen.append(len(pixels)), network(pixels))[1]
    return embedder, seen


def embedded(embedder, images):
    batches = list(embedder.embed_source(Film(images)))
    frames = [frame for batch in batches for frame in batch.frames]
    return frames, np.concatenate([batch.vectors for batch in batches])


def test_a_still_stretch_is_embedded_once(counted, scene, picture):
    embedder, seen = counted
    other = np.array(picture(2, (SIZE, SIZE)))
    images = [scene] + [noisy(scene, n) for n in range(9)] + [other, None, noisy(other, 1), scene]
    frames, vectors = embedded(embedder, images)
    assert [frame.number for frame in frames] == [*range(11), 12, 13]
    assert sum(seen) == 3
    exact = embedder.embed([scene, other])
    np.testing.assert_allclose(vectors, exact[[0] * 10 + [1, 1, 0]], atol=1e-6)


def test_what_moves_gets_vectors_of_its_own(counted, picture):
    embedder, seen = counted
    images = [np.array(picture(seed, (SIZE, SIZE))) for seed in range(10)]
    _, vectors = embedded(embedder, images)
    assert sum(seen) == 10
    np.testing.assert_allclose(vectors, embedder.embed(images), atol=1e-6)


def test_it_is_off_by_default(fake_network, scene):
    embedder = Embedder(batch_size=4)
    noise = noisy(scene, 1)
    _, vectors = embedded(embedder, [scene, noise])
    np.testing.assert_allclose(vectors, embedder.embed([scene, noise]), atol=1e-6)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-6


@pytest.mark.parametrize("options", [[], ["--skip-still"]])
def test_build_index_has_the_option(run, tmp_path, scene, options):
    (tmp_path / "film").mkdir()
    for number in range(3):
        Image.fromarray(noisy(scene, number)).save(tmp_path / "film" / f"{number}.png")
    run("buildIndex", "-i", "film", "-o", "x.index", *options)
    with FrameIndex.open(tmp_path / "x.index") as index:
        (block,) = index.blocks()
    assert len(np.unique(block.vectors, axis=0)) == (1 if options else 3)
