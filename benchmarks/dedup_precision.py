"""What dedup drops at its defaults of photos among which copies were hidden, and what it finds.

    python -m benchmarks dedup_precision ../shared/data/photos ../shared/data/clothes

Every photo is taken once, and of as many as there are copies to be one copy is made, of ten kinds
in turn; the names are random, so that a copy comes before its original as often as behind it. It
prints, at the default threshold and at the 0.95 that counts what a cosine alone can find:

- precision: of the pictures that are dropped, the share of which an original or a copy stays;
- recall by kind: the share of copies of which, or of whose original, one is dropped.
"""

import argparse
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from copy_kinds import COPY_KINDS, write_copy

from nearframe.embeddings import Embedder
from nearframe.index import build_index
from nearframe.query import DedupOptions, DedupPlan, plan_dedup

COPIES = 1000
ONLY_A_COSINE = 0.95


def main() -> None:
    """Print precision, and recall by kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--copies", type=int, default=COPIES)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    photos = sorted(path for folder in arguments.photos for path in folder.glob("*.jpg"))
    embedder = Embedder(weights="builtin")
    with tempfile.TemporaryDirectory() as scratch:
        folder, index = Path(scratch, "pictures"), Path(scratch, "pictures.index")
        folder.mkdir()
        kinds = _write(photos, folder, arguments.copies, random.Random(arguments.seed))
        build_index([folder], index, embedder=embedder)
        print(f"{len(photos):,} photos, {sum(map(len, kinds.values())) - len(photos):,} copies")
        for options in (DedupOptions(), DedupOptions(threshold=ONLY_A_COSINE)):
            _print(plan_dedup(index, options, embedder=embedder), kinds)


def _write(
    photos: list[Path], folder: Path, copies: int, rng: random.Random
) -> Mapping[int, Mapping[str, str]]:
    """Write photos and copies; return the kinds of the files of each photo by their names."""
    names = iter(rng.sample(range(10**6), len(photos) + copies))
    copied = rng.sample(range(len(photos)), copies)
    kind_of = {photo: COPY_KINDS[turn % len(COPY_KINDS)] for turn, photo in enumerate(copied)}
    kinds: dict[int, dict[str, str]] = {}
    for number, photo in enumerate(photos):
        path = Path(shutil.copy(photo, folder / f"{next(names):06}{photo.suffix}"))
        kinds[number] = {path.name: ""}
        if number in kind_of:
            copy = write_copy(photo, kind_of[number], folder, f"{next(names):06}")
            kinds[number][copy.name] = kind_of[number]
    return kinds


def _print(plan: DedupPlan, kinds: Mapping[int, Mapping[str, str]]) -> None:
    dropped = {file.file for file in plan.dropped}
    kept = {file.file for file in plan.kept}
    lost = list(_lost(kinds, dropped, kept))
    precision = 1 - len(lost) / len(dropped) if dropped else 1.0
    print(
        f"threshold {plan.rules.threshold:g} ({plan.rules.threshold_origin}): {len(dropped)} "
        f"dropped, {len(lost)} of them without a kept copy: precision {precision:.4f}"
    )
    there, found = Counter[str](), Counter[str]()
    for names in kinds.values():
        kind = max(names.values())
        there[kind] += 1
        found[kind] += bool(dropped.intersection(names))
    for kind in COPY_KINDS:
        if there[kind]:
            print(
                f"  {kind:<14}{found[kind]:>5} of {there[kind]:<5}{found[kind] / there[kind]:.3f}"
            )
    print(f"  named as showing too little: {len(plan.uninformative)}")


def _lost(
    kinds: Mapping[int, Mapping[str, str]], dropped: set[str], kept: set[str]
) -> Iterator[str]:
    """Yield what is dropped though nothing of the same photo stays."""
    for names in kinds.values():
        if not kept.intersection(names):
            yield from dropped.intersection(names)


if __name__ == "__main__":
    main()
