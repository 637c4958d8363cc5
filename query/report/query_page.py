"""The report of a search: each query beside the frames that were found."""

import html
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nearframe.common import ProgressOption, as_progress, shown

from ..search.search import QueryMatches, SearchReport
from .matches import MatchPictures, describe_frame, key_of
from .page import choice, controls, facts_list, unreadable_list, write_page
from .thumbnails import picture_json


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
        for thumbnail in pictures.thumbnails():
            yield picture_json(thumbnail)
            progress.advance(1)

    places = pictures.places()
    files = [key if isinstance(key, str) else key[0] for key in places]
    write_page(
        path,
        title=f"{shown(os.fspath(index))}: queries",
        body=_body(report, index, threshold),
        pictures=written(),
        data=lambda: {
            "kinds": [
                {"name": "below the threshold", "good": False},
                {"name": "found", "good": True},
            ],
            "files": [(shown(Path(file).name), "") for file in files],
            "entries": [_entry(result, places, threshold) for result in report.results],
        },
    )


def _entry(
    result: QueryMatches, places: dict[str | tuple[str, int], int], threshold: float | None
) -> dict[str, Any]:
    query = places[os.fspath(result.query)]
    pictures: list[list[Any]] = [[query, "query", 0, ""]]
    for rank, match in enumerate(result.matches, 1):
        role = f"{rank}: similarity {match.similarity:.6f}"
        if match.pixels is not None:
            role += f", pixels {match.pixels:.2f} apart"
        pictures.append([places[key_of(match.frame)], role, 0, describe_frame(match.frame)])
    nearest = result.nearest
    if nearest is None:
        facts = "the index is empty"
    elif not result.matches:
        facts = f"no frame is similar enough, the nearest {nearest:.6f}"
    else:
        facts = f"nearest {nearest:.6f}"
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
        "group": 0,
        "title": query,
        "margin": None if margin is None else round(margin, 4),
        "facts": facts,
        "pictures": pictures,
    }


def _body(report: SearchReport, index: str | os.PathLike[str], threshold: float | None) -> str:
    count = len(report.results)
    facts = [("Index", shown(index))]
    if report.fingerprint is not None:
        facts.append(("Weights", shown(report.fingerprint.weights)))
    menus = []
    if threshold is not None:
        facts.append(("Frames count as the same from", f"similarity {threshold:g}"))
        menus = [
            choice("kind", "Show", [("", "all"), ("1", "found"), ("0", "below the threshold")]),
            choice("order", "Order", [("", "as asked"), ("margin", "closest to the threshold")]),
        ]
    noun = "query" if count == 1 else "queries"
    return "\n".join(
        [
            f"<h1>{count:,} {noun}, and what was found</h1>",
            facts_list(facts),
            unreadable_list(report.unreadable, "Queries that nobody can look for.", "the answer"),
            "<h2>Queries</h2>",
            f'<p class="soft">{html.escape("Left the query, beside it the nearest frames.")}</p>',
            controls(menus),
        ]
    )
