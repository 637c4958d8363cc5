from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nearframe.common import NearframeError, OutputError, UnreadableImageError
from nearframe.query import (
    ChangeDetection,
    ChangeSettings,
    DedupOptions,
    Threshold,
    draw_picture,
    explain,
    plan_dedup,
    save_picture,
)
from nearframe.query.report.explain_picture import check_picture_path


@pytest.fixture
def yard(tmp_path, picture):
    """Write an image of a place and changed copies of it: ``yard(name, edit)`` -> path."""
    original = np.asarray(picture(3, size=(320, 180))) // 2 + 40

    def write(name, edit=lambda pixels: pixels):
        path = tmp_path / name
        pixels = np.clip(edit(original.copy()), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        return path

    return write


def put(*boxes):
    """Return an edit that puts white boxes (left, top, right, bottom in pixels) into an image."""

    def edit(pixels):
        for left, top, right, bottom in boxes:
            pixels[top:bottom, left:right] = 255
        return pixels

    return edit


CAR, SECOND_CAR, PEDESTRIAN = (20, 60, 100, 120), (200, 60, 280, 120), (150, 80, 162, 120)


@pytest.mark.parametrize(
    ("edit", "verdict"),
    [
        (lambda pixels: pixels, "same picture, pixel for pixel"),
        (lambda pixels: pixels + 1, "same picture"),
        (put(CAR), "same scene, 1 region changed"),
        (put(CAR, SECOND_CAR), "same scene, 2 regions changed"),
        (put(PEDESTRIAN), "same scene, but for 1 small region"),
        (lambda pixels: pixels * 0.7, "same scene in another light"),
        (lambda pixels: put(CAR)(pixels * 0.7), "same scene, 1 region changed"),
        (lambda pixels: 500 - 3 * pixels[::-1].astype(int), "different pictures"),
    ],
)
def test_the_verdict_is_in_plain_words(fake_embedder, yard, edit, verdict):
    detection = ChangeDetection(change_threshold=0.025)
    a, b = yard("a.png"), yard("b.png", edit)
    explanation = explain(a, b, detection=detection, embedder=fake_embedder)
    # What the fake network thinks is the same picture is not the point.
    explanation = replace(explanation, threshold=Threshold(0.9, "weights"), similarity=0.95)
    assert explanation.verdict == verdict


@pytest.mark.parametrize(
    ("before", "after"), [((), (PEDESTRIAN,)), ((CAR,), (tuple(np.add(CAR, (6, 0, 6, 0))),))]
)
def test_it_says_what_dedup_does_without_options(fake_embedder, yard, tmp_path, before, after):
    """A region of 0.8 % of the area, and a car that moved by 2 % of the width."""
    a, b = yard("c1_0001.png", put(*before)), yard("c1_0002.png", put(*after))
    repeats = explain(a, b, embedder=fake_embedder).repeats
    for method in ("change", "hybrid"):
        plan = plan_dedup(tmp_path, DedupOptions(method=method), embedder=fake_embedder)
        assert len(plan.dropped) == repeats[method]


def test_change_detection_has_one_set_of_defaults():
    settings = ChangeSettings()
    for detection in (settings.detection(None), ChangeDetection()):
        for name in (field.name for field in fields(settings) if field.name != "masks"):
            assert getattr(detection, name) == getattr(settings, name)


def test_the_verdict_says_where_the_two_ways_disagree(fake_embedder, yard):
    explanation = explain(
        yard("a.png"), yard("b.png", lambda pixels: pixels + 1), embedder=fake_embedder
    )
    explanation = replace(explanation, threshold=Threshold(0.9, "weights"), similarity=0.8)
    assert explanation.verdict == "same scene: no region changed, yet the embeddings differ"
    assert replace(explanation, threshold=None).verdict == "same picture"


def test_without_light_compensation_another_light_may_be_the_reason(fake_embedder, yard):
    detection = ChangeDetection(light_compensation=False)
    explanation = explain(
        yard("a.png"),
        yard("b.png", lambda pixels: pixels * 0.5),
        detection=detection,
        embedder=fake_embedder,
    )
    assert explanation.verdict == "different pictures, or the same in another light"


def test_the_facts_have_both_scores_with_their_thresholds(fake_embedder, yard):
    detection = ChangeDetection(black_mask=(50, 0, 0, 0))
    explanation = explain(
        yard("a.png"),
        yard("b.png", lambda pixels: put(SECOND_CAR)(pixels * 0.7)),
        detection=detection,
        embedder=fake_embedder,
    )
    explanation = replace(explanation, similarity=0.95, threshold=Threshold(0.99, "weights"))
    facts = dict(explanation.facts)
    assert facts["Similarity"] == "0.950000: not the same picture (below 0.99; weights builtin)"
    score = explanation.change.score
    assert score == pytest.approx(80 * 60 / (160 * 180), rel=0.1)
    assert facts["Changed area"] == f"{score:.2%}: changed (0.50% or more)"
    assert "grey 128 of A is grey " in facts["Light"]
    assert facts["Masked"] == "50.0% of the picture"
    assert (
        "no calibrated threshold" in dict(replace(explanation, threshold=None).facts)["Similarity"]
    )


def test_images_of_different_form_are_stretched_and_it_says_so(fake_embedder, yard):
    wide = yard("b.png", lambda pixels: pixels[:90])
    explanation = explain(yard("a.png"), wide, embedder=fake_embedder)
    assert dict(explanation.facts)["Form"] == (
        "A is 320x180 and B 320x90; they were stretched to one form"
    )


def test_an_unreadable_image_is_refused_before_the_network_is_loaded(yard, tmp_path):
    def no_embedder(fingerprint):
        raise AssertionError

    (tmp_path / "b.png").write_text("no image")
    with pytest.raises(UnreadableImageError, match=r"b\.png: not an image"):
        explain(yard("a.png"), tmp_path / "b.png", embedder=no_embedder)
    detection = ChangeDetection(mask=np.full((9, 9), 255, np.uint8))
    with pytest.raises(NearframeError, match="the mask is 9x9 but the picture 320x180"):
        explain(yard("a.png"), yard("b.png"), detection=detection, embedder=no_embedder)


# The picture


def explained(fake_embedder, tmp_path, a, b, **settings):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, image in zip(paths, (a, b), strict=True):
        image.save(path)
    return explain(*paths, detection=ChangeDetection(**settings), embedder=fake_embedder)


def colours(image):
    return {colour for _, colour in image.getcolors(1 << 24)}


def test_the_picture_outlines_what_changed(fake_embedder, yard):
    same = explain(yard("a.png"), yard("b.png"), embedder=fake_embedder)
    changed = explain(yard("a.png"), yard("c.png", put(CAR)), embedder=fake_embedder)
    outline = (255, 220, 0)
    assert outline not in colours(draw_picture(same))
    picture = draw_picture(changed)
    rows, columns = np.nonzero((np.asarray(picture) == outline).all(axis=2))
    # Only in the last of the four panels, at the left of it.
    assert rows.min() > picture.height / 2
    assert columns.min() > picture.width / 2
    assert columns.max() < picture.width * 3 / 4


def test_the_picture_shows_what_is_masked(fake_embedder, yard):
    blue = (50, 70, 130)
    a, b = yard("a.png"), yard("b.png", put(CAR))
    masked = ChangeDetection(black_mask=(0, 0, 50, 0))
    picture = draw_picture(explain(a, b, detection=masked, embedder=fake_embedder))
    assert blue in colours(picture)
    assert blue not in colours(draw_picture(explain(a, b, embedder=fake_embedder)))


@pytest.mark.parametrize(
    ("size_a", "size_b"),
    [
        ((1, 1), (1, 1)),
        ((1, 1), (640, 360)),
        ((3000, 2), (2, 3000)),
        ((2500, 2000), (2500, 2000)),
        ((90, 160), (90, 160)),
    ],
)
def test_the_picture_is_readable_at_any_image_size(
    fake_embedder, tmp_path, picture, size_a, size_b
):
    a, b = (picture(seed, size=size) for seed, size in enumerate((size_a, size_b)))
    drawn = draw_picture(explained(fake_embedder, tmp_path, a, b))
    assert 1000 <= drawn.width <= 1600
    assert 200 <= drawn.height <= 1400


def test_a_mask_does_not_hinder_a_picture_of_one_pixel(fake_embedder, tmp_path):
    white, black = (Image.new("RGB", (1, 1), colour) for colour in ("white", "black"))
    explanation = explained(fake_embedder, tmp_path, white, black, black_mask=(10, 10, 10, 10))
    assert draw_picture(explanation).width >= 1000
    assert explanation.verdict == "different pictures"


@pytest.mark.parametrize(
    "name", ["x" * 250 + ".png", "W" * 5000, "new\nline.png", "данные-ä.png", "\udc80.png", ""]
)
def test_any_file_name_fits_into_the_picture(fake_embedder, yard, name):
    explanation = explain(yard("a.png"), yard("b.png"), embedder=fake_embedder)
    usual = draw_picture(explanation)
    assert draw_picture(replace(explanation, a=name, b=name)).size == usual.size


def test_more_regions_than_anybody_reads_can_be_drawn(fake_embedder, tmp_path):
    points = np.zeros((360, 640), np.uint8)
    points[5::20, 5::20] = 255
    a, b = Image.new("RGB", (640, 360)), Image.fromarray(points).convert("RGB")
    explanation = explained(
        fake_embedder, tmp_path, a, b, min_diff_area=0, blur_radii=(), light_compensation=False
    )
    assert len(explanation.change.regions) == 18 * 32
    draw_picture(explanation)


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".JPG", "JPEG"), (".webp", "WEBP")])
def test_the_suffix_says_how_the_picture_is_written(fake_embedder, yard, tmp_path, suffix, kind):
    path = tmp_path / f"out{suffix}"
    save_picture(explain(yard("a.png"), yard("b.png"), embedder=fake_embedder), path)
    with Image.open(path) as image:
        image.load()
        assert image.format == kind


def test_a_picture_is_not_written_where_it_cannot_be(yard, tmp_path):
    for name in ("out.tiff", "out", "out.mp4"):
        with pytest.raises(NearframeError, match=r"expected a name that ends in \.png"):
            check_picture_path(tmp_path / name)
    with pytest.raises(NearframeError, match=r"there is no folder .*nowhere"):
        check_picture_path(tmp_path / "nowhere" / "out.png")


def test_a_picture_is_never_written_over_its_images(fake_embedder, yard, tmp_path):
    a, b = yard("a.png"), yard("b.png")
    before = b.read_bytes()
    (tmp_path / "link.png").symlink_to(b)
    explanation = explain(a, b, embedder=fake_embedder)
    for path in (a, b, tmp_path / "link.png"):
        with pytest.raises(NearframeError, match="is one of the images to explain"):
            save_picture(explanation, path)
    assert b.read_bytes() == before


def test_what_stands_in_the_way_is_said(fake_embedder, yard, tmp_path):
    (tmp_path / "out.png").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*out\.png"):
        save_picture(
            explain(yard("a.png"), yard("b.png"), embedder=fake_embedder), tmp_path / "out.png"
        )
    assert [path.name for path in tmp_path.glob(".*")] == []


# What dedup would make of it


def on_transparent(path, text, colour="white"):
    picture = Image.new("RGBA", (320, 180), (0, 0, 0, 0))
    ImageDraw.Draw(picture).text((20, 60), text, colour, font_size=40)
    picture.save(path)
    return path


@pytest.mark.parametrize("other", ["OTHER", "TEXT.", "TEXT"])
def test_pictures_of_different_alpha_are_never_called_the_same(fake_embedder, tmp_path, other):
    a = on_transparent(tmp_path / "a.png", "TEXT")
    b = on_transparent(tmp_path / "b.png", other)
    explanation = explain(a, b, embedder=fake_embedder)
    same = other == "TEXT"
    assert explanation.verdict == (
        "same picture, pixel for pixel" if same else "different pictures: they differ in alpha"
    )
    assert set(explanation.repeats.values()) == {same}
    assert ("Files" in dict(explanation.facts)) is not same


def test_pages_behind_the_first_are_told(fake_embedder, tmp_path, picture):
    for name, seed in (("a.tif", 1), ("b.tif", 2)):
        picture(0).save(tmp_path / name, save_all=True, append_images=[picture(seed)])
    explanation = explain(tmp_path / "a.tif", tmp_path / "b.tif", embedder=fake_embedder)
    assert explanation.identical
    assert explanation.verdict == "different pictures: they differ in further frames or pages"
    assert not any(explanation.repeats.values())


def test_a_deeper_copy_may_be_repeated_by_an_8_bit_one(fake_embedder, tmp_path, picture):
    pixels = np.asarray(picture(0).convert("L"))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "b.png")
    explanation = explain(tmp_path / "a.png", tmp_path / "b.png", embedder=fake_embedder)
    assert explanation.content_difference is None
    assert explanation.repeats["change"]


@pytest.mark.parametrize(
    ("names", "method"),
    [
        (("hall-1616694872.png", "hall-1616694932.png"), "hybrid"),
        (("hall-1616694872.png", "b.png"), "embedding"),
        (("a.png", "b.png"), "embedding"),
    ],
)
def test_it_names_the_method_for_such_files(fake_embedder, yard, names, method):
    explanation = explain(*map(yard, names), embedder=fake_embedder)
    assert explanation.method == method
    text = dict(explanation.facts)["Dedup"]
    assert text.startswith(f"{method}, the method for such names: a repeat")
    assert text.count("a repeat") == 3
    assert "(from 0.95, of two pictures)" in text


def test_what_the_motion_rule_dismissed_is_named(fake_embedder, yard):
    """A box that moved by its own width: where it was and is, its greys are near."""
    moved = tuple(value + (6, 0, 6, 0)[place] for place, value in enumerate(CAR))
    a, b = yard("a.png", put(CAR)), yard("b.png", put(moved))
    detection = ChangeDetection(motion_tolerance=0.04, min_diff_area=0.001)
    explanation = explain(a, b, detection=detection, embedder=fake_embedder)
    explanation = replace(explanation, threshold=Threshold(0.9, "weights"), similarity=0.95)
    change = explanation.change
    assert (change.regions, change.score) == ((), 0)
    assert change.moved
    assert all(60 / 180 < (part.top + part.bottom) / 2 < 120 / 180 for part in change.moved)
    count = len(change.moved)
    regions = f"{count} region{'s' * (count > 1)}"
    assert explanation.verdict == f"same scene, {regions} only moved a little"
    assert "only moved a little: no change" in dict(explanation.facts)["Moved"]
    assert explanation.repeats["hybrid"]
    assert (90, 190, 255) in colours(draw_picture(explanation))
    apart = replace(explanation, similarity=0.6)
    assert apart.verdict == f"same scene, {regions} changed: the embeddings differ, too"
    assert "for hybrid a change, below 0.9" in dict(apart.facts)["Moved"]
    if change.score_with_motion >= detection.change_threshold:
        assert not apart.repeats["hybrid"]
    assert apart.repeats["change"]
