import itertools

import numpy as np
import pytest
from PIL import Image

from nearframe.common import UnreadableImageError
from nearframe.query import similarity


def test_an_image_is_as_like_itself_as_can_be(fake_embedder, make_folder):
    path = make_folder(1) / "000001.png"
    assert similarity(path, path, embedder=fake_embedder) == pytest.approx(1.0, abs=1e-6)


def test_the_answer_is_the_dot_product_of_the_vectors(fake_embedder, make_folder):
    first, second = sorted(make_folder(2).iterdir())
    a, b = fake_embedder.embed([first, second])
    assert similarity(first, second, embedder=fake_embedder) == pytest.approx(float(np.dot(a, b)))


def test_it_does_not_matter_which_image_comes_first(fake_embedder, picture):
    for first, second in itertools.combinations(map(picture, range(6)), 2):
        there = similarity(first, second, embedder=fake_embedder)
        back = similarity(second, first, embedder=fake_embedder)
        assert there == pytest.approx(back, abs=1e-7)
        assert there < 0.99


def test_the_answer_never_leaves_its_range(fake_embedder, picture, monkeypatch):
    def longer(_):
        # Rounding makes some vectors longer than 1.
        vector = np.zeros(2048, np.float32)
        vector[0] = 1.0001
        return np.stack([vector, sign * vector])

    monkeypatch.setattr(fake_embedder, "embed", longer)
    for sign in (1, -1):
        assert similarity(picture(0), picture(1), embedder=fake_embedder) == sign


def test_paths_pictures_and_arrays_are_all_taken(fake_embedder, make_folder):
    path = make_folder(1) / "000001.png"
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    for other in (str(path), image, np.asarray(image)):
        assert similarity(path, other, embedder=fake_embedder) == pytest.approx(1.0, abs=1e-6)


def test_without_an_embedder_the_built_in_weights_are_used(fake_network, picture, fake_embedder):
    expected = similarity(picture(0), picture(1), embedder=fake_embedder)
    assert similarity(picture(0), picture(1)) == expected


def test_a_file_that_is_no_image_is_an_error(fake_embedder, tmp_path, picture):
    (tmp_path / "a.jpg").write_text("no image")
    with pytest.raises(UnreadableImageError, match=r"a\.jpg"):
        similarity(picture(0), tmp_path / "a.jpg", embedder=fake_embedder)
