"""Pictures too small to be compared are listed and left alone."""

import itertools
import shutil

import numpy as np
import pytest
from PIL import Image

from nearframe.common import METHODS, SourceError
from nearframe.index import build_index
from nearframe.query import DedupOptions, DedupPlan, plan_dedup, save_table, sweep_dedup


@pytest.fixture
def icons(tmp_path):
    """Two photos of one picture, and icons of it that are as like."""
    folder = tmp_path / "photos"
    folder.mkdir()
    levels = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    photo = Image.fromarray(levels.repeat(16, 0).repeat(16, 1))
    for name, size in (
        *(("a", (128, 128)), ("b", (128, 128))),
        *(("icon", (48, 48)), ("strip", (128, 63)), ("least", (64, 64))),
    ):
        photo.resize(size, Image.Resampling.NEAREST).save(folder / f"{name}.png")
    shutil.copy(folder / "icon.png", folder / "icon2.png")
    return folder


@pytest.mark.parametrize(("method", "from_index"), [*itertools.product(METHODS, [False, True])])
def test_they_are_named_with_their_sizes(icons, tmp_path, fake_embedder, method, from_index):
    source = icons
    if from_index:
        source = tmp_path / "x.index"
        build_index([icons], source, embedder=fake_embedder)
    plan = plan_dedup(source, DedupOptions(method=method), embedder=fake_embedder)
    assert [(file.file, file.reason) for file in plan.tiny] == [
        ("icon.png", "48x48 pixels"),
        ("icon2.png", "48x48 pixels"),
        ("strip.png", "128x63 pixels"),
    ]
    judged = {file.file for file in (*plan.kept, *plan.dropped)}
    assert judged == {"a.png", "b.png", "least.png"}


def test_they_are_compared_where_that_is_asked_for(icons, fake_embedder):
    plan = plan_dedup(icons, DedupOptions(min_side=1), embedder=fake_embedder)
    assert plan.tiny == ()
    assert "icon2.png" in {file.file for file in plan.dropped}


def test_a_plan_and_its_table_list_them(icons, tmp_path, fake_embedder):
    plan = plan_dedup(icons, embedder=fake_embedder)
    plan.save(tmp_path / "plan.json")
    assert DedupPlan.load(tmp_path / "plan.json") == plan
    save_table(plan, tmp_path / "plan.csv")
    assert "tiny,strip.png,,,,,,,,128x63 pixels" in (tmp_path / "plan.csv").read_text().splitlines()


def test_a_folder_of_nothing_else_gives_a_plan_that_drops_nothing(icons, fake_embedder):
    for name in ("a", "b", "least"):
        (icons / f"{name}.png").unlink()
    plan = plan_dedup(icons, embedder=fake_embedder)
    assert (plan.kept, plan.dropped, len(plan.tiny)) == ((), (), 3)
    with pytest.raises(SourceError, match="smaller than 64 pixels"):
        sweep_dedup(icons, embedder=fake_embedder)


def test_the_command_says_what_it_left_alone(icons, run):
    lines = run("dedup", icons).stdout.splitlines()
    assert lines[1] == (
        "3 pictures with a side under 64 pixels left alone (icon.png: 48x48 pixels, "
        "icon2.png: 48x48 pixels, strip.png: 128x63 pixels); "
        "--min-side 1 compares them, too"
    )
    assert "pixels left alone" not in run("dedup", icons, "--min-side", 1).stdout
