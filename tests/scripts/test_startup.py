"""On a CPU, commands that embed import neither torch nor torchvision."""

import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from nearframe.embeddings.resnet50 import CONVOLUTIONS

PROGRAM = """
import sys
from nearframe.scripts.main import nearframe
try:
    nearframe(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", sorted({"torch", "torchvision", "onnx", "matplotlib"} & set(sys.modules)))
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
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, command)],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return result.stdout.splitlines()[-1]

    return run


def test_commands_that_embed_load_no_torch(loaded, make_folder):
    make_folder(2)
    pair = ("-q", "frames/000001.png", "-t", "frames/000002.png")
    # Preparing the network needs `onnx`, and torch as little as anything that follows.
    assert loaded("getSimilarity", *pair) == "LOADED ['onnx']"
    assert loaded("getSimilarity", *pair) == "LOADED []"
    assert loaded("buildIndex", "-i", "frames", "-o", "x.index") == "LOADED []"
    assert loaded("queryDataset", "-q", "frames/000001.png", "-i", "x.index") == "LOADED []"
    assert loaded("dedup", "frames", "--threshold", "0.9") == "LOADED []"
