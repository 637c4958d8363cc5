"""Every command on a full disk and on a read-only one; at length: `benchmarks/full_disk.py`."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("fake_network")


def load():
    path = Path(__file__).parents[2] / "benchmarks" / "full_disk.py"
    spec = importlib.util.spec_from_file_location("full_disk", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["full_disk"] = module
    spec.loader.exec_module(module)
    return module


full_disk = load()


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    try:
        with full_disk.small_disk(tmp_path_factory.mktemp("small") / "disk") as disk:
            yield disk
    except PermissionError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("pages", [0, None], ids=["full", "read-only"])
@pytest.mark.parametrize("case", full_disk.CASES, ids=lambda case: case.name)
def test_one_line_says_so_and_nothing_is_lost(disk, case, pages):
    assert full_disk.fault(disk, case, pages=pages) == ""


def test_every_command_is_tried():
    from nearframe.scripts.main import nearframe

    assert {case.arguments[0] for case in full_disk.CASES} == set(nearframe.commands)
