"""The report of a deduplication: every frame beside the one that it was judged by."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearframe.common import ProgressOption, as_progress, shown
from nearframe.embeddings.sources import natural_key

from ..dedup.plan import DedupPlan, KeptFile, PlannedFile
from ..dedup.rules import ChangeSettings
from .dedup_words import (
    NO_CAMERA,
    Judged,
    changes,
    margin_of,
    noted_rows,
    other_of,
    parsed_time,
    rules_facts,
    shown_time,
)
from .page import shown_size, unreadable_rows, write_page
from .photos_page import is_photo_folder, write_photos_page
from .previews import Preview, ReportFrame, preview_frames
from .thumbnails import picture_json, side_for
from .timeline import HEIGHT, TimelineRow, draw_timeline


def save_report(
    plan: DedupPlan, path: str | os.PathLike[str], *, progress: ProgressOption = None
) -> None:
    """Write a page that shows what a plan keeps and drops, with thumbnails.

    It is one HTML file that needs no other and no network. It begins with what was dropped, the
    doubtful first. Each dropped frame stands beside the one it repeats, and each kept one beside
    the frame before it that came nearest, with what changed between the two outlined; dashed where
    it does not count, being too small or only moved a little. A file that is gone or broken by now
    is shown as such.

    Where no file has a camera and vectors decided, it is a page of photos: the pairs, with size,
    dimensions and date of both; of what stays, only the few that are nearly repeats have pictures.

    Args:
        plan: Whose files still lie where it says.
        path: Where to write; what is there is replaced once the page is complete.
        progress: Told what it is at.

    Raises:
        OutputError: If it cannot be written.
        UnreadableImageError: If a mask image of the plan cannot be decoded.
    """
    progress = as_progress(progress)
    if is_photo_folder(plan):
        write_photos_page(plan, path, progress)
        return
    frames = _Frames.of(plan)
    progress.start(f"report {shown(path)}", len(frames.listed))
    entries: list[dict[str, Any]] = []
    # Without rules about changes, outlines still say what the similarity was blind to.
    settings = plan.rules.change or ChangeSettings()

    def pictures() -> Iterator[str]:
        previews = preview_frames(frames.listed, settings, side_for(len(frames.listed)))
        for position, preview in enumerate(previews):
            if position < len(frames.judged):
                entries.append(_entry(plan, settings, frames, position, preview))
            yield picture_json(preview.thumbnail, preview.outlines)
            progress.advance(1)

    write_page(
        path,
        "frames.html",
        pictures=pictures(),
        data=lambda: {
            "kinds": [{"name": "dropped", "good": False}, {"name": "kept", "good": True}],
            "files": frames.captions,
            "entries": entries,
        },
        **_context(plan, frames),
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
        others = {file.file: other_of(file) for file in judged}
        shown_files = dict.fromkeys(others)
        shown_files.update((other, None) for other in others.values() if other is not None)
        places = {name: place for place, name in enumerate(shown_files)}
        listed, captions = [], []
        for name in shown_files:
            entry = known.get(name)
            other = others.get(name)
            listed.append(
                ReportFrame(
                    path=str(Path(plan.folder) / name),
                    camera=None if entry is None else entry.camera,
                    other=None if other is None else places[other],
                )
            )
            captions.append((shown(name), "" if entry is None else _detail(entry, len(names) > 1)))
        return cls(judged, listed, captions, names)


def _detail(file: PlannedFile, with_camera: bool) -> str:
    time = None if file.time is None else shown_time(file.time)
    camera = shown(file.camera or "") if with_camera else None
    return "\n".join(filter(None, [time, camera]))


def _entry(
    plan: DedupPlan, settings: ChangeSettings, frames: _Frames, position: int, preview: Preview
) -> dict[str, Any]:
    file, frame = frames.judged[position], frames.listed[position]
    kept = isinstance(file, KeptFile)
    own = [position, "kept" if kept else "dropped", 1]
    pictures = [own]
    if frame.other is not None:
        pictures = [[frame.other, "came nearest to it" if kept else "it repeats", 0], own]
    margin = margin_of(plan.rules, settings, file, preview)
    return {
        "kind": int(kept),
        "group": frames.cameras.index(file.camera),
        "title": position,
        "margin": None if margin is None else round(margin, 4),
        "facts": _facts(file, preview, settings.min_diff_area),
        "pictures": pictures,
    }


def _facts(file: Judged, preview: Preview, min_diff_area: float) -> str:
    facts = [] if file.similarity is None else [f"similarity {file.similarity:.6f}"]
    if other_of(file) is None:
        facts.append("nothing before it to compare with")
    else:
        facts += changes(file, preview, min_diff_area)
    if file.reason is not None:
        who = "kept" if isinstance(file, KeptFile) else "the other is kept"
        facts.append(f"{who}: {file.reason}")
    return " · ".join(facts)


def _context(plan: DedupPlan, frames: _Frames) -> dict[str, Any]:
    """Return what the template shows besides the list."""
    rows, cameras, groups = [], [], [("", "all")]
    kept = Counter(file.camera for file in plan.kept)
    for number, camera in enumerate(frames.cameras):
        files = [file for file in frames.judged if file.camera == camera]
        name = NO_CAMERA if camera is None else shown(camera)
        kinds = ["kept" if isinstance(file, KeptFile) else "dropped" for file in files]
        times = [parsed_time(file.time) for file in files]
        rows.append(TimelineRow(name, list(zip(times, kinds, strict=True))))
        dropped = len(files) - kept[camera]
        cameras.append(
            {
                "frames": len(files),
                "kept": kept[camera],
                "dropped": dropped,
                "share": f"{dropped / len(files):.0%}",
            }
        )
        groups.append((str(number), name))
    near = [(f"{share:g}", f"within {share:.0%} of it") for share in (0.5, 0.25, 0.1, 0.05)]
    return {
        "name": shown(os.path.basename(plan.folder) or plan.folder),  # noqa: PTH119
        "kept": len(plan.kept),
        "total": len(frames.judged),
        "tiles": [
            (f"{len(plan.kept):,}", "kept"),
            (f"{len(plan.dropped):,}", "dropped"),
            (shown_size(sum(file.size for file in plan.dropped)), "in dropped files"),
        ],
        "facts": list(rules_facts(plan, "frames")),
        "timeline": draw_timeline(rows, kinds=("kept", "dropped")) if rows else None,
        "height": HEIGHT,
        "cameras": cameras,
        "groups": groups,
        "near": [("", "at any distance"), *near],
        "unreadable": unreadable_rows(plan.unreadable),
        "noted": noted_rows(plan),
    }
