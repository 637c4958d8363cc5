"""getSimilarity: how alike are two images?"""

from pathlib import Path
from typing import Any

import click

from .cli import Command, EmbedderOptions, embedder_options, json_option, print_json


@click.command("getSimilarity", cls=Command, short_help="Compare two images.")
@click.option("-q", "--query", required=True, type=click.Path(path_type=Path), help="One image.")
@click.option("-t", "--target", required=True, type=click.Path(path_type=Path), help="The other.")
@embedder_options
@json_option
def get_similarity(query: Path, target: Path, as_json: bool, **options: Any) -> None:
    """Print the cosine similarity of two images, from -1 to 1; higher is nearer."""
    from nearframe.embeddings.sources.header import read_header
    from nearframe.query import similarity

    # Before the network is loaded, which may take seconds.
    for path in (query, target):
        read_header(path)
    value = similarity(query, target, embedder=EmbedderOptions(**options).make())
    if as_json:
        print_json({"query": str(query), "target": str(target), "similarity": value})
    else:
        click.echo(f"Image Similarity: {value}")
