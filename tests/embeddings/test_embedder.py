import threading
from dataclasses import replace

import numpy as np
import psutil
import pytest
from PIL import Image

from nearframe.common import FingerprintMismatchError, NearframeError, UnreadableImageError
from nearframe.embeddings import (
    DIMENSION,
    Embedder,
    Fingerprint,
    Preprocessing,
    embedder_for,
    resolve_embedder,
)


def test_paths_images_and_arrays_give_the_same_vector(fake_embedder, tmp_path, picture):
    image = picture(1)
    path = tmp_path / "a.png"
    image.save(path)
    vectors = fake_embedder.embed([path, str(path), image, np.asarray(image)])
    np.testing.assert_array_equal(vectors, np.repeat(vectors[:1], 4, axis=0))


def test_vectors_are_unit_float32_in_the_order_given(fake_embedder, picture):
    images = [picture(seed) for seed in range(40)]
    vectors = fake_embedder.embed(images)
    assert vectors.shape == (40, DIMENSION)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for index in (0, 17, 39):
        alone = fake_embedder.embed([images[index]])[0]
        np.testing.assert_allclose(vectors[index], alone, atol=1e-6)


def test_sizes_may_differ(fake_embedder, picture):
    images = [picture(1, (10, 300)), picture(1, (1, 1)), picture(1, (640, 360))]
    assert fake_embedder.embed(images).shape == (3, DIMENSION)


@pytest.mark.parametrize("make", [list, tuple, iter, lambda images: (image for image in images)])
def test_any_iterable_will_do(fake_embedder, picture, make):
    images = [picture(seed) for seed in range(3)]
    expected = fake_embedder.embed(images)
    np.testing.assert_array_equal(fake_embedder.embed(make(images)), expected)


@pytest.mark.parametrize("nothing", [[], (), iter([])])
def test_nothing_gives_no_rows(fake_embedder, nothing):
    vectors = fake_embedder.embed(nothing)
    assert vectors.shape == (0, DIMENSION)
    assert vectors.dtype == np.float32


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_the_batch_size_changes_nothing(fake_network, picture, size):
    images = [picture(seed) for seed in range(7)]
    expected = Embedder(batch_size=16).embed(images)
    np.testing.assert_allclose(Embedder(batch_size=size).embed(images), expected, atol=1e-6)


def test_the_network_never_gets_more_than_a_batch(fake_embedder, picture, monkeypatch):
    sizes = []
    network = fake_embedder._backbone
    monkeypatch.setattr(
        fake_embedder, "_backbone", lambda pixels: (sizes.append(len(pixels)), network(pixels))[1]
    )
    fake_embedder.embed(picture(seed) for seed in range(40))
    assert sizes == [16, 16, 8]


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_batch_is_refused(fake_network, size):
    with pytest.raises(NearframeError, match=f"`batch_size` must be 1 or more, not {size}"):
        Embedder(batch_size=size)


@pytest.mark.parametrize("kind", ["str", "path", "image", "array"])
def test_a_single_image_is_one(fake_embedder, make_folder, kind):
    path = make_folder(1) / "000001.png"
    image = Image.open(path)
    single = {"str": str(path), "path": path, "image": image, "array": np.asarray(image)}[kind]
    assert np.array_equal(fake_embedder.embed(single), fake_embedder.embed([single]))


@pytest.mark.parametrize("item", [7, None, b"a.png", [1, 2]])
def test_an_item_that_is_no_image_is_refused(fake_embedder, item):
    with pytest.raises(TypeError, match=f"cannot embed a {type(item).__name__}; expected a path"):
        fake_embedder.embed([item])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_of_another_kind_is_refused(fake_embedder, array):
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(height, width, 3\), RGB"):
        fake_embedder.embed([array])


def test_an_array_that_is_a_view_is_read_as_what_it_shows(fake_embedder, picture):
    pixels = np.asarray(picture(1))
    view = pixels[::-1, ::2]
    np.testing.assert_array_equal(fake_embedder.embed([view]), fake_embedder.embed([view.copy()]))


def test_an_unreadable_file_is_an_error(fake_embedder, make_folder):
    folder = make_folder(3)
    (folder / "000002.png").write_bytes(b"")
    with pytest.raises(UnreadableImageError, match=r"000002\.png: the file is empty"):
        fake_embedder.embed(sorted(folder.iterdir()))


def test_an_error_of_the_caller_s_generator_reaches_the_caller(fake_embedder, picture):
    def images():
        yield picture(1)
        raise KeyError("from the generator")

    with pytest.raises(KeyError, match="from the generator"):
        fake_embedder.embed(images())


def test_a_failure_leaves_no_threads_and_no_files_open(fake_embedder, make_folder):
    folder = make_folder(40)
    (folder / "000020.png").write_bytes(b"")
    before = (threading.active_count(), psutil.Process().num_fds())
    with pytest.raises(UnreadableImageError):
        fake_embedder.embed(sorted(folder.iterdir()))
    assert (threading.active_count(), psutil.Process().num_fds()) == before


def test_a_generator_is_read_no_further_than_a_few_batches(fake_network, picture):
    embedder = Embedder(batch_size=4)
    made, done, worst = 0, 0, 0
    network = embedder._backbone

    def count(pixels):
        nonlocal done
        done += len(pixels)
        return network(pixels)

    def images():
        nonlocal made, worst
        for seed in range(100):
            made += 1
            worst = max(worst, made - done)
            yield picture(seed, (8, 8))

    embedder._backbone = count
    embedder.embed(images())
    # Two batches decoded ahead, one that is being gathered, two at the network, the image in hand.
    assert worst <= 5 * 4 + 1


def test_a_single_image_starts_no_threads(fake_embedder, picture, monkeypatch):
    from nearframe.embeddings import embedder

    both = fake_embedder.embed([picture(1), picture(2)])
    monkeypatch.setattr(embedder, "run_ahead", None)
    assert np.allclose(fake_embedder.embed([picture(1)]), both[:1], atol=1e-6)


def test_the_fit_reaches_the_pixels(fake_network, picture):
    image = picture(1, (320, 180))
    stretched = Embedder().embed([image])[0]
    cropped = Embedder(preprocessing=Preprocessing(fit="crop")).embed([image])[0]
    assert stretched @ cropped < 0.999


def fingerprint(weights="builtin", sha256="a" * 64, **preprocessing):
    return Fingerprint(weights, sha256, Preprocessing(**preprocessing))


def test_an_embedder_is_made_from_a_fingerprint(fake_network):
    wanted = fingerprint("imagenet", fit="crop", size=112)
    made = embedder_for(wanted).fingerprint
    assert (made.weights, made.preprocessing) == (wanted.weights, wanted.preprocessing)


def test_without_a_fingerprint_the_default_embedder_is_made(fake_network):
    assert embedder_for(None).fingerprint == Embedder().fingerprint


def test_resolving_makes_the_embedder_that_is_wanted(fake_network):
    wanted = embedder_for(fingerprint(fit="crop")).fingerprint
    assert resolve_embedder(None, wanted, holder="the index").fingerprint == wanted


def test_resolving_takes_the_one_that_is_given(fake_embedder):
    assert resolve_embedder(fake_embedder, None, holder="") is fake_embedder
    assert resolve_embedder(fake_embedder, fake_embedder.fingerprint, holder="") is fake_embedder


def test_resolving_asks_a_function_for_what_is_wanted(fake_embedder):
    asked = []

    def make(wanted):
        asked.append(wanted)
        return fake_embedder

    assert resolve_embedder(make, fake_embedder.fingerprint, holder="") is fake_embedder
    assert asked == [fake_embedder.fingerprint]


def test_resolving_refuses_another_fingerprint_and_names_both(fake_embedder):
    with pytest.raises(FingerprintMismatchError) as caught:
        resolve_embedder(fake_embedder, fingerprint(fit="crop"), holder="the index old.idx")
    message = str(caught.value)
    assert message.startswith(
        "the index old.idx has weights builtin (sha256 aaaaaaaaaaaa), 224x224 crop"
    )
    assert (
        f"but this run has weights builtin (sha256 {fake_embedder.fingerprint.sha256[:12]})"
        in message
    )
    assert message.endswith(
        "the weights builtin have changed since it was made: make it again from its sources under "
        "another name"
    )
    assert "\n" not in message


def test_resolving_tells_to_use_the_fit_it_was_made_with(fake_embedder):
    wanted = replace(fake_embedder.fingerprint, preprocessing=Preprocessing(fit="crop"))
    with pytest.raises(FingerprintMismatchError, match="use the weights and the fit it was made"):
        resolve_embedder(fake_embedder, wanted, holder="the index")
