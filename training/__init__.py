"""Self-supervised training of the built-in weights, from pictures that the program makes itself."""

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
