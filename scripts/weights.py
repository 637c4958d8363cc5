"""nearframe weights: which weights there are, and where."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .cli import Command, json_option, print_json, show_path

if TYPE_CHECKING:
    from nearframe.embeddings import WeightsStatus


@click.command("weights", cls=Command, short_help="List the weights that have a name.")
@json_option
def weights(as_json: bool) -> None:
    """List the weights that --weights knows by name."""
    from nearframe.embeddings import list_weights

    entries = list_weights()
    if as_json:
        print_json([_as_json(entry) for entry in entries])
        return
    for entry in entries:
        state = "trained" if entry.info.trained else "NOT TRAINED"
        threshold = "none" if entry.info.threshold is None else f"{entry.info.threshold:g}"
        click.echo(f"{entry.info.name}: {entry.info.description}")
        size = f"{entry.info.size}x{entry.info.size}"
        click.echo(f"  {state}; input: {size}; default threshold: {threshold}{_of_dedup(entry)}")
        if entry.path is not None:
            there = "" if entry.sha256 else " (not there yet; downloaded on first use)"
            click.echo(f"  file:   {show_path(entry.path)}{there}")
        if entry.sha256 is not None:
            click.echo(f"  sha256: {entry.sha256}")


def _of_dedup(entry: "WeightsStatus") -> str:
    dedup = entry.info.dedup
    if dedup is None:
        return ""
    return f"; of dedup: {dedup.of(100):g} for 100 pictures, {dedup.of(10_000):g} for 10,000"


def _as_json(entry: "WeightsStatus") -> dict[str, Any]:
    return {
        "name": entry.info.name,
        "description": entry.info.description,
        "trained": entry.info.trained,
        "threshold": entry.info.threshold,
        "dedup_threshold": None if entry.info.dedup is None else asdict(entry.info.dedup),
        "size": entry.info.size,
        "path": None if entry.path is None else str(entry.path),
        "sha256": entry.sha256,
    }
