import contextlib
import os
import shutil
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nearframe.common import FingerprintMismatchError, NearframeError, SourceError, file_sha256
from nearframe.embeddings import NAMED_WEIGHTS, Embedder, Preprocessing
from nearframe.embeddings.sources import Sampling
from nearframe.index import FrameIndex, build_index
from nearframe.query import DedupOptions, DedupPlan, plan_dedup
from nearframe.query.dedup import planning as dedup


def names(entries):
    return [entry.file for entry in entries]


@pytest.fixture
def repeats(make_folder):
    """Eight images of four pictures; 1, 2, 4 and 7 are new."""
    return make_folder([0, 1, 0, 2, 1, 0, 3, 2])


@pytest.fixture
def index_of(tmp_path, fake_embedder):
    def build(*inputs, **options):
        build_index(inputs, tmp_path / "x.index", embedder=fake_embedder, **options)
        return tmp_path / "x.index"

    return build


def test_keeps_the_first_of_equal_pictures_and_drops_the_later_ones(repeats, fake_embedder):
    plan = plan_dedup(repeats, embedder=fake_embedder)
    assert names(plan.kept) == ["000001.png", "000002.png", "000004.png", "000007.png"]
    assert [(file.file, file.repeats) for file in plan.dropped] == [
        ("000003.png", "000001.png"),
        ("000005.png", "000002.png"),
        ("000006.png", "000001.png"),
        ("000008.png", "000004.png"),
    ]
    assert [file.similarity for file in plan.dropped] == pytest.approx([1, 1, 1, 1], abs=1e-6)


def test_describes_every_file_as_it_is(repeats, fake_embedder):
    plan = plan_dedup(repeats, embedder=fake_embedder)
    assert plan.folder == str(repeats)
    for file in (*plan.kept, *plan.dropped):
        assert file.size == (repeats / file.file).stat().st_size
        assert file.sha256 == file_sha256(repeats / file.file)


def test_says_what_it_was_made_with(repeats, fake_embedder):
    plan = plan_dedup(repeats, DedupOptions(threshold=0.9, against="all"), embedder=fake_embedder)
    assert (plan.rules.threshold, plan.rules.against) == (0.9, "all")
    assert plan.fingerprint == fake_embedder.fingerprint


def test_by_default_takes_the_threshold_of_the_weights_for_so_many(repeats, fake_embedder):
    plan = plan_dedup(repeats, embedder=fake_embedder)
    assert plan.rules.threshold == NAMED_WEIGHTS["builtin"].dedup.of(8)
    assert (plan.rules.threshold_origin, plan.rules.threshold_count) == ("weights", 8)


def test_the_default_threshold_grows_with_the_number_of_pictures_within_bounds():
    dedup = NAMED_WEIGHTS["builtin"].dedup
    counts = [0, 1, 2, 10, 100, 1000, 10**4, 10**5, 10**6, 10**9]
    thresholds = [dedup.of(count) for count in counts]
    assert thresholds == sorted(thresholds)
    assert thresholds[1] < dedup.of(1000) == dedup.value < thresholds[-1]
    assert (thresholds[0], thresholds[-1]) == (dedup.least, dedup.most)
    assert dedup.least > NAMED_WEIGHTS["builtin"].threshold


def test_the_threshold_decides_what_repeats(repeats, fake_embedder):
    options = DedupOptions(threshold=-1, keep="first")
    assert names(plan_dedup(repeats, options, embedder=fake_embedder).kept) == ["000001.png"]


def test_against_all_compares_with_dropped_images_too(make_folder, fake_embedder):
    # Each picture is nearer to the one before it than to the first.
    folder = make_folder(0)
    base = np.random.default_rng(0).integers(60, 200, (56, 56, 3))
    change = np.random.default_rng(1).integers(-5, 6, (56, 56, 3))
    for step in range(4):
        Image.fromarray((base + step * change).astype(np.uint8)).save(folder / f"{step}.png")
    vectors = fake_embedder.embed(sorted(folder.iterdir()))
    threshold = float(vectors[0] @ vectors[1] + vectors[0] @ vectors[2]) / 2
    options = DedupOptions(threshold=threshold, keep="first", min_side=1)
    kept = plan_dedup(folder, options, embedder=fake_embedder)
    every = plan_dedup(folder, replace(options, against="all"), embedder=fake_embedder)
    assert names(kept.kept) == ["0.png", "2.png"]
    assert names(every.kept) == ["0.png"]
    assert [file.repeats for file in every.dropped] == ["0.png", "1.png", "2.png"]


def test_goes_in_natural_order_of_names(tmp_path, picture, fake_embedder):
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in ("img10.png", "img9.png", "img1.png"):
        picture(5).save(folder / name)
    plan = plan_dedup(folder, embedder=fake_embedder)
    assert names(plan.kept) == ["img1.png"]
    assert names(plan.dropped) == ["img9.png", "img10.png"]


def test_changes_nothing_in_the_folder(repeats, fake_embedder, snapshot):
    before = snapshot(repeats)
    plan_dedup(repeats, embedder=fake_embedder)
    assert snapshot(repeats) == before


def test_looks_into_sub_folders_only_when_asked(make_folder, picture, fake_embedder):
    folder = make_folder([0, 1])
    (folder / "sub").mkdir()
    picture(1).save(folder / "sub" / "a.png")
    assert names(plan_dedup(folder, embedder=fake_embedder).dropped) == []
    plan = plan_dedup(folder, DedupOptions(recursive=True), embedder=fake_embedder)
    assert [(file.file, file.repeats) for file in plan.dropped] == [
        (os.path.join("sub", "a.png"), "000002.png")  # noqa: PTH118
    ]


def test_unreadable_images_are_reported_and_never_dropped(repeats, fake_embedder):
    (repeats / "000003.png").write_text("no image")
    (repeats / "000005.png").write_bytes(b"")
    plan = plan_dedup(repeats, embedder=fake_embedder)
    assert [(Path(entry.source).name, entry.number) for entry in plan.unreadable] == [
        ("000003.png", 2),
        ("000005.png", 4),
    ]
    assert not {"000003.png", "000005.png"} & {*names(plan.kept), *names(plan.dropped)}
    assert names(plan.dropped) == ["000006.png", "000008.png"]


def test_unreadable_images_are_named_so_that_any_folder_can_be_the_current_one(
    repeats, fake_embedder, monkeypatch
):
    (repeats / "000003.png").write_text("no image")
    monkeypatch.chdir(repeats.parent)
    plan = plan_dedup(repeats.name, embedder=fake_embedder)
    assert [entry.source for entry in plan.unreadable] == [str(repeats / "000003.png")]


def test_a_folder_of_nothing_but_broken_images_is_an_error(make_folder, fake_embedder):
    folder = make_folder(2)
    for path in folder.iterdir():
        path.write_text("no image")
    with pytest.raises(SourceError, match="none of its 2 images can be read"):
        plan_dedup(folder, embedder=fake_embedder)


def test_a_folder_without_images_is_an_error(tmp_path, fake_embedder):
    with pytest.raises(SourceError, match="no images in this folder"):
        plan_dedup(tmp_path, embedder=fake_embedder)


def test_an_image_or_a_video_is_refused(repeats, sample_video, fake_embedder):
    for source in (repeats / "000001.png", sample_video):
        with pytest.raises(SourceError, match="takes a folder of images, an index of one"):
            plan_dedup(source, embedder=fake_embedder)


@pytest.mark.parametrize("threshold", [1.5, -2, float("nan")])
def test_a_threshold_out_of_range_is_refused(repeats, fake_embedder, threshold):
    with pytest.raises(NearframeError, match="between -1 and 1"):
        plan_dedup(repeats, DedupOptions(threshold=threshold), embedder=fake_embedder)


def test_weights_without_a_calibrated_threshold_ask_for_one(repeats, fake_network):
    imagenet = Embedder("imagenet")
    with pytest.raises(NearframeError, match=r"imagenet have no calibrated threshold.*`threshold`"):
        plan_dedup(repeats, embedder=imagenet)
    assert names(plan_dedup(repeats, DedupOptions(threshold=0.999), embedder=imagenet).dropped)


def test_a_file_that_vanishes_meanwhile_is_reported(repeats, fake_embedder, monkeypatch):
    look_at = dedup.PlannedFile.look_at

    def vanishing(folder, path, **named):
        Path(repeats, "000001.png").unlink(missing_ok=True)
        return look_at(folder, path, **named)

    monkeypatch.setattr(dedup.PlannedFile, "look_at", vanishing)
    plan = plan_dedup(repeats, embedder=fake_embedder)
    assert [Path(entry.source).name for entry in plan.unreadable] == ["000001.png"]
    # The third, the same picture, is now the first of its kind.
    assert names(plan.kept) == ["000002.png", "000003.png", "000004.png", "000007.png"]
    assert [file.repeats for file in plan.dropped] == ["000002.png", "000003.png", "000004.png"]


def test_a_file_that_changes_meanwhile_is_reported(repeats, picture, fake_embedder, monkeypatch):
    look_at = dedup.PlannedFile.look_at

    def changing(folder, path, **named):
        if Path(path).name == "000003.png":
            picture(77).save(path)
        return look_at(folder, path, **named)

    monkeypatch.setattr(dedup.PlannedFile, "look_at", changing)
    plan = plan_dedup(repeats, embedder=fake_embedder)
    assert [Path(entry.source).name for entry in plan.unreadable] == ["000003.png"]
    assert "changed while it was looked at; run dedup again" in plan.unreadable[0].reason
    assert names(plan.dropped) == ["000005.png", "000006.png", "000008.png"]


def test_progress_counts_every_image_once(repeats, fake_embedder):
    (repeats / "000003.png").write_text("no image")
    calls = []

    class Recorder:
        def start(self, _, total):
            calls.append(total)

        def advance(self, count):
            calls.append(-count)

    plan_dedup(repeats, embedder=fake_embedder, progress=Recorder())
    assert calls[0] == 8
    assert sum(calls) == 0


def same_plan(plan):
    return (plan.folder, plan.kept, plan.dropped, plan.rules.threshold, plan.fingerprint)


def test_an_index_gives_the_plan_of_its_folder(repeats, fake_embedder, index_of):
    expected = plan_dedup(repeats, embedder=fake_embedder)
    assert same_plan(plan_dedup(index_of(repeats))) == same_plan(expected)


def test_an_index_of_sub_folders_gives_the_plan_of_its_folder(
    make_folder, picture, fake_embedder, index_of
):
    # All images lie in one sub-folder; names still start at the folder that was indexed.
    folder = make_folder(0)
    (folder / "sub").mkdir()
    for number in range(3):
        picture(number % 2).save(folder / "sub" / f"{number}.png")
    expected = plan_dedup(folder, DedupOptions(recursive=True), embedder=fake_embedder)
    assert same_plan(plan_dedup(index_of(folder, recursive=True))) == same_plan(expected)


def test_an_index_needs_no_embedder(repeats, index_of, fake_network, monkeypatch):
    index = index_of(repeats)
    monkeypatch.setattr("nearframe.embeddings.embedder.load_backbone", None)
    assert len(plan_dedup(index, embedder=lambda _: pytest.fail("made one")).dropped) == 4
    assert len(plan_dedup(index).dropped) == 4


def test_an_index_of_two_folders_gives_one_plan_over_both(
    make_folder, fake_embedder, index_of, tmp_path
):
    first, second = make_folder([0, 1], name="a"), make_folder([2, 1], name="b")
    plan = plan_dedup(index_of(first, second))
    assert plan.folder == str(tmp_path)
    assert [(Path(file.file).as_posix(), file.repeats) for file in plan.dropped] == [
        ("b/000002.png", "a/000002.png")
    ]


def test_videos_of_an_index_are_left_out(repeats, sample_video, fake_embedder, index_of):
    expected = plan_dedup(repeats, embedder=fake_embedder)
    index = index_of(sample_video, repeats, sampling=Sampling(every=100))
    assert same_plan(plan_dedup(index)) == same_plan(expected)


def test_an_index_of_videos_alone_is_refused(sample_video, index_of):
    index = index_of(sample_video, sampling=Sampling(every=100))
    with pytest.raises(SourceError, match="holds no images; dedup needs frames that are files"):
        plan_dedup(index)


def test_a_file_that_changed_since_it_was_indexed_is_reported(
    repeats, picture, fake_embedder, index_of
):
    index = index_of(repeats)
    picture(50).save(repeats / "000003.png")
    (repeats / "000008.png").unlink()
    plan = plan_dedup(index)
    assert [(Path(entry.source).name, entry.number) for entry in plan.unreadable] == [
        ("000003.png", 2),
        ("000008.png", 7),
    ]
    assert all("run buildIndex again" in entry.reason for entry in plan.unreadable)
    assert names(plan.dropped) == ["000005.png", "000006.png"]


def test_a_change_that_keeps_size_and_time_is_noticed(repeats, fake_embedder, index_of):
    index = index_of(repeats)
    path = repeats / "000003.png"
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    plan = plan_dedup(index)
    assert [Path(entry.source).name for entry in plan.unreadable] == ["000003.png"]
    assert "000003.png" not in names(plan.dropped)


def test_an_index_whose_files_are_all_gone_is_an_error(repeats, index_of):
    index = index_of(repeats)
    shutil.rmtree(repeats)
    with pytest.raises(SourceError, match="none of its 8 images"):
        plan_dedup(index)


def test_a_video_without_time_stamps_is_never_dropped(
    repeats, sample_video, fake_embedder, index_of
):
    index = index_of(sample_video, repeats, sampling=Sampling(every=50))
    with contextlib.closing(sqlite3.connect(index / "frames.sqlite")) as catalog:
        catalog.execute("UPDATE frames SET time_s = NULL")
        catalog.commit()
    plan = plan_dedup(index, DedupOptions(threshold=-1))
    assert {Path(name).suffix for name in names((*plan.kept, *plan.dropped))} == {".png"}


def test_an_index_of_another_preprocessing_is_refused(repeats, fake_network, index_of):
    index = index_of(repeats)
    cropping = Embedder(preprocessing=Preprocessing(fit="crop"))
    with pytest.raises(FingerprintMismatchError, match=r"stretch.*crop"):
        plan_dedup(index, embedder=cropping)


def test_more_images_than_a_block_of_an_index(make_folder, fake_embedder, index_of, monkeypatch):
    folder = make_folder([0, 1, 0, 2, 1, 0, 3, 2, 3, 3, 1])
    expected = plan_dedup(folder, embedder=fake_embedder)
    monkeypatch.setattr(FrameIndex.blocks, "__defaults__", (3,))
    assert same_plan(plan_dedup(index_of(folder))) == same_plan(expected)


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_odd_names_survive_plan_and_file(tmp_path, picture, fake_embedder):
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in (b"a\xff.png", b"b\n.png", b"c,\n  ].png"):
        picture(0).save(os.fsencode(folder) + b"/" + name)
    plan = plan_dedup(folder, embedder=fake_embedder)
    plan.save(tmp_path / "plan.json")
    assert names(plan.dropped) == [os.fsdecode(b"b\n.png"), os.fsdecode(b"c,\n  ].png")]
    assert DedupPlan.load(tmp_path / "plan.json") == plan
