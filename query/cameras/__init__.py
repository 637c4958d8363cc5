"""Folders of fixed cameras: what is in them, and a folder per camera."""

from .naming import Naming
from .overview import GAP_FACTOR, CameraOverview, Gap, Overview, Resolution, survey
from .overview_page import render_page, save_page
from .shots import ImageShot, Shot, TimeOrigin, read_shot, read_shots, seconds_of
from .split import UNKNOWN, NamesTakenError, SplitPlan, SplitReport, plan_split, split_folder

__all__ = [
    "GAP_FACTOR",
    "UNKNOWN",
    "CameraOverview",
    "Gap",
    "ImageShot",
    "NamesTakenError",
    "Naming",
    "Overview",
    "Resolution",
    "Shot",
    "SplitPlan",
    "SplitReport",
    "TimeOrigin",
    "plan_split",
    "read_shot",
    "read_shots",
    "render_page",
    "save_page",
    "seconds_of",
    "split_folder",
    "survey",
]
