"""What an earlier run left is clean: a second one finds nothing new to drop."""

import numpy as np
import pytest
from PIL import Image

from nearframe.query import ChangeSettings, DedupOptions, apply_plan, plan_dedup

START_MS = 1616694872510


@pytest.fixture
def folder(tmp_path):
    """Two cameras, each still, with a box that comes, moves on and goes, and flicker."""
    folder = tmp_path / "frames"
    folder.mkdir()
    noise = np.random.default_rng(3)
    for camera in ("c21", "c23"):
        coarse = Image.fromarray(noise.integers(60, 200, (6, 8, 3), np.uint8))
        empty = np.asarray(coarse.resize((160, 90))).astype(int)
        for number in range(16):
            frame = empty + noise.integers(-3, 4, empty.shape)
            if 4 <= number < 10:
                left = 20 * (number // 2)
                frame[30:60, left : left + 24] = 250
            image = Image.fromarray(frame.clip(0, 255).astype(np.uint8))
            image.save(folder / f"{camera}-{START_MS + 60_000 * number}.png")
    return folder


@pytest.fixture
def plan(fake_embedder):
    def make(folder, method):
        threshold = 0.9995 if method == "embedding" else None
        change = None if method == "embedding" else ChangeSettings(resize_to=(90, 160))
        options = DedupOptions(method=method, threshold=threshold, change=change)
        return plan_dedup(folder, options, embedder=fake_embedder)

    return make


@pytest.mark.parametrize("method", ["embedding", "change", "hybrid"])
@pytest.mark.parametrize("action", ["move", "copy-unique", "hardlink", "trash", "delete"])
def test_nothing_new_to_drop(folder, plan, tmp_path, action, method):
    first = plan(folder, method)
    assert first.dropped
    assert len(first.kept) > 2
    to = None if action in ("trash", "delete") else tmp_path / "to"
    report = apply_plan(first, action=action, to=to, journal=tmp_path / "x.jsonl")
    assert report.skipped == ()
    left = to if action in ("copy-unique", "hardlink") else folder
    second = plan(left, method)
    assert second.dropped == ()
    assert [file.sha256 for file in second.kept] == [file.sha256 for file in first.kept]
