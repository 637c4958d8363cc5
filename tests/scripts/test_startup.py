"""Commands import no more than they need: on a CPU, none that embeds imports torch."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from nearframe.embeddings import NAMED_WEIGHTS
from nearframe.embeddings.resnet50 import CONVOLUTIONS

PROGRAM = """
import sys
from nearframe.scripts.main import nearframe
try:
    nearframe(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", sorted({"torch", "torchvision", "onnx", "matplotlib"} & set(sys.modules)))
print("ALL", *sorted(sys.modules))
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A ResNet50 of random numbers, as a file."""
    draws = np.random.default_rng(0)
    state = {}
    for convolution in CONVOLUTIONS:
        for name, shape in convolution.shapes.items():
            if len(shape) == 4:
                deviation = np.sqrt(2 / np.prod(shape[1:]))
                state[name] = (draws.standard_normal(shape) * deviation).astype(np.float32)
            else:
                filled = np.zeros if name.endswith(("bias", "mean")) else np.ones
                state[name] = filled(shape, np.float32)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(state, path)
    return path


@pytest.fixture
def loaded(tmp_path, weights):
    """Run a command in another process, and return which heavy modules it loaded."""

    def run(*arguments):
        # fp32 is prepared in a second; which number type it is makes no difference here.
        command = [*arguments, "--weights", weights, "--precision", "fp32", "--device", "cpu"]
        return _lines(tmp_path, *map(str, command))[-2]

    return run


def _lines(folder, *command):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()


def test_the_list_of_weights_loads_no_network(tmp_path):
    for options in ([], ["--json"]):
        *listed, _, everything = _lines(tmp_path, "weights", *options)
        # The weights without a file have a hash, too.
        assert NAMED_WEIGHTS["random"].sha256 in "".join(listed)
        heavy = {"torch", "torchvision", "onnx", "onnxruntime", "faiss", "cv2", "matplotlib"}
        assert heavy & set(everything.split()) == set()


def test_commands_that_embed_load_no_torch(loaded, make_folder):
    make_folder(2)
    pair = ("-q", "frames/000001.png", "-t", "frames/000002.png")
    # Preparing the network needs `onnx`, and torch as little as anything that follows.
    assert loaded("getSimilarity", *pair) == "LOADED ['onnx']"
    assert loaded("getSimilarity", *pair) == "LOADED []"
    assert loaded("buildIndex", "-i", "frames", "-o", "x.index") == "LOADED []"
    assert loaded("queryDataset", "-q", "frames/000001.png", "-i", "x.index") == "LOADED []"
    assert loaded("dedup", "frames", "--threshold", "0.9") == "LOADED []"


def test_the_first_use_of_own_weights_says_what_takes_so_long(
    weights, make_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_folder(2)
    command = ["dedup", "frames", "--threshold", "0.9", "--weights", weights, "--device", "cpu"]
    told = []
    for _ in range(2):
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, command), "--precision", "fp32"],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(result.stderr.splitlines())
    first, last = told[0]
    assert first.startswith(
        f"Note: converting weights {weights} for this processor in fp32, before"
    )
    assert f"(kept in {tmp_path / 'cache'}" in first
    assert re.fullmatch(rf"Note: weights {weights} are converted \(\d+ s\)", last)
    assert told[1] == []
