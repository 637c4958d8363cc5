"""An overview as one self-contained HTML page."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from nearframe.common import shown

from ..cameras.overview import Overview
from .overview_words import (
    clock_note,
    gap_rule,
    name_of,
    show_clock,
    show_duration,
    show_ends,
    show_origins,
    show_resolutions,
    small_rule,
)
from .page import LISTED, counted, page_parts, write_page
from .plots import INTERVALS_SIZE, draw_intervals, plot_address
from .timeline import HEIGHT, Timeline, TimelineRow, draw_timeline

_TEMPLATE = "overview.html"


def save_page(overview: Overview, path: str | os.PathLike[str]) -> None:
    """Write an overview as an HTML page that needs no other file and no network.

    Raises:
        OutputError: If it cannot be written.
    """
    write_page(path, _TEMPLATE, **_context(overview))


def render_page(overview: Overview) -> str:
    """Return an overview as an HTML page."""
    return "".join(page_parts(_TEMPLATE, **_context(overview)))


def _context(overview: Overview) -> dict[str, Any]:
    cameras = sum(camera.camera is not None for camera in overview.cameras)
    gaps = sum(len(camera.gaps) for camera in overview.cameras)
    checked = "Every image was decoded." if overview.checked else "Images were not fully decoded."
    return {
        "name": shown(os.path.basename(os.path.abspath(overview.folder))),  # noqa: PTH100, PTH119
        "folder": shown(os.path.abspath(overview.folder)),  # noqa: PTH100
        "about": f"Times are wall-clock times: {show_origins(overview)}{clock_note(overview)}. "
        f"{checked}",
        "tiles": [
            counted(overview.images, "image").split(" "),
            counted(cameras, "camera").split(" "),
            counted(gaps, "gap").split(" "),
            (f"{len(overview.unreadable):,}", "unreadable"),
        ],
        "cameras": _cameras(overview),
        "timeline": _timeline(overview),
        "height": HEIGHT,
        "intervals": list(_intervals(overview)),
        "gap_note": f"An interval {gap_rule(overview)}; the longest first.",
        "gaps": _gaps(overview),
        "small_note": f"{small_rule()}.".capitalize(),
        "small": [
            (_below(overview, shot.path), f"{shot.width}x{shot.height}", name_of(shot.camera))
            for shot in overview.small
        ],
        "unreadable": [
            (_below(overview, entry.source), shown(entry.reason)) for entry in overview.unreadable
        ],
        "duplicates": [
            ("\n".join(_below(overview, path) for path in group[:LISTED]),)
            for group in overview.duplicates
        ],
    }


def _cameras(overview: Overview) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for camera in overview.cameras:
        median = camera.median_interval_s
        rows.append(
            (
                name_of(camera.camera),
                f"{len(camera.shots):,}",
                *show_ends(camera),
                "–" if median is None else show_duration(median),
                f"{len(camera.gaps):,}",
                show_resolutions(camera, most=8),
            )
        )
    return rows


def _timeline(overview: Overview) -> Timeline | None:
    """Return the images over time; None where no name and no EXIF tells one."""
    if not any(camera.dated for camera in overview.cameras):
        return None
    undated = overview.images - sum(len(camera.dated) for camera in overview.cameras)
    timeline = draw_timeline(
        [
            TimelineRow(name_of(camera.camera), [(shot.time, "images") for shot in camera.dated])
            for camera in overview.cameras
        ],
        kinds=("images",),
    )
    if not undated:
        return timeline
    note = f"Not drawn, since only their modification time is known: {undated:,}."
    return Timeline(timeline.rows, timeline.ticks, timeline.breaks, f"{timeline.note} {note}")


def _intervals(overview: Overview) -> Iterator[tuple[str, str, str]]:
    """Yield name, how many intervals, and the address of the plot of each camera that has one."""
    for camera in overview.cameras:
        if camera.median_interval_s is not None:
            plot = plot_address(partial(draw_intervals, camera), INTERVALS_SIZE)
            yield name_of(camera.camera), counted(len(camera.intervals_s), "interval"), plot


def _gaps(overview: Overview) -> list[tuple[str, ...]]:
    gaps = [gap for camera in overview.cameras for gap in camera.gaps]
    gaps.sort(key=lambda gap: -gap.seconds)
    return [
        (
            name_of(gap.after.camera),
            show_duration(gap.seconds),
            show_clock(gap.after.time),
            show_clock(gap.before.time),
        )
        for gap in gaps
    ]


def _below(overview: Overview, path: str) -> str:
    return shown(os.path.relpath(path, overview.folder))
