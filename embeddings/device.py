"""Where the network runs and in which precision."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from .errors import DeviceError

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
DEVICES: tuple[Device, ...] = get_args(Device)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True, slots=True)
class Placement:
    """A device and a number type that this machine has.

    Attributes:
        device: What torch calls the device.
        dtype: Number type of the network's arithmetic; vectors are float32 whatever it is.
    """

    device: "torch.device"
    dtype: "torch.dtype"


def place(device: Device, precision: Precision) -> Placement:
    """Choose a device and a precision.

    ``auto`` takes a GPU where there is one, and fp32: reduced precision moves vectors, so it is
    never chosen unasked.

    Raises:
        DeviceError: If the value is unknown, or this machine does not have it.
    """
    import torch

    if device not in DEVICES:
        raise DeviceError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if precision not in PRECISIONS:
        raise DeviceError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if available[name])
    elif not available[device]:
        present = ", ".join(name for name, there in available.items() if there)
        raise DeviceError(f"this machine has no {device} that torch can use; it has: {present}")
    if device == "cpu" and precision == "fp16":
        raise DeviceError("fp16 is slower than fp32 on a CPU; use --precision fp32 or bf16")
    dtypes = {
        "auto": torch.float32,
        "fp32": torch.float32,
        "bf16": torch.bfloat16,
        "fp16": torch.float16,
    }
    return Placement(torch.device(device), dtypes[precision])
