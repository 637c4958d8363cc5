"""Fixtures for deduplication plans."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import Embedder, Fingerprint, Preprocessing, embedder
from nearframe.query import DedupPlan, DedupRules, DroppedFile, KeptFile, PlannedFile


@pytest.fixture
def plan_of() -> Callable[..., DedupPlan]:
    """Make a plan without pixels: ``plan_of(folder, kept=[…], dropped={name: repeats})``."""

    def make(
        folder: Path, *, kept: Sequence[str], dropped: Mapping[str, str], **fields: object
    ) -> DedupPlan:
        def look_at(name: str) -> PlannedFile:
            return PlannedFile.look_at(str(folder), str(folder / name))

        values = {
            "folder": str(folder),
            "kept": tuple(KeptFile(*astuple(look_at(name))) for name in kept),
            "dropped": tuple(
                DroppedFile(file.file, file.size, file.sha256, repeats=repeats, similarity=0.9995)
                for name, repeats in dropped.items()
                for file in [look_at(name)]
            ),
            "unreadable": (),
            "rules": DedupRules(threshold=0.999),
            "fingerprint": Fingerprint("builtin", "ab" * 32, Preprocessing()),
            "created": "2024-05-01T12:00:00+02:00",
        }
        return DedupPlan(**{**values, **fields})

    return make


@pytest.fixture
def embedder_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Embedder]:
    """Make an Embedder of a function that turns pixels, uint8 (n, size, size, 3), into vectors."""

    def make(describe: Callable[[np.ndarray], np.ndarray]) -> Embedder:
        def backbone(pixels: np.ndarray) -> np.ndarray:
            vectors = describe(pixels)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            return (vectors / lengths).astype(np.float32)

        def load(weights: str, preprocessing: Preprocessing, **_: object) -> tuple:
            backbone.at_once = 1
            return Fingerprint(weights, "00", preprocessing), backbone

        monkeypatch.setattr(embedder, "load_backbone", load)
        return Embedder()

    return make


class Yard:
    """Pictures of a fixed camera: a still ground with a block on it, here or there or nowhere."""

    def __init__(self, seed: int = 0, size: tuple[int, int] = (160, 90)) -> None:
        generator = np.random.default_rng(seed)
        coarse = generator.integers(60, 120, (9, 16, 3), np.uint8)
        self.ground = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))

    def picture(self, block: tuple[int, int] | None = None, *, side: int = 20) -> Image.Image:
        """Draw the ground; with a white block of `side` pixels at ``(x, y)``."""
        pixels = self.ground.copy()
        if block is not None:
            x, y = block
            pixels[y : y + side, x : x + side] = 250
        return Image.fromarray(pixels)


@pytest.fixture
def yard() -> Yard:
    """Pictures of one fixed camera."""
    return Yard()


@pytest.fixture
def camera_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of cameras: ``camera_folder({"c1": [None, (10, 10), …]})``.

    One picture of a `Yard` per place of the block, 60 s apart, named ``CAMERA-EPOCH.png``.
    """

    def make(cameras: Mapping[str, Sequence[tuple[int, int] | None]]) -> Path:
        folder = tmp_path / "cameras"
        folder.mkdir()
        for seed, (camera, blocks) in enumerate(cameras.items()):
            ground = Yard(seed)
            for number, block in enumerate(blocks):
                ground.picture(block).save(folder / f"{camera}-{1616694872 + 60 * number}.png")
        return folder

    return make
