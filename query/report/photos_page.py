"""The report of a deduplication of photos: the pairs, doubtful ones first."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearframe.common import Progress, UnreadableImageError, shown
from nearframe.embeddings.sources import natural_key

from ..cameras.shots import ImageShot, read_shot
from ..dedup.plan import DedupPlan, DroppedFile, KeptFile, PlannedFile
from ..dedup.rules import ChangeSettings
from .dedup_words import Judged, margin_of, noted_rows, other_of, rules_facts
from .page import shown_size, unreadable_rows, write_page
from .previews import Preview, ReportFrame, preview_frames
from .thumbnails import Thumbnail, picture_json, side_for

# Of the photos that stay, at most so many have a picture: those that are nearly repeats, with a
# margin of at most this.
_NEAR_MISSES, _NEAR = 60, 5.0
_NO_PREVIEW = Preview(Thumbnail(None))
# Vectors decided; outlines only say what they were blind to.
_SETTINGS = ChangeSettings()


def is_photo_folder(plan: DedupPlan) -> bool:
    """Whether a plan is about photos, and not about frames of cameras or videos.

    Frames are compared by what changed, or have cameras, or names that are nothing but numbers.
    """
    files = (*plan.kept, *plan.dropped)
    return (
        plan.rules.method not in ("change", "hybrid")
        and all(file.camera is None for file in files)
        and not all(Path(file.file).stem.isdecimal() for file in files)
    )


def write_photos_page(plan: DedupPlan, path: str | os.PathLike[str], progress: Progress) -> None:
    """Write the page of a plan about photos: what `save_report` does for them."""
    photos = _Photos.of(plan)
    progress.start(f"report {shown(path)}", len(photos.listed))
    shots: dict[str, ImageShot | None] = {}

    def pictures() -> Iterator[str]:
        previews = preview_frames(photos.listed, _SETTINGS, side_for(len(photos.listed)))
        for name, frame, preview in zip(photos.places, photos.listed, previews, strict=True):
            shots[name] = _shot(frame.path)
            yield picture_json(preview.thumbnail, preview.outlines)
            progress.advance(1)

    write_page(
        path,
        "photos.html",
        pictures=pictures(),
        data=lambda: {
            "kinds": [{"name": "dropped", "good": False}, {"name": "kept", "good": True}],
            "files": [
                (shown(name), _detail(photos.known.get(name), shot)) for name, shot in shots.items()
            ],
            "entries": [_entry(plan, photos, file, shots) for file in photos.judged.values()],
        },
        name=shown(os.path.basename(plan.folder) or plan.folder),  # noqa: PTH119
        dropped=len(plan.dropped),
        total=len(photos.judged),
        tiles=[
            (f"{len(plan.kept):,}", "stay"),
            (f"{len(plan.dropped):,}", "dropped"),
            (shown_size(sum(file.size for file in plan.dropped)), "in dropped files"),
        ],
        facts=list(rules_facts(plan, "photos")),
        unreadable=unreadable_rows(plan.unreadable),
        noted=noted_rows(plan),
    )


@dataclass(frozen=True, slots=True)
class _Photos:
    """The photos of a plan in the order of the page.

    Attributes:
        judged: Dropped and kept ones by name, in natural order of their names.
        known: Those and the protected ones.
        compared: Those that stand beside another, and which.
        places: Which of them have a picture, with its place.
        listed: The files of the pictures, each behind the one that it is compared with where that
            is possible.
    """

    judged: dict[str, Judged]
    known: dict[str, PlannedFile]
    compared: dict[str, str]
    places: dict[str, int]
    listed: list[ReportFrame]

    @classmethod
    def of(cls, plan: DedupPlan) -> "_Photos":
        both: tuple[Judged, ...] = (*plan.dropped, *plan.kept)
        judged = {file.file: file for file in sorted(both, key=lambda file: natural_key(file.file))}
        margins = {
            file.file: margin_of(plan.rules, _SETTINGS, file, _NO_PREVIEW) for file in plan.kept
        }
        near = sorted(
            (margin, name)
            for name, margin in margins.items()
            if margin is not None and margin <= _NEAR
        )
        pictured = {name for _, name in near[:_NEAR_MISSES]}
        compared = {
            name: other
            for name, file in judged.items()
            if (isinstance(file, DroppedFile) or name in pictured)
            and (other := other_of(file)) is not None
        }
        names: dict[str, None] = {}
        for name, other in compared.items():
            names.update({other: None, name: None})
        places = {name: place for place, name in enumerate(names)}
        listed = [
            ReportFrame(
                path=str(Path(plan.folder) / name),
                camera=None,
                other=places[compared[name]] if name in compared else None,
            )
            for name in names
        ]
        known: dict[str, PlannedFile] = {file.file: file for file in plan.protected}
        return cls(judged, {**known, **judged}, compared, places, listed)


def _entry(
    plan: DedupPlan, photos: _Photos, file: Judged, shots: dict[str, ImageShot | None]
) -> dict[str, Any]:
    kept = isinstance(file, KeptFile)
    other = other_of(file)
    heading, notes, facts = shown(file.file), [], []
    similarity = "" if file.similarity is None else f"similarity {file.similarity:.6f}"
    pictures: list[list[Any]] = []
    if other is not None and file.file in photos.compared:
        heading = similarity or heading
        notes = list(_notes(photos, file, other, shots))
        pictures = [
            [photos.places[other], "came nearest" if kept else "stays", 0],
            [photos.places[file.file], "kept" if kept else "dropped", 1],
        ]
    else:
        facts.append(shown_size(file.size))
        if other is not None:
            facts += [f"nearest {shown(other)}", similarity]
    if file.reason is not None:
        facts.append(f"{'kept' if kept else 'the other is kept'}: {file.reason}")
    margin = _margin(plan, photos, file)
    return {
        "kind": int(kept),
        "heading": heading,
        "margin": None if margin is None else round(margin, 4),
        "facts": " · ".join(filter(None, facts)),
        "notes": notes,
        "pictures": pictures,
    }


def _margin(plan: DedupPlan, photos: _Photos, file: Judged) -> float | None:
    """Return how far a photo is from being judged otherwise: 1 for one that equals another."""
    if isinstance(file, DroppedFile) and _is_equal(photos, file, file.repeats):
        return 1.0
    margin = margin_of(plan.rules, _SETTINGS, file, _NO_PREVIEW)
    # Where no threshold decided, the least alike are the most doubtful.
    return file.similarity if margin is None and isinstance(file, DroppedFile) else margin


def _is_equal(photos: _Photos, file: Judged, other: str) -> bool:
    return other in photos.known and file.sha256 == photos.known[other].sha256 != ""


def _notes(
    photos: _Photos, file: Judged, other: str, shots: dict[str, ImageShot | None]
) -> Iterator[tuple[str, str]]:
    """Yield what a person should know before anything else, each with its kind."""
    if _is_equal(photos, file, other):
        yield "good", "equal files"
    own, others = shots[file.file], shots[other]
    if own is None or others is None or isinstance(file, KeptFile):
        return
    if own.width * own.height > others.width * others.height:
        yield "warn", "the dropped one has more pixels"


def _shot(path: str) -> ImageShot | None:
    try:
        return read_shot(path)
    except UnreadableImageError:
        return None


def _detail(file: PlannedFile | None, shot: ImageShot | None) -> str:
    """Return size, dimensions and date of a photo, as far as they are known."""
    if shot is None:
        return "" if file is None else shown_size(file.size)
    time = shot.time.isoformat(" ", "minutes")
    date = f"modified {time}" if shot.time_origin == "modified" else time
    return f"{shown_size(shot.size)} · {shot.width} × {shot.height}\n{date}"
