"""Folders of fixed cameras: what is in them, from which camera, and when."""

from .naming import Naming
from .overview import GAP_FACTOR, CameraOverview, Gap, Overview, Resolution, survey
from .shots import ImageShot, Shot, TimeOrigin, read_shot, read_shots, seconds_of

__all__ = [
    "GAP_FACTOR",
    "CameraOverview",
    "Gap",
    "ImageShot",
    "Naming",
    "Overview",
    "Resolution",
    "Shot",
    "TimeOrigin",
    "read_shot",
    "read_shots",
    "seconds_of",
    "survey",
]
