"""The benchmark for GPUs runs on a CPU too, and says so in one line where a GPU is missing."""

import re
import subprocess
import sys

import pytest
import torch


def benchmark(repository, *arguments):
    command = [sys.executable, repository / "benchmarks" / "gpu.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_measures_each_way_on_a_cpu(pytestconfig):
    tiny = ["--images=2", "--batch-size=2", "--size=32", "--matrix=64", "--weights=random"]
    done = benchmark(pytestconfig.rootpath, "--device", "cpu", "--precision", "fp32", *tiny)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^cpu: [\d,]+ GFLOP/s in a bf16 product of 64x64$", done.stdout, re.M)
    rows = re.findall(r"^(.*?) +([\d.]+) +([\d.]+) +([\d.]+)$", done.stdout, re.M)
    assert [label for label, *_ in rows] == ["eager fp32", "network, fp32", "JPEGs, fp32"]
    assert all(float(rate) > 0 for _, rate, *_ in rows)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(pytestconfig):
    done = benchmark(pytestconfig.rootpath)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: this machine has no cuda that torch can use")
    assert len(done.stderr.splitlines()) == 1
