"""What changed between two pictures of one camera."""

from .detection import Change, ChangeDetection
from .explain import Explanation, explain
from .explain_picture import check_picture_path, draw_picture, save_picture
from .light import Light, fit_light
from .regions import Region

__all__ = [
    "Change",
    "ChangeDetection",
    "Explanation",
    "Light",
    "Region",
    "check_picture_path",
    "draw_picture",
    "explain",
    "fit_light",
    "save_picture",
]
