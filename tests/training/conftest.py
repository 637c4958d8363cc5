import pytest
import torch

from training.schedule import Phase, Schedule
from training.trainer import TrainingOptions


class TinyNetwork(torch.nn.Sequential):
    """Three convolutions with batch norm, pooled to 64 numbers: learns within a minute on a CPU."""

    def __init__(self) -> None:
        layers: list[torch.nn.Module] = []
        for inputs, outputs in ((3, 32), (32, 64), (64, 64)):
            convolution = torch.nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
            layers += [convolution, torch.nn.BatchNorm2d(outputs), torch.nn.ReLU()]
        super().__init__(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())


@pytest.fixture
def make_tiny_network():
    def make() -> TinyNetwork:
        torch.manual_seed(0)
        return TinyNetwork()

    return make


@pytest.fixture
def make_options():
    def make(
        steps: int,
        *,
        pairs: int = 8,
        blocks: int = 2,
        strength: tuple[float, float] = (0.0, 0.3),
    ) -> TrainingOptions:
        phase = Phase(px=32, steps=steps, strength=strength, rate=(2e-3, 1e-4))
        return TrainingOptions(
            seed=1,
            schedule=Schedule(phases=(phase,)),
            pairs=pairs,
            pool_blocks=blocks,
            block_scenes=16,
            scene_px=64,
            steps_per_block=5,
            half=False,
            recalibration_px=32,
        )

    return make
