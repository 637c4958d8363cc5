"""Weights have an input size of their own, and an index keeps the one it was made with."""

import dataclasses

import pytest

from nearframe.embeddings import (
    NAMED_WEIGHTS,
    Embedder,
    Preprocessing,
    WeightsInfo,
    default_preprocessing,
    embedder_for,
)
from nearframe.index import FrameIndex, build_index
from nearframe.scripts.cli import EmbedderOptions


@pytest.fixture(autouse=True)
def small(monkeypatch, fake_network):
    """Weights ``small``, made for 112 pixels."""
    info = WeightsInfo("small", "for tests", trained=False, threshold=0.9, size=112)
    monkeypatch.setitem(NAMED_WEIGHTS, "small", info)


@pytest.fixture
def options():
    """``options(weights=None, fit=None)``."""

    def make(**given):
        return EmbedderOptions(
            **{
                "weights": None,
                "fit": None,
                "device": "cpu",
                "runtime": "auto",
                "precision": "auto",
                "batch_size": 16,
                "exact_decode": False,
                **given,
            }
        )

    return make


def size_of(embedder):
    return embedder.fingerprint.preprocessing.size


def test_an_embedder_takes_the_size_of_its_weights():
    assert size_of(Embedder("small")) == 112
    assert size_of(Embedder()) == NAMED_WEIGHTS["builtin"].size
    assert size_of(Embedder("own.pth")) == Preprocessing().size


def test_preprocessing_that_is_given_goes_before_it():
    assert size_of(Embedder("small", preprocessing=Preprocessing(size=140))) == 140


def test_the_vectors_are_those_of_that_size(picture):
    by_default = Embedder("small").embed([picture(0)])
    given = Embedder("small", preprocessing=Preprocessing(size=112)).embed([picture(0)])
    other = Embedder("small", preprocessing=Preprocessing(size=224)).embed([picture(0)])
    assert (by_default == given).all()
    assert not (by_default == other).all()


def test_the_options_take_the_size_of_the_weights_with_any_fit(options):
    assert size_of(options(weights="small").make()) == 112
    cropped = options(weights="small", fit="crop").make().fingerprint.preprocessing
    assert cropped == dataclasses.replace(default_preprocessing("small"), fit="crop")
    assert size_of(options(fit="crop").make()) == NAMED_WEIGHTS["builtin"].size


def test_an_index_keeps_the_size_it_was_made_with(make_folder, tmp_path, options):
    made = Embedder("small", preprocessing=Preprocessing(size=140))
    build_index([make_folder(2)], tmp_path / "x.index", embedder=made)
    with FrameIndex.open(tmp_path / "x.index") as index:
        assert size_of(options().make(index.fingerprint)) == 140
        assert size_of(embedder_for(index.fingerprint)) == 140


def test_a_query_uses_the_size_of_the_index(make_folder, tmp_path, run):
    made = Embedder("small", preprocessing=Preprocessing(size=140))
    build_index([make_folder(2)], tmp_path / "x.index", embedder=made)
    result = run("queryDataset", "-q", "frames/000001.png", "-i", "x.index")
    assert "Cosine Similarity: 1.000000" in result.stdout
    refused = run("queryDataset", "-q", "frames/000001.png", "-i", "x.index", "--weights", "small")
    assert refused.exit_code == 1
    assert "140x140 stretch" in refused.stderr
    assert "112x112 stretch" in refused.stderr


def test_the_list_of_weights_shows_it(run, monkeypatch):
    from nearframe.embeddings import WeightsStatus

    status = WeightsStatus(NAMED_WEIGHTS["small"], None, "ab" * 32)
    monkeypatch.setattr("nearframe.embeddings.list_weights", lambda: [status])
    assert "input: 112x112; default threshold: 0.9" in run("weights").stdout


def test_exact_decoding_changes_nothing_else_of_an_index_s_fingerprint(options):
    theirs = Embedder("small", preprocessing=Preprocessing(size=112, fit="crop")).fingerprint
    ours = options(exact_decode=True).embedder()(theirs).fingerprint
    assert ours.weights == "small"
    assert ours.preprocessing == dataclasses.replace(theirs.preprocessing, decoding="exact")
