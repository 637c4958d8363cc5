"""Where the network runs and in which precision, and what this machine has for it."""

import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nearframe.common import DEVICES, PRECISIONS, RUNTIMES, Device, DeviceError, Precision, Runtime

if TYPE_CHECKING:
    import torch


_INT8 = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})


@dataclass(frozen=True, slots=True)
class Placement:
    """A device and a number type that this machine has.

    Attributes:
        device: What torch calls the device.
        dtype: Number type of the network's arithmetic; vectors are float32 whatever it is.
    """

    device: "torch.device"
    dtype: "torch.dtype"


def require_known(device: Device, runtime: Runtime, precision: Precision) -> None:
    """Check the names.

    Raises:
        DeviceError: If one is unknown; lists those there are.
    """
    if device not in DEVICES:
        raise DeviceError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if precision not in PRECISIONS:
        raise DeviceError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if runtime not in RUNTIMES:
        raise DeviceError(f"runtime must be one of {', '.join(RUNTIMES)}, not {runtime!r}")


def place(device: Device, precision: Precision) -> Placement:
    """Choose a device of torch and a number type.

    ``auto`` takes a GPU where there is one, and fp32.

    Raises:
        DeviceError: If the value is unknown, or this machine does not have it.
    """
    import torch

    require_known(device, "torch", precision)
    if precision == "int8":
        raise DeviceError("int8 needs onnxruntime; torch has fp32, bf16 and fp16 here")
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
        raise DeviceError("fp16 is slower than fp32 on a CPU; use `precision=fp32` or bf16")
    dtypes = {
        "auto": torch.float32,
        "fp32": torch.float32,
        "bf16": torch.bfloat16,
        "fp16": torch.float16,
    }
    return Placement(torch.device(device), dtypes[precision])


def may_have_gpu() -> bool:
    """Whether it is worth asking torch for a GPU, whose import takes seconds.

    Looks for what the drivers of NVIDIA and AMD leave, and for Apple's processors.
    """
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return Path(r"C:\Windows\System32\nvcuda.dll").exists()
    return any(Path("/dev", name).exists() for name in ("nvidiactl", "dxg", "kfd"))


def multiplies_int8() -> bool:
    """Whether the processor adds up products of bytes in 32 bits, as fast int8 needs.

    Without that, sums of two products may overflow 16 bits, and int8 is hardly faster.
    """
    return bool(_INT8 & _processor_flags())


def multiplies_bf16(device: str = "cpu") -> bool:
    """Whether a kind of device, which must be there, multiplies bf16 numbers on its own."""
    if device == "cuda":
        import torch

        # From the Ampere generation on; the Instinct MI200 and later say 9.
        return torch.cuda.get_device_capability() >= (8, 0)
    return device == "cpu" and bool({"avx512_bf16", "amx_bf16", "bf16"} & _processor_flags())


def instruction_sets() -> frozenset[str]:
    """Return the kind of processor, and what of it decides how a network is best arranged."""
    known = {"avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8", *_INT8}
    return frozenset({platform.machine()} | (known & _processor_flags()))


def _processor_flags() -> frozenset[str]:
    """Return what Linux says that the processor can do; empty on other systems.

    Apple's processors all multiply bytes; onnxruntime uses it.
    """
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return frozenset({"asimddp"})
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    # "flags" on x86, "Features" on ARM.
    flags = (line.partition(":")[2] for line in lines if line[:5].lower() in ("flags", "featu"))
    return frozenset(next(flags, "").split())
