"""Self-supervised training of weights that find copies, from generated pictures alone."""

from .export import export
from .schedule import BUILTIN, Phase, Schedule
from .trainer import Training, TrainingOptions, train

__all__ = [
    "BUILTIN",
    "Phase",
    "Schedule",
    "Training",
    "TrainingOptions",
    "export",
    "train",
]
