"""buildIndex: make an index of images and videos, or bring one up to date."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nearframe.common import ANN_CHOICES

from .cli import (
    Command,
    EmbedderOptions,
    count,
    embedder_options,
    force_option,
    json_option,
    print_json,
    progress_bar,
    report_skipped,
    show_path,
    skip_still_option,
    skipped_json,
    strict_option,
)
from .left_out import left_out_json, note_left_out, report_left_out
from .sampling_options import sampling_options, take_sampling

if TYPE_CHECKING:
    from nearframe.common import AnnChoice
    from nearframe.index import BuildReport, Resampled

_PROCESSED = {
    "image": "Image processed",
    "folder": "Image sequence processed",
    "video": "Video processed",
}


@click.command(
    "buildIndex", cls=Command, short_help="Make or update an index of images and videos."
)
@click.argument("sources", nargs=-1, metavar="[INPUT]...", type=click.Path(path_type=Path))
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image, a folder or a video; may be given several times.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The index: a directory, new or existing, or a .json or .faiss file; default: the name of "
    "the one input with .index, in this folder.",
)
@click.option("--recursive", is_flag=True, help="Search folders with their sub-folders.")
@sampling_options
@click.option(
    "--rehash",
    is_flag=True,
    help="Compare content, not only size and time; make thumbnails that are missing.",
)
@click.option(
    "--retry",
    is_flag=True,
    help="Try files again that took too much memory or time before, or whose decoder crashed.",
)
@click.option("--prune", is_flag=True, help="Drop frames whose file is gone.")
@click.option(
    "--ann",
    type=click.Choice(ANN_CHOICES),
    help="How it is searched: flat exactly, ivf approximately, auto by its size; default: as "
    "before, at first auto.",
)
@skip_still_option
@force_option
@embedder_options
@strict_option
@json_option
def build_index(
    sources: tuple[Path, ...],
    inputs: tuple[Path, ...],
    output: Path | None,
    recursive: bool,
    rehash: bool,
    retry: bool,
    prune: bool,
    ann: "AnnChoice | None",
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make an index of images and videos, or bring one up to date.

    Only what is new or changed is read. After an interruption the same command goes on.
    """
    from nearframe.common import SourceError
    from nearframe.index import build_index as build

    inputs = (*inputs, *sources)
    if not inputs:
        raise click.UsageError("nothing to index was given: buildIndex FOLDER -o my.index")
    output = output or _default_output(inputs)
    sampling = take_sampling(options)
    left_out = note_left_out(inputs, reads_videos=True)
    try:
        with progress_bar() as progress:
            report = build(
                inputs,
                output,
                embedder=EmbedderOptions(**options).embedder(),
                recursive=recursive,
                sampling=sampling,
                rehash=rehash,
                retry=retry,
                prune=prune,
                ann=ann,
                progress=progress,
                on_resampling=_report_resampling,
            )
    except KeyboardInterrupt as error:
        raise click.ClickException(
            "interrupted; what was read is kept, and the same command goes on from there"
        ) from error
    if as_json:
        print_json({**_as_json(report, output), "left_out": left_out_json(left_out)})
    elif report.total:
        _print(report, output)
    report_left_out(left_out)
    if report.not_retried:
        click.echo(
            f"{count(report.not_retried, 'file')} took too much memory or time before, and "
            "had no other try; --retry tries again",
            err=True,
        )
    report_skipped(report.unreadable, strict=strict and report.total > 0)
    if not report.total:
        raise SourceError(inputs[0], "nothing in it can be read; no index was made")


def _default_output(inputs: tuple[Path, ...]) -> Path:
    """Name the index after the one input; what else is there of that name is never replaced."""
    if len(inputs) > 1:
        raise click.UsageError("several inputs make one index; name it: -o my.index")
    return Path(f"{inputs[0].resolve().name or 'all'}.index")


def _report_resampling(again: "Resampled") -> None:
    """Say what is read again, which may take hours, before it is."""
    videos = count(len(again.videos), "video")
    click.echo(
        f"Reading {videos} again, of which the index has {count(again.frames, 'frame')} "
        f"({_sampling_text(*again.before)}): now {_sampling_text(again.now)}. "
        "For both, make another index with -o",
        err=True,
    )


def _sampling_text(*samplings: str) -> str:
    texts = ("all frames" if text == "all" else f"--{text}" for text in samplings)
    return ", ".join(texts)


def _print(report: "BuildReport", output: Path) -> None:
    for source in report.sources:
        click.echo(_PROCESSED[source.kind])
    click.echo(f"Processed {report.embedded} frames. Index saved to {show_path(output)}")
    if report.unchanged:
        click.echo(f"{count(report.unchanged, 'frame')} unchanged since the last run.")
    if report.gone and report.pruned:
        click.echo(f"Dropped {count(report.gone, 'frame')} whose file is gone.")
    elif report.gone:
        click.echo(f"{count(report.gone, 'frame')} of files that are gone; --prune drops them.")


def _as_json(report: "BuildReport", output: Path) -> dict[str, Any]:
    return {
        "index": str(output),
        "embedded": report.embedded,
        "unchanged": report.unchanged,
        "frames": report.total,
        "gone": report.gone,
        "pruned": report.pruned,
        "sources": [
            {
                "path": source.path,
                "kind": source.kind,
                "embedded": source.embedded,
                "unchanged": source.unchanged,
            }
            for source in report.sources
        ],
        "skipped": skipped_json(report.unreadable),
    }
