"""What training writes is unwrapped; what is no ResNet50 is called what it is."""

from argparse import Namespace

import numpy as np
import pytest
import torch
import torchvision.models
from safetensors.torch import save_file

from nearframe.common import WeightsError
from nearframe.embeddings.resnet50 import SHAPES
from nearframe.embeddings.weights import load_weights
from nearframe.embeddings.weights.checkpoint import checked, network_in


@pytest.fixture(scope="module")
def state():
    draws = np.random.default_rng(0)
    return {
        name: torch.from_numpy(np.abs(draws.standard_normal(shape, np.float32)))
        for name, shape in SHAPES.items()
    } | {"fc.weight": torch.zeros(10, 2048), "bn1.num_batches_tracked": torch.tensor(3)}


@pytest.fixture
def held(monkeypatch, tmp_path):
    """Read something as if a file held it: writing 100 MB takes its time."""

    def read(content):
        monkeypatch.setattr(torch, "load", lambda *_, **__: content)
        (tmp_path / "own.pth").touch()
        return load_weights(str(tmp_path / "own.pth")).state_dict

    return read


def prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


WRAPPINGS = {
    "plain": lambda state: state,
    "model": lambda state: {"model": state, "optimizer": {"state": {}}, "epoch": 3},
    "state_dict": lambda state: {"state_dict": state, "best": 0.9},
    "model_state_dict": lambda state: {"model_state_dict": state},
    "another name": lambda state: {"backbone_of_mine": state, "epoch": 3},
    "module.": lambda state: prefixed(state, "module."),
    "backbone.": lambda state: prefixed(state, "backbone."),
    "encoder.": lambda state: prefixed(state, "encoder."),
    "module.module.": lambda state: prefixed(state, "module.module."),
    "_orig_mod.": lambda state: prefixed(state, "_orig_mod."),
    "state_dict, module.": lambda state: {"state_dict": prefixed(state, "module.")},
    "model, module.encoder_q.": lambda state: {"model": prefixed(state, "module.encoder_q.")},
    "model in state_dict": lambda state: {"state_dict": {"model": prefixed(state, "net.")}},
    "with a head": lambda state: {
        **prefixed(state, "backbone."),
        "head.0.weight": torch.zeros(3, 3),
        "projector.layer1.weight": torch.zeros(3, 3),
    },
    "with an average": lambda state: {"model": state, "model_ema": prefixed(state, "module.")},
    "as parameters": lambda state: {
        name: torch.nn.Parameter(tensor, requires_grad=tensor.is_floating_point())
        for name, tensor in state.items()
    },
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_what_training_writes_is_unwrapped(state, held, wrapping):
    found = held(WRAPPINGS[wrapping](state))
    assert found.keys() == SHAPES.keys()
    for name in ("conv1.weight", "layer3.5.conv2.weight", "layer4.2.bn3.running_var"):
        np.testing.assert_array_equal(found[name], state[name])


def test_so_it_is_from_real_files(state, tmp_path):
    torch.save({"model": prefixed(state, "module."), "epoch": 7}, tmp_path / "own.pth")
    save_file(prefixed(state, "backbone."), tmp_path / "own.safetensors")
    for name in ("own.pth", "own.safetensors"):
        found = load_weights(str(tmp_path / name)).state_dict
        np.testing.assert_array_equal(found["conv1.weight"], state["conv1.weight"])


def refused(held, content, match):
    with pytest.raises(WeightsError, match=match) as caught:
        held(content)
    assert "\n" not in str(caught.value)
    assert "own.pth" in str(caught.value)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        ("resnet18", "ResNet18"),
        ("resnet34", "ResNet34"),
        ("resnet101", "ResNet101"),
        ("resnet152", "ResNet152"),
        ("resnext50_32x4d", "ResNeXt50"),
        ("wide_resnet50_2", "Wide ResNet50"),
        ("resnext101_32x8d", "ResNeXt101"),
    ],
)
@pytest.mark.parametrize("wrapping", ["plain", "state_dict, module."])
def test_another_resnet_is_called_what_it_is(held, make, name, wrapping):
    with torch.device("meta"):
        meta = getattr(torchvision.models, make)(weights=None).state_dict()
    tensors = {key: torch.zeros(()).expand(tensor.shape) for key, tensor in meta.items()}
    refused(held, WRAPPINGS[wrapping](tensors), rf"own\.pth is a {name}; expected a ResNet50")


def test_a_resnet_of_other_blocks_is_said_with_them(state, held):
    fewer = {name: each for name, each in state.items() if not name.startswith("layer3.5.")}
    refused(held, fewer, "is a ResNet of 3, 4, 5 and 3 blocks; expected a ResNet50")


def test_of_a_network_of_another_kind_the_names_are_said(held):
    transformer = {name: torch.zeros(2) for name in ("cls_token", "pos_embed", "norm.weight")}
    for content in (transformer, {"state_dict": transformer}, {"model": {"model": transformer}}):
        refused(held, content, r"has no tensor 'conv1.weight' \(it has cls_token, pos_embed, norm")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["conv1.weight", "layer4.2.bn3.running_var", "layer2.0.bn1.bias"])
def test_values_that_are_no_numbers_are_refused(state, held, name, value):
    broken = state[name].clone()
    broken.view(-1)[5] = value
    count = f"1 of {broken.numel():,}"
    refused(held, {**state, name: broken}, rf"'{name}' holds NaN or infinite values \({count}\)")


def test_numbers_beyond_float32_are_refused(state, held):
    large = torch.full((64,), 1e300, dtype=torch.float64)
    refused(held, {**state, "bn1.bias": large}, r"'bn1.bias' holds NaN or infinite .*64 of 64")


def test_a_negative_variance_is_refused(state, held):
    refused(held, {**state, "bn1.running_var": -torch.ones(64)}, "'bn1.running_var' holds negative")


@pytest.mark.parametrize(
    ("name", "shape"),
    [("conv1.weight", (64, 3, 3, 3)), ("layer2.0.downsample.0.weight", (512, 256, 3, 3))],
)
def test_a_tensor_of_another_shape_is_named(state, held, name, shape):
    content = {"model": prefixed({**state, name: torch.zeros(shape)}, "module.")}
    found, expected = (
        str(each).replace("(", r"\(").replace(")", r"\)") for each in (shape, SHAPES[name])
    )
    refused(held, content, f"tensor '{name}' has shape {found}, expected {expected}")


@pytest.mark.parametrize(
    "name", ["layer1.0.se.fc1.weight", "conv1.bias", "conv2.weight", "layer3.2.bn4.weight"]
)
def test_parts_that_a_resnet50_has_not_are_named(state, held, name):
    refused(
        held, {**state, name: torch.zeros(3)}, f"has a tensor '{name}', which a ResNet50 has not"
    )


def test_of_several_networks_none_is_guessed(state, held):
    two = {**prefixed(state, "encoder_q."), **prefixed(state, "encoder_k.")}
    refused(held, two, r"holds 2 networks \(encoder_k\., encoder_q\.\); save the state dict")
    refused(
        held, {"student": state, "teacher": state}, r"holds 2 networks \(student\., teacher\.\)"
    )


@pytest.mark.parametrize("content", [None, 3, "text", [1], Namespace(a=1), torch.zeros(3)])
def test_what_is_no_dict_is_said(held, content):
    refused(held, content, f"holds a {type(content).__name__}; expected a state dict")


@pytest.mark.parametrize("content", [{}, {"model": {}}, {3: 4}, {"model": {"state_dict": None}}])
def test_empty_and_odd_dicts_are_one_line(tmp_path, content):
    with pytest.raises(WeightsError, match=r"has no tensor 'conv1.weight'"):
        checked(network_in(content, tmp_path), tmp_path)
