"""JPEGs are decoded no larger than the network needs, and the vectors hardly move."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nearframe.common import FingerprintMismatchError, NearframeError
from nearframe.embeddings import NAMED_WEIGHTS, Embedder, Preprocessing, default_preprocessing
from nearframe.embeddings.preprocessing import DECODINGS
from nearframe.embeddings.sources import ImageSequence, read_image

REDUCED, EXACT = Preprocessing(), Preprocessing(decoding="exact")


@pytest.fixture
def decoded_sizes(monkeypatch):
    """The sizes that JPEGs are decoded to, in order."""
    sizes = []
    load = Image.Image.resize

    def spy(image, *arguments, **options):
        sizes.append(image.size)
        return load(image, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", spy)
    return sizes


@pytest.fixture
def saved(picture, tmp_path):
    """``saved("a.jpg", (width, height))`` saves a picture and returns its path."""

    def save(name, size, **options):
        picture(1, size).save(tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (960, 540)),  # 540 is 2 * 224 or more, 270 is not
        ((4000, 3000), (1000, 750)),
        ((8000, 6000), (1000, 750)),
        ((896, 896), (448, 448)),
        ((895, 2000), (895, 2000)),
        ((300, 200), (300, 200)),
    ],
)
def test_a_jpeg_keeps_twice_the_size_of_the_input(saved, decoded_sizes, size, expected):
    path = saved("a.jpg", size)
    decoded_sizes.clear()
    assert read_image(path, REDUCED).shape == (224, 224, 3)
    assert decoded_sizes == [expected]


def test_crop_counts_from_its_larger_square(saved, decoded_sizes):
    path = saved("a.jpg", (1100, 1000))
    decoded_sizes.clear()
    read_image(path, REDUCED)
    read_image(path, Preprocessing(fit="crop"))  # needs 2 * 256
    assert decoded_sizes == [(550, 500), (1100, 1000)]


def test_exact_decoding_decodes_all_of_it(saved, decoded_sizes):
    path = saved("a.jpg", (1920, 1080))
    decoded_sizes.clear()
    exact = read_image(path, EXACT)
    assert decoded_sizes == [(1920, 1080)]
    np.testing.assert_array_equal(exact, EXACT.resize(read_image(path)))


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.bmp"])
def test_other_formats_are_decoded_whole(saved, name):
    path = saved(name, (1920, 1080))
    np.testing.assert_array_equal(read_image(path, REDUCED), EXACT.resize(read_image(path)))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpegs_of_other_modes_are_reduced_too(picture, tmp_path, mode):
    picture(1, (1920, 1080)).convert(mode).save(tmp_path / "a.jpg", quality=95)
    reduced, exact = (read_image(tmp_path / "a.jpg", p).astype(int) for p in (REDUCED, EXACT))
    assert np.abs(reduced - exact).max() <= 6


def test_a_turned_jpeg_is_upright(picture, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(1, (1920, 1080)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    reduced, exact = (read_image(tmp_path / "a.jpg", p).astype(int) for p in (REDUCED, EXACT))
    assert np.abs(reduced - exact).max() <= 6


def test_files_paths_and_sequences_give_one_vector(fake_embedder, saved):
    path = saved("a.jpg", (1920, 1080))
    (batch,) = fake_embedder.embed_source(ImageSequence.of_file(path))
    np.testing.assert_array_equal(batch.vectors, fake_embedder.embed([path]))


def test_a_truncated_jpeg_is_still_found_out(saved):
    path = saved("a.jpg", (1920, 1080), quality=95)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(NearframeError, match="truncated"):
        read_image(path, REDUCED)


def test_an_unknown_decoding_is_refused():
    with pytest.raises(NearframeError, match="decoding must be one of reduced, exact, not 'half'"):
        Preprocessing(decoding="half")


def test_the_fingerprint_tells_them_apart(fake_embedder):
    reduced = fake_embedder.fingerprint
    exact = replace(reduced, preprocessing=EXACT)
    with pytest.raises(FingerprintMismatchError, match="exact decoding"):
        reduced.require_same(exact, mine="a", theirs="b", remedy="c")


def test_descriptions_from_before_were_exact():
    fields = json.loads(json.dumps(EXACT.to_json()))
    del fields["decoding"]
    assert Preprocessing.from_json(fields) == EXACT


@pytest.mark.slow
@pytest.mark.skipif(not NAMED_WEIGHTS["builtin"].trained, reason="the weights are not trained")
def test_vectors_of_photographs_hardly_move(shared_data, tmp_path):
    photos = sorted((shared_data / "photos").iterdir())[::6]
    made = []
    for first in range(0, 60, 6):
        # Pictures of 1920x1080 with as much detail as a photograph has.
        wide = Image.new("RGB", (1920, 1080))
        for number, photo in enumerate(photos[first : first + 6]):
            part = Image.open(photo).convert("RGB").resize((640, 540))
            wide.paste(part, (number % 3 * 640, number // 3 * 540))
        made.append(tmp_path / f"{first}.jpg")
        wide.save(made[-1], quality=90)
    usual = default_preprocessing("builtin")
    embedders = [Embedder(preprocessing=replace(usual, decoding=each)) for each in DECODINGS]
    for files in (photos, made):
        vectors = [embedder.embed(files) for embedder in embedders]
        assert (vectors[0] * vectors[1]).sum(axis=1).min() >= 0.995
