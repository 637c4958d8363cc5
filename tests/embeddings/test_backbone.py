import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from nearframe.common import DeviceError
from nearframe.embeddings import Preprocessing
from nearframe.embeddings.backbone.torch_runtime import TorchBackbone, sent
from nearframe.embeddings.device import place

SIZE = 64


@pytest.fixture(scope="module")
def network():
    """A ResNet50 with random weights and, what a fresh one has not, random statistics."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = resnet50(weights=None)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def pixels():
    generator = np.random.default_rng(0)
    coarse = torch.from_numpy(generator.integers(0, 256, (16, 3, 8, 8)).astype(np.float32))
    fine = nn.functional.interpolate(coarse, SIZE, mode="bilinear").clamp(0, 255).byte()
    return np.ascontiguousarray(fine.permute(0, 2, 3, 1).numpy())


def backbone(network, precision="fp32", **preprocessing):
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return TorchBackbone(state, Preprocessing(size=SIZE, **preprocessing), place("cpu", precision))


@pytest.fixture(scope="module")
def reference(network, pixels):
    """The vectors as the field computes them: all layers but the last, then L2."""
    headless = nn.Sequential(*list(network.children())[:-1])
    tensor = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.no_grad():
        features = headless((tensor - mean) / std).flatten(1)
    return nn.functional.normalize(features).numpy()


@pytest.fixture(scope="module")
def run(network):
    return backbone(network)


@pytest.fixture(scope="module")
def vectors(run, pixels):
    return run(pixels)


def test_vectors_are_those_of_resnet50_without_its_classifier(vectors, reference):
    np.testing.assert_allclose(vectors, reference, atol=1e-4)
    # Not by being all alike: other rows are far from it.
    assert np.abs(vectors[0] - reference[1]).max() > 1e-3


def test_vectors_are_unit_float32(vectors):
    assert vectors.dtype == np.float32
    assert vectors.shape == (16, 2048)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_one_by_one_gives_the_vectors_of_the_batch(run, pixels, vectors):
    alone = np.concatenate([run(pixels[index : index + 1]) for index in (0, 7, 15)])
    np.testing.assert_allclose(alone, vectors[[0, 7, 15]], atol=1e-5)


def test_order_does_not_matter(run, pixels, vectors):
    order = np.random.default_rng(0).permutation(16)
    np.testing.assert_allclose(run(pixels[order]), vectors[order], atol=1e-5)


def test_calling_again_gives_the_same(run, pixels):
    np.testing.assert_array_equal(run(pixels[:2]), run(pixels[:2]))


def test_the_pixels_stay_as_they_are(run, pixels):
    before = pixels[:1].copy()
    run(pixels[:1])
    np.testing.assert_array_equal(pixels[:1], before)


def test_channels_are_told_apart(run, pixels, vectors):
    swapped = run(np.ascontiguousarray(pixels[:2, ..., ::-1]))
    assert (swapped * vectors[:2]).sum(axis=1).max() < 0.9999


def test_mean_and_deviation_are_those_of_the_preprocessing(network, pixels, vectors):
    other = backbone(network, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))(pixels[:2])
    assert np.abs(other - vectors[:2]).max() > 1e-4


def test_bf16_gives_unit_float32_vectors_near_those_of_fp32(network, pixels, vectors):
    rough = backbone(network, "bf16")(pixels[:4])
    assert rough.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rough, axis=1), 1, atol=1e-6)
    assert (rough * vectors[:4]).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_the_default_precision_is_fp32(precision):
    assert place("cpu", precision).dtype == torch.float32


def test_auto_takes_the_cpu_where_there_is_nothing_else(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert place("auto", "auto").device.type == "cpu"


def test_auto_prefers_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert place("auto", "auto").device.type == "cuda"


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [
        ("tpu", "auto", "device must be one of auto, cpu, cuda, mps, not 'tpu'"),
        ("cpu", "fp8", "precision must be one of auto, fp32, bf16, fp16, int8, not 'fp8'"),
        ("cpu", "int8", "int8 needs onnxruntime; torch has fp32, bf16 and fp16 here"),
        ("cuda", "auto", "this machine has no cuda that torch can use; it has: cpu"),
        ("mps", "auto", "this machine has no mps that torch can use; it has: cpu"),
        ("cpu", "fp16", "fp16 is slower than fp32 on a CPU; use `precision=fp32` or bf16"),
        ("auto", "fp16", "fp16 is slower than fp32 on a CPU"),
    ],
)
def test_what_the_machine_does_not_have_is_refused(monkeypatch, device, precision, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=message):
        place(device, precision)


def test_a_batch_goes_to_cuda_from_pinned_memory_and_as_bytes(monkeypatch, pixels):
    steps = []

    def note(step):
        return lambda batch, *a, **k: steps.append((step, batch.dtype, *a, k)) or batch

    monkeypatch.setattr(torch.Tensor, "pin_memory", note("pin"))
    monkeypatch.setattr(torch.Tensor, "to", note("to"))
    cuda = torch.device("cuda")
    np.testing.assert_array_equal(sent(pixels, cuda).numpy(), pixels)
    assert steps == [("pin", torch.uint8, {}), ("to", torch.uint8, cuda, {"non_blocking": True})]


def test_a_batch_for_the_cpu_is_not_copied(pixels):
    assert sent(pixels, torch.device("cpu")).data_ptr() == pixels.ctypes.data
