"""nearframe: all commands under one name."""

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
from .overview import overview
from .query_dataset import query_dataset
from .split import split
from .undo import undo
from .verify import verify
from .weights import weights


@click.group()
@click.version_option(package_name="nearframe")
def nearframe() -> None:
    """Find the frame you mean, and drop the frames you already have."""


for _command in (
    get_similarity,
    build_index,
    query_dataset,
    dedup,
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
