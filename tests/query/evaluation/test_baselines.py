import importlib.util

import numpy as np
import pytest

from nearframe.query import COPY_EDITS, available_baselines, evaluate
from nearframe.query.evaluation.baselines import perceptual_hash, thumbnail

EDITS = {"jpeg60": COPY_EDITS["jpeg60"]}


def test_run_beside_the_network_on_the_same_copies(make_folder, fake_embedder):
    baselines = available_baselines()
    evaluation = evaluate(make_folder(4), embedder=fake_embedder, edits=EDITS, baselines=baselines)
    assert [method.name for method in evaluation.methods] == ["nearframe", "thumbnail", "phash"]
    assert [method.mean_recall for method in evaluation.methods] == [1, 1, 1]


def test_do_not_change_the_networks_figures(make_folder, fake_embedder):
    folder = make_folder(4)
    (alone,) = evaluate(folder, embedder=fake_embedder, edits=EDITS).methods
    beside, _ = evaluate(
        folder, embedder=fake_embedder, edits=EDITS, baselines={"thumbnail": thumbnail}
    ).methods
    assert beside.micro_ap == alone.micro_ap
    similarities = [one.edits["jpeg60"].similarities.tolist() for one in (alone, beside)]
    assert similarities[0] == similarities[1]


def test_the_thumbnail_sees_structure_and_neither_brightness_nor_contrast(picture):
    image = np.asarray(picture(1)) // 2
    assert float(thumbnail(image) @ thumbnail(image + 60)) == pytest.approx(1, abs=1e-3)
    assert float(thumbnail(image) @ thumbnail(image * 2)) == pytest.approx(1, abs=1e-2)
    assert float(thumbnail(image) @ thumbnail(255 - image)) == pytest.approx(-1, abs=1e-3)
    assert np.linalg.norm(thumbnail(image)) == pytest.approx(1)


def test_the_thumbnail_of_one_shade_is_near_to_nothing(picture):
    flat = thumbnail(np.full((20, 30, 3), 90, np.uint8))
    assert float(flat @ thumbnail(np.asarray(picture(1)))) == 0


def test_the_cosine_of_hashes_counts_the_bits_that_differ(picture):
    import imagehash

    images = [picture(1), picture(2)]
    first, second = (perceptual_hash(np.asarray(image)) for image in images)
    distance = imagehash.phash(images[0]) - imagehash.phash(images[1])
    assert float(first @ second) == pytest.approx(1 - 2 * distance / 64)
    assert float(first @ first) == pytest.approx(1)


def test_without_imagehash_the_thumbnail_remains(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "imagehash" else find(name)
    )
    assert list(available_baselines()) == ["thumbnail"]
