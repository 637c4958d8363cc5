"""nearframe calibrate: from which similarity do two of these pictures count as the same?"""

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
    show_path,
    skipped_json,
    strict_option,
)
from .left_out import left_out_json, note_left_out, report_left_out
from .options_in_text import message_of

if TYPE_CHECKING:
    from nearframe.embeddings import Embedder, MakeEmbedder
    from nearframe.query import Calibration, TooFewImagesError


@click.command("calibrate", cls=Command, short_help="Measure a threshold on your own images.")
@path_argument("folder", metavar="FOLDER")
@click.option(
    "--rate",
    default=1e-4,
    show_default=True,
    help="Share of the pairs of different images that may count as the same.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="INDEX",
    help="Store the threshold in an index; queryDataset uses it there, and dedup where its "
    "default is lower.",
)
@click.option(
    "--frames", default=100, show_default=True, metavar="N", help="Images to copy, evenly spread."
)
@click.option("--seed", default=0, show_default=True, help="Of the copies' crops and so on.")
@click.option("--recursive", is_flag=True, help="Search the folder with its sub-folders.")
@embedder_options
@strict_option
@json_option
def calibrate(
    folder: Path,
    rate: float,
    into: Path | None,
    frames: int,
    seed: int,
    recursive: bool,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the similarity from which two pictures count as the same.

    FOLDER holds images of which no two show the same; a few hundred, better a thousand.
    """
    from nearframe.index import store_threshold
    from nearframe.query import TooFewImagesError
    from nearframe.query import calibrate as run_calibration

    embedder = EmbedderOptions(**options).embedder()
    left_out = note_left_out([folder])
    try:
        with progress_bar() as progress:
            calibration = run_calibration(
                folder,
                rate=rate,
                embedder=embedder if into is None else _of_index(into, embedder),
                frames=frames,
                seed=seed,
                recursive=recursive,
                progress=progress,
            )
    except TooFewImagesError as error:
        if as_json:
            print_json(_refusal(error, rate))
        report_left_out(left_out)
        raise
    if into is not None:
        store_threshold(into, calibration.to_store(), fingerprint=calibration.fingerprint)
    if as_json:
        print_json({**_as_json(calibration, into), "left_out": left_out_json(left_out)})
    else:
        _print(calibration, into)
    for warning in calibration.warnings:
        click.echo(f"Warning: {warning}", err=True)
    report_left_out(left_out)
    report_skipped(calibration.unreadable, strict=strict)


def _of_index(path: Path, embedder: "Embedder | MakeEmbedder") -> "Embedder":
    """Return the embedder of an index, before anything is embedded."""
    from nearframe.common import shown
    from nearframe.embeddings import resolve_embedder
    from nearframe.index import FrameIndex

    with FrameIndex.open(path) as index:
        return resolve_embedder(embedder, index.fingerprint, holder=f"the index {shown(path)}")


def _print(calibration: "Calibration", into: Path | None) -> None:
    from nearframe.query import one_in

    mistakes = calibration.rate * 499_500
    mistaken = f"{mistakes:,.0f}" if mistakes >= 1 else f"{mistakes:.2g}"
    left_out = calibration.equal_pairs
    click.echo(f"Made with {calibration.fingerprint.describe()}")
    click.echo(
        f"{count(calibration.images, 'image')}, {calibration.pairs:,} pairs taken for different"
        + f"; {count(left_out, 'pair')} with equal pixels left out" * bool(left_out)
    )
    click.echo(f"\nThreshold: {calibration.threshold:g}")
    click.echo(
        f"  {calibration.above:,} of these pairs reach it, with {one_in(calibration.rate)} allowed"
    )
    if calibration.interval is not None:
        low, high = calibration.interval
        click.echo(f"  from {low:g} to {high:g} in 95 % of folders drawn at random from this one")
    click.echo(
        f"  at this rate, of the pairs of 1,000 different images {mistaken} count as the same"
    )
    click.echo(f"\nCopies it finds, of {count(calibration.copied, 'image')}:")
    found = [f"{edit:<12}{share:5.0%}" for edit, share in calibration.found.items()]
    for start in range(0, len(found), 3):
        click.echo("  " + "    ".join(found[start : start + 3]))
    click.echo("\nNearest pairs; if these show the same, the threshold is too high:")
    for pair in calibration.nearest:
        alike = "  looks the same" if pair.alike else ""
        click.echo(
            f"  {pair.similarity:.6f}  {show_path(pair.first)}  {show_path(pair.second)}{alike}"
        )
    if into is not None:
        click.echo(
            f"\nStored in {show_path(into)}; queryDataset uses it there, and dedup where its "
            "default is lower."
        )
    else:
        click.echo(f"\nNext: dedup FOLDER --threshold {calibration.threshold:g}")


def _refusal(error: "TooFewImagesError", rate: float) -> dict[str, Any]:
    return {
        "threshold": None,
        "rate": rate,
        "images": error.images,
        "images_needed": error.needed,
        "pairs": error.pairs,
        "stored_in": None,
        "error": message_of(error),
    }


def _as_json(calibration: "Calibration", into: Path | None) -> dict[str, Any]:
    return {
        "threshold": calibration.threshold,
        "interval": calibration.interval,
        "rate": calibration.rate,
        "images": calibration.images,
        "pairs": calibration.pairs,
        "above": calibration.above,
        "equal_pairs": calibration.equal_pairs,
        "found": dict(calibration.found),
        "copied": calibration.copied,
        "nearest": [
            {
                "first": pair.first,
                "second": pair.second,
                "similarity": pair.similarity,
                "alike": pair.alike,
            }
            for pair in calibration.nearest
        ],
        "fingerprint": calibration.fingerprint.to_json(),
        "created": calibration.created,
        "stored_in": None if into is None else str(into),
        "warnings": list(calibration.warnings),
        "skipped": skipped_json(calibration.unreadable),
    }
