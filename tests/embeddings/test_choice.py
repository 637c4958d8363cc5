"""Which runtime and precision are taken, for each wish and each machine."""

import pytest

from nearframe.common import DeviceError
from nearframe.embeddings import Arithmetic, Preprocessing
from nearframe.embeddings.backbone import load
from nearframe.embeddings.device import Placement, may_have_gpu, multiplies_bf16
from nearframe.embeddings.weights import FoundWeights


class Networks:
    """Says what was asked of it instead of loading anything."""

    int8_suffices = bf16_suffices = may_be_coarse = True

    def __init__(self, *_):
        pass

    def onnx_fp32(self):
        return "onnxruntime fp32"

    def onnx_int8(self):
        return "onnxruntime int8", self.int8_suffices

    def torch(self, placement):
        return f"torch {placement.dtype} on {placement.device}"

    def torch_suffices(self, *_):
        return self.bf16_suffices


@pytest.fixture
def machine(monkeypatch):
    """``machine(int8=…, bf16=…, gpu=…)`` sets what there is."""
    monkeypatch.setattr(load, "Networks", Networks)
    monkeypatch.setattr(load, "find_weights", lambda name: FoundWeights(name, "00", lambda: None))

    class Named(str):
        @property
        def type(self):
            return str(self)

    def set_up(*, int8=True, bf16=True, gpu=False):
        monkeypatch.setattr(load, "multiplies_int8", lambda: int8)
        monkeypatch.setattr(load, "multiplies_bf16", lambda _: bf16)
        monkeypatch.setattr(load, "may_have_gpu", lambda: gpu)

        def place(device, precision):
            device = {"auto": "cuda" if gpu else "cpu"}.get(device, device)
            return Placement(Named(device), precision)

        monkeypatch.setattr(load, "place", place)

    set_up()
    return set_up


def chosen(**wishes):
    fingerprint, backbone = load.load_backbone("w", Preprocessing(), **wishes)
    arithmetic = fingerprint.arithmetic
    assert backbone.startswith(f"{arithmetic.runtime} {arithmetic.precision}")
    return backbone


def test_a_cpu_with_fast_int8_takes_it(machine):
    assert chosen() == "onnxruntime int8"


def test_one_without_takes_fp32(machine):
    machine(int8=False)
    assert chosen() == "onnxruntime fp32"
    assert chosen(precision="int8") == "onnxruntime int8"


def test_int8_that_disagrees_is_taken_only_when_asked_for(machine, monkeypatch):
    monkeypatch.setattr(Networks, "int8_suffices", False)
    assert chosen() == "onnxruntime fp32"
    assert chosen(precision="int8") == "onnxruntime int8"


def test_weights_that_learned_nothing_stay_in_fp32(machine, monkeypatch):
    monkeypatch.setattr(Networks, "may_be_coarse", False)
    assert chosen() == "onnxruntime fp32"
    assert chosen(runtime="torch") == "torch fp32 on cpu"
    assert chosen(precision="int8") == "onnxruntime int8"


def test_a_gpu_is_taken_by_torch(machine):
    machine(gpu=True)
    assert chosen() == "torch bf16 on cuda"
    assert chosen(device="cpu") == "onnxruntime int8"
    assert chosen(runtime="onnxruntime") == "onnxruntime int8"


def test_a_gpu_without_bf16_or_where_it_disagrees_computes_in_fp32(machine, monkeypatch):
    machine(gpu=True, bf16=False)
    assert chosen() == "torch fp32 on cuda"
    machine(gpu=True)
    monkeypatch.setattr(Networks, "bf16_suffices", False)
    assert chosen() == "torch fp32 on cuda"


def test_int8_is_left_to_onnxruntime_beside_a_gpu_too(machine, monkeypatch):
    machine(gpu=True)
    assert chosen(precision="int8") == "onnxruntime int8"
    monkeypatch.setattr(Networks, "int8_suffices", False)
    assert chosen(like=Arithmetic("onnxruntime", "int8", exact=False)) == "onnxruntime int8"


def test_a_device_that_only_torch_has_is_left_to_it(machine):
    assert chosen(device="cuda") == "torch bf16 on cuda"


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), False), ((8, 0), True)])
def test_a_gpu_has_bf16_from_ampere_on(monkeypatch, capability, expected):
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda: capability)
    assert multiplies_bf16("cuda") is expected
    assert not multiplies_bf16("mps")


def test_number_types_that_only_torch_has_are_left_to_it(machine):
    assert chosen(precision="bf16") == "torch bf16 on cpu"


def test_torch_takes_bf16_where_the_processor_has_it_and_it_agrees(machine, monkeypatch):
    assert chosen(runtime="torch") == "torch bf16 on cpu"
    monkeypatch.setattr(Networks, "bf16_suffices", False)
    assert chosen(runtime="torch") == "torch fp32 on cpu"
    machine(bf16=False)
    assert chosen(runtime="torch") == "torch fp32 on cpu"


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        (Arithmetic("torch", "fp32"), "onnxruntime fp32"),
        (Arithmetic("torch", "bf16"), "onnxruntime fp32"),
        (Arithmetic("onnxruntime", "int8"), "onnxruntime int8"),
        (Arithmetic("onnxruntime", "int8", exact=False), "onnxruntime int8"),
    ],
)
def test_auto_follows_the_vectors_that_are_there(machine, monkeypatch, like, expected):
    if not like.exact:
        monkeypatch.setattr(Networks, "int8_suffices", False)
    assert chosen(like=like) == expected


def test_what_was_asked_for_goes_before_what_is_there(machine):
    assert chosen(like=Arithmetic("torch", "fp32"), precision="int8") == "onnxruntime int8"


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"runtime": "onnxruntime", "device": "cuda"}, "runs on the CPU here, not on cuda"),
        ({"runtime": "onnxruntime", "precision": "bf16"}, "has fp32 and int8 here, not bf16"),
        (
            {"runtime": "openvino"},
            "runtime must be one of auto, torch, onnxruntime, not 'openvino'",
        ),
        ({"precision": "fp8"}, "precision must be one of auto, fp32, bf16, fp16, int8, not 'fp8'"),
    ],
)
def test_wishes_that_exclude_each_other_are_refused(machine, wishes, message):
    with pytest.raises(DeviceError, match=message):
        load.load_backbone("w", Preprocessing(), **wishes)


def test_asking_for_a_gpu_costs_nothing_where_there_is_no_driver(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("pathlib.Path.exists", lambda _: False)
    assert not may_have_gpu()
    monkeypatch.setattr("pathlib.Path.exists", lambda path: path.name == "nvidiactl")
    assert may_have_gpu()
