import numpy as np
import pytest

from nearframe.query import similarity


def test_an_image_is_as_like_itself_as_can_be(fake_embedder, make_folder):
    folder = make_folder(1)
    path = folder / "000001.png"
    assert similarity(path, path, embedder=fake_embedder) == pytest.approx(1.0, abs=1e-6)


def test_the_answer_is_the_dot_product_of_the_vectors(fake_embedder, make_folder):
    first, second = sorted(make_folder(2).iterdir())
    a, b = fake_embedder.embed([first, second])
    assert similarity(first, second, embedder=fake_embedder) == pytest.approx(float(np.dot(a, b)))
