"""nearframe overview: what is in a folder of images of fixed cameras?"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .cli import (
    Command,
    count,
    force_option,
    json_option,
    path_argument,
    print_json,
    progress_bar,
    require_page,
    show_path,
    skipped_json,
    strict_option,
)
from .left_out import left_out_json, note_left_out, report_left_out
from .naming import naming_of, naming_options

if TYPE_CHECKING:
    from nearframe.query import CameraOverview, Gap, Overview, Shot

T = TypeVar("T")

# Columns of the table that are numbers.
_NUMBERS = (1, 5)
# More lines of one kind than these push the others off the screen; --json has them all.
_LISTED = 10


@click.command("overview", cls=Command, short_help="Say what is in a folder, camera by camera.")
@path_argument("folder", metavar="FOLDER")
@click.option("--recursive", is_flag=True, help="Search the folder with its sub-folders.")
@click.option(
    "--check",
    is_flag=True,
    help="Decode every image fully (slow). Without it, a JPEG or PNG whose header and last bytes "
    "are in order passes for readable; any other file is decoded to find out.",
)
@click.option(
    "--gap-factor",
    type=float,
    default=10.0,
    show_default=True,
    metavar="N",
    help="List intervals over N times the median of their camera as gaps.",
)
@naming_options
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path),
    callback=require_page,
    metavar="PAGE.html",
    help="Write a page with plots, too: one file that needs no other.",
)
@force_option
@strict_option
@json_option
def overview(
    folder: Path,
    recursive: bool,
    check: bool,
    gap_factor: float,
    page: Path | None,
    strict: bool,
    as_json: bool,
    **naming: Any,
) -> None:
    """Print what is in FOLDER: per camera the images, their times, intervals and resolutions.

    Lists gaps, unreadable files, suspiciously small images and exact duplicates. Camera and time
    are read from file names; a time that is not there, from EXIF, else when the file was modified.
    """
    from nearframe.query import save_page, survey

    left_out = note_left_out([folder])
    with progress_bar() as progress:
        found = survey(
            folder,
            naming=naming_of(**naming),
            recursive=recursive,
            check=check,
            gap_factor=gap_factor,
            progress=progress,
        )
    try:
        if as_json:
            print_json({**_as_json(found), "left_out": left_out_json(left_out)})
        else:
            _print(found)
    finally:  # whoever pipes the answer into head wants the page all the same
        if page is not None:
            save_page(found, page)
    if page is not None:
        click.echo(f"Page: {show_path(page)}", err=as_json)
    report_left_out(left_out)
    if strict and found.unreadable:
        raise SystemExit(1)


def _print(found: "Overview") -> None:
    from nearframe.query.report.overview_words import clock_note, gap_rule, show_origins, small_rule

    cameras = sum(camera.camera is not None for camera in found.cameras)
    of_cameras = f" of {count(cameras, 'camera')}" if cameras else ", no camera in their names"
    click.echo(
        f"{show_path(found.folder)}: {count(found.images, 'image')}{of_cameras}, "
        f"{len(found.unreadable)} unreadable{'' if found.checked else ' (not fully decoded)'}"
    )
    click.echo(f"Times (wall clock): {show_origins(found)}{clock_note(found)}")
    click.echo()
    _print_cameras(found)
    _print_list(
        f"Gaps ({gap_rule(found)})",
        sorted(
            (gap for camera in found.cameras for gap in camera.gaps), key=lambda gap: -gap.seconds
        ),
        _gap_line,
    )
    _print_list(
        "Unreadable",
        found.unreadable,
        lambda entry: f"{_below(found, entry.source)}: {_shown(entry.reason)}",
    )
    _print_list(
        f"Suspiciously small ({small_rule()})",
        found.small,
        lambda shot: f"{_below(found, shot.path)}: {shot.width}x{shot.height}",
    )
    _print_list(
        "Exact duplicates (same content)",
        found.duplicates,
        lambda group: (
            " = ".join(_below(found, path) for path in group[:_LISTED])
            + (f" = and {len(group) - _LISTED} more" if len(group) > _LISTED else "")
        ),
    )


def _print_cameras(found: "Overview") -> None:
    from nearframe.query.report.overview_words import (
        name_of,
        show_duration,
        show_ends,
        show_resolutions,
    )

    rows = [("Camera", "Images", "First", "Last", "Median interval", "Gaps", "Resolutions")]
    for camera in found.cameras:
        median = camera.median_interval_s
        rows.append(
            (
                name_of(camera.camera),
                str(len(camera.shots)),
                *show_ends(camera),
                "-" if median is None else show_duration(median),
                str(len(camera.gaps)),
                show_resolutions(camera, most=3),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if position in _NUMBERS else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _print_list(title: str, entries: Sequence[T], line: Callable[[T], str]) -> None:
    if not entries:
        return
    click.echo(f"\n{title}: {len(entries)}")
    for entry in entries[:_LISTED]:
        click.echo(f"  {line(entry)}")
    if len(entries) > _LISTED:
        click.echo(f"  and {len(entries) - _LISTED} more; --json has them all")


def _gap_line(gap: "Gap") -> str:
    from nearframe.query.report.overview_words import name_of, show_clock, show_duration

    return (
        f"{name_of(gap.after.camera)}: {show_duration(gap.seconds)}, "
        f"from {show_clock(gap.after.time)} to {show_clock(gap.before.time)}"
    )


def _below(found: "Overview", path: str) -> str:
    """Return a path relative to the folder."""
    return _shown(os.path.relpath(path, found.folder))


def _shown(text: str) -> str:
    from nearframe.common import shown

    return shown(text)


def _as_json(found: "Overview") -> dict[str, Any]:
    return {
        "folder": found.folder,
        "images": found.images,
        "checked": found.checked,
        "gap_factor": found.gap_factor,
        "time_origins": dict(found.time_origins),
        "cameras": [_camera_json(camera) for camera in found.cameras],
        "unreadable": skipped_json(found.unreadable),
        "small": [
            {
                "source": shot.path,
                "camera": shot.camera,
                "width": shot.width,
                "height": shot.height,
            }
            for shot in found.small
        ],
        "duplicates": found.duplicates,
    }


def _camera_json(camera: "CameraOverview") -> dict[str, Any]:
    from nearframe.query.report.overview_words import iso_time

    def ends(shot: "Shot") -> dict[str, str]:
        return {"source": shot.path, "time": iso_time(shot)}

    return {
        "camera": camera.camera,
        "images": len(camera.shots),
        "first": iso_time(camera.dated[0]) if camera.dated else None,
        "last": iso_time(camera.dated[-1]) if camera.dated else None,
        "median_interval_s": camera.median_interval_s,
        "gaps": [
            {"seconds": gap.seconds, "after": ends(gap.after), "before": ends(gap.before)}
            for gap in camera.gaps
        ],
        "resolutions": [asdict(resolution) for resolution in camera.resolutions],
        "time_origins": dict(camera.time_origins),
    }
