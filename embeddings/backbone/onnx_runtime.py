"""ResNet50 in onnxruntime, on the CPU."""

import numpy as np
import numpy.typing as npt
import onnxruntime

from ..prefetch import cores
from .names import INPUT, OUTPUT

# Batches side by side, each in one thread, waste less than one batch split over threads: 30 against
# 35 ms of a core for each frame of 1280x720, decoding included. More of them would cost memory.
_MOST_AT_ONCE = 8
# A picture of one colour may give a vector of zeros, which has no direction.
_TINY = 1e-12


class OnnxBackbone:
    """A network that `onnx_graph` or `quantised_graph` made.

    Args:
        model: Its ONNX file, as bytes.
    """

    def __init__(self, model: bytes) -> None:
        self.at_once = min(cores(), _MOST_AT_ONCE)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores() // self.at_once
        # Threads that spin while they wait take the cores from those that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Warnings of its own would tear the progress bar.
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embed a batch; see `Backbone`."""
        (features,) = self._session.run([OUTPUT], {INPUT: pixels})
        # (n, 2048) / (n, 1)
        vectors: npt.NDArray[np.float32] = features / np.maximum(
            np.linalg.norm(features, axis=1, keepdims=True), _TINY
        )
        return vectors
