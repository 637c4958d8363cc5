"""A state dict -> ResNet50 as an ONNX graph, without torch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..preprocessing import Preprocessing
from ..resnet50 import BLOCKS, STEM, Convolution, StateDict, Tensor
from .interface import INPUT, OUTPUT

# The first that has everything used here; older onnxruntimes read it too.
_OPSET = 17
_IR_VERSION = 8


def onnx_graph(state: StateDict, preprocessing: Preprocessing) -> onnx.ModelProto:
    """Build the network in float32, with its batch norms folded.

    Args:
        state: Tensors of ResNet50, by torchvision's names.
        preprocessing: Size of the input; its mean and deviation become a part of the graph.

    Returns:
        A model from ``pixels``, RGB uint8 ``(n, size, size, 3)``, to ``features``, float32
        ``(n, 2048)``: the global average pool, not normalised.
    """
    graph = _Graph()
    size = preprocessing.size
    mean, std = (np.array(values, np.float32) for values in (preprocessing.mean, preprocessing.std))
    # Pixels are 0 to 255; the mean and the deviation are given for 0 to 1.
    value = graph.add("Cast", [INPUT], to=TensorProto.FLOAT)
    value = graph.add("Mul", [value, graph.constant("scale", 1 / (255 * std))])
    value = graph.add("Sub", [value, graph.constant("shift", mean / std)])
    value = graph.add("Transpose", [value], perm=[0, 3, 1, 2])
    value = graph.rectified(graph.convolved(value, STEM, state))
    value = graph.add("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for block in BLOCKS:
        kept = value
        if block.projection is not None:
            kept = graph.convolved(value, block.projection, state)
        first, second, third = block.convolutions
        value = graph.rectified(graph.convolved(value, first, state))
        value = graph.rectified(graph.convolved(value, second, state))
        value = graph.convolved(value, third, state)
        value = graph.rectified(graph.add("Add", [value, kept]))
    value = graph.add("GlobalAveragePool", [value])
    graph.add("Flatten", [value], output=OUTPUT)
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "resnet50",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", size, size, 3])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", 2048])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="nearframe",
    )


class _Graph:
    """Nodes in order, each with one output that is named for it."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(
        self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Append a node and return the name of its output."""
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def constant(self, name: str, values: Tensor) -> str:
        """Add an array and return its name."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def convolved(self, value: str, convolution: Convolution, state: StateDict) -> str:
        weight, bias = convolution.folded(state)
        padding = convolution.kernel // 2
        return self.add(
            "Conv",
            [
                value,
                self.constant(f"{convolution.name}.weight", weight),
                self.constant(f"{convolution.name}.bias", bias),
            ],
            output=convolution.name,
            kernel_shape=[convolution.kernel] * 2,
            strides=[convolution.stride] * 2,
            pads=[padding] * 4,
        )

    def rectified(self, value: str) -> str:
        return self.add("Relu", [value])
