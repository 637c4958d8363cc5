"""ResNet50 as data: its convolutions and their tensors, for every runtime and without torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.generic]
StateDict = Mapping[str, Tensor]
"""torchvision's ResNet50 names -> arrays, the classifier left out."""

# Blocks per stage, and channels in the middle of each (He et al., 2015, table 1).
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
_EXPANSION = 4
_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
# torch's default, with which all weights in torchvision's format were trained.
_NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution without bias, and the batch norm behind it.

    Attributes:
        name: Of its tensor, without ``.weight``.
        norm: Of the batch norm's tensors, without ``.weight`` and so on.
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel in pixels; padding keeps the size.
        stride: 1 or 2.
    """

    name: str
    norm: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names of all its tensors with their shapes."""
        kernel = (self.outputs, self.inputs, self.kernel, self.kernel)
        parts = {f"{self.norm}.{part}": (self.outputs,) for part in _NORM_PARTS}
        return {f"{self.name}.weight": kernel, **parts}

    def folded(self, state: StateDict) -> tuple[Tensor, Tensor]:
        """Multiply the batch norm into the convolution: the same function, less work.

        Returns:
            Weight ``(outputs, inputs, kernel, kernel)`` and bias ``(outputs,)``, float32.
        """
        weight = state[f"{self.name}.weight"].astype(np.float64)
        gain, bias, mean, variance = (
            state[f"{self.norm}.{part}"].astype(np.float64) for part in _NORM_PARTS
        )
        scale = gain / np.sqrt(variance + _NORM_EPSILON)
        return (
            (weight * scale[:, None, None, None]).astype(np.float32),
            (bias - mean * scale).astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """A bottleneck: three convolutions, added to the input or to its projection."""

    convolutions: tuple[Convolution, Convolution, Convolution]
    projection: Convolution | None


STEM = Convolution("conv1", "bn1", 3, 64, kernel=7, stride=2)


def _blocks() -> tuple[Block, ...]:
    blocks = []
    inputs = STEM.outputs
    for stage, (count, middle) in enumerate(_STAGES, 1):
        outputs = _EXPANSION * middle
        for number in range(count):
            prefix = f"layer{stage}.{number}"
            # torchvision strides in the 3x3 convolution, which the paper does in the first.
            stride = 2 if number == 0 and stage > 1 else 1
            convolutions = (
                Convolution(f"{prefix}.conv1", f"{prefix}.bn1", inputs, middle, kernel=1),
                Convolution(f"{prefix}.conv2", f"{prefix}.bn2", middle, middle, 3, stride),
                Convolution(f"{prefix}.conv3", f"{prefix}.bn3", middle, outputs, kernel=1),
            )
            down = f"{prefix}.downsample"
            projection = Convolution(f"{down}.0", f"{down}.1", inputs, outputs, 1, stride)
            blocks.append(Block(convolutions, projection if number == 0 else None))
            inputs = outputs
    return tuple(blocks)


BLOCKS = _blocks()
CONVOLUTIONS = (
    STEM,
    *(
        convolution
        for block in BLOCKS
        for convolution in (*block.convolutions, block.projection)
        if convolution is not None
    ),
)
SHAPES: Mapping[str, tuple[int, ...]] = {
    name: shape for convolution in CONVOLUTIONS for name, shape in convolution.shapes.items()
}
"""Name -> shape of every tensor that the network needs."""
