"""nearframe info: what is in an index."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    Command,
    count,
    json_option,
    path_argument,
    print_json,
    report_older_rules,
    report_skipped,
    report_unfinished,
    show_path,
    skipped_json,
)

if TYPE_CHECKING:
    from nearframe.index import IndexSummary, IvfRecord


@click.command("info", cls=Command, short_help="Say what is in an index.")
@path_argument("index_path", metavar="INDEX")
@json_option
def info(index_path: Path, as_json: bool) -> None:
    """Print what is in an index."""
    from nearframe.index import FrameIndex, summarize

    with FrameIndex.open(index_path) as index:
        summary = summarize(index)
    if as_json:
        print_json(_as_json(summary))
    else:
        _print(summary)
        report_skipped(summary.problems)
    report_unfinished(index_path, summary.unfinished)
    report_older_rules(index_path, summary.older_rules)


def _print(summary: "IndexSummary") -> None:
    click.echo(f"Index:       {show_path(summary.path)} ({summary.bytes / 1e6:.1f} MB)")
    unused = summary.vectors - summary.frames
    note = f" ({count(unused, 'unused vector')})" if unused else ""
    click.echo(f"Frames:      {summary.frames}{note}")
    if summary.unfinished:
        click.echo("Complete:    no, a build of it has not reached its end")
    click.echo(f"Made with:   {summary.fingerprint.describe()}")
    click.echo(f"Search:      {_search(summary.approximate)}")
    if summary.threshold is not None:
        found = f"{summary.threshold.pairs:,} pairs, {summary.threshold.created}"
        click.echo(f"Threshold:   {summary.threshold.value:g} (calibrated from {found})")
    click.echo("Sources:")
    for source in summary.sources:
        click.echo(f"  {source.frames:8} frames  {source.kind:6}  {show_path(source.path)}")


def _search(record: "IvfRecord | None") -> str:
    if record is None:
        return "exact"
    recall = record.recall
    return (
        f"approximate, {record.probed} of {count(record.lists, 'list')}; recall@1 "
        f"{recall.at_1:.3f}, recall@10 {recall.at_10:.3f} (measured with {recall.queries} queries)"
    )


def _search_json(record: "IvfRecord | None") -> dict[str, Any]:
    if record is None:
        return {"kind": "flat"}
    return {
        "kind": "ivf",
        "lists": record.lists,
        "probed": record.probed,
        "candidates": record.candidates,
        "recall_at_1": record.recall.at_1,
        "recall_at_10": record.recall.at_10,
        "queries": record.recall.queries,
    }


def _as_json(summary: "IndexSummary") -> dict[str, Any]:
    return {
        "index": str(summary.path),
        "frames": summary.frames,
        "vectors": summary.vectors,
        "bytes": summary.bytes,
        "fingerprint": summary.fingerprint.to_json(),
        "search": _search_json(summary.approximate),
        "threshold": None if summary.threshold is None else asdict(summary.threshold),
        "sources": [
            {
                "path": source.path,
                "kind": source.kind,
                "files": source.files,
                "frames": source.frames,
            }
            for source in summary.sources
        ],
        "complete": not summary.unfinished,
        "unfinished": list(summary.unfinished),
        "older_rules": summary.older_rules,
        "problems": skipped_json(summary.problems),
    }
