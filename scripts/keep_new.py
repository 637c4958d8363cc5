"""nearframe keep-new: which frames of a video are new?"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .cli import (
    Command,
    EmbedderOptions,
    count,
    embedder_options,
    json_option,
    path_argument,
    print_json,
    progress_bar,
    report_skipped,
    show_argument,
    show_path,
    skipped_json,
    strict_option,
)
from .dedup_options import decision_options, take_options
from .sampling_options import sampling_options, take_sampling

if TYPE_CHECKING:
    from nearframe.embeddings.sources import Sampling
    from nearframe.query import DedupOptions, VideoDedup


@click.command("keep-new", cls=Command, short_help="Write the frames of a video that are new.")
@path_argument("source", metavar="VIDEO")
@decision_options
@sampling_options
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="New folder for the new frames; without it, they are only counted.",
)
@embedder_options
@strict_option
@json_option
def keep_new(source: Path, to: Path | None, strict: bool, as_json: bool, **options: Any) -> None:
    """Write the frames of VIDEO that are new to a folder: those that repeat no earlier one."""
    sampling, comparison = take_sampling(options), take_options(options)
    embedder = EmbedderOptions(**options)
    keep_new_frames(source, comparison, sampling, embedder, to=to, strict=strict, as_json=as_json)


def keep_new_frames(
    source: Path,
    options: "DedupOptions",
    sampling: "Sampling",
    embedder: EmbedderOptions,
    *,
    to: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Write the frames of a video that are new to a folder, or only say how many there are."""
    from nearframe.query import dedup_video as find_new_frames

    try:
        with progress_bar() as progress:
            found = find_new_frames(
                source,
                options,
                to=to,
                sampling=sampling,
                embedder=embedder.embedder(),
                progress=progress,
            )
    except KeyboardInterrupt as error:
        raise click.ClickException(
            "interrupted; nothing was written"
            if to is None
            else f"interrupted; {show_path(to)} has the new frames up to there; the same command "
            "goes on"
        ) from error
    if as_json:
        print_json(_as_json(found))
    else:
        _print(source, found, to)
    report_skipped(found.unreadable, strict=strict)


def _print(source: Path, found: "VideoDedup", to: Path | None) -> None:
    from nearframe.query import describe_recall, describe_rules

    rules = describe_rules(found.rules, found.fingerprint)
    verb = "Would keep" if to is None else "Keeps"
    click.echo(f"{verb} {len(found.kept)} of {count(found.total, 'frame')} ({rules})")
    if found.uninformative:
        click.echo(
            f"{count(found.uninformative, 'frame')} too dark, flat or blurred for similarity, so "
            "that only equal pixels count; --method hybrid compares what changed"
        )
    if found.recall is not None:
        click.echo(describe_recall(found.recall))
    if to is None:
        click.echo(f"Next: nearframe keep-new {show_argument(source)} --to DIR")
    else:
        click.echo(f"{count(len(found.kept), 'frame')} now in {show_path(to)}")


def _as_json(found: "VideoDedup") -> dict[str, Any]:
    return {
        "video": found.video,
        "frames": found.total,
        "kept": [
            {
                "frame_number": frame.number,
                "time_s": frame.time_s,
                "file": frame.file,
                "nearest": frame.nearest,
                "similarity": frame.similarity,
                "change": frame.change,
            }
            for frame in found.kept
        ],
        "rules": found.rules.to_json(),
        "recall": None if found.recall is None else asdict(found.recall),
        "uninformative": found.uninformative,
        "skipped": skipped_json(found.unreadable),
    }
