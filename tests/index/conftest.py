"""Fixtures for indexes whose vectors need no network."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from nearframe.embeddings import DIMENSION, Embedder, Fingerprint, FrameRef, Preprocessing
from nearframe.index import FrameIndex


@pytest.fixture
def fingerprint() -> Fingerprint:
    return Fingerprint("builtin", "ab" * 32, Preprocessing())


@pytest.fixture
def unit_vectors() -> Callable[..., np.ndarray]:
    """Make `n` random vectors: float32, shape ``(n, 2048)``, normalised."""
    return random_unit_vectors


def random_unit_vectors(n: int, *, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((n, DIMENSION), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def film() -> Callable[..., list[FrameRef]]:
    """Name frames of a video, ten per second: ``film(count, first=0, source=…)``."""

    def make(count: int, *, first: int = 0, source: str = "/films/a.mp4") -> list[FrameRef]:
        return [FrameRef(source, number, number / 10) for number in range(first, first + count)]

    return make


@pytest.fixture
def make_index(tmp_path, fingerprint) -> Callable[..., Path]:
    """Make an index, one commit for each pair of frames and vectors, and return its path."""

    def make(*commits: tuple[Sequence[FrameRef], np.ndarray], name: str = "made.index") -> Path:
        path = tmp_path / name
        with FrameIndex.create(path, fingerprint) as index:
            for frames, vectors in commits:
                index.append(frames, vectors)
                index.commit()
        return path

    return make


@pytest.fixture
def contents() -> Callable[[Path], dict[FrameRef, bytes]]:
    """Read an index: frame -> the bytes of its vector."""

    def read(path: Path) -> dict[FrameRef, bytes]:
        with FrameIndex.open(path) as index:
            return {
                frame.ref: vector.tobytes()
                for block in index.blocks()
                for frame, vector in zip(block.frames, block.vectors, strict=True)
            }

    return read


@pytest.fixture
def embedded(fake_network, monkeypatch) -> list[str]:
    """The files that were embedded, in order; only those, and only while the test runs."""
    files: list[str] = []
    embed_source = Embedder.embed_source

    def counting(self, source, **options):
        for batch in embed_source(self, source, **options):
            files.extend(Path(frame.source).name for frame in batch.frames)
            yield batch

    monkeypatch.setattr(Embedder, "embed_source", counting)
    return files
