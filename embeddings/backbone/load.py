"""Weights, a device and wishes -> the network that serves them best on this machine."""

from nearframe.common import Device, DeviceError, Precision, Runtime

from ..device import may_have_gpu, multiplies_bf16, multiplies_int8, place, require_known
from ..fingerprint import Arithmetic, Fingerprint
from ..preprocessing import Preprocessing
from ..weights import find_weights
from .interface import Backbone
from .networks import Networks


def load_backbone(
    weights: str,
    preprocessing: Preprocessing,
    *,
    device: Device = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    like: Arithmetic | None = None,
) -> tuple[Fingerprint, Backbone]:
    """Load a network, with the fingerprint of its vectors.

    Args:
        weights: A name or the path of a state dict.
        preprocessing: How pixels become its input.
        device: ``auto`` takes a GPU where there is one.
        runtime: ``auto`` is onnxruntime on a CPU, which starts fast, and torch elsewhere.
        precision: ``auto`` is the fastest whose vectors agree with those in fp32, of those that
            the runtime has: int8 or fp32 in onnxruntime, bf16 or fp32 in torch.
        like: Arithmetic of vectors that these will be compared with; ``auto`` follows it where
            this machine can.

    Raises:
        WeightsError: If the weights cannot be found or loaded.
        DeviceError: If the machine has no such device, runtime or precision, or they exclude each
            other.
    """
    require_known(device, runtime, precision)
    found = find_weights(weights)
    networks = Networks(found, preprocessing)
    if runtime == "auto":
        runtime = _runtime_for(device, precision, like)
    load = _in_torch if runtime == "torch" else _in_onnxruntime
    arithmetic, backbone = load(networks, device, precision, like)
    return (
        Fingerprint(found.name, found.sha256, preprocessing, arithmetic=arithmetic),
        backbone,
    )


def _runtime_for(device: Device, precision: Precision, like: Arithmetic | None) -> Runtime:
    if device == "auto" and (precision == "int8" or _follows_int8(precision, like)):
        return "onnxruntime"
    if precision in ("bf16", "fp16") or device in ("cuda", "mps"):
        return "torch"
    if device == "auto" and may_have_gpu() and place("auto", "fp32").device.type != "cpu":
        return "torch"
    return "onnxruntime"


def _in_onnxruntime(
    networks: Networks, device: Device, precision: Precision, like: Arithmetic | None
) -> tuple[Arithmetic, Backbone]:
    if device not in ("auto", "cpu"):
        raise DeviceError(f"onnxruntime runs on the CPU here, not on {device}; use torch there")
    if precision in ("bf16", "fp16"):
        raise DeviceError(f"onnxruntime has fp32 and int8 here, not {precision}; torch has it")
    wanted = precision == "int8"
    if precision == "auto" and multiplies_int8() and networks.may_be_coarse:
        wanted = _follows_int8(precision, like)
        precision = "int8" if like is None or like.precision == "int8" else "fp32"
    if precision == "int8":
        backbone, exact = networks.onnx_int8()
        if exact or wanted:
            return Arithmetic("onnxruntime", "int8", exact), backbone
    return Arithmetic("onnxruntime", "fp32"), networks.onnx_fp32()


def _follows_int8(precision: Precision, like: Arithmetic | None) -> bool:
    """Whether there are vectors in int8 that differ from fp32, and compare with their like only."""
    return precision == "auto" and like is not None and like.precision == "int8" and not like.exact


def _in_torch(
    networks: Networks, device: Device, precision: Precision, like: Arithmetic | None
) -> tuple[Arithmetic, Backbone]:
    fp32 = place(device, "fp32")
    chosen: Precision = precision
    if precision == "auto":
        fast = networks.may_be_coarse and multiplies_bf16(fp32.device.type)
        chosen = "bf16" if fast and (like is None or like.precision == "bf16") else "fp32"
    if chosen == "fp32":
        return Arithmetic("torch", "fp32"), networks.torch(fp32)
    placement = place(device, chosen)
    exact = networks.torch_suffices(placement, fp32)
    if precision == "auto" and not exact:
        return Arithmetic("torch", "fp32"), networks.torch(fp32)
    return Arithmetic("torch", chosen, exact), networks.torch(placement)
