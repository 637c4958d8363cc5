"""The report of a sweep: how many frames stay at which threshold, and a pair of them at each."""

import html
import os
from collections.abc import Iterator
from typing import Any

from nearframe.common import ProgressOption, as_progress, shown

from ..dedup import Sweep, SweepPair, SweepPoint
from ..dedup.rules import ChangeSettings
from ..dedup.words import describe_rules
from .page import choice, controls, facts_list, table, unreadable_list, write_page
from .previews import ReportFrame, look_at_frames
from .thumbnails import picture_json

_HEAD = (("Threshold", "number"), ("Stay", "number"), ("Share", "number"), ("", ""))


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
        for look in look_at_frames(frames, sweep.rules.change or ChangeSettings()):
            yield picture_json(look.thumbnail, look.outlines)
            progress.advance(1)

    folder = shown(os.path.basename(sweep.folder) or sweep.folder)  # noqa: PTH119
    write_page(
        path,
        title=f"{folder}: how many frames stay at which threshold",
        body=_body(sweep, folder),
        pictures=pictures(),
        data=lambda: {
            "kinds": [{"name": "dropped", "good": False}, {"name": "kept", "good": True}],
            "files": [(_name(sweep, frame.path), "") for frame in frames],
            "entries": list(_entries(sweep)),
        },
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
            "group": 0,
            "heading": _heading(sweep, point),
            "title": None,
            "margin": None,
            "facts": _facts(pair),
            "pictures": [
                [place, "stays", 0],
                [place + 1, "is dropped" if pair.repeat else "stays, too", 1],
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


def _body(sweep: Sweep, folder: str) -> str:
    rows = []
    for point in sweep.points:
        share = point.kept / sweep.total
        used = "used now" if point.threshold == sweep.usual else ""
        text = threshold_text(sweep, point.threshold)
        rows.append([html.escape(text), f"{point.kept:,}", f"{share:.1%}", used])
    kind = "changed area" if sweep.kind == "change" else "similarity"
    option = "--change-threshold" if sweep.kind == "change" else "--threshold"
    return "\n".join(
        [
            f"<h1>{html.escape(folder)}: how many frames stay at which {kind}</h1>",
            facts_list(_rules(sweep)),
            f"<section><h2>Thresholds</h2>{table(_HEAD, rows)}</section>",
            unreadable_list(sweep.unreadable, "They stay where they are.", "the output"),
            "<h2>Pairs</h2>",
            f'<p class="soft">At each threshold, the pair of frames whose {kind} is nearest to it. '
            f"Look where two that must both stay begin to be dropped, and give a value on the safe "
            f"side of that with {option}.</p>",
            controls(
                [
                    choice("kind", "Show", [("", "all"), ("0", "dropped"), ("1", "kept")]),
                    '<label><input type="checkbox" name="outlines" checked> Outlines</label>',
                ]
            ),
        ]
    )


def _rules(sweep: Sweep) -> Iterator[tuple[str, str]]:
    yield "Folder", shown(sweep.folder)
    yield "Frames", f"{sweep.total:,}"
    if sweep.usual is not None:
        yield "Used now: a repeat has", describe_rules(sweep.rules, None)
