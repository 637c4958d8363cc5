"""nearframe: all commands under one name."""

import difflib
from collections.abc import Sequence

import click

from .apply import apply
from .build_index import build_index
from .calibrate import calibrate
from .dedup import dedup
from .evaluate import evaluate
from .explain import explain
from .export import export
from .get_similarity import get_similarity
from .info import info
from .keep_new import keep_new
from .overview import overview
from .query_dataset import query_dataset
from .split import split
from .sweep import sweep
from .undo import undo
from .verify import verify
from .weights import weights


class _Commands(click.Group):
    """Commands; a name that is none of them is answered with the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            nearest = _nearest(args[0], self.list_commands(ctx))
            hint = f"Did you mean {' or '.join(nearest)}?" if nearest else "See nearframe --help."
            raise click.UsageError(f"No such command '{args[0]}'. {hint}", ctx) from error


def _nearest(word: str, commands: Sequence[str]) -> list[str]:
    """Return the commands that a word is a part of, or else those that are spelt most like it."""
    by_lower = {name.lower(): name for name in commands}
    word = word.lower()
    part_of = [name for name in by_lower if word in name]
    found = part_of or difflib.get_close_matches(word, by_lower, n=2, cutoff=0.5)
    return [by_lower[name] for name in found]


@click.group(cls=_Commands)
@click.version_option(package_name="nearframe")
def nearframe() -> None:
    """Find the frame you mean, and drop the frames you already have."""


for _command in (
    get_similarity,
    build_index,
    query_dataset,
    dedup,
    sweep,
    keep_new,
    apply,
    undo,
    info,
    verify,
    export,
    weights,
    evaluate,
    calibrate,
    overview,
    split,
    explain,
):
    nearframe.add_command(_command)
