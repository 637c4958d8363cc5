"""queryDataset: which frame of an index is this picture?"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    Command,
    Cosine,
    EmbedderOptions,
    ProgressBar,
    embedder_options,
    force_option,
    json_option,
    print_json,
    report_older_rules,
    report_skipped,
    report_unfinished,
    require_page,
    show_path,
    skipped_json,
    strict_option,
)
from .left_out import left_out_json, list_left_out, report_left_out

if TYPE_CHECKING:
    from nearframe.index import Match
    from nearframe.query import QueryMatches, SearchReport, Threshold


class Seconds(click.ParamType):  # type: ignore[type-arg]  # not generic at run time before click 8.4
    """A time: seconds (``83.5``), ``m:ss`` or ``h:mm:ss``."""

    name = "TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", value):
            self.fail(f"{value!r} is no time; expected seconds, m:ss or h:mm:ss", param, ctx)
        seconds = 0.0
        for part in value.split(":"):
            seconds = 60 * seconds + float(part)
        return seconds


@click.command("queryDataset", cls=Command, short_help="Find a picture in an index, with its time.")
@click.argument("places", nargs=-1, metavar="[IMAGE... INDEX]", type=click.Path(path_type=Path))
@click.option(
    "-q",
    "--query",
    "queries",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image, or a folder of them; may be given several times.",
)
@click.option(
    "-i",
    "--index",
    "index_path",
    type=click.Path(path_type=Path),
    help="An index, or a .json or .faiss file.",
)
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Matches per query.",
)
@click.option("--threshold", type=Cosine(), help="Lowest similarity of a match.")
@click.option("--source", help="Only frames of this file, or of files below this folder.")
@click.option("--from", "start_s", type=Seconds(), help="Only frames from this time on.")
@click.option("--to", "end_s", type=Seconds(), help="Only frames up to this time.")
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path),
    callback=require_page,
    metavar="PAGE.html",
    help="Write a page that shows each query beside its matches.",
)
@click.option(
    "--show",
    "sheet_path",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="Draw each query beside its matches: .png, .jpg or .webp.",
)
@force_option
@embedder_options
@strict_option
@json_option
def query_dataset(
    places: tuple[Path, ...],
    queries: tuple[Path, ...],
    index_path: Path | None,
    k: int,
    threshold: float | None,
    source: str | None,
    start_s: float | None,
    end_s: float | None,
    report_path: Path | None,
    sheet_path: Path | None,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the frames of an index that are nearest to a picture, with their time."""
    from nearframe.index import (
        FrameIndex,
        Restriction,
        files_of_older_rules,
        open_index,
        unfinished_inputs,
    )
    from nearframe.query import check_sheet_path, search, usual_threshold

    if index_path is None:
        if not places:
            raise click.UsageError("which index? queryDataset still.jpg my.index")
        *places_before, index_path = places
        places = tuple(places_before)
    queries = (*queries, *places)
    if not queries:
        raise click.UsageError("no query was given: queryDataset still.jpg my.index")
    left_out = list_left_out(queries)
    if sheet_path is not None:
        check_sheet_path(sheet_path)
    with open_index(index_path) as index:
        report = search(
            index,
            queries,
            k=k,
            threshold=threshold,
            within=Restriction(source=source, start_s=start_s, end_s=end_s),
            embedder=EmbedderOptions(**options).embedder(),
        )
        sure = usual_threshold(index, report.fingerprint)
        unfinished = unfinished_inputs(index) if isinstance(index, FrameIndex) else ()
        older_rules = files_of_older_rules(index) if isinstance(index, FrameIndex) else 0
    _save(report, report_path, sheet_path, index_path, sure)
    if as_json:
        results = [_as_json(result) for result in report.results]
        print_json(
            {
                "complete": not unfinished,
                "older_rules": older_rules,
                "results": results,
                "skipped": skipped_json(report.unreadable),
                "left_out": left_out_json(left_out),
            }
        )
    else:
        for number, result in enumerate(report.results):
            if len(report.results) > 1:
                click.echo(("\n" if number else "") + f"{show_path(result.query)}:")
            _print(result, k=k, threshold=threshold, sure=sure)
    for label, path in (("Report", report_path), ("Picture", sheet_path)):
        if path is not None:
            click.echo(f"{label}: {show_path(path)}", err=as_json)
    report_unfinished(index_path, unfinished)
    report_older_rules(index_path, older_rules)
    report_left_out(left_out)
    report_skipped(report.unreadable, strict=strict)


def _save(
    report: "SearchReport",
    page: Path | None,
    sheet: Path | None,
    index_path: Path,
    sure: "Threshold | None",
) -> None:
    from nearframe.query import save_contact_sheet, save_query_report

    if page is not None:
        value = None if sure is None else sure.value
        with ProgressBar() as progress:
            save_query_report(report, page, index=index_path, threshold=value, progress=progress)
    if sheet is not None:
        save_contact_sheet(report, sheet)


def _print(
    result: "QueryMatches", *, k: int, threshold: float | None, sure: "Threshold | None"
) -> None:
    if not result.matches:
        if result.nearest is None:
            click.echo("The index is empty.")
        else:
            click.echo(
                f"No frame with a similarity of {threshold} or more (nearest {result.nearest:.6f})"
            )
        return
    if k == 1:
        _print_match(result.matches[0])
    else:
        _print_table(result.matches)
    if result.bars is not None:
        click.echo(f"Bars: trimmed from the query, {result.bars.describe()}")
    if sure is not None and result.nearest is not None and not sure.reached_by(result.nearest):
        origin = {"index": ", calibrated for this index"}.get(sure.origin, "")
        click.echo(
            f"Below {sure.value}, from where frames count as the same{origin}: "
            "perhaps not in the index."
        )


def _print_match(match: "Match") -> None:
    from nearframe.query.clock import show_time

    click.echo("Most Similar Frame:")
    click.echo(f"Frame Number: {match.frame.number}")
    click.echo(f"Cosine Similarity: {match.similarity:.6f}")
    if match.frame.source:
        click.echo(f"Source: {show_path(match.frame.source)}")
    if match.frame.time_s is not None:
        click.echo(f"Time: {show_time(match.frame.time_s)}")


def _print_table(matches: "tuple[Match, ...]") -> None:
    from nearframe.query.clock import show_time

    # Without it, nobody could tell why a frame comes before one of higher similarity.
    compared = any(match.difference is not None for match in matches)
    click.echo(f"Rank  Similarity  {'Pixels  ' if compared else ''}Frame   Time          Source")
    for rank, match in enumerate(matches, 1):
        pixels = "-" if match.difference is None else f"{match.difference:.2f}"
        time = "-" if match.frame.time_s is None else show_time(match.frame.time_s)
        source = show_path(match.frame.source) if match.frame.source else "-"
        click.echo(
            f"{rank:4}  {match.similarity:10.6f}  {f'{pixels:>6}  ' if compared else ''}"
            f"{match.frame.number:<6}  {time:<12}  {source}"
        )


def _as_json(result: "QueryMatches") -> dict[str, Any]:
    return {
        "query": result.query,
        "nearest": result.nearest,
        "bars": None if result.bars is None else asdict(result.bars),
        "matches": [
            {
                "frame_number": match.frame.number,
                "source": match.frame.source,
                "time_s": match.frame.time_s,
                "stamp_s": match.frame.stamp_s,
                "similarity": match.similarity,
                "difference": match.difference,
            }
            for match in result.matches
        ],
    }
