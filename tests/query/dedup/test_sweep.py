import json
import re

import numpy as np
import pytest

from nearframe.common import NearframeError, SourceError
from nearframe.index import build_index
from nearframe.query import (
    ChangeSettings,
    DedupOptions,
    Target,
    plan_dedup,
    plan_for_target,
    plot_sweep,
    save_sweep_report,
    sweep_dedup,
)
from nearframe.query.dedup.sweep_steps import CHANGED_AREAS, SIMILARITIES, sweep_steps

METHODS = ["embedding", "change", "hybrid"]
COUNT = 14


@pytest.fixture
def folder(camera_folder):
    generator = np.random.default_rng(2)
    places = [None, *((int(x), int(y)) for x, y in generator.integers(0, 60, (6, 2)))]
    return camera_folder({"c1": [places[pick] for pick in generator.integers(0, 7, COUNT)]})


def names(plan):
    return [file.file for file in plan.kept], [(file.file, file.repeats) for file in plan.dropped]


def at(method, threshold):
    if method == "embedding":
        return DedupOptions(method=method, threshold=threshold)
    return DedupOptions(method=method, change=ChangeSettings(change_threshold=threshold))


@pytest.mark.parametrize("method", METHODS)
def test_a_sweep_counts_what_a_plan_keeps(folder, fake_embedder, method):
    options = at(method, 0.999 if method == "embedding" else 0.03)
    sweep = sweep_dedup(folder, options, embedder=fake_embedder)
    assert sweep.total == COUNT
    assert sweep.kind == ("similarity" if method == "embedding" else "change")
    for point in sweep.points:
        plan = plan_dedup(folder, at(method, point.threshold), embedder=fake_embedder)
        assert point.kept == len(plan.kept)
    # To the fake network the places of the block are far apart.
    assert len({point.kept for point in sweep.points}) > (2 if method != "embedding" else 0)


def test_a_sweep_embeds_each_frame_once(folder, fake_embedder, monkeypatch):
    embedded = []
    network = fake_embedder._backbone
    monkeypatch.setattr(
        fake_embedder, "_backbone", lambda pixels: embedded.append(len(pixels)) or network(pixels)
    )
    sweep_dedup(folder, DedupOptions(method="hybrid"), embedder=fake_embedder)
    assert sum(embedded) == COUNT


def test_a_sweep_of_an_index_is_that_of_its_folder(folder, fake_embedder, tmp_path):
    build_index([folder], tmp_path / "x.index", embedder=fake_embedder)
    for method in METHODS:
        choice = DedupOptions(method=method)
        expected = sweep_dedup(folder, choice, embedder=fake_embedder)
        assert sweep_dedup(tmp_path / "x.index", choice).points == expected.points


def test_a_sweep_says_what_is_used_now(folder, fake_embedder):
    sweep = sweep_dedup(folder, DedupOptions(method="hybrid"), embedder=fake_embedder)
    assert sweep.usual == 0.005
    sweep = sweep_dedup(folder, DedupOptions(method="embedding"), embedder=fake_embedder)
    assert (
        sweep.usual
        == plan_dedup(
            folder, DedupOptions(method="embedding"), embedder=fake_embedder
        ).rules.threshold
    )


@pytest.mark.parametrize(
    ("kind", "usual"),
    [
        *[("similarity", value) for value in (0.5, 0.7188, 0.95, 0.953279, 0.98, 0.9999)],
        *[("change", value) for value in (0.0025, 0.005, 0.0123, 0.025, 0.2)],
    ],
)
def test_there_are_fixed_steps_on_both_sides_of_the_value_in_use(kind, usual):
    steps = sweep_steps(kind, usual)
    fixed = SIMILARITIES if kind == "similarity" else CHANGED_AREAS
    assert steps.count(usual) == 1
    assert steps == sorted(steps, reverse=kind == "similarity")
    assert min(steps) < usual < max(steps)
    assert set(steps) - {usual} <= set(fixed)
    inside = [value for value in fixed if min(steps) <= value <= max(steps)]
    assert set(inside) <= set(steps)
    assert len(steps) <= 13


@pytest.mark.parametrize("usual", [-1.0, 1.0, None])
@pytest.mark.parametrize("kind", ["similarity", "change"])
def test_there_are_steps_at_the_ends_of_the_scale_too(kind, usual):
    assert len(sweep_steps(kind, usual)) >= 7


@pytest.mark.parametrize("method", METHODS)
def test_steps_are_the_same_whatever_the_pictures_are(folder, make_folder, fake_embedder, method):
    options = at(method, 0.02 if method != "embedding" else 0.9)
    first = sweep_dedup(folder, options, embedder=fake_embedder)
    second = sweep_dedup(make_folder([0, 1, 0]), options, embedder=fake_embedder)
    assert [point.threshold for point in first.points] == [p.threshold for p in second.points]
    assert first.usual in [point.threshold for point in first.points]


@pytest.mark.parametrize("method", METHODS)
def test_each_step_has_the_pair_that_is_nearest_to_it(folder, fake_embedder, method):
    sweep = sweep_dedup(folder, DedupOptions(method=method), embedder=fake_embedder)
    assert sweep.folder == str(folder)
    for point in sweep.points[::4]:
        plan = plan_dedup(folder, at(method, point.threshold), embedder=fake_embedder)
        judged = [
            (file.similarity if method == "embedding" else file.change, file.file)
            for file in (*plan.kept, *plan.dropped)
        ]
        distances = {
            abs(value - point.threshold): name
            for value, name in judged
            if value is not None and (method == "embedding" or value > 0)
        }
        pair = point.pair
        value = pair.similarity if method == "embedding" else pair.change
        assert abs(value - point.threshold) == pytest.approx(min(distances), abs=1e-6)
        assert pair.camera == "c1"
        dropped = {str(folder / file.file): file.repeats for file in plan.dropped}
        assert pair.repeat == (pair.later in dropped)
        if pair.repeat and method != "embedding":
            assert pair.earlier == str(folder / dropped[pair.later])


def test_one_picture_alone_has_no_pairs(make_folder, fake_embedder, tmp_path):
    sweep = sweep_dedup(make_folder(1), embedder=fake_embedder)
    assert {point.pair for point in sweep.points} == {None}
    save_sweep_report(sweep, tmp_path / "s.html")
    assert '"entries":[]' in (tmp_path / "s.html").read_text("utf-8")


def entries_of(path):
    page = path.read_text("utf-8")
    (text,) = re.findall(r'<script type="application/json" id="entries">(.*?)</script>', page)
    packs = re.findall(r'<script type="application/json" class="pack">(.*?)</script>', page, re.S)
    pictures = [picture for pack in packs for picture in json.loads(pack)]
    return page, json.loads(text), pictures


@pytest.mark.parametrize("method", METHODS)
def test_the_report_shows_a_pair_at_each_step(folder, fake_embedder, tmp_path, method):
    sweep = sweep_dedup(folder, DedupOptions(method=method), embedder=fake_embedder)
    save_sweep_report(sweep, tmp_path / "s.html")
    page, data, pictures = entries_of(tmp_path / "s.html")
    assert len(data["entries"]) == len(sweep.points)
    assert len(pictures) == len(data["files"]) == 2 * len(sweep.points)
    for point, entry in zip(sweep.points, data["entries"], strict=True):
        names = [data["files"][place][0] for place, _, _ in entry["pictures"]]
        assert [str(folder / name) for name in names] == [point.pair.earlier, point.pair.later]
        assert entry["heading"].endswith(f": {point.kept} of {COUNT} stay")
        assert ("used now" in entry["heading"]) == (point.threshold == sweep.usual)
        assert entry["kind"] == (not point.pair.repeat)
        assert all(pictures[place][0] for place, _, _ in entry["pictures"])
    assert page.count(">used now</td>") == 1


def test_the_report_says_where_a_file_is_gone(folder, fake_embedder, tmp_path):
    sweep = sweep_dedup(folder, embedder=fake_embedder)
    for file in folder.iterdir():
        file.unlink()
    save_sweep_report(sweep, tmp_path / "s.html")
    assert {picture[3] for picture in entries_of(tmp_path / "s.html")[2]} == {"the file is gone"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wanted", ["1", "20%", "5", "100%"])
def test_a_target_is_met_as_well_as_any_threshold_can(folder, fake_embedder, method, wanted):
    target, choice = Target.parse(wanted), DedupOptions(method=method)
    plan = plan_for_target(folder, target, choice, embedder=fake_embedder)
    sweep = sweep_dedup(folder, choice, embedder=fake_embedder)
    missed = abs(len(plan.kept) - target.of(COUNT))
    assert missed <= min(abs(point.kept - target.of(COUNT)) for point in sweep.points)
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
    assert (len(sweep.unreadable), sweep.total) == (1, COUNT - 1)
    for file in folder.iterdir():
        file.write_text("no image")
    with pytest.raises(SourceError, match=f"none of its {COUNT} images can be read"):
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
