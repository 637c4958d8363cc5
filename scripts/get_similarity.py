"""getSimilarity: how alike are two images?"""

from pathlib import Path
from typing import Any

import click

from .cli import Command, EmbedderOptions, embedder_options, json_option, print_json


@click.command("getSimilarity", cls=Command, short_help="Compare two images.")
@click.argument("images", nargs=-1, metavar="[IMAGE IMAGE]", type=click.Path(path_type=Path))
@click.option("-q", "--query", type=click.Path(path_type=Path), help="One image.")
@click.option("-t", "--target", type=click.Path(path_type=Path), help="The other.")
@embedder_options
@json_option
def get_similarity(
    images: tuple[Path, ...],
    query: Path | None,
    target: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the cosine similarity of two images, from -1 to 1; higher is nearer."""
    from nearframe.embeddings.sources.header import read_header
    from nearframe.query import similarity, usual_threshold

    given = [path for path in (query, *images, target) if path is not None]
    if len(given) != 2:
        raise click.UsageError(
            f"two images are compared, not {len(given)}: getSimilarity a.jpg b.jpg"
        )
    query, target = given
    # Before the network is loaded, which may take seconds.
    for path in (query, target):
        read_header(path)
    embedder = EmbedderOptions(**options).make()
    value = similarity(query, target, embedder=embedder)
    if as_json:
        threshold = usual_threshold(None, embedder.fingerprint)
        print_json(
            {
                "query": str(query),
                "target": str(target),
                "similarity": value,
                "threshold": None if threshold is None else threshold.value,
                "verdict": None if threshold is None else threshold.verdict(value),
            }
        )
    else:
        click.echo(f"Image Similarity: {value}")
