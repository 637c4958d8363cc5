"""The answers to many stills as one table."""

import csv
import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass

from nearframe.common import output_write, show_time, shown, writing_errors
from nearframe.index import Match

from ..search.search import QueryMatches, SearchReport
from ..search.views import judge

COLUMNS = ("still", "source", "time", "frame", "similarity", "verdict")

NO_MATCH = "no match"
"""The verdict on a still of which no frame reaches the threshold that was given."""


@dataclass(frozen=True, slots=True)
class QueryRow:
    """A row of `COLUMNS` in words; what there is none of is empty.

    Attributes:
        still: The file that was asked for.
        source: The file of the frame.
        time: Of the frame, in hours, minutes and seconds.
        frame: Its number.
        similarity: With six digits.
        verdict: The `Verdict`, or `NO_MATCH`; behind it which stretch of the video shows the same,
            and whether bars were trimmed.
    """

    still: str
    source: str
    time: str
    frame: str
    similarity: str
    verdict: str


def query_rows(report: SearchReport) -> Iterator[QueryRow]:
    """Yield a row per match, the best of each still first; one without for a still without."""
    for result in report.results:
        if not result.matches:
            nearest = "" if result.nearest is None else f"{result.nearest:.6f}"
            yield QueryRow(result.query, "", "", "", nearest, NO_MATCH)
        for rank, match in enumerate(result.matches):
            verdict = judge(match.similarity, None, report.threshold)
            yield _row(result, match, describe_verdict(result) if rank == 0 else verdict or "")


def describe_verdict(result: QueryMatches) -> str:
    """Say how sure the answer is: ``found; same view from 0:00:43.000 to 0:01:10.000``."""
    parts: list[str] = [result.verdict] if result.verdict else []
    if result.view is not None:
        parts.append(result.view.describe())
    if result.bars is not None:
        parts.append("bars trimmed")
    return "; ".join(parts)


def save_query_table(report: SearchReport, path: str | os.PathLike[str]) -> None:
    r"""Write `query_rows` as CSV in UTF-8. What is no text in a name is written as ``\xff``.

    Raises:
        OutputError: If it cannot be written, or would replace what nearframe did not write.
    """
    with writing_errors(path), output_write(path, "w") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in query_rows(report):
            table.writerow(map(shown, astuple(row)))


def _row(result: QueryMatches, match: Match, verdict: str) -> QueryRow:
    frame = match.frame
    return QueryRow(
        still=result.query,
        source=frame.source,
        time="" if frame.time_s is None else show_time(frame.time_s),
        frame=str(frame.number),
        similarity=f"{match.similarity:.6f}",
        verdict=verdict,
    )
