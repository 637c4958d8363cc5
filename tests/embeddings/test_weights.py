import pickle
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import ResNet50_Weights, resnet50

from nearframe.common import WeightsError, file_sha256
from nearframe.embeddings import (
    DEFAULT_WEIGHTS,
    NAMED_WEIGHTS,
    Embedder,
    Preprocessing,
    default_preprocessing,
    default_threshold,
    list_weights,
)
from nearframe.embeddings.weights import load_weights, name_of, weights_path

SIZE = 64


@pytest.fixture(scope="module")
def state():
    """A state dict of ResNet50, with its classifier, as torchvision's files have it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return resnet50(weights=None).state_dict()


@pytest.fixture(scope="module")
def saved(state, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.save(state, folder / "a.pth")
    (folder / "a.pt").symlink_to("a.pth")
    save_file(state, folder / "a.safetensors")
    return folder


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise urllib.error.URLError("no network in this test")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's cache, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "home" / "hub" / "checkpoints"


def vector(name, picture):
    embedder = Embedder(name, precision="fp32", preprocessing=Preprocessing(size=SIZE))
    return embedder.embed([picture(1)])


@pytest.mark.parametrize("name", ["builtin", "random"])
def test_weights_without_a_download_are_the_same_every_time(name, no_network):
    first, second = load_weights(name), load_weights(name)
    assert first.sha256 == second.sha256
    assert len(first.sha256) == 64
    assert first.state_dict.keys() == second.state_dict.keys()
    for name, tensor in first.state_dict.items():
        np.testing.assert_array_equal(tensor, second.state_dict[name])


def test_random_weights_leave_the_caller_s_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    load_weights("random")
    assert torch.equal(torch.rand(4), expected)


def test_builtin_is_the_default_and_needs_no_download():
    assert DEFAULT_WEIGHTS == "builtin"
    assert NAMED_WEIGHTS["builtin"].torchvision is None


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.safetensors"])
def test_a_file_loads_with_its_hash_and_without_its_classifier(saved, state, name):
    path = saved / name
    loaded = load_weights(str(path))
    assert loaded.name == str(path)
    assert loaded.sha256 == file_sha256(path)
    assert not any(key.startswith("fc.") for key in loaded.state_dict)
    np.testing.assert_array_equal(
        loaded.state_dict["layer4.2.bn3.running_var"], state["layer4.2.bn3.running_var"]
    )


def test_half_precision_is_read_as_float32(state, tmp_path):
    halves = {k: v.to(torch.bfloat16) if v.is_floating_point() else v for k, v in state.items()}
    for name, save in (("a.safetensors", save_file), ("a.pth", torch.save)):
        save(halves, tmp_path / name)
        loaded = load_weights(str(tmp_path / name)).state_dict
        assert {tensor.dtype for tensor in loaded.values()} == {np.dtype(np.float32)}
        np.testing.assert_array_equal(loaded["conv1.weight"], halves["conv1.weight"].float())


def test_old_files_without_counters_of_batches_are_enough(state, tmp_path):
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    save_file(old, tmp_path / "old.safetensors")
    assert load_weights(str(tmp_path / "old.safetensors")).state_dict.keys() < old.keys()


def test_the_cache_is_where_torch_has_it(cache, monkeypatch, tmp_path):
    for name in ("imagenet", "imagenet-v2"):
        info = NAMED_WEIGHTS[name]
        expected = ResNet50_Weights[info.torchvision].url.rpartition("/")[2]
        assert weights_path(info) == Path(torch.hub.get_dir(), "checkpoints", expected)
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights_path(info).parent == Path(torch.hub.get_dir(), "checkpoints")


def test_the_same_weights_give_equal_vectors_whatever_the_file(saved, picture):
    vectors = [vector(str(saved / name), picture) for name in ("a.pth", "a.safetensors")]
    np.testing.assert_array_equal(*vectors)


def test_other_weights_give_other_vectors_and_another_fingerprint(saved, picture):
    path = str(saved / "a.pth")
    assert load_weights(path).sha256 != load_weights("builtin").sha256
    assert vector(path, picture)[0] @ vector("builtin", picture)[0] < 0.99


def refused(path, match):
    with pytest.raises(WeightsError, match=match) as caught:
        load_weights(str(path))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


class Anything:
    pass


def test_a_pickle_of_other_objects_is_refused_and_not_run(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(Anything, "__setstate__", lambda *_: ran.append(1), raising=False)
    path = tmp_path / "a.pth"
    torch.save({"conv1.weight": Anything()}, path)
    refused(path, r"a\.pth is damaged, or holds objects that could run code; expected a state dict")
    assert not ran


def test_a_plain_pickle_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(pickle.dumps({"a": print}, protocol=2))
    refused(path, "holds objects that could run code")


def test_a_pickled_network_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    torch.save(torch.nn.Linear(2, 2), path)
    refused(path, "holds objects that could run code")


@pytest.mark.parametrize("content", [b"", b"just text", b"PK\x03\x04 half a zip"])
@pytest.mark.parametrize("name", ["a.pth", "a.pt", "a.safetensors"])
def test_a_file_of_something_else_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, "is damaged, or holds objects")


def test_a_truncated_file_is_refused(saved, tmp_path):
    for name in ("a.pth", "a.safetensors"):
        with (saved / name).open("rb") as file:
            (tmp_path / name).write_bytes(file.read(1_000_000))
        refused(tmp_path / name, "is damaged")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda _: [1, 2], "holds a list; expected a state dict"),
        (lambda _: {"state_dict": {}}, "has no tensor 'conv1.weight'"),
        (
            lambda state: {k: v for k, v in state.items() if k != "layer3.1.bn2.bias"},
            "'layer3.1.bn2.bias'",
        ),
        (
            lambda state: {**state, "conv1.weight": torch.zeros(64, 1, 7, 7)},
            r"'conv1.weight' has shape \(64, 1, 7, 7\), expected \(64, 3, 7, 7\) as in ResNet50",
        ),
        (lambda state: {**state, "bn1.bias": 3}, "'bn1.bias' is int, expected a tensor of floats"),
        (
            lambda state: {**state, "bn1.bias": torch.zeros(64, dtype=torch.int32)},
            r"'bn1.bias' is int32, expected a tensor of floats",
        ),
    ],
    ids=["list", "nested", "missing tensor", "wrong shape", "no tensor", "integers"],
)
def test_a_state_dict_of_another_network_is_refused(state, tmp_path, monkeypatch, change, match):
    # What the file holds is put in place, because writing 100 MB takes its time.
    monkeypatch.setattr(torch, "load", lambda *_, **__: change(state))
    (tmp_path / "a.pth").touch()
    refused(tmp_path / "a.pth", match)


@pytest.mark.parametrize("name", ["imagenet-v3", "ImageNet", "", "weights.onnx", "resnet50"])
def test_an_unknown_name_lists_those_there_are(name):
    names = ", ".join(NAMED_WEIGHTS)
    refused(name, f"unknown weights {name}; expected one of {names}, or the path of a")


@pytest.mark.parametrize("name", ["gone.pth", "gone.safetensors"])
def test_a_missing_file_is_an_error(tmp_path, name):
    refused(tmp_path / name, rf"{name}: no such file or folder; check the spelling")


def test_a_directory_is_an_error(tmp_path):
    (tmp_path / "a.pth").mkdir()
    refused(tmp_path / "a.pth", r"a\.pth: cannot be read \(Is a directory\)")


@pytest.mark.parametrize("name", ["imagenet", "imagenet-v2"])
def test_torchvision_s_file_is_found_in_its_cache(saved, cache, no_network, name):
    cache.mkdir(parents=True)
    member = ResNet50_Weights[NAMED_WEIGHTS[name].torchvision]
    path = cache / member.url.rpartition("/")[2]
    path.symlink_to(saved / "a.pth")
    loaded = load_weights(name)
    assert (loaded.name, loaded.sha256) == (name, file_sha256(saved / "a.pth"))
    assert weights_path(NAMED_WEIGHTS[name]) == path


def test_the_fingerprint_of_a_named_file_has_its_name_and_hash(saved, cache, no_network):
    cache.mkdir(parents=True)
    (cache / "resnet50-0676ba61.pth").symlink_to(saved / "a.pth")
    fingerprint = Embedder("imagenet", precision="fp32").fingerprint
    assert (fingerprint.weights, fingerprint.sha256) == ("imagenet", file_sha256(saved / "a.pth"))
    assert fingerprint.preprocessing == default_preprocessing("imagenet")


def test_without_network_the_error_says_where_to_put_the_file(cache, no_network):
    with pytest.raises(WeightsError) as caught:
        load_weights("imagenet")
    message = str(caught.value)
    assert "cannot download weights imagenet (<urlopen error no network in this test>)" in message
    assert "put the file resnet50-0676ba61.pth from https://download.pytorch.org/" in message
    assert str(cache) in message
    assert "`weights=builtin`, which needs no network" in message
    assert "\n" not in message
    assert list(cache.iterdir()) == []


def test_a_download_has_a_time_limit_that_ends_with_it(cache, monkeypatch):
    limits = []

    def note(*arguments, **options):
        limits.append(socket.getdefaulttimeout())
        raise TimeoutError("timed out")

    monkeypatch.setattr(torch.hub, "urlopen", note)
    with pytest.raises(WeightsError, match="timed out"):
        load_weights("imagenet")
    assert limits
    assert 0 < limits[0] <= 30
    assert socket.getdefaulttimeout() is None


def test_a_download_of_something_else_is_refused(cache, monkeypatch):
    # As a captive portal does, which answers everything with its own page.
    source = cache.parent / "page.html"
    source.parent.mkdir(parents=True)
    source.write_text("<html>please log in</html>")
    urlopen = urllib.request.urlopen
    monkeypatch.setattr(torch.hub, "urlopen", lambda *_, **__: urlopen(source.as_uri()))
    with pytest.raises(WeightsError, match=r"download weights imagenet \(invalid hash value"):
        load_weights("imagenet")
    assert list(cache.iterdir()) == []


def test_the_list_tells_what_there_is_and_downloads_nothing(saved, cache, no_network):
    cache.mkdir(parents=True)
    (cache / "resnet50-0676ba61.pth").symlink_to(saved / "a.pth")
    statuses = {status.info.name: status for status in list_weights()}
    assert list(statuses) == list(NAMED_WEIGHTS)
    assert {"builtin", "imagenet", "imagenet-v2", "random"} <= statuses.keys()
    assert statuses["builtin"].path == weights_path(NAMED_WEIGHTS["builtin"])
    assert statuses["random"].path is None
    assert statuses["builtin"].sha256 == load_weights("builtin").sha256
    assert statuses["imagenet"].path == cache / "resnet50-0676ba61.pth"
    assert statuses["imagenet"].sha256 == file_sha256(saved / "a.pth")
    assert statuses["imagenet-v2"].path.parent == cache
    assert statuses["imagenet-v2"].sha256 is None
    assert statuses["imagenet"].info.trained
    assert all(isinstance(status.info.trained, bool) for status in statuses.values())


def test_a_threshold_belongs_to_a_name_and_its_hash():
    info = NAMED_WEIGHTS["builtin"]
    assert -1 <= default_threshold("builtin", info.sha256) <= 1
    assert default_threshold("builtin", "ab" * 32) is None
    assert default_threshold("/somewhere/my.pth", info.sha256) is None
    assert default_threshold("imagenet", "ab" * 32) is None


@pytest.mark.parametrize("name", ["builtin", "random"])
def test_weights_with_a_threshold_have_the_hash_that_it_was_found_with(name, no_network):
    assert load_weights(name).sha256 == NAMED_WEIGHTS[name].sha256


def test_a_hash_leads_to_its_name():
    assert name_of(NAMED_WEIGHTS["random"].sha256) == "random"
    assert name_of("ab" * 32) is None


def test_a_file_s_hash_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert file_sha256(tmp_path / "a") == expected


def test_importing_the_package_loads_no_torch():
    code = "import sys, nearframe.embeddings; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_builtin_file_is_small_and_has_a_card_beside_it():
    path = weights_path(NAMED_WEIGHTS["builtin"])
    assert path.stat().st_size <= 26_000_000
    card = path.with_suffix(".md").read_text("utf-8")
    assert f"{NAMED_WEIGHTS['builtin'].threshold}" in card
    size = NAMED_WEIGHTS["builtin"].size
    assert f"{size}x{size}" in card
