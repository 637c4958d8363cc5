"""torch and onnxruntime, fp32, bf16 and int8: one network, and vectors that are interchangeable."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from torch import nn
from torchvision.models import resnet50

from nearframe.embeddings import NAMED_WEIGHTS, Embedder, Preprocessing
from nearframe.embeddings.backbone import cache, networks
from nearframe.embeddings.backbone.agreement import Agreement, measure_agreement
from nearframe.embeddings.backbone.onnx_graph import onnx_graph
from nearframe.embeddings.backbone.onnx_runtime import OnnxBackbone, optimised
from nearframe.embeddings.backbone.pictures import generated_pictures
from nearframe.embeddings.device import multiplies_bf16, multiplies_int8
from nearframe.embeddings.weights import load_weights

SIZE = 64
SMALL = Preprocessing(size=SIZE)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A ResNet50 as after some training: statistics that fit, and residuals that are small."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = resnet50(zero_init_residual=True)
    pictures = torch.from_numpy(np.stack(list(generated_pictures(16, SIZE, seed=7))))
    batch = pictures.permute(0, 3, 1, 2).float() / 64 - 2
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the statistics become the mean over batches
            if name.endswith("bn3"):
                nn.init.constant_(module.weight, 0.1)
    with torch.no_grad():
        network.train()(batch)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file({k: v.numpy() for k, v in network.state_dict().items() if k[:3] != "fc."}, path)
    return str(path)


@pytest.fixture(scope="module")
def pictures():
    return list(generated_pictures(8, SIZE, seed=11))


def embedder(weights, runtime, precision="fp32"):
    return Embedder(weights, runtime=runtime, precision=precision, preprocessing=SMALL)


@pytest.fixture(scope="module")
def reference(weights, pictures):
    return embedder(weights, "torch").embed(pictures)


@pytest.fixture(scope="module")
def int8(weights):
    return embedder(weights, "onnxruntime", "int8")


def test_the_pictures_are_told_apart(reference):
    # Or else what follows would show nothing.
    assert np.median(reference @ reference.T) < 0.9


def test_onnxruntime_in_fp32_gives_the_vectors_of_torch(weights, pictures, reference):
    ours = embedder(weights, "onnxruntime")
    np.testing.assert_allclose(ours.embed(pictures), reference, atol=1e-5)
    assert ours.fingerprint.arithmetic.runtime == "onnxruntime"
    assert ours.fingerprint.arithmetic.precision == "fp32"


@pytest.mark.parametrize("change", [{"mean": (0.5, 0.4, 0.3)}, {"std": (0.3, 0.2, 0.1)}])
def test_mean_and_deviation_are_those_of_the_preprocessing(weights, pictures, reference, change):
    other = Preprocessing(size=SIZE, **change)
    options = {"precision": "fp32", "preprocessing": other}
    ours = Embedder(weights, runtime="onnxruntime", **options).embed(pictures)
    np.testing.assert_allclose(
        ours, Embedder(weights, runtime="torch", **options).embed(pictures), atol=1e-5
    )
    assert np.abs(ours - reference).max() > 1e-3


def test_the_graph_is_valid_onnx(weights):
    graph = onnx_graph(load_weights(weights).state_dict, SMALL)
    onnx.checker.check_model(graph, full_check=True)


def test_int8_stays_near_fp32(int8, pictures, reference):
    vectors = int8.embed(pictures)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (vectors * reference).sum(axis=1).min() >= 0.99
    assert (vectors @ reference.T).argmax(axis=1).tolist() == list(range(len(pictures)))
    # It is another network after all.
    assert np.abs(vectors - reference).max() > 1e-4


def test_bf16_stays_near_fp32(weights, pictures, reference):
    vectors = embedder(weights, "torch", "bf16").embed(pictures)
    assert (vectors * reference).sum(axis=1).min() >= 0.998


def test_a_batch_gives_the_vectors_of_its_pictures_alone(int8, pictures):
    alone = np.concatenate([int8.embed([picture]) for picture in pictures])
    np.testing.assert_allclose(alone, int8.embed(pictures), atol=1e-5)


def test_the_vectors_of_files_are_kept_apart_by_network(
    weights, make_folder, monkeypatch, tmp_path
):
    folder = make_folder(3)
    time.sleep(0.08)  # what was written this moment is not kept
    monkeypatch.setattr("nearframe.embeddings.known_files.folder", lambda: tmp_path / "vectors")
    found = {}
    for runtime in ("onnxruntime", "torch"):
        made = embedder(weights, runtime)
        (first,) = made.embed_source(folder, reuse=True)
        again = embedder(weights, runtime)
        monkeypatch.setattr(again, "_backbone", Known(again._backbone.identity))
        (second,) = again.embed_source(folder, reuse=True)
        np.testing.assert_array_equal(first.vectors, second.vectors)
        found[runtime] = again._backbone.identity
    assert len(set(found.values())) == 2


class Known:
    """A network that must not be asked."""

    def __init__(self, identity):
        self.identity = identity


@pytest.mark.skipif(not multiplies_int8(), reason="this processor has no fast int8")
def test_auto_takes_int8_where_it_agrees(weights, int8):
    chosen = embedder(weights, "auto", "auto").fingerprint.arithmetic
    assert chosen == int8.fingerprint.arithmetic
    assert (chosen.runtime, chosen.precision, chosen.exact) == ("onnxruntime", "int8", True)


def test_a_network_whose_vectors_are_all_alike_stays_in_fp32():
    # Cosines of different pictures are 1 - 1e-5 there: a good int8 is far too coarse.
    assert not Agreement(lowest=0.9999, spread=1e-5).suffices(builtin=False)
    assert Agreement(lowest=0.9999, spread=0.5).suffices(builtin=False)


def test_the_bound_of_the_built_in_weights_is_tighter():
    assert Agreement(lowest=0.992, spread=0.5).suffices(builtin=False)
    assert not Agreement(lowest=0.992, spread=0.5).suffices(builtin=True)
    assert not Agreement(lowest=0.985, spread=1.0).suffices(builtin=False)


def test_agreement_is_the_lowest_cosine_and_the_spread():
    def exact(pixels):
        flat = pixels.reshape(len(pixels), -1).astype(np.float32)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    def turned(pixels):
        vectors = exact(pixels)
        return (vectors + vectors[:, ::-1]) / np.linalg.norm(
            vectors + vectors[:, ::-1], axis=1, keepdims=True
        )

    assert measure_agreement(exact, exact, 16).lowest == pytest.approx(1, abs=1e-6)
    agreement = measure_agreement(turned, exact, 16)
    assert agreement.lowest < 0.999
    assert 0 < agreement.spread < 1


@pytest.mark.skipif(not multiplies_int8(), reason="this processor has no fast int8")
def test_what_disagrees_is_not_chosen_unless_asked_for(weights, monkeypatch):
    monkeypatch.setattr(networks.Agreement, "suffices", lambda *_, **__: False)
    assert embedder(weights, "auto", "auto").fingerprint.arithmetic.precision == "fp32"
    forced = embedder(weights, "auto", "int8").fingerprint.arithmetic
    assert (forced.precision, forced.exact) == ("int8", False)
    # Those that were made with it go on with it.
    followed = Embedder(weights, preprocessing=SMALL, like=forced).fingerprint.arithmetic
    assert followed == forced


@pytest.mark.skipif(not multiplies_bf16(), reason="this processor has no bf16")
def test_torch_takes_bf16_on_a_cpu_where_it_agrees(weights, monkeypatch):
    chosen = embedder(weights, "torch", "auto").fingerprint.arithmetic
    assert (chosen.runtime, chosen.precision, chosen.exact) == ("torch", "bf16", True)
    monkeypatch.setattr(networks.Agreement, "suffices", lambda *_, **__: False)
    assert embedder(weights, "torch", "auto").fingerprint.arithmetic.precision == "fp32"


def test_auto_follows_the_precision_of_what_is_there(weights, reference, pictures):
    theirs = embedder(weights, "torch").fingerprint.arithmetic
    ours = Embedder(weights, preprocessing=SMALL, like=theirs)
    assert ours.fingerprint.arithmetic.precision == "fp32"
    np.testing.assert_allclose(ours.embed(pictures), reference, atol=1e-5)


NO_TORCH = """
import sys
from nearframe.embeddings import Embedder, Preprocessing
weights, picture, size = sys.argv[1:]
embedder = Embedder(weights, preprocessing=Preprocessing(size=int(size)))
assert embedder.embed([picture]).shape == (1, 2048)
print(sorted({"torch", "torchvision", "onnx", "matplotlib", "faiss", "cv2"} & set(sys.modules)))
"""


def without_torch(weights, tmp_path):
    Image.fromarray(next(generated_pictures(1, 80, seed=3))).save(tmp_path / "a.png")
    program = [sys.executable, "-c", NO_TORCH, weights, tmp_path / "a.png", str(SIZE)]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout


def test_the_fast_path_imports_no_torch(weights, tmp_path):
    embedder(weights, "auto", "auto")  # puts the network into the cache
    assert without_torch(weights, tmp_path) == "[]\n"


def test_weights_that_torch_must_read_need_it_once(weights, tmp_path):
    path = tmp_path / "own.pth"
    state = load_weights(weights).state_dict
    torch.save({name: torch.from_numpy(array) for name, array in state.items()}, path)
    embedder(str(path), "auto", "auto")
    assert without_torch(str(path), tmp_path) == "[]\n"


@pytest.fixture(scope="module")
def photographs(shared_data):
    """Photographs, and small copies of them: lists of RGB images."""
    photos = [Image.open(path).convert("RGB") for path in sorted(shared_data.glob("photos/*"))[::6]]
    return photos, [photo.resize((200, 150)) for photo in photos]


@pytest.fixture(scope="module")
def exact_vectors(photographs):
    """Their vectors by the built-in weights on torch in fp32: two arrays, shape ``(n, 2048)``."""
    exact = Embedder("builtin", runtime="torch", precision="fp32")
    return [exact.embed(images) for images in photographs]


@pytest.mark.slow
@pytest.mark.skipif(not NAMED_WEIGHTS["builtin"].trained, reason="the weights are not trained")
@pytest.mark.parametrize(("runtime", "precision"), [("onnxruntime", "int8"), ("torch", "bf16")])
def test_built_in_weights_agree_on_photographs(photographs, exact_vectors, runtime, precision):
    embedder = Embedder("builtin", runtime=runtime, precision=precision)
    ours, of_copies = (embedder.embed(images) for images in photographs)
    exact, exact_of_copies = exact_vectors
    assert (exact * ours).sum(axis=1).min() >= 0.998
    found, expected = ours @ of_copies.T, exact @ exact_of_copies.T
    numbers = np.arange(len(exact))
    hits, expected_hits = found.argmax(axis=0) == numbers, expected.argmax(axis=0) == numbers
    assert hits.sum() >= expected_hits.sum()


def test_opening_a_network_twice_gives_the_same(weights, pictures):
    graph = onnx_graph(load_weights(weights).state_dict, SMALL).SerializeToString()
    batch = np.stack(pictures)
    np.testing.assert_array_equal(OnnxBackbone(graph)(batch), OnnxBackbone(graph)(batch))


@pytest.fixture
def arranged(weights, tmp_path):
    """A network in a file as the cache keeps it, and the ONNX file that it comes from."""
    graph = onnx_graph(load_weights(weights).state_dict, SMALL).SerializeToString()
    path = tmp_path / "arranged.network"
    path.write_bytes(optimised(graph) + b'\n{"a": "line behind it"}')
    return path, graph


def test_a_network_arranged_for_the_processor_gives_the_same_vectors(arranged, pictures):
    path, graph = arranged
    batch = np.stack(pictures)
    np.testing.assert_allclose(OnnxBackbone(path)(batch), OnnxBackbone(graph)(batch), atol=1e-6)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")
@pytest.mark.skipif(
    tuple(map(int, onnxruntime.__version__.split(".")[:2])) <= (1, 23),
    reason="onnxruntime 1.23 reads the file, and maps none",
)
def test_the_weights_of_a_network_in_a_file_stay_there(arranged):
    path, _ = arranged
    backbone = OnnxBackbone(path)
    assert str(path) in Path("/proc/self/maps").read_text()
    del backbone
    assert str(path) not in Path("/proc/self/maps").read_text()


def test_without_room_for_a_temporary_file_a_network_is_used_once(
    weights, pictures, reference, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "networks")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    vectors = embedder(weights, "onnxruntime").embed(pictures)
    np.testing.assert_allclose(vectors, reference, atol=1e-5)
    assert "is not kept: no temporary file" in caplog.text
    assert not (tmp_path / "networks").exists()


def test_a_temporary_file_that_cannot_be_written_is_an_os_error(weights, tmp_path, monkeypatch):
    graph = onnx_graph(load_weights(weights).state_dict, SMALL).SerializeToString()

    class Gone(tempfile.TemporaryDirectory):
        def __enter__(self):
            return super().__enter__() + "/missing"

    monkeypatch.setattr("tempfile.TemporaryDirectory", Gone)
    with pytest.raises(OSError, match="Failed to save"):
        optimised(graph)
