"""The report of a deduplication: every frame beside the one that it was judged by."""

import html
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nearframe.common import ProgressOption, as_progress, shown
from nearframe.embeddings.sources import natural_key

from ..dedup.plan import DedupPlan, DroppedFile, KeptFile, PlannedFile
from ..dedup.rules import ChangeSettings, DedupRules
from ..dedup.words import describe_rules
from .page import choice, controls, facts_list, table, unreadable_list, write_page
from .previews import Look, ReportFrame, look_at_frames
from .thumbnails import picture_json
from .timeline import TimelineRow, dedup_timeline

Judged = KeptFile | DroppedFile

_NO_CAMERA = "(no camera)"
_KEEP = {
    "first": "the first of a run of repeats",
    "sharpest": "the sharpest of a run of repeats",
    "largest": "the largest of a run of repeats",
}


def save_report(
    plan: DedupPlan, path: str | os.PathLike[str], *, progress: ProgressOption = None
) -> None:
    """Write a page that shows what a plan keeps and drops, with thumbnails of all frames.

    It is one HTML file that needs no other and no network. Each dropped frame stands beside the
    one it repeats, and each kept one beside the frame before it that came nearest, with what
    changed between the two outlined; dashed where it does not count, being too small or only moved
    a little. A file that is gone or broken by now is shown as such.

    Args:
        plan: Whose files still lie where it says.
        path: Where to write; what is there is replaced once the page is complete.
        progress: Told what it is at.

    Raises:
        OutputError: If it cannot be written.
        UnreadableImageError: If a mask image of the plan cannot be decoded.
    """
    frames = _Frames.of(plan)
    progress = as_progress(progress)
    progress.start(f"report {shown(path)}", len(frames.listed))
    entries: list[dict[str, Any]] = []

    def pictures() -> Iterator[str]:
        # Without rules about changes, outlines still say what the similarity was blind to.
        settings = plan.rules.change or ChangeSettings()
        looks = look_at_frames(frames.listed, settings)
        for position, look in enumerate(looks):
            if position < len(frames.judged):
                entries.append(_entry(plan.rules, settings, frames, position, look))
            yield picture_json(look.thumbnail, look.outlines)
            progress.advance(1)

    folder = shown(os.path.basename(plan.folder) or plan.folder)  # noqa: PTH119
    write_page(
        path,
        title=f"{folder}: kept and dropped frames",
        body=_body(plan, frames, folder),
        pictures=pictures(),
        data=lambda: {
            "kinds": [{"name": "dropped", "good": False}, {"name": "kept", "good": True}],
            "files": frames.captions,
            "entries": entries,
        },
    )


@dataclass(frozen=True, slots=True)
class _Frames:
    """The frames of a plan in the order of the page.

    Attributes:
        judged: Kept and dropped ones, camera by camera, in order of time or name.
        listed: Those, and then those that only served as references, with their files.
        captions: Name and description of each.
        cameras: Names, in order.
    """

    judged: list[Judged]
    listed: list[ReportFrame]
    captions: list[tuple[str, str]]
    cameras: list[str | None]

    @classmethod
    def of(cls, plan: DedupPlan) -> "_Frames":
        cameras: dict[str | None, list[Judged]] = {}
        both: tuple[Judged, ...] = (*plan.kept, *plan.dropped)
        for file in both:
            cameras.setdefault(file.camera, []).append(file)
        names = sorted(cameras, key=lambda name: (name is None, natural_key(name or "")))
        judged: list[Judged] = []
        for name in names:
            timed = all(file.time is not None for file in cameras[name])
            judged += sorted(
                cameras[name],
                key=lambda file: (file.time or "" if timed else "", natural_key(file.file)),
            )
        known: dict[str, PlannedFile] = {file.file: file for file in (*judged, *plan.protected)}
        shown_files = dict.fromkeys(file.file for file in judged)
        for file in judged:
            if (other := _other(file)) is not None:
                shown_files.setdefault(other)
        places = {name: place for place, name in enumerate(shown_files)}
        listed, captions = [], []
        for name in shown_files:
            entry = known.get(name)
            other = _other(entry) if isinstance(entry, (KeptFile, DroppedFile)) else None
            listed.append(
                ReportFrame(
                    path=str(Path(plan.folder) / name),
                    camera=None if entry is None else entry.camera,
                    other=None if other is None else places[other],
                )
            )
            captions.append((shown(name), "" if entry is None else _detail(entry)))
        return cls(judged, listed, captions, names)


def _other(file: Judged) -> str | None:
    return file.repeats if isinstance(file, DroppedFile) else file.nearest


def _detail(file: PlannedFile) -> str:
    time = None if file.time is None else _clock(file.time)
    return " · ".join(filter(None, [shown(file.camera or ""), time]))


def _clock(time: str) -> str:
    """Return a time of a plan, with milliseconds where it has them; an edited one as it is."""
    parsed = _parsed(time)
    if parsed is None:
        return shown(time)
    return parsed.isoformat(" ", "milliseconds" if parsed.microsecond else "seconds")


def _parsed(time: str | None) -> datetime | None:
    try:
        return None if time is None else datetime.fromisoformat(time).replace(tzinfo=None)
    except ValueError:
        return None


def _entry(
    rules: DedupRules, settings: ChangeSettings, frames: _Frames, position: int, look: Look
) -> dict[str, Any]:
    file, frame = frames.judged[position], frames.listed[position]
    kept = isinstance(file, KeptFile)
    own = [position, "this frame", 1]
    pictures = [own]
    if frame.other is not None:
        role = "came nearest to it" if kept else "it repeats"
        pictures = [[frame.other, role, 0], own]
    margin = _margin(rules, settings, file, look)
    return {
        "kind": int(kept),
        "group": frames.cameras.index(file.camera),
        "title": position,
        "margin": None if margin is None else round(margin, 4),
        "facts": _facts(file, look, settings.min_diff_area),
        "pictures": pictures,
    }


def _facts(file: Judged, look: Look, min_diff_area: float) -> str:
    facts = [] if file.similarity is None else [f"similarity {file.similarity:.6f}"]
    if _other(file) is None:
        facts.append("nothing before it to compare with")
    else:
        facts += _changes(file, look, min_diff_area)
    if file.reason is not None:
        who = "kept" if isinstance(file, KeptFile) else "the other is kept"
        facts.append(f"{who}: {file.reason}")
    return " · ".join(facts)


def _changes(file: Judged, look: Look, min_diff_area: float) -> Iterator[str]:
    change = file.change if file.change is not None else look.score
    if file.change is None and look.outlines is None:
        return
    if change:
        yield f"changed area {_percent(change)}"
    elif look.ignored >= min_diff_area > 0:
        yield f"{_percent(look.ignored)} only moved a little"
    elif look.ignored:
        yield f"{_percent(look.ignored)} is too small to count"
    else:
        yield "no change"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _margin(rules: DedupRules, settings: ChangeSettings, file: Judged, look: Look) -> float | None:
    """Return how far a frame is from being judged otherwise; None where nobody knows.

    That is the difference of the two frames relative to the least difference of a new one, less
    one: 0 at the threshold, up to 1 for dropped frames, any number for kept ones. What only moved
    a little is at the threshold: a person should look at it first.
    """
    if _other(file) is None:
        return None
    alike = rules.threshold is None or file.similarity is None or file.similarity >= rules.threshold
    if rules.method == "embedding" or not alike:
        if file.similarity is None or rules.threshold is None:
            return None
        difference, needed = 1 - file.similarity, 1 - rules.threshold
    elif look.outlines is None:
        return None
    else:
        difference = look.score or look.ignored
        needed = max(settings.change_threshold, settings.min_diff_area)
    if needed <= 0:
        return difference
    ratio = difference / needed
    # Rounding, and frames that something else decided about: neither may be beyond the threshold.
    return max(0.0, ratio - 1 if isinstance(file, KeptFile) else 1 - ratio)


def _body(plan: DedupPlan, frames: _Frames, folder: str) -> str:
    total, new = len(frames.judged), len(plan.kept)
    rows, by_camera = [], []
    kept = Counter(file.camera for file in plan.kept)
    for number, camera in enumerate(frames.cameras):
        files = [file for file in frames.judged if file.camera == camera]
        name = _NO_CAMERA if camera is None else shown(camera)
        by_camera.append(
            TimelineRow(name, [(_parsed(f.time), isinstance(f, KeptFile)) for f in files])
        )
        dropped = len(files) - kept[camera]
        rows.append(
            [
                f'<button type="button" data-group="{number}">{html.escape(name)}</button>',
                f"{len(files):,}",
                f"{kept[camera]:,}",
                f"{dropped:,}",
                f"{dropped / len(files):.0%}",
            ]
        )
    head = (
        ("Camera", "path"),
        ("Frames", "number"),
        ("Kept", "number"),
        ("Dropped", "number"),
        ("Share dropped", "number"),
    )
    drawing, note = dedup_timeline(by_camera)
    return "\n".join(
        [
            f"<h1>{html.escape(folder)}: {new:,} of {total:,} frames are new</h1>",
            facts_list(_rules(plan)),
            f"<section><h2>Cameras</h2>{table(head, rows)}</section>",
            f"<section><h2>Over time</h2>"
            f'<p class="soft"><span class="key kept"></span>kept'
            f'<span class="key dropped"></span>dropped. {html.escape(note)}</p>'
            f'<div class="scroll">{drawing}</div></section>',
            unreadable_list(plan.unreadable, "They stay where they are.", "the plan"),
            '<h2 id="frames">Frames</h2>',
            '<p class="soft">Left the frame it was judged by, right the frame itself, with what '
            "changed outlined; dashed where it does not count, being too small or only moved a "
            "little.</p>",
            _controls(frames),
        ]
    )


def _rules(plan: DedupPlan) -> Iterator[tuple[str, str]]:
    rules = plan.rules
    yield "Folder", shown(plan.folder)
    yield "Planned", _clock(plan.created)
    yield "A repeat has", describe_rules(rules, plan.fingerprint)
    if rules.window.seconds is not None:
        yield "Compared with", f"frames of {rules.window.seconds:g} seconds before it"
    elif rules.window.frames is not None:
        yield "Compared with", f"{rules.window.frames} frames before it"
    if rules.across_cameras:
        yield "Cameras", "compared with each other"
    if rules.keep != "first":
        yield "Kept is", _KEEP[rules.keep]
    if rules.change is not None:
        change = rules.change
        facts = [f"a region counts from {100 * change.min_diff_area:g} % of the area"]
        if any(change.black_mask) or change.masks:
            facts.append("parts of the picture are masked")
        if not change.light_compensation:
            facts.append("a change of light counts")
        yield "Changes", "; ".join(facts)
    if plan.fingerprint is not None:
        yield "Weights", shown(plan.fingerprint.weights)
    if plan.protected:
        yield "Only for reference", f"{len(plan.protected):,} protected frames, never touched"


def _controls(frames: _Frames) -> str:
    cameras = [
        (str(number), _NO_CAMERA if camera is None else shown(camera))
        for number, camera in enumerate(frames.cameras)
    ]
    near = [(f"{share:g}", f"within {share:.0%} of it") for share in (0.5, 0.25, 0.1, 0.05)]
    return controls(
        [
            choice("kind", "Show", [("", "all"), ("0", "dropped"), ("1", "kept")]),
            choice("group", "Camera", [("", "all"), *cameras]),
            choice("margin", "Threshold", [("", "at any distance"), *near]),
            choice("order", "Order", [("", "as taken"), ("margin", "closest to the threshold")]),
            '<label><input type="checkbox" name="outlines" checked> Outlines</label>',
        ]
    )
