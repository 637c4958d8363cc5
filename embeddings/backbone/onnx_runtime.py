"""ResNet50 in onnxruntime, on the CPU."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from nearframe.common import cores

from .interface import INPUT, OUTPUT

# Batches side by side, each in one thread, waste less than one batch split over threads: 30 against
# 35 ms of a core for each frame of 1280x720, decoding included. More of them would cost memory.
_MOST_AT_ONCE = 8
# A picture of one colour may give a vector of zeros, which has no direction.
_TINY = 1e-12
_PROVIDERS = ["CPUExecutionProvider"]


def optimised(model: bytes) -> bytes:
    """Arrange a network for this kind of processor, once instead of whenever it is opened.

    Args:
        model: An ONNX file of `onnx_graph` or `quantised_graph`.

    Returns:
        The same network in onnxruntime's own format, in which its weights need not be copied.

    Raises:
        OSError: If there is no room for a temporary file, which onnxruntime insists on.
    """
    with tempfile.TemporaryDirectory(prefix="nearframe-") as folder:
        target = Path(folder, "optimised")
        options = _options()
        options.optimized_model_filepath = str(target)
        options.add_session_config_entry("session.save_model_format", "ORT")
        try:
            onnxruntime.InferenceSession(model, options, providers=_PROVIDERS)
        except Fail as error:
            raise OSError(" ".join(str(error).split())) from error
        return target.read_bytes()


class OnnxBackbone:
    """A network that `optimised` arranged, or one of ONNX.

    Args:
        model: Its bytes; or a file that begins with what `optimised` returned, and that is mapped
            into memory: processes share its weights, and it opens within milliseconds.
        identity: Names weights, preprocessing and arithmetic, on which the vectors depend.
    """

    def __init__(self, model: bytes | Path, *, identity: str = "") -> None:
        self.identity = identity
        self.at_once = min(cores(), _MOST_AT_ONCE)
        options = _options()
        options.intra_op_num_threads = cores() // self.at_once
        # Threads that spin while they wait take the cores from those that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if isinstance(model, Path):
            options.add_session_config_entry("session.load_model_format", "ORT")
            options.add_session_config_entry("session.use_memory_mapped_ort_model", "1")
            options.add_session_config_entry("session.use_ort_model_bytes_for_initializers", "1")
        self._session = onnxruntime.InferenceSession(model, options, providers=_PROVIDERS)

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed a batch; see `Backbone`."""
        (features,) = self._session.run([OUTPUT], {INPUT: pixels})
        # (n, 2048) / (n, 1)
        vectors: npt.NDArray[np.float32] = features / np.maximum(
            np.linalg.norm(features, axis=1, keepdims=True), _TINY
        )
        return vectors


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # Warnings of its own would tear the progress bar.
    options.log_severity_level = 3
    # Without VNNI, sums of two products of unsigned and signed bytes overflow 16 bits: vectors of
    # the built-in weights then had cosines down to 0.69 to float32. Unsigned bytes alone do not.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options
