"""What a file holds besides its 8-bit RGB picture keeps it from being dropped."""

import itertools
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nearframe.common import KEEP, METHODS
from nearframe.query import DedupOptions, GreedyDedup, plan_dedup, sweep_dedup

SIDE = 96


def texture(seed, shape=(SIDE, SIDE, 3), dtype=np.uint8, high=256):
    coarse = np.random.default_rng(seed).integers(0, high, (12, 12, *shape[2:]))
    return coarse.repeat(shape[0] // 12, 0).repeat(shape[1] // 12, 1).astype(dtype)


def transparent(folder, number):
    picture = Image.new("RGBA", (SIDE, SIDE), (255, 255, 255, 0))
    ImageDraw.Draw(picture).text((8, 8 + 24 * number), f"text {number}", "white", font_size=20)
    picture.save(folder / f"{number}.png")


def animated(folder, number):
    frames = [Image.new("RGB", (SIDE, SIDE))]
    frames += [Image.fromarray(texture(10 * number + step)) for step in range(2)]
    frames[0].save(folder / f"{number}.gif", save_all=True, append_images=frames[1:])


def pages(folder, number):
    sheets = [Image.fromarray(texture(seed)) for seed in (0, number + 1)]
    sheets[0].save(folder / f"{number}.tif", save_all=True, append_images=sheets[1:])


def deep(folder, number):
    # The 8 high bits are equal, those below differ.
    values = texture(0, (SIDE, SIDE), np.uint16) * 256 + texture(number + 1, (SIDE, SIDE)) % 128
    Image.fromarray(values.astype(np.uint16)).save(folder / f"{number}.png")


@pytest.mark.parametrize(
    ("method", "keep", "write"),
    [*itertools.product(METHODS, KEEP, [transparent, animated, pages, deep])],
)
def test_only_a_file_that_holds_the_same_is_dropped(tmp_path, fake_embedder, method, keep, write):
    for number in range(3):
        write(tmp_path, number)
    first = min(tmp_path.iterdir())
    shutil.copy(first, tmp_path / f"9{first.suffix}")
    options = DedupOptions(method=method, keep=keep)
    plan = plan_dedup(tmp_path, options, embedder=fake_embedder)
    assert [(file.file, file.repeats) for file in plan.dropped] == [
        (f"9{first.suffix}", first.name)
    ]


def test_an_opaque_copy_in_another_format_is_dropped(tmp_path, fake_embedder):
    Image.fromarray(texture(0)).convert("RGBA").save(tmp_path / "a.png")
    Image.fromarray(texture(0)).save(tmp_path / "b.bmp")
    plan = plan_dedup(tmp_path, DedupOptions(keep="first"), embedder=fake_embedder)
    assert [file.file for file in plan.dropped] == ["b.bmp"]


def test_a_sweep_counts_by_the_same_evidence(tmp_path, fake_embedder):
    for number in range(3):
        transparent(tmp_path, number)
    points = sweep_dedup(tmp_path, embedder=fake_embedder).points
    assert {point.kept for point in points} == {3}


def unit(*angles):
    """Unit vectors in a plane, at some degrees."""
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], 1).astype(np.float32)


@pytest.mark.parametrize("batches", [1, 5])
@pytest.mark.parametrize("references", [0, 2])
def test_the_next_nearest_is_tried_where_the_nearest_is_refused(batches, references):
    refused = {(3, 4), (2, 4), (1, 4)}
    dedup = GreedyDedup(
        np.cos(np.radians(9)), admits=lambda earlier, later: (earlier, later) not in refused
    )
    angles = np.array([0.0, 40, 10, 20, 8.5])
    # Frames 0, 2 and 3 lie around the last one, nearest first: 2, 0.
    dedup.add_references(unit(*angles[:references]))
    rest = angles[references:]
    decisions = [d for part in np.array_split(rest, batches) for d in dedup.add(unit(*part))]
    assert (decisions[-1].keep, decisions[-1].nearest) == (False, 0)
    assert all(decision.keep for decision in decisions[:-1])


def test_a_frame_that_nothing_admits_stays_beside_its_nearest():
    dedup = GreedyDedup(0.9, admits=lambda _, __: False)
    decision = dedup.add(unit(0, 1))[-1]
    assert (decision.keep, decision.nearest) == (True, 0)
    assert decision.similarity == pytest.approx(np.cos(np.radians(1)))


def test_with_pictures_too_others_are_tried_where_the_nearest_are_refused():
    dedup = GreedyDedup(
        -1.0,
        compare=lambda _, later: (later < 6, 0.5),
        admits=lambda earlier, _: earlier == 0,
    )
    decision = dedup.add(unit(0, 10, 20, 30, 40, 50, 45))[-1]
    assert (decision.keep, decision.nearest) == (False, 0)
