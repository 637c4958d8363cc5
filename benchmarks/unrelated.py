"""How alike are pictures that have nothing to do with each other? Where a threshold must lie.

``python benchmarks/unrelated.py FOLDER`` embeds the images of a folder in which no two show the
same, and prints which similarity how few of the pairs exceed.
"""

from pathlib import Path

import click
import numpy as np

from nearframe.embeddings import Embedder, default_threshold


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--weights", default="builtin", show_default=True)
def main(folder: Path, weights: str) -> None:
    """Print quantiles of the similarity of all pairs."""
    batches = Embedder(weights).embed_source(folder)
    vectors = np.concatenate([batch.vectors for batch in batches]).astype(np.float64)
    pairs = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    print(f"{len(vectors)} images, {len(pairs)} pairs, weights {weights}")
    for share in (0.5, 0.99, 0.9999):
        print(f"{share:8.2%} of the pairs are below {np.quantile(pairs, share):.6f}")
    print(f"the nearest pair has {pairs.max():.6f}")
    threshold = default_threshold(weights)
    if threshold is not None:
        print(f"{(pairs >= threshold).sum()} pairs reach the default threshold, {threshold}")


if __name__ == "__main__":
    main()
