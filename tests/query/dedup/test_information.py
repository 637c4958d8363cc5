"""Pictures that show too little for a vector: named, and dropped for equal pixels only."""

import shutil

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from nearframe.embeddings import Preprocessing
from nearframe.embeddings.thumbnail import thumbnail
from nearframe.index import build_index
from nearframe.query import DedupOptions, dedup_video, plan_dedup, sweep_dedup
from nearframe.query.dedup.information import too_little

SIDE = 240


def scene(seed):
    """A picture with detail everywhere, as a photo has it."""
    levels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    return Image.fromarray(levels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def noisy(levels, seed, deviation=3):
    noise = np.random.default_rng(seed).normal(0, deviation, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(levels + noise, 0, 255).astype(np.uint8))


def flat(seed):
    return noisy(np.random.default_rng(seed).integers(40, 256, 3), seed)


def gradient(seed):
    first, last = np.random.default_rng(seed).integers(60, 256, (2, 3))
    share = np.linspace(0, 1, SIDE)[:, None, None]
    return noisy(first + share * (last - first) * np.ones((SIDE, SIDE, 1)), seed, 0)


def dark(seed):
    return noisy(np.asarray(scene(seed), float) * 0.04, seed)


def blurred(seed):
    return scene(seed).filter(ImageFilter.GaussianBlur(SIDE / 8))


def sliver(seed):
    frame = Image.new("RGB", (SIDE, SIDE))
    frame.paste(scene(seed).resize((SIDE, 12)), (0, SIDE // 2))
    return frame


KINDS = {"flat": flat, "gradient": gradient, "dark": dark, "blurred": blurred, "sliver": sliver}
kinds = pytest.mark.parametrize("draw", KINDS.values(), ids=KINDS)


def reason_of(picture):
    return too_little(thumbnail(np.asarray(Preprocessing(size=128).resize(picture))))


@kinds
def test_each_kind_is_known(draw):
    for seed in range(5):
        assert reason_of(draw(seed)) is not None


def test_what_it_lacks_is_said():
    words = {name: reason_of(draw(0)) for name, draw in KINDS.items()}
    assert words["dark"] == "dark"
    assert words["flat"] == "flat"
    assert words["blurred"] == "blurred"
    assert words["sliver"] == "of one colour for the most part"


def test_a_picture_with_detail_is_none_of_them():
    for seed in range(5):
        assert reason_of(scene(seed)) is None
        letterboxed = Image.new("RGB", (SIDE, SIDE))
        letterboxed.paste(scene(seed).resize((SIDE, 3 * SIDE // 4)), (0, SIDE // 8))
        assert reason_of(letterboxed) is None


@kinds
@pytest.mark.parametrize("from_index", [False, True])
def test_only_equal_pixels_count(tmp_path, fake_embedder, draw, from_index):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        draw(seed).save(folder / f"{seed}.png")
    shutil.copy(folder / "1.png", folder / "copy.png")
    source = folder
    if from_index:
        source = tmp_path / "x.index"
        build_index([folder], source, embedder=fake_embedder)
    plan = plan_dedup(source, DedupOptions(threshold=-1), embedder=fake_embedder)
    assert [(file.file, file.repeats) for file in plan.dropped] == [("copy.png", "1.png")]
    assert {file.file for file in plan.uninformative} == {*("0.png", "1.png", "2.png", "copy.png")}


def test_neither_does_one_with_detail_repeat_one_without(tmp_path, fake_embedder):
    scene(0).save(tmp_path / "a.png")
    dark(0).save(tmp_path / "b.png")
    scene(1).save(tmp_path / "c.png")
    plan = plan_dedup(tmp_path, DedupOptions(threshold=-1), embedder=fake_embedder)
    assert [(file.file, file.repeats) for file in plan.dropped] == [("c.png", "a.png")]
    assert [(file.file, file.reason) for file in plan.uninformative] == [("b.png", "dark")]


def test_a_sweep_counts_as_a_plan_does(tmp_path, fake_embedder):
    for seed in range(4):
        flat(seed).save(tmp_path / f"{seed}.png")
    swept = sweep_dedup(tmp_path, embedder=fake_embedder)
    assert {point.kept for point in swept.points} == {4}


def test_frames_of_a_video_are_asked_too(tmp_path, fake_embedder):
    path = tmp_path / "night.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "bgr0"
        for seed in (0, 1, 2, 1, 3):
            container.mux(stream.encode(av.VideoFrame.from_image(dark(seed))))
        container.mux(stream.encode())
    options = DedupOptions(method="embedding", threshold=-1)
    found = dedup_video(path, options, embedder=fake_embedder)
    assert (len(found.kept), found.total, found.uninformative) == (4, 5, 5)
