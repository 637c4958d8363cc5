import numpy as np
import pytest

from nearframe.embeddings import NearframeError, SourceError
from nearframe.index import build_index
from nearframe.query import (
    ChangeSettings,
    DedupOptions,
    Target,
    plan_dedup,
    plan_for_target,
    plot_sweep,
    sweep_dedup,
)

METHODS = ["embedding", "change", "hybrid"]


@pytest.fixture
def folder(camera_folder):
    generator = np.random.default_rng(2)
    places = [None, *((int(x), int(y)) for x, y in generator.integers(0, 60, (9, 2)))]
    return camera_folder({"c1": [places[pick] for pick in generator.integers(0, 10, 24)]})


def names(plan):
    return [file.file for file in plan.kept], [(file.file, file.repeats) for file in plan.dropped]


def at(method, threshold):
    if method == "embedding":
        return DedupOptions(method=method, threshold=threshold)
    return DedupOptions(method=method, change=ChangeSettings(change_threshold=threshold))


@pytest.mark.parametrize("method", METHODS)
def test_a_sweep_counts_what_a_plan_keeps(folder, fake_embedder, method):
    sweep = sweep_dedup(folder, DedupOptions(method=method), embedder=fake_embedder)
    assert sweep.total == 24
    assert sweep.kind == ("similarity" if method == "embedding" else "change")
    for point in sweep.points:
        plan = plan_dedup(folder, at(method, point.threshold), embedder=fake_embedder)
        assert point.kept == len(plan.kept)
    assert len({point.kept for point in sweep.points}) > 2


def test_a_sweep_embeds_each_frame_once(folder, fake_embedder, monkeypatch):
    embedded = []
    network = fake_embedder._backbone
    monkeypatch.setattr(
        fake_embedder, "_backbone", lambda pixels: embedded.append(len(pixels)) or network(pixels)
    )
    sweep_dedup(folder, DedupOptions(method="hybrid"), embedder=fake_embedder)
    assert sum(embedded) == 24


def test_a_sweep_of_an_index_is_that_of_its_folder(folder, fake_embedder, tmp_path):
    build_index([folder], tmp_path / "x.index", embedder=fake_embedder)
    for method in METHODS:
        choice = DedupOptions(method=method)
        expected = sweep_dedup(folder, choice, embedder=fake_embedder)
        assert sweep_dedup(tmp_path / "x.index", choice).points == expected.points


def test_a_sweep_says_what_is_used_now(folder, fake_embedder):
    sweep = sweep_dedup(folder, DedupOptions(method="hybrid"), embedder=fake_embedder)
    assert sweep.usual == sweep.points[0].threshold == 0.005
    sweep = sweep_dedup(folder, DedupOptions(method="embedding"), embedder=fake_embedder)
    assert (
        sweep.usual
        == plan_dedup(
            folder, DedupOptions(method="embedding"), embedder=fake_embedder
        ).rules.threshold
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wanted", ["1", "20%", "5", "8", "100%"])
def test_a_target_is_met_as_well_as_any_threshold_can(folder, fake_embedder, method, wanted):
    target, choice = Target.parse(wanted), DedupOptions(method=method)
    plan = plan_for_target(folder, target, choice, embedder=fake_embedder)
    sweep = sweep_dedup(folder, choice, embedder=fake_embedder)
    missed = abs(len(plan.kept) - target.of(24))
    assert missed <= min(abs(point.kept - target.of(24)) for point in sweep.points)
    # The plan is the one that its own threshold gives.
    used = plan.rules.change.change_threshold if plan.rules.change else plan.rules.threshold
    expected = plan_dedup(folder, at(method, used), embedder=fake_embedder)
    assert names(plan) == names(expected)
    assert plan.rules.threshold_origin == ("target" if method == "embedding" else None)


def test_files_that_cannot_be_read_stand_in_the_plan_of_a_target(folder, fake_embedder):
    (folder / "c1-1616694932.png").write_text("no image")
    plan = plan_for_target(folder, Target(frames=5), embedder=fake_embedder)
    assert len(plan.unreadable) == 1
    sweep = sweep_dedup(folder, embedder=fake_embedder)
    assert (len(sweep.unreadable), sweep.total) == (1, 23)
    for file in folder.iterdir():
        file.write_text("no image")
    with pytest.raises(SourceError, match="none of its 24 images can be read"):
        sweep_dedup(folder, embedder=fake_embedder)


@pytest.mark.parametrize(
    ("text", "of_200"), [("20%", 40), ("0.1 %", 1), ("100%", 200), ("500", 200), ("7", 7)]
)
def test_a_target_is_a_share_or_a_number(text, of_200):
    assert Target.parse(text).of(200) == of_200


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "-5", "1.5", "half"])
def test_anything_else_is_no_target(text):
    with pytest.raises(NearframeError, match="is no target; expected a percentage"):
        Target.parse(text)


def test_a_sweep_is_drawn(folder, fake_embedder, tmp_path):
    sweep = sweep_dedup(folder, embedder=fake_embedder)
    for name in ("a.png", "a.svg"):
        plot_sweep(sweep, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(NearframeError, match=r"expected a name that ends in \.png"):
        plot_sweep(sweep, tmp_path / "a.txt")
