"""What changed between two pictures of one camera."""

from .detection import Change, ChangeDetection
from .light import Light, fit_light
from .regions import Region

__all__ = [
    "Change",
    "ChangeDetection",
    "Light",
    "Region",
    "fit_light",
]
