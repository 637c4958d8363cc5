"""plan_dedup with cameras, changes, windows, protected folders and better representatives."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from nearframe.common import NearframeError, SourceError
from nearframe.index import build_index
from nearframe.query import ChangeSettings, DedupOptions, Naming, Window, mask_files, plan_dedup

HERE, THERE, FAR = (10, 10), (70, 30), (130, 60)


def kept(plan):
    return [number(file.file) for file in plan.kept]


def number(name):
    """c1-1616694992.png is ``c1 2``: the third of its camera."""
    camera, seconds = re.fullmatch(r"(.+)-(\d{10})\.\w+", Path(name).name).groups()
    return f"{camera} {(int(seconds) - 1616694872) // 60}"


def options(method="hybrid", **fields):
    return DedupOptions(method=method, **fields)


def test_names_that_tell_cameras_make_hybrid_the_default(camera_folder, make_folder, fake_embedder):
    plan = plan_dedup(camera_folder({"c1": [None, None]}), embedder=fake_embedder)
    assert (plan.rules.method, plan.rules.change) == ("hybrid", ChangeSettings())
    assert plan_dedup(make_folder(2), embedder=fake_embedder).rules.method == "embedding"


@pytest.mark.parametrize("method", ["hybrid", "change"])
def test_an_object_in_a_new_place_is_new_and_an_empty_yard_only_once(
    camera_folder, fake_embedder, method
):
    folder = camera_folder({"c1": [None, None, HERE, HERE, None, THERE, HERE, FAR]})
    plan = plan_dedup(folder, options(method), embedder=fake_embedder)
    assert kept(plan) == ["c1 0", "c1 2", "c1 5", "c1 7"]
    assert [(number(file.file), number(file.repeats)) for file in plan.dropped] == [
        ("c1 1", "c1 0"), ("c1 3", "c1 2"), ("c1 4", "c1 0"), ("c1 6", "c1 2"),
    ]  # fmt: skip
    assert all(file.change == 0 for file in plan.dropped)
    assert all((file.similarity is None) == (method == "change") for file in plan.dropped)
    assert all(file.change > 0.02 for file in plan.kept[1:])


@pytest.mark.parametrize("factor", [0.6, 1.5])
@pytest.mark.parametrize("method", ["hybrid", "change"])
def test_another_light_is_nothing_new_but_a_small_object_in_it_is(
    camera_folder, fake_embedder, yard, method, factor
):
    folder = camera_folder({"c1": [None]})
    for number, block in ((1, None), (2, HERE)):
        lit = ImageEnhance.Brightness(yard.picture(block, side=12)).enhance(factor)
        lit.save(folder / f"c1-{1616694872 + 60 * number}.png")
    choice = options(method, keep="first")
    assert kept(plan_dedup(folder, choice, embedder=fake_embedder)) == ["c1 0", "c1 2"]


def test_changes_are_found_where_vectors_tell_nothing(camera_folder, embedder_of):
    blind = embedder_of(lambda pixels: np.ones((len(pixels), 2048)))
    folder = camera_folder({"c1": [None, HERE]})
    alike = options("embedding", threshold=0.9)
    assert kept(plan_dedup(folder, alike, embedder=blind)) == ["c1 0"]
    assert kept(plan_dedup(folder, options(), embedder=blind)) == ["c1 0", "c1 1"]


def test_change_needs_no_vectors(camera_folder):
    folder = camera_folder({"c1": [None, HERE]})
    plan = plan_dedup(folder, options("change"), embedder=lambda _: pytest.fail("made one"))
    assert (plan.fingerprint, plan.rules.threshold) == (None, None)
    with pytest.raises(NearframeError, match="is a cosine, and method change compares no vectors"):
        plan_dedup(folder, options("change", threshold=0.9))


@pytest.mark.parametrize("method", ["hybrid", "change", "embedding"])
def test_cameras_are_never_compared_with_each_other_unless_asked(
    camera_folder, fake_embedder, yard, method
):
    folder = camera_folder({"c1": [None, None], "c2": [None]})
    yard.picture().save(folder / "c2-1616694872.png")
    choice = options(method, threshold=None if method == "change" else 0.9)
    plan = plan_dedup(folder, choice, embedder=fake_embedder)
    assert kept(plan) == ["c1 0", "c2 0"]
    assert [file.camera for file in plan.kept] == ["c1", "c2"]
    across = DedupOptions(method=method, threshold=choice.threshold, across_cameras=True)
    assert kept(plan_dedup(folder, across, embedder=fake_embedder)) == ["c1 0"]


def test_frames_of_a_camera_come_in_the_order_of_their_times(tmp_path, yard, fake_embedder):
    folder = tmp_path / "named"
    folder.mkdir()
    for name in ("gate 31-12-2020", "gate 01-01-2021", "gate 02-01-2019"):
        yard.picture().save(folder / f"{name}.png")
    naming = Naming.of(pattern=r"(?P<camera>\w+) (?P<time>.+)", time_format="%d-%m-%Y")
    plan = plan_dedup(folder, options(naming=naming), embedder=fake_embedder)
    assert [file.file for file in plan.kept] == ["gate 02-01-2019.png"]
    assert [file.file for file in plan.dropped] == ["gate 31-12-2020.png", "gate 01-01-2021.png"]
    assert plan.kept[0].time == "2019-01-02T00:00:00.000"


def test_a_window_in_time_keeps_what_comes_back_later(camera_folder, fake_embedder):
    folder = camera_folder({"c1": [None, HERE, HERE, None]})
    near = options(window=Window.parse("2m"))
    assert kept(plan_dedup(folder, near, embedder=fake_embedder)) == ["c1 0", "c1 1", "c1 3"]
    far = options(window=Window.parse("3m"))
    assert kept(plan_dedup(folder, far, embedder=fake_embedder)) == ["c1 0", "c1 1"]


def test_a_window_takes_the_time_of_files_whose_names_tell_none(make_folder, fake_embedder):
    folder = make_folder([0, 0, 0])
    for name, hours in (("000001.png", 9), ("000002.png", 0), ("000003.png", 1)):
        os.utime(folder / name, (1e9 + hours * 3600,) * 2)
    plan = plan_dedup(
        folder, options("embedding", window=Window.parse("2h")), embedder=fake_embedder
    )
    assert [file.file for file in plan.kept] == ["000002.png", "000001.png"]


def test_with_previous_only_the_last_kept_frame_counts(camera_folder, fake_embedder):
    folder = camera_folder({"c1": [None, HERE, None, None]})
    plan = plan_dedup(folder, options(against="previous"), embedder=fake_embedder)
    assert kept(plan) == ["c1 0", "c1 1", "c1 2"]


def test_the_index_of_a_folder_gives_the_same_plan(camera_folder, fake_embedder, tmp_path):
    folder = camera_folder({"c1": [None, HERE, None, THERE], "c2": [None, None, HERE]})
    build_index([folder], tmp_path / "x.index", embedder=fake_embedder)
    for choice in (options(), options("change"), options(keep="sharpest")):
        expected = plan_dedup(folder, choice, embedder=fake_embedder)
        found = plan_dedup(tmp_path / "x.index", choice)
        assert (found.kept, found.dropped) == (expected.kept, expected.dropped)


def test_each_camera_has_its_own_mask(camera_folder, fake_embedder, tmp_path):
    folder = camera_folder({"c1": [None, HERE], "c2": [None, HERE]})
    mask = np.full((90, 160), 255, np.uint8)
    mask[:45, :80] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    change = ChangeSettings(masks=mask_files({"c2": tmp_path / "mask.png"}))
    plan = plan_dedup(folder, options(change=change), embedder=fake_embedder)
    assert kept(plan) == ["c1 0", "c1 1", "c2 0"]
    unknown = ChangeSettings(masks=mask_files({"c9": tmp_path / "mask.png"}))
    with pytest.raises(NearframeError, match=r"camera c9, but no image of it; .* are c1, c2"):
        plan_dedup(folder, options(change=unknown), embedder=fake_embedder)


def test_a_picture_that_a_mask_does_not_fit_is_left_out(camera_folder, fake_embedder, tmp_path):
    folder = camera_folder({"c1": [None, HERE]})
    Image.new("RGB", (90, 160)).save(folder / "c1-1616695000.png")
    Image.new("L", (160, 90), 255).save(tmp_path / "mask.png")
    change = ChangeSettings(masks=mask_files({"": tmp_path / "mask.png"}))
    plan = plan_dedup(folder, options(change=change), embedder=fake_embedder)
    assert kept(plan) == ["c1 0", "c1 1"]
    assert "the mask is 160x90 but the picture 90x160" in plan.unreadable[0].reason


def test_corrupt_files_are_listed_and_never_stop_a_run(camera_folder, fake_embedder, tmp_path):
    folder = camera_folder({"c1": [None, HERE, None]})
    (folder / "c1-1616694932.png").write_bytes(b"\x89PNG\r\n")
    for choice in (options(), options("change"), options("embedding")):
        plan = plan_dedup(folder, choice, embedder=fake_embedder)
        assert [Path(entry.source).name for entry in plan.unreadable] == ["c1-1616694932.png"]
        assert (kept(plan), len(plan.dropped)) == (["c1 0"], 1)


def test_a_file_that_vanishes_between_two_looks_is_no_reason_to_drop(
    camera_folder, fake_embedder, monkeypatch
):
    # So that every picture is read again when it is compared.
    monkeypatch.setattr("nearframe.query.dedup.pictures._HELD_BYTES", 0)
    folder = camera_folder({"c1": [None, None, None]})
    plan = plan_dedup(folder, options(), embedder=fake_embedder)
    assert (len(plan.kept), len(plan.dropped)) == (1, 2)
    monkeypatch.setattr(
        "nearframe.query.dedup.job.DecodedPictures.read",
        lambda *_: (_ for _ in ()).throw(NearframeError("gone")),
    )
    # The last two are still in memory, and can be compared.
    assert [
        number(file.file) for file in plan_dedup(folder, options(), embedder=fake_embedder).dropped
    ] == ["c1 2"]


@pytest.fixture
def protected(camera_folder, tmp_path):
    """A folder of c1 with an empty yard, a block and another; the block is known from before."""
    folder = camera_folder({"c1": [None, HERE, THERE]})
    known = tmp_path / "known" / "deep"
    known.mkdir(parents=True)
    image = Image.open(folder / "c1-1616694932.png")
    # Later than all others: the times of protected files do not matter.
    image.save(known / "c1-1916694932.png")
    return folder, known.parent


@pytest.mark.parametrize("method", ["hybrid", "change", "embedding"])
def test_protected_files_serve_as_references_only(protected, fake_embedder, method):
    folder, known = protected
    threshold = 0.9999 if method == "embedding" else None
    plan = plan_dedup(
        folder, options(method, protect=(known,), threshold=threshold), embedder=fake_embedder
    )
    assert kept(plan) == ["c1 0", "c1 2"]
    outside = str(known / "deep" / "c1-1916694932.png")
    assert [(number(file.file), file.repeats) for file in plan.dropped] == [("c1 1", outside)]
    assert [file.file for file in plan.protected] == [outside]


def test_a_protected_sub_folder_is_never_dropped_from(camera_folder, fake_embedder):
    folder = camera_folder({"c1": [None, None, None]})
    (folder / "keep").mkdir()
    (folder / "c1-1616694992.png").rename(folder / "keep" / "c1-1616694992.png")
    choice = options(recursive=True, protect=(folder / "keep",))
    plan = plan_dedup(folder, choice, embedder=fake_embedder)
    assert plan.kept == ()
    assert [file.file for file in plan.protected] == [str(Path("keep", "c1-1616694992.png"))]
    assert {file.repeats for file in plan.dropped} == {plan.protected[0].file}


def test_a_folder_that_is_protected_altogether_has_nothing_to_drop(camera_folder, fake_embedder):
    folder = camera_folder({"c1": [None, None]})
    with pytest.raises(SourceError, match="all of its images are protected"):
        plan_dedup(folder, options(protect=(folder,)), embedder=fake_embedder)
    with pytest.raises(SourceError, match="no such"):
        plan_dedup(folder, options(protect=(folder / "none",)), embedder=fake_embedder)


@pytest.fixture
def blurred_first(camera_folder):
    """Two runs of three frames, of each of which the first is the least sharp."""
    folder = camera_folder({"c1": [FAR, FAR, FAR, HERE, HERE, HERE]})
    for name, radius in ((0, 1.5), (1, 0.7), (3, 1.5), (4, 0.7)):
        path = folder / f"c1-{1616694872 + 60 * name}.png"
        Image.open(path).filter(ImageFilter.GaussianBlur(radius)).save(path)
    return folder


@pytest.mark.parametrize("method", ["hybrid", "change", "embedding"])
def test_the_sharpest_of_a_run_represents_it(blurred_first, fake_embedder, method):
    threshold = 0.9 if method == "embedding" else None
    first = plan_dedup(
        blurred_first, options(method, threshold=threshold, keep="first"), embedder=fake_embedder
    )
    sharpest = plan_dedup(
        blurred_first,
        options(method, threshold=threshold, keep="sharpest"),
        embedder=fake_embedder,
    )
    runs = len(first.kept)
    assert kept(first) == ["c1 0", "c1 3"][:runs]
    assert kept(sharpest) == (["c1 2", "c1 5"] if runs == 2 else ["c1 2"])
    repeats = {number(file.file): number(file.repeats) for file in sharpest.dropped}
    assert repeats["c1 0"] == "c1 2"
    assert len(sharpest.dropped) == len(first.dropped)


def test_the_largest_of_a_run_represents_it(camera_folder, fake_embedder):
    folder = camera_folder({"c1": [None, None, None]})
    path = folder / "c1-1616694932.png"
    Image.open(path).resize((320, 180)).save(path)
    plan = plan_dedup(folder, options(keep="largest"), embedder=fake_embedder)
    assert kept(plan) == ["c1 1"]


def test_a_better_frame_that_others_do_not_repeat_stays_out(camera_folder, embedder_of, yard):
    """0 is near 1 and 2, but 1 and 2 are not near each other: only 0 can stand for both."""
    folder = camera_folder({"c1": [None, None, None]})
    for place in (1, 2):
        path = folder / f"c1-{1616694872 + 60 * place}.png"
        Image.fromarray(255 - yard.ground if place == 2 else yard.ground).resize((320, 180)).save(
            path
        )
    angles = iter([0.0, 0.4, -0.4])

    def describe(pixels):
        turned = [next(angles) for _ in pixels]
        return np.pad(np.stack([np.cos(turned), np.sin(turned)], axis=1), ((0, 0), (0, 2046)))

    choice = options("embedding", threshold=float(np.cos(0.5)), keep="largest")
    plan = plan_dedup(folder, choice, embedder=embedder_of(describe))
    assert kept(plan) == ["c1 0"]


def test_what_is_kept_is_kept_again(camera_folder, fake_embedder):
    """Running on the result of an earlier run finds nothing new to drop."""
    generator = np.random.default_rng(5)
    places = [None, HERE, THERE, FAR, (40, 50), (100, 5)]
    folder = camera_folder(
        {camera: [places[pick] for pick in generator.integers(0, 6, 20)] for camera in ("a", "b")}
    )
    for choice in (
        options(),
        options("change", against="previous"),
        options("embedding", threshold=0.999),
        options(keep="sharpest"),
        options(window=Window.parse("5m")),
        options(window=Window.parse("3")),
    ):
        plan = plan_dedup(folder, choice, embedder=fake_embedder)
        assert plan.dropped
        aside = [(folder / file.file, folder.parent / file.file) for file in plan.dropped]
        for file, other in aside:
            file.rename(other)
        again = plan_dedup(folder, choice, embedder=fake_embedder)
        for file, other in aside:
            other.rename(file)
        assert again.dropped == ()
