"""How the default threshold of dedup follows from photos, their copies and near-misses.

    python -m benchmarks dedup_threshold ../shared/data/clothes-train

Of the photos every fifth is taken (c0000, c0005, …): no training sees those. It prints

1. how often two different photos reach a cosine c: about ``scale * (1 - c) ** tail``, with the tail
   by Hill's estimator (Hill, "A simple general approach to inference about the tail of a
   distribution", Annals of Statistics 3, 1975) from the nearest pairs;
2. the threshold that this allows for n photos where one in ten is a copy, for a precision of 0.999;
3. which share of rendered near-misses (one object exchanged for another) reaches which cosine;
4. which share of copies of each kind reaches which cosine;
5. how much detail the photos have, as they are, blurred and dark: what `information.LEAST_DETAIL`
   divides.

The threshold for 1,000 pictures is one that about one near-miss in ten reaches, and not below
that of 2; it grows with the number of pictures by the tail of 1.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from copy_kinds import COPY_KINDS, write_copy
from PIL import Image, ImageFilter

from nearframe.embeddings import NAMED_WEIGHTS, Embedder, default_preprocessing
from nearframe.embeddings.thumbnail import thumbnail
from nearframe.query.dedup.information import LEAST_DETAIL, detail_of
from training.near_misses import with_changed_object
from training.randomness import Draws
from training.scenes import render_scenes

NEAREST_PAIRS = 100
COPIES_SHARE = 0.1
PRECISION = 0.999
COSINES = (0.95, 0.96, 0.97, 0.975, 0.981, 0.985, 0.99)
SCENES, SCENE_SIDE, AT_ONCE = 240, 256, 24
EVERY, COPIED = 5, 4


def main() -> None:
    """Print how the threshold follows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    embedder = Embedder(weights="builtin")
    photos = sorted(parser.parse_args().photos.glob("*.jpg"))[::EVERY]
    vectors = embedder.embed(photos)
    cosines = np.sort((vectors @ vectors.T)[np.triu_indices(len(photos), 1)])[::-1]
    tail, scale = tail_of(cosines)
    print(f"{len(photos)} photos, {len(cosines):,} pairs, the nearest {cosines[0]:.4f}")
    print(f"tail {tail:.1f}, scale {scale:.3g}; least threshold for a precision of {PRECISION}:")
    dedup = NAMED_WEIGHTS["builtin"].dedup
    for count in (100, 1000, 10**4, 10**5):
        # count² / 2 pairs of different photos may give so many wrong ones: count * share * 0.001.
        rate = 2 * COPIES_SHARE * (1 - PRECISION) / count
        needed = 1 - (rate / scale) ** (1 / tail)
        print(f"  {count:>7,} photos: {needed:.4f}; default {dedup.of(count):g}")
    print("share that reaches" + "".join(f"{cosine:>7}" for cosine in COSINES))
    _print_shares("near-misses", near_misses(embedder))
    originals = photos[::COPIED]
    with tempfile.TemporaryDirectory() as folder:
        for kind in COPY_KINDS:
            copies = [
                write_copy(original, kind, Path(folder), f"{kind[:2]}{number}")
                for number, original in enumerate(originals)
            ]
            found = np.sum(embedder.embed(copies) * vectors[::COPIED], axis=1)
            _print_shares(kind, found)
    print(f"share of cells with detail, of which {LEAST_DETAIL:g} is enough: least, median, most")
    for kind, edit in _WITHOUT_DETAIL.items():
        pictures = photos if kind == "as they are" else originals
        details = np.array([_detail(picture, edit) for picture in pictures])
        values = "".join(f"{value:>7.3f}" for value in np.quantile(details, (0, 0.5, 1)))
        print(f"{kind:<18}{values}")


def tail_of(cosines: np.ndarray) -> tuple[float, float]:
    """Return tail and scale of the rate of pairs, from cosines in falling order."""
    distances = 1 - cosines[: NEAREST_PAIRS + 1].astype(np.float64)
    tail = 1 / np.mean(np.log(distances[NEAREST_PAIRS] / distances[:NEAREST_PAIRS]))
    return float(tail), float(NEAREST_PAIRS / len(cosines) / distances[NEAREST_PAIRS] ** tail)


def near_misses(embedder: Embedder) -> np.ndarray:
    """Return the cosines of rendered scenes to themselves with one object exchanged."""
    found = []
    for batch in range(SCENES // AT_ONCE):
        draws = Draws(7, batch)
        scenes = render_scenes(draws, AT_ONCE, SCENE_SIDE).float() / 255
        whole = torch.zeros(AT_ONCE, 2), torch.ones(AT_ONCE, 2)
        changed = with_changed_object(draws, scenes, whole)
        found.append(
            np.sum(embedder.embed(_arrays(scenes)) * embedder.embed(_arrays(changed)), axis=1)
        )
    return np.concatenate(found)


def _blurred(share: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.filter(ImageFilter.GaussianBlur(min(picture.size) * share))


def _darkened(share: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.point(lambda level: round(share * level))


_WITHOUT_DETAIL = {
    "as they are": _blurred(0),
    "blurred by 1/64": _blurred(1 / 64),
    "blurred by 1/16": _blurred(1 / 16),
    "blurred by 1/8": _blurred(1 / 8),
    "12 % of the light": _darkened(0.12),
    "5 % of the light": _darkened(0.05),
}


def _detail(path: Path, edit: Callable[[Image.Image], Image.Image]) -> float:
    with Image.open(path) as picture:
        edited = edit(picture.convert("RGB"))
    return detail_of(thumbnail(np.asarray(default_preprocessing("builtin").resize(edited))))


def _arrays(pictures: torch.Tensor) -> list[np.ndarray]:
    levels = (pictures * 255).round().byte().permute(0, 2, 3, 1)
    return [np.ascontiguousarray(picture) for picture in levels.numpy()]


def _print_shares(name: str, cosines: np.ndarray) -> None:
    print(f"{name:<18}" + "".join(f"{np.mean(cosines >= cosine):>7.3f}" for cosine in COSINES))


if __name__ == "__main__":
    main()
