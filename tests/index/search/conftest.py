"""Vectors like those of scenes, and indexes of few frames that are searched approximately."""

import numpy as np
import pytest

from nearframe.embeddings import DIMENSION
from nearframe.index import FrameIndex
from nearframe.index.search import choice


@pytest.fixture
def scene_vectors():
    """Make vectors of `scenes` with frames that drift: float32, shape ``(n, 2048)``, normalised."""

    def make(n, *, scenes=20, seed=0, of=0):
        centres = np.random.default_rng(of).standard_normal((scenes, DIMENSION), np.float32)
        generator = np.random.default_rng(seed)
        vectors = centres[np.sort(generator.integers(0, scenes, n))]
        vectors += 0.5 * generator.standard_normal(vectors.shape, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return make


@pytest.fixture
def few_suffice(monkeypatch):
    """Let any number of frames be searched approximately."""
    monkeypatch.setattr(choice, "_FEWEST_FOR_LISTS", 1)


@pytest.fixture
def approximate(make_index):
    """Make an index that is searched approximately, one commit for each argument."""

    def make(*commits, name="ivf.index"):
        path = make_index(name=name)
        with FrameIndex.open(path, write=True) as index:
            index._search.ann = "ivf"
            for frames, vectors in commits:
                index.append(frames, vectors)
                index.commit()
        return path

    return make
