"""queryDataset: which frame of an index is this picture?"""

import re
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    Command,
    Cosine,
    EmbedderOptions,
    embedder_options,
    force_option,
    json_option,
    print_json,
    progress_bar,
    report_older_rules,
    report_skipped,
    report_unfinished,
    require_output,
    require_page,
    show_path,
    skipped_json,
    strict_option,
)
from .left_out import left_out_json, note_left_out, report_left_out

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
@click.option(
    "--csv",
    "table_path",
    type=click.Path(path_type=Path),
    callback=require_output,
    metavar="FILE",
    help="Also write the answers as a table, a row per match.",
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
    table_path: Path | None,
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
    from nearframe.query import search
    from nearframe.query.report.contact_sheet import check_sheet_path

    if index_path is None:
        if not places:
            raise click.UsageError("which index? queryDataset still.jpg my.index")
        *places_before, index_path = places
        places = tuple(places_before)
    queries = (*queries, *places)
    if not queries:
        raise click.UsageError("no query was given: queryDataset still.jpg my.index")
    left_out = note_left_out(queries)
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
        unfinished = unfinished_inputs(index) if isinstance(index, FrameIndex) else ()
        older_rules = files_of_older_rules(index) if isinstance(index, FrameIndex) else 0
    _save(report, report_path, sheet_path, table_path, index_path)
    if as_json:
        print_json(
            {
                "complete": not unfinished,
                "older_rules": older_rules,
                "threshold": None if report.threshold is None else report.threshold.value,
                "threshold_origin": None if report.threshold is None else report.threshold.origin,
                "results": [_as_json(result) for result in report.results],
                "skipped": skipped_json(report.unreadable),
                "left_out": left_out_json(left_out),
            }
        )
    elif len(report.results) > 1 or any(query.is_dir() for query in queries):
        _print_stills(report)
    else:
        _print(report.results[0], report.threshold, k=k)
    for label, path in (("Report", report_path), ("Picture", sheet_path), ("Table", table_path)):
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
    table: Path | None,
    index_path: Path,
) -> None:
    from nearframe.query import save_contact_sheet, save_query_report, save_query_table

    if page is not None:
        value = None if report.threshold is None else report.threshold.value
        with progress_bar() as progress:
            save_query_report(report, page, index=index_path, threshold=value, progress=progress)
    if sheet is not None:
        save_contact_sheet(report, sheet)
    if table is not None:
        save_query_table(report, table)


def _print_stills(report: "SearchReport") -> None:
    """Print one table for all stills; the columns are as wide as what stands in them."""
    from nearframe.query import QUERY_COLUMNS, query_rows

    rows: list[tuple[str, ...]] = [QUERY_COLUMNS]
    for row in query_rows(report):
        source = show_path(row.source) if row.source else ""
        row = replace(row, still=show_path(row.still), source=source)
        rows.append(tuple(cell or "-" for cell in astuple(row)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        click.echo(line.rstrip())


def _print(result: "QueryMatches", threshold: "Threshold | None", *, k: int) -> None:
    if not result.matches:
        if result.nearest is None or threshold is None:
            click.echo("The index is empty.")
        else:
            click.echo(
                f"No frame with a similarity of {threshold.value} or more "
                f"(nearest {result.nearest:.6f})"
            )
        return
    if k == 1:
        _print_match(result.matches[0])
    else:
        _print_table(result.matches)
    if result.view is not None:
        text = result.view.describe()
        click.echo(text[0].upper() + text[1:])
    if result.bars is not None:
        click.echo(f"Bars: trimmed from the query, {result.bars.describe()}")
    if threshold is not None and result.verdict in ("likely", "unsure"):
        click.echo(_how_sure(result, threshold))


def _how_sure(result: "QueryMatches", threshold: "Threshold") -> str:
    """Say what speaks for and against a frame below the threshold."""
    origin = {"index": ", calibrated for this index"}.get(threshold.origin, "")
    below = (
        f"Similarity {result.nearest:.6f} is below {threshold.value}, from where frames count as "
        f"the same{origin}"
    )
    if result.margin is None:
        return f"{below}: unsure, perhaps not in the index."
    if result.verdict == "likely":
        return (
            f"{below}, but {result.margin:.6f} above any other view: likely an edited copy, or a "
            "part of this frame."
        )
    return (
        f"{below}, and only {result.margin:.6f} above another view: unsure, perhaps not in the "
        "index."
    )


def _print_match(match: "Match") -> None:
    from nearframe.common import show_time

    click.echo("Most Similar Frame:")
    click.echo(f"Frame Number: {match.frame.number}")
    click.echo(f"Cosine Similarity: {match.similarity:.6f}")
    if match.frame.source:
        click.echo(f"Source: {show_path(match.frame.source)}")
    if match.frame.time_s is not None:
        click.echo(f"Time: {show_time(match.frame.time_s)}")


def _print_table(matches: "tuple[Match, ...]") -> None:
    from nearframe.common import show_time

    # Without it, nobody could tell why a frame comes before one of higher similarity.
    compared = any(match.pixels is not None for match in matches)
    click.echo(f"Rank  Similarity  {'Pixels  ' if compared else ''}Frame   Time          Source")
    for rank, match in enumerate(matches, 1):
        pixels = "-" if match.pixels is None else f"{match.pixels:.2f}"
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
        "verdict": result.verdict,
        "margin": result.margin,
        "same_view": None if result.view is None else asdict(result.view),
        "bars": None if result.bars is None else asdict(result.bars),
        "matches": [
            {
                "frame_number": match.frame.number,
                "source": match.frame.source,
                "time_s": match.frame.time_s,
                "stamp_s": match.frame.stamp_s,
                "similarity": match.similarity,
                "pixels": match.pixels,
            }
            for match in result.matches
        ],
    }
