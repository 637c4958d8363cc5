import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.common import FingerprintMismatchError, NearframeError, SourceError
from nearframe.embeddings import DIMENSION, Embedder
from nearframe.index import (
    FrameIndex,
    FrameIndexError,
    StoredThreshold,
    build_index,
    store_threshold,
    stored_threshold,
)
from nearframe.query import (
    COPY_EDITS,
    DedupOptions,
    TooFewImagesError,
    calibrate,
    plan_dedup,
    usual_threshold,
)
from nearframe.query.evaluation import nearest_pairs
from nearframe.query.evaluation.calibrate import _rounded_up, highest_rate
from nearframe.query.evaluation.nearest_pairs import find_nearest_pairs
from nearframe.query.search.threshold import lowest_cosine

LIGHT = {name: COPY_EDITS[name] for name in ("jpeg60", "mirror")}


def random_vectors(count, dimension=8, *, seed):
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def all_pairs(vectors):
    cosines = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    return cosines[np.triu_indices(len(vectors), 1)]


def threshold_of(vectors, rate):
    pairs = find_nearest_pairs(vectors, np.arange(len(vectors)), rate=rate)
    return _rounded_up(pairs.highest_refused(rate))


@pytest.mark.parametrize("rate", [1e-2, 1e-3])
@pytest.mark.parametrize("seed", range(3))
def test_the_rate_holds_on_vectors_that_were_held_out(rate, seed):
    threshold = threshold_of(random_vectors(500, seed=seed), rate)
    held_out = all_pairs(random_vectors(2000, seed=100 + seed))
    assert (held_out >= threshold).mean() == pytest.approx(rate, rel=0.35)


@given(st.integers(0, 10_000), st.integers(2, 40), st.floats(1e-4, 0.5))
@settings(deadline=None, max_examples=40)
def test_no_more_pairs_than_allowed_reach_the_threshold_and_it_is_the_lowest(seed, count, rate):
    vectors = random_vectors(count, seed=seed)
    threshold = threshold_of(vectors, rate)
    cosines = all_pairs(vectors)
    allowed = math.floor(rate * len(cosines) + 1e-9)
    assert (cosines >= lowest_cosine(threshold)).sum() <= allowed
    assert (cosines >= threshold - 1.1e-4).sum() > allowed


@given(st.integers(0, 10_000), st.integers(2, 40), st.floats(1e-3, 0.9))
@settings(deadline=None, max_examples=80)
def test_finds_the_nearest_pairs_block_by_block(seed, count, rate):
    vectors = random_vectors(count, seed=seed)
    groups = np.random.default_rng(seed).integers(0, count, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest_pairs, "_BLOCK", 7)
        pairs = find_nearest_pairs(vectors, groups, rate=rate)
    first, second = np.triu_indices(count, 1)
    counted = groups[first] != groups[second]
    expected = np.sort(all_pairs(vectors)[counted])[::-1]
    assert pairs.total == counted.sum()
    assert pairs.equal == (~counted).sum()
    np.testing.assert_allclose(pairs.cosines, expected[: len(pairs.cosines)], atol=1e-12)
    assert len(pairs.cosines) >= min(pairs.total, 3 * math.floor(rate * pairs.total))
    for a, b, cosine in zip(pairs.first, pairs.second, pairs.cosines, strict=True):
        assert a < b
        assert cosine == pytest.approx(vectors[a].astype(float) @ vectors[b].astype(float))


def test_keeps_only_as_many_pairs_as_the_rate_needs(monkeypatch):
    monkeypatch.setattr(nearest_pairs, "_BLOCK", 32)
    pairs = find_nearest_pairs(random_vectors(400, seed=0), np.arange(400), rate=1e-3)
    assert len(pairs.cosines) == 3 * 79 + 100


@pytest.mark.parametrize("refused", [0.5, 0.12345, 0.98995, 0.99, 0.999, 0.999953, 0.9999989])
def test_a_threshold_has_few_digits_and_is_not_reached_by_what_is_refused(refused):
    threshold = _rounded_up(refused)
    assert len(str(threshold)) <= 8
    assert refused < lowest_cosine(threshold)
    assert threshold - refused < (1.1e-4 if refused < 0.98999 else 4e-6)


def test_a_threshold_is_never_above_one():
    assert _rounded_up(1.0) == 1.0


def test_the_interval_is_that_of_other_sets_of_vectors():
    vectors = random_vectors(200, seed=0)
    pairs = find_nearest_pairs(vectors, np.arange(200), rate=1e-3)
    low, high = np.quantile(pairs.resampled(1e-3, seed=0), [0.025, 0.975])
    others = [
        find_nearest_pairs(random_vectors(200, seed=seed), np.arange(200), rate=1e-3)
        for seed in range(1, 61)
    ]
    refused = [pairs.highest_refused(1e-3) for pairs in others]
    assert low < pairs.highest_refused(1e-3) < high
    assert np.mean([low <= value <= high for value in refused]) > 0.7
    assert high - low < 4 * np.ptp(refused)


def test_resampling_is_seeded():
    pairs = find_nearest_pairs(random_vectors(50, seed=0), np.arange(50), rate=0.01)
    once, again, other = (pairs.resampled(0.01, seed=seed).tolist() for seed in (0, 0, 1))
    assert once == again != other


def test_the_highest_rate_is_the_rule_of_three_and_narrows_with_the_count():
    assert highest_rate(0, 3000) == pytest.approx(3 / 3000, rel=0.01)
    assert highest_rate(1, 1000) == pytest.approx(4.744 / 1000, rel=0.001)
    assert highest_rate(10, 1000) == pytest.approx(16.96 / 1000, rel=0.001)
    assert highest_rate(2000, 100_000) == pytest.approx(0.0207, rel=0.01)
    assert highest_rate(0, 2) == 1


def test_says_what_the_threshold_rests_on(make_folder, fake_embedder):
    folder = make_folder(12)
    calibration = calibrate(folder, rate=0.1, embedder=fake_embedder, edits=LIGHT)
    cosines = all_pairs(fake_embedder.embed(sorted(folder.iterdir())))
    assert (calibration.images, calibration.pairs, calibration.rate) == (12, 66, 0.1)
    assert calibration.above == (cosines >= calibration.threshold - 1e-6).sum() == 6
    assert calibration.fingerprint == fake_embedder.fingerprint
    assert [pair.similarity for pair in calibration.nearest] == pytest.approx(
        np.sort(cosines)[::-1][:5], abs=1e-6
    )


def test_says_what_share_of_each_kind_of_copy_is_found(make_folder, fake_embedder):
    calibration = calibrate(make_folder(12), rate=0.1, embedder=fake_embedder, edits=LIGHT)
    assert calibration.copied == 12
    assert calibration.found["jpeg60"] == 1
    assert calibration.found["mirror"] < 1


def test_a_copy_on_the_threshold_is_found_as_dedup_finds_it(make_folder, embedder_of):
    # All pictures are one to this network, so that the threshold is 1, and float32 stays below.
    blind = embedder_of(lambda pixels: np.full((len(pixels), DIMENSION), 0.3))
    calibration = calibrate(make_folder(3), rate=0.4, embedder=blind, edits=LIGHT)
    assert calibration.threshold == 1
    assert calibration.found == {"jpeg60": 1, "mirror": 1}


def test_copies_only_as_many_images_as_asked(make_folder, fake_embedder):
    calibration = calibrate(make_folder(7), rate=0.1, embedder=fake_embedder, edits=LIGHT, frames=3)
    assert calibration.copied == 3


def test_a_run_is_the_same_again(make_folder, fake_network):
    folder = make_folder(20)
    runs = [
        calibrate(folder, rate=0.2, embedder=Embedder(batch_size=size), edits=LIGHT)
        for size in (16, 16)
    ]
    fields = [(run.threshold, run.interval, run.found, run.nearest, run.warnings) for run in runs]
    assert fields[0] == fields[1]
    assert runs[0].interval is not None


def test_the_interval_holds_the_threshold(make_folder, fake_embedder):
    calibration = calibrate(make_folder(20), rate=0.1, embedder=fake_embedder, edits=LIGHT)
    low, high = calibration.interval
    assert low <= calibration.threshold <= high
    assert low < high


def test_images_with_equal_pixels_are_no_pair(make_folder, fake_embedder):
    folder = make_folder([0, 1, 0, 2, 0])
    calibration = calibrate(folder, rate=0.2, embedder=fake_embedder, edits=LIGHT)
    assert (calibration.images, calibration.pairs, calibration.equal_pairs) == (5, 7, 3)
    assert calibration.threshold < 0.999


def test_few_pairs_for_the_rate_are_said_with_how_sure_it_is(make_folder, fake_embedder):
    few = calibrate(make_folder(6), rate=0.1, embedder=fake_embedder, edits=LIGHT)
    (warning,) = few.warnings
    assert "15 pairs are few for a rate of 1 in 10: give 15 images or more" in warning
    assert "may be as high as 1 in 3 (95 %" in warning
    assert few.above == 1
    assert few.interval is None


@pytest.mark.parametrize("images", [2, 5])
def test_where_no_pair_is_allowed_there_is_no_threshold(make_folder, fake_embedder, images):
    # 5 images have 10 pairs, 6 have 15.
    with pytest.raises(TooFewImagesError, match=f"{images} images make .* 6 images are needed"):
        calibrate(make_folder(images), rate=1 / 11, embedder=fake_embedder)
    enough = make_folder(6, name="enough")
    assert calibrate(enough, rate=1 / 11, embedder=fake_embedder, edits=LIGHT).above == 1


def test_too_few_files_are_refused_before_the_network_is_loaded(make_folder):
    def never(_):
        raise AssertionError

    with pytest.raises(TooFewImagesError, match="142 images are needed, and 448 to be sure"):
        calibrate(make_folder(20), embedder=never)


def test_files_that_do_not_decode_are_not_given(make_folder, fake_embedder):
    folder = make_folder(6)
    for number in (1, 2, 3):
        (folder / f"{number:06}.png").write_text("no image")
    with pytest.raises(TooFewImagesError, match="3 images make 3 pairs") as caught:
        calibrate(folder, rate=1 / 14, embedder=fake_embedder)
    assert (caught.value.images, caught.value.pairs, caught.value.needed) == (3, 3, 6)


def test_pairs_with_equal_pixels_do_not_make_a_folder_large_enough(make_folder, fake_embedder):
    with pytest.raises(TooFewImagesError, match="6 images make 12 pairs"):
        calibrate(make_folder([0, 0, 0, 1, 2, 3]), rate=1 / 14, embedder=fake_embedder)


def test_enough_pairs_for_the_rate_are_not(make_folder, fake_embedder):
    calibration = calibrate(make_folder(12), rate=0.2, embedder=fake_embedder, edits=LIGHT)
    assert calibration.warnings == ()


@pytest.mark.parametrize(("images", "few"), [(15, False), (14, True)])
def test_ten_pairs_per_allowed_one_are_enough(make_folder, fake_embedder, images, few):
    # 15 images have 105 pairs, 14 have 91.
    calibration = calibrate(make_folder(images), rate=0.1, embedder=fake_embedder, edits=LIGHT)
    assert ("few for a rate" in "".join(calibration.warnings)) == few


def test_near_duplicates_in_the_folder_are_pointed_at(make_folder, picture, fake_embedder):
    folder = make_folder(15)
    picture(3).resize((90, 60)).save(folder / "000004 smaller.png")
    calibration = calibrate(folder, rate=0.1, embedder=fake_embedder, edits=LIGHT)
    first = calibration.nearest[0]
    assert first.alike
    assert {first.first, first.second} == {
        str(folder / "000004.png"),
        str(folder / "000004 smaller.png"),
    }
    assert not any(pair.alike for pair in calibration.nearest[1:])
    (warning,) = calibration.warnings
    assert re.match("1 of the 1[12] nearest pairs look like the same picture twice", warning)


def test_weights_that_cannot_tell_images_apart_are_said(make_folder, embedder_of):
    blind = embedder_of(lambda pixels: np.ones((len(pixels), DIMENSION)))
    calibration = calibrate(make_folder(20), rate=0.1, embedder=blind, edits=LIGHT)
    assert calibration.threshold == 1
    assert any(
        "190 pairs of different images have a similarity of 1" in w for w in calibration.warnings
    )


def test_files_that_do_not_decode_are_left_out(make_folder, fake_embedder):
    folder = make_folder(5)
    (folder / "000002.png").write_text("no image")
    calibration = calibrate(folder, rate=0.2, embedder=fake_embedder, edits=LIGHT)
    assert calibration.images == 4
    assert [entry.source for entry in calibration.unreadable] == [str(folder / "000002.png")]


@pytest.mark.parametrize("rate", [0, 1, -0.1, 2, math.nan])
def test_a_rate_that_is_no_share_is_refused(make_folder, fake_embedder, rate):
    with pytest.raises(NearframeError, match="rate is a share of all pairs"):
        calibrate(make_folder(2), rate=rate, embedder=fake_embedder)


@pytest.mark.parametrize(("options", "message"), [({"frames": 0}, "not 0"), ({"seed": -1}, "-1")])
def test_numbers_out_of_range_are_refused(make_folder, fake_embedder, options, message):
    with pytest.raises(NearframeError, match=message):
        calibrate(make_folder(2), embedder=fake_embedder, **options)


@pytest.mark.parametrize("seeds", [[0], [4, 4]])
def test_one_picture_is_not_enough(make_folder, fake_embedder, seeds):
    with pytest.raises(TooFewImagesError, match=r"makes? [01] pairs?, too few"):
        calibrate(make_folder(seeds), rate=0.9, embedder=fake_embedder)


def test_a_video_is_refused(sample_video, fake_embedder):
    with pytest.raises(SourceError, match="takes a folder of images that are all different"):
        calibrate(sample_video, embedder=fake_embedder)


@pytest.fixture
def index(make_folder, tmp_path, fake_embedder):
    build_index([make_folder([0, 1, 0, 2])], tmp_path / "x.index", embedder=fake_embedder)
    return tmp_path / "x.index"


STORED = StoredThreshold(0.25, 1e-3, 12345, "2024-05-01T12:00:00+02:00")


def test_an_index_keeps_the_threshold_that_was_stored(index, fake_embedder):
    with FrameIndex.open(index) as opened:
        assert stored_threshold(opened) is None
    store_threshold(index, STORED, fingerprint=fake_embedder.fingerprint)
    with FrameIndex.open(index) as opened:
        assert stored_threshold(opened) == STORED


def test_a_later_threshold_takes_the_place_of_an_earlier_one(index, fake_embedder):
    later = StoredThreshold(0.5, 1e-4, 99, "2024-05-02T12:00:00+02:00")
    for threshold in (STORED, later):
        store_threshold(index, threshold, fingerprint=fake_embedder.fingerprint)
    with FrameIndex.open(index) as opened:
        assert stored_threshold(opened) == later


def test_storing_a_threshold_changes_no_other_file(index, fake_embedder, snapshot):
    before = snapshot(index)
    store_threshold(index, STORED, fingerprint=fake_embedder.fingerprint)
    after = snapshot(index)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed <= {"frames.sqlite", "write.lock"}


def test_a_build_keeps_the_threshold(index, tmp_path, picture, fake_embedder):
    store_threshold(index, STORED, fingerprint=fake_embedder.fingerprint)
    picture(9).save(tmp_path / "frames" / "000009.png")
    build_index([tmp_path / "frames"], index, embedder=fake_embedder)
    with FrameIndex.open(index) as opened:
        assert len(opened) == 5
        assert stored_threshold(opened) == STORED


def test_a_threshold_of_other_weights_is_not_stored(index, fake_network):
    other = Embedder(weights="imagenet").fingerprint
    with pytest.raises(FingerprintMismatchError, match=r"the index .* but the threshold has"):
        store_threshold(index, STORED, fingerprint=other)
    with FrameIndex.open(index) as opened:
        assert stored_threshold(opened) is None


def test_a_threshold_is_not_stored_while_another_process_writes(index, fake_embedder):
    with (
        FrameIndex.open(index, write=True),
        pytest.raises(FrameIndexError, match="being written by another process"),
    ):
        store_threshold(index, STORED, fingerprint=fake_embedder.fingerprint)


def test_a_stored_threshold_that_is_none_is_refused(index):
    with FrameIndex.open(index, write=True) as opened:
        opened.catalog.set_meta("threshold", {"limit": 0.5})
    with (
        FrameIndex.open(index) as opened,
        pytest.raises(FrameIndexError, match=r"cannot read .*nearframe calibrate"),
    ):
        stored_threshold(opened)


def test_dedup_uses_the_threshold_of_the_index_where_it_is_higher(index, fake_embedder):
    default = plan_dedup(index)
    assert (len(default.dropped), default.rules.threshold_origin) == (1, "weights")
    stored = StoredThreshold(0.9999, 1e-3, 10, "2024-05-01T12:00:00+02:00")
    store_threshold(index, stored, fingerprint=fake_embedder.fingerprint)
    plan = plan_dedup(index)
    assert (plan.rules.threshold, plan.rules.threshold_origin) == (0.9999, "index")


def test_a_rate_per_pair_does_not_lower_the_threshold_of_a_collection(index, fake_embedder):
    default = plan_dedup(index)
    store_threshold(index, STORED, fingerprint=fake_embedder.fingerprint)
    assert plan_dedup(index).rules == default.rules


def test_a_threshold_that_is_given_goes_before_that_of_the_index(index, fake_embedder):
    store_threshold(index, STORED, fingerprint=fake_embedder.fingerprint)
    plan = plan_dedup(index, DedupOptions(threshold=0.9999))
    assert (plan.rules.threshold, plan.rules.threshold_origin) == (0.9999, "given")


def test_a_plan_remembers_where_its_threshold_comes_from(index, tmp_path):
    plan = plan_dedup(index, DedupOptions(threshold=0.5))
    plan.save(tmp_path / "plan.json")
    assert type(plan).load(tmp_path / "plan.json") == plan


def test_a_plan_that_does_not_say_is_read_and_one_that_says_nonsense_is_not(index, tmp_path):
    path = tmp_path / "plan.json"
    plan = plan_dedup(index)
    plan.save(path)
    text = path.read_text("utf-8")
    said = '"threshold_origin": "weights"'
    assert said in text
    path.write_text(text.replace(said, '"threshold_origin": null'), encoding="utf-8")
    assert type(plan).load(path).rules.threshold_origin is None
    path.write_text(text.replace(said, '"threshold_origin": "guess"'), encoding="utf-8")
    with pytest.raises(NearframeError, match=r"damaged .*'guess' at `\.rules\.threshold_origin`"):
        type(plan).load(path)


def test_the_usual_threshold_is_that_of_the_index_or_else_of_the_weights(index, fake_embedder):
    fingerprint = fake_embedder.fingerprint
    store_threshold(index, STORED, fingerprint=fingerprint)
    with FrameIndex.open(index) as opened:
        assert usual_threshold(opened, fingerprint).value == 0.25
    assert usual_threshold(None, fingerprint).origin == "weights"
    assert usual_threshold(None, Embedder(weights="imagenet").fingerprint) is None
