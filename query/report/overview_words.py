"""How an overview says things, as text and on its page."""

from datetime import datetime, timezone

from nearframe.common import shown

from ..cameras.overview import SMALL_SHARE, SMALL_SIDE, CameraOverview, Overview
from ..cameras.shots import Shot, TimeOrigin

_ORIGINS: dict[TimeOrigin, str] = {
    "name": "from file names",
    "exif": "from EXIF",
    "modified": "unknown",
}
# Each unit in seconds, with the next smaller one.
_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def show_duration(seconds: float) -> str:
    """Return a length of time in its two largest units: 5430 seconds give ``1 h 30 min``."""
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    for unit, name, part, part_name in _UNITS:
        # Rounded before the unit is chosen, or else there would be 60 minutes and 0 seconds.
        parts = round(seconds / part)
        if parts * part >= unit:
            whole, rest = divmod(parts, unit // part)
            return f"{whole} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{round(seconds)} s"


def name_of(camera: str | None) -> str:
    """Return what the images of a camera are headed with."""
    return "(no camera)" if camera is None else shown(camera)


def show_clock(time: datetime) -> str:
    """Return a wall-clock time to the second."""
    return time.isoformat(" ", "seconds")


def iso_time(shot: Shot) -> str:
    """Return the time of a shot as ISO 8601, with its offset from UTC where that is known."""
    zone = None if shot.utc_offset is None else timezone(shot.utc_offset)
    return shot.time.replace(tzinfo=zone).isoformat()


def show_ends(camera: CameraOverview) -> tuple[str, str]:
    """Return first and last time of a camera; a dash where names and EXIF tell none."""
    if not camera.dated:
        return "-", "-"
    return show_clock(camera.dated[0].time), show_clock(camera.dated[-1].time)


def show_origins(overview: Overview) -> str:
    """Say where the times are from: ``480 from file names, 10 from EXIF``."""
    origins = overview.time_origins
    if set(origins) == {"modified"}:
        return "none in names or EXIF; when a file was modified tells too little"
    return ", ".join(
        f"{origins[key]:,} {name}" for key, name in _ORIGINS.items() if origins.get(key)
    )


def clock_note(overview: Overview) -> str:
    """Say whose wall clock points in time are shown on; empty where there are none."""
    shots = (shot for camera in overview.cameras for shot in camera.dated)
    if all(shot.utc_offset is None for shot in shots):
        return ""
    clock = "this computer" if overview.zone is None else str(overview.zone)
    return f"; points in time among them are on the clock of {clock}"


def show_resolutions(camera: CameraOverview, most: int) -> str:
    """List the sizes of a camera's images: ``1920x1080 (167), 10x6``."""
    sizes = [
        f"{size.width}x{size.height}" + (f" ({size.images})" if len(camera.resolutions) > 1 else "")
        for size in camera.resolutions[:most]
    ]
    rest = len(camera.resolutions) - most
    return ", ".join(sizes) + (f" and {rest} more" if rest > 0 else "")


def gap_rule(overview: Overview) -> str:
    """Say what counts as a gap."""
    return f"over {overview.gap_factor:g} times the median interval of the camera"


def small_rule() -> str:
    """Say what counts as suspiciously small."""
    return (
        f"a side under {SMALL_SIDE} pixels, or under {SMALL_SHARE:.0%} of the camera's median side"
    )
