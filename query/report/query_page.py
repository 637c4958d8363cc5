"""The report of a search: each query beside the frames that were found."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nearframe.common import ProgressOption, as_progress, show_time, shown
from nearframe.index import Match

from ..search.search import QueryMatches, SearchReport
from .matches import MatchPictures, key_of
from .page import unreadable_rows, write_page
from .thumbnails import picture_json, side_for


def save_query_report(
    report: SearchReport,
    path: str | os.PathLike[str],
    *,
    index: str | os.PathLike[str],
    threshold: float | None = None,
    progress: ProgressOption = None,
) -> None:
    """Write a page that shows each query beside its matches.

    It is one HTML file that needs no other and no network. Of videos, the matching frames are
    decoded. A file that is gone or broken by now is shown as such.

    Args:
        report: What was found.
        path: Where to write; what is there is replaced once the page is complete.
        index: What was searched, for the heading.
        threshold: Similarity from which frames count as the same, in [-1, 1]; None where nobody
            knows.
        progress: Told what it is at.

    Raises:
        OutputError: If it cannot be written.
    """
    pictures = MatchPictures.of(report.results)
    progress = as_progress(progress)
    progress.start(f"report {shown(path)}", len(pictures))

    def written() -> Iterator[str]:
        for thumbnail in pictures.thumbnails(side_for(len(pictures))):
            yield picture_json(thumbnail)
            progress.advance(1)

    places = pictures.places()
    files = [key if isinstance(key, str) else key[0] for key in places]
    write_page(
        path,
        "query.html",
        pictures=written(),
        data=lambda: {
            "kinds": [
                {"name": "below the threshold", "good": False},
                {"name": "found", "good": True},
            ],
            "files": [(shown(Path(file).name), "") for file in files],
            "entries": [_entry(result, places, threshold) for result in report.results],
        },
        index=shown(index),
        total=len(report.results),
        facts=list(_facts(report, index, threshold)),
        judged=threshold is not None,
        unreadable=unreadable_rows(report.unreadable),
    )


def _entry(
    result: QueryMatches, places: dict[str | tuple[str, int], int], threshold: float | None
) -> dict[str, Any]:
    query = places[os.fspath(result.query)]
    pictures: list[list[Any]] = [[query, "query", 0, ""]]
    pictures += [
        [places[key_of(match.frame)], _answer(match), 0, _detail(match)] for match in result.matches
    ]
    nearest = result.nearest
    if nearest is None:
        facts = "the index is empty"
    elif not result.matches:
        facts = f"no frame is similar enough, the nearest {nearest:.6f}"
    else:
        facts = f"nearest {nearest:.6f}"
    if result.view is not None:
        facts += f", {result.view.describe()}"
    if result.bars is not None:
        facts += f", without the query's bars ({result.bars.describe()})"
    margin = None
    if threshold is not None and nearest is not None:
        # 0 at the threshold; relative to how unlike frames at the threshold are.
        margin = abs(nearest - threshold) / (1 - threshold or 1)
    found = bool(result.matches) and (
        threshold is None or (nearest is not None and nearest >= threshold)
    )
    return {
        "kind": int(found),
        "title": query,
        "margin": None if margin is None else round(margin, 4),
        "facts": facts,
        "notes": [] if result.verdict in (None, "found") else [["warn", result.verdict]],
        "pictures": pictures,
    }


def _answer(match: Match) -> str:
    """Return what was asked for: the time in a video, or which image it is."""
    time_s = match.frame.time_s
    return shown(Path(match.frame.source).name) if time_s is None else show_time(time_s)


def _detail(match: Match) -> str:
    detail = f"frame {match.frame.number:,}\nsimilarity {match.similarity:.6f}"
    return detail if match.pixels is None else f"{detail}\npixels {match.pixels:.2f} apart"


def _facts(
    report: SearchReport, index: str | os.PathLike[str], threshold: float | None
) -> Iterator[tuple[str, str]]:
    yield "Index", shown(index)
    if report.fingerprint is not None:
        yield "Weights", shown(report.fingerprint.weights)
    if threshold is not None:
        yield "Found means", f"similarity {threshold:g} or more"
