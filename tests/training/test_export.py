import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from nearframe.embeddings.weights import dequantised, quantised
from training.export import export
from training.network import embed, headless_resnet50, recalibrate
from training.randomness import Draws
from training.scenes import render_scenes


def scene_images(seed: int) -> torch.Tensor:
    return render_scenes(Draws(seed), 8, 96).float() / 255


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    network = headless_resnet50(3, zero_init_residual=True)
    # As after some training; with full residuals untrained weights magnify any rounding.
    for name, parameter in network.named_parameters():
        if name.endswith("bn3.weight"):
            torch.nn.init.constant_(parameter, 0.1)
    recalibrate(network, [scene_images(0), scene_images(1)])
    return network


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "weights.safetensors"
    export(network.state_dict(), path, about={"seed": "3"})
    return path


def test_the_file_is_at_most_26_megabytes(exported):
    assert exported.stat().st_size <= 26e6


def test_names_are_those_of_the_network_without_its_counters(network, exported):
    names = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    assert dequantised(load_file(exported)).keys() == names


def test_vectors_stay_within_cosine_0_999(network, exported):
    restored = headless_resnet50(0)
    state = {name: torch.from_numpy(a) for name, a in dequantised(load_file(exported)).items()}
    restored.load_state_dict(state, strict=False)
    images = scene_images(2)
    with torch.no_grad():
        cosines = (embed(network, images) * embed(restored.eval(), images)).sum(1)
    assert cosines.min() >= 0.999


def test_rounding_is_at_most_half_a_level_of_the_channel():
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3), np.float32)
    weight[2] *= 100
    stored = quantised({"conv.weight": weight})
    scale = stored["conv.weight.scale"].reshape(-1, 1, 1, 1)
    assert stored["conv.weight"].dtype == np.int8
    assert (np.abs(stored["conv.weight"] * scale - weight) <= 0.5001 * scale).all()


def test_a_channel_of_zeros_stays_zero():
    stored = quantised({"conv.weight": np.zeros((2, 1, 1, 1), np.float32)})
    assert (stored["conv.weight"] == 0).all()
    assert np.isfinite(stored["conv.weight.scale"]).all()


def test_only_whole_files_are_left_behind(exported):
    assert [path.name for path in exported.parent.iterdir()] == ["weights.safetensors"]
