"""The report of a sweep: how many frames stay at which threshold, and a pair of them at each."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from nearframe.common import ProgressOption, as_progress, shown

from ..dedup import Sweep, SweepPair, SweepPoint
from ..dedup.rules import ChangeSettings
from ..dedup.sweep_plot import draw_sweep
from ..dedup.words import describe_rules
from .page import unreadable_rows, write_page
from .plots import plot_address
from .previews import ReportFrame, preview_frames
from .thumbnails import picture_json, side_for

_PLOT_SIZE = (5.2, 3.5)


def save_sweep_report(
    sweep: Sweep, path: str | os.PathLike[str], *, progress: ProgressOption = None
) -> None:
    """Write a page with a pair of pictures at each threshold: those that it decides about.

    It is one HTML file that needs no other and no network. What changed between the two is
    outlined, as in the report of a plan. A file that is gone or broken by now is shown as such.

    Args:
        sweep: Whose files still lie where it says.
        path: Where to write; what is there is replaced once the page is complete.
        progress: Told what it is at.

    Raises:
        OutputError: If it cannot be written.
        UnreadableImageError: If a mask image cannot be decoded.
    """
    pairs = [point.pair for point in sweep.points if point.pair is not None]
    progress = as_progress(progress)
    progress.start(f"report {shown(path)}", 2 * len(pairs))
    frames: list[ReportFrame] = []
    for pair in pairs:
        frames.append(ReportFrame(pair.earlier, pair.camera, None))
        # Of its own place: what is outlined belongs to this pair.
        frames.append(ReportFrame(pair.later, pair.camera, len(frames) - 1))

    def pictures() -> Iterator[str]:
        settings = sweep.rules.change or ChangeSettings()
        for preview in preview_frames(frames, settings, side_for(len(frames))):
            yield picture_json(preview.thumbnail, preview.outlines)
            progress.advance(1)

    write_page(
        path,
        "sweep.html",
        pictures=pictures(),
        data=lambda: {
            "kinds": [{"name": "dropped", "good": False}, {"name": "kept", "good": True}],
            "files": [(_name(sweep, frame.path), "") for frame in frames],
            "entries": list(_entries(sweep)),
        },
        name=shown(os.path.basename(sweep.folder) or sweep.folder),  # noqa: PTH119
        kind="changed area" if sweep.kind == "change" else "similarity",
        option="--change-threshold" if sweep.kind == "change" else "--threshold",
        facts=list(_rules(sweep)),
        plot=plot_address(partial(draw_sweep, sweep), _PLOT_SIZE),
        points=[
            (
                threshold_text(sweep, point.threshold),
                f"{point.kept:,}",
                f"{point.kept / sweep.total:.1%}",
                "used now" if point.threshold == sweep.usual else "",
            )
            for point in sweep.points
        ],
        unreadable=unreadable_rows(sweep.unreadable),
    )


def threshold_text(sweep: Sweep, threshold: float) -> str:
    """Return a threshold as a person gives it."""
    return (
        f"{threshold:g}" if sweep.kind == "change" else f"{threshold:.6f}".rstrip("0").rstrip(".")
    )


def _name(sweep: Sweep, path: str) -> str:
    name = os.path.relpath(path, sweep.folder)
    return shown(path if name.split(os.sep, 1)[0] == os.pardir else name)


def _entries(sweep: Sweep) -> Iterator[dict[str, Any]]:
    place = 0
    for point in sweep.points:
        pair = point.pair
        if pair is None:
            continue
        yield {
            "kind": int(not pair.repeat),
            "heading": _heading(sweep, point),
            "margin": None,
            "facts": _facts(pair),
            "pictures": [
                [place, "stays", 0],
                [place + 1, "is dropped" if pair.repeat else "stays too", 1],
            ],
        }
        place += 2


def _heading(sweep: Sweep, point: SweepPoint) -> str:
    used = ", used now" if point.threshold == sweep.usual else ""
    text = threshold_text(sweep, point.threshold)
    return f"{text}{used}: {point.kept:,} of {sweep.total:,} stay"


def _facts(pair: SweepPair) -> str:
    facts = [] if pair.similarity is None else [f"similarity {pair.similarity:.6f}"]
    if pair.change is not None:
        facts.append(f"changed area {100 * pair.change:.2f} %")
    return " · ".join(facts)


def _rules(sweep: Sweep) -> Iterator[tuple[str, str]]:
    yield "Folder", shown(sweep.folder)
    yield "Frames", f"{sweep.total:,}"
    if sweep.usual is not None:
        yield "Used now: a repeat has", describe_rules(sweep.rules, None)
