"""By which rules frames were kept or dropped; part of every plan."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nearframe.common import AGAINST, KEEP, METHODS, Against, Keep, Method, NearframeError, shown
from nearframe.embeddings.sources import read_image

from ..change.detection import DEFAULT_GRID, ChangeDetection
from ..search.threshold import ThresholdOrigin

MIN_SIDE = 64
"""Images of which a side is shorter, in pixels, are no pictures to compare: icons, thumbnails."""

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Window:
    """How far back a frame is compared.

    Attributes:
        seconds: With frames of this much time before it; None for any time.
        frames: With this many of the frames before it that it could be compared with; None for all.
    """

    seconds: float | None = None
    frames: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read ``90s``, ``30m``, ``1h``, ``2d`` or a number of frames.

        Raises:
            NearframeError: If it is none of these.
        """
        found = re.fullmatch(r"(?P<value>[0-9]+(?:\.[0-9]+)?)(?P<unit>[smhd])", text)
        if found and float(found["value"]) > 0:
            return cls(seconds=float(found["value"]) * _UNITS_S[found["unit"]])
        if re.fullmatch(r"[0-9]+", text) and int(text) > 0:
            return cls(frames=int(text))
        raise NearframeError(
            f"{shown(text)} is no window; expected a time such as 90s, 30m, 1h or 2d, or a number "
            "of frames"
        )


ANY_DISTANCE = Window()


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """The settings of a `ChangeDetection`, with masks as files, so that a plan can hold them.

    Its defaults are those of `ChangeDetection`.

    Attributes:
        resize_to: Height and width at which pictures are compared, in pixels.
        black_mask: Percent of the sides to leave out: left, top, right, bottom.
        blur_radii: Sides of the Gaussian kernels, in pixels; odd.
        diff_threshold: Grey levels by which a pixel must differ, 0 to 254.
        min_diff_area: Regions smaller than this share of the picture do not count, in [0, 1].
        change_threshold: Changed area from which a frame is new, in [0, 1].
        light_compensation: Whether a change of light is no change.
        motion_tolerance: Share of the width by which something may have moved without being a
            change, in [0, 1].
        masks: Absolute path of the mask image of each camera; that under ``""`` is for cameras
            without one.
    """

    resize_to: tuple[int, int] = DEFAULT_GRID
    black_mask: tuple[float, float, float, float] = ChangeDetection.black_mask
    blur_radii: tuple[int, ...] = tuple(ChangeDetection.blur_radii)
    diff_threshold: int = ChangeDetection.diff_threshold
    min_diff_area: float = ChangeDetection.min_diff_area
    change_threshold: float = ChangeDetection.change_threshold
    light_compensation: bool = ChangeDetection.light_compensation
    motion_tolerance: float = ChangeDetection.motion_tolerance
    masks: Mapping[str, str] = field(default_factory=dict)

    def detection(self, camera: str | None) -> ChangeDetection:
        """Return the change detection for the pictures of a camera.

        Raises:
            UnreadableImageError: If a mask image cannot be decoded.
            NearframeError: If a setting is out of range.
        """
        settings = asdict(self)
        masks = settings.pop("masks")
        mask = masks.get(camera or "", masks.get(""))
        return ChangeDetection(**settings, mask=None if mask is None else read_image(mask))


@dataclass(frozen=True, slots=True)
class DedupRules:
    """How it is decided whether a frame repeats an earlier one.

    Attributes:
        method: ``embedding`` compares vectors, ``change`` looks for changed regions, ``hybrid``
            looks for changed regions against the frames with the nearest vectors.
        threshold: Cosine in [-1, 1] from which frames are alike. None for ``change``, and for
            ``hybrid`` where any cosine will do, since the pictures decide.
        threshold_origin: Where it comes from; None where nobody says.
        threshold_count: For how many pictures it was chosen, where it is the default of the
            weights.
        change: How changes are found; None for ``embedding``.
        motion_threshold: For ``hybrid``, the cosine in [-1, 1] from which something may have moved
            a little between frames that are alike; below, what moved is a change. None for any.
        against: What a frame is compared with: earlier ``kept`` frames, ``all`` earlier ones, or
            the ``previous`` kept one only.
        window: How far back.
        across_cameras: Whether frames of different cameras are compared.
        keep: Which frame of a run of repeats represents it.
        min_side: Image files of which a side is shorter, in pixels, are not compared, and stay.

    Raises:
        NearframeError: If a rule is unknown, or one that the method needs is missing.
    """

    method: Method = "embedding"
    threshold: float | None = None
    threshold_origin: ThresholdOrigin | None = None
    threshold_count: int | None = None
    change: ChangeSettings | None = None
    motion_threshold: float | None = None
    against: Against = "kept"
    window: Window = ANY_DISTANCE
    across_cameras: bool = False
    keep: Keep = "first"
    min_side: int = 1

    def __post_init__(self) -> None:
        for name, value, among in (
            ("method", self.method, METHODS),
            ("against", self.against, AGAINST),
            ("keep", self.keep, KEEP),
        ):
            if value not in among:
                raise NearframeError(f"`{name}` must be one of {', '.join(among)}, not {value!r}")
        if self.min_side < 1:
            raise NearframeError(
                f"`min_side` is in pixels and must be 1 or more, not {self.min_side}"
            )
        if self.method == "change" and self.threshold is not None:
            raise NearframeError("method change compares no vectors; give it no threshold")
        if self.method == "embedding" and self.threshold is None:
            raise NearframeError("method embedding needs a threshold")
        if (self.method != "embedding") != (self.change is not None):
            needs = "takes no" if self.method == "embedding" else "needs the"
            raise NearframeError(f"method {self.method} {needs} settings of changes")
        if self.keep != "first" and self.against == "all":
            raise NearframeError(
                f"keep {self.keep} needs frames to be compared with kept ones, not with all: with "
                "all, only the first of a run is sure to be like the others"
            )

    @property
    def cosine(self) -> float | None:
        """The cosine from which frames are alike; None where vectors are not compared."""
        if self.method == "change":
            return None
        return -1.0 if self.threshold is None else self.threshold

    def to_json(self) -> dict[str, Any]:
        """Return the rules as JSON values."""
        return asdict(self)


def mask_files(masks: Mapping[str, str | os.PathLike[str]]) -> dict[str, str]:
    """Return mask files by camera with absolute paths, as `ChangeSettings` holds them."""
    return {camera: os.path.abspath(path) for camera, path in masks.items()}  # noqa: PTH100
