"""Which of several repeats is kept: the better picture, whatever the names are."""

import csv
import functools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from nearframe.embeddings.sources import ImageFile
from nearframe.query import DedupOptions, DedupPlan, plan_dedup, save_report, save_table
from nearframe.query.dedup.quality import quality_of, sharpness

CASES = Path(__file__).parents[4] / "shared" / "data" / "cases"


@functools.cache
def scene(seed=0, size=(800, 600)):
    """Return a picture with edges of all sizes and a little noise, as a camera takes it."""
    generator = np.random.default_rng(seed)
    canvas = np.zeros((size[1], size[0], 3))
    for _ in range(150):
        left, top = generator.integers(0, size[0]), generator.integers(0, size[1])
        width, height = generator.integers(4, 120, 2)
        canvas[top : top + height, left : left + width] = generator.integers(0, 256, 3)
    canvas += generator.normal(0, 3, canvas.shape)
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(1.2))


def shrunk(picture, share):
    return picture.resize(
        (round(picture.width * share), round(picture.height * share)), Image.Resampling.LANCZOS
    )


@pytest.fixture
def plan(tmp_path, embedder_of):
    """Plan over pictures by name, all of which repeat each other."""

    def make(write, **options):
        for name, save in write.items():
            save(tmp_path / name)
        alike = embedder_of(lambda pixels: np.eye(1, 2048).repeat(len(pixels), axis=0))
        return plan_dedup(tmp_path, DedupOptions(threshold=0.9, **options), embedder=alike)

    return make


def jpeg(picture, quality=90):
    return lambda path: picture.save(path, "JPEG", quality=quality)


def png(picture):
    return lambda path: picture.save(path, "PNG")


def kept(plan):
    return [file.file for file in plan.kept]


@pytest.mark.parametrize("keep", [None, "largest", "sharpest"])
@pytest.mark.parametrize("share", [0.15, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("names", [("a.jpg", "b.jpg"), ("b.jpg", "a.jpg")])
def test_a_shrunk_copy_never_stands_for_its_original(plan, keep, share, names):
    original, copy = names
    found = plan({original: jpeg(scene()), copy: jpeg(shrunk(scene(), share))}, keep=keep)
    assert kept(found) == [original]
    assert found.rules.keep == (keep or "largest")
    assert "800x600 against" in found.dropped[0].reason or keep == "sharpest"


@pytest.mark.parametrize("seed", range(3))
def test_a_thumbnail_is_not_sharper_than_its_original(seed):
    photo = scene(seed, (1600, 1200))
    small = shrunk(photo, 0.15)
    assert sharpness(np.asarray(small)) < 0.8 * sharpness(np.asarray(photo))


def test_the_sharpest_is_never_one_with_a_quarter_of_the_pixels(plan):
    blurred = scene().filter(ImageFilter.GaussianBlur(8))
    files = {"a.png": png(shrunk(scene(), 0.5)), "b.png": png(blurred)}
    assert kept(plan(files, keep="sharpest")) == ["b.png"]


def test_the_sharpest_may_be_a_little_smaller(plan):
    blurred = scene().filter(ImageFilter.GaussianBlur(8))
    found = plan({"a.png": png(blurred), "b.png": png(shrunk(scene(), 0.8))}, keep="sharpest")
    assert kept(found) == ["b.png"]
    assert found.dropped[0].reason.startswith("sharpest: ")


@pytest.mark.parametrize(
    ("files", "best", "reason"),
    [
        (
            {"a.jpg": jpeg(scene(), 60), "b.jpg": jpeg(scene(), 95)},
            "b.jpg",
            "same size, compressed less: quality 95 against 60",
        ),
        ({"a.jpg": jpeg(scene(), 100), "b.png": png(scene())}, "b.png", "lossless against lossy"),
        (
            {"a.webp": lambda path: scene().save(path, quality=20), "b.jpg": jpeg(scene(), 95)},
            "b.jpg",
            "same size, more bytes: ",
        ),
        ({"b.png": png(scene()), "a.png": png(scene())}, "a.png", "first by name"),
    ],
)
def test_of_equally_large_ones_the_less_compressed_is_kept(plan, files, best, reason):
    found = plan(files)
    assert kept(found) == [best]
    assert reason in found.dropped[0].reason


def test_a_jpeg_with_more_bytes_behind_it_is_not_better_than_finer_tables(plan):
    def padded(path):
        scene().save(path, "JPEG", quality=50)
        path.write_bytes(path.read_bytes() + b"\0" * 10**6)

    assert kept(plan({"a.jpg": padded, "b.jpg": jpeg(scene(), 90)})) == ["b.jpg"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "largest"),
        ({"method": "hybrid"}, "first"),
        ({"against": "all"}, "first"),
        ({"against": "previous"}, "largest"),
        ({"method": "hybrid", "keep": "largest"}, "largest"),
    ],
)
def test_the_default_follows_from_the_method(plan, options, expected):
    found = plan({"a.png": png(shrunk(scene(), 0.9)), "b.png": png(scene())}, **options)
    assert found.rules.keep == expected
    assert kept(found) == ["a.png" if expected == "first" else "b.png"]


def test_the_reason_is_in_plan_and_table(plan, tmp_path):
    found = plan({"a.png": png(shrunk(scene(), 0.5)), "b.png": png(scene())})
    found.save(tmp_path / "plan.json")
    save_table(found, tmp_path / "plan.csv")
    assert DedupPlan.load(tmp_path / "plan.json") == found
    with (tmp_path / "plan.csv").open(newline="") as file:
        reasons = {row["file"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons == dict.fromkeys(("a.png", "b.png"), "largest: 800x600 against 400x300")


def test_the_reason_is_in_the_report(plan, tmp_path):
    found = plan({"a.png": png(shrunk(scene(), 0.5)), "b.png": png(scene())})
    save_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "the other is kept: largest: 800x600 against 400x300" in page
    assert page.count("kept: largest: 800x600 against 400x300") == 2
    assert "the largest of a run of repeats" in page


def test_of_more_than_two_the_reason_to_keep_is_what_the_next_best_lacks(plan):
    small, best, lossy = png(shrunk(scene(), 0.3)), png(scene()), jpeg(scene(), 80)
    found = plan({"a.png": small, "b.png": best, "c.jpg": lossy})
    assert kept(found) == ["b.png"]
    reason = "same size, compressed less: lossless against lossy"
    assert found.kept[0].reason == reason
    assert [file.reason for file in found.dropped] == ["largest: 800x600 against 240x180", reason]


def test_a_picture_without_repeats_needs_no_reason(tmp_path, embedder_of):
    png(scene())(tmp_path / "a.png")
    unlike = embedder_of(lambda pixels: np.eye(len(pixels), 2048))
    (alone,) = plan_dedup(tmp_path, DedupOptions(threshold=0.9), embedder=unlike).kept
    assert alone.reason is None


def test_a_protected_picture_stays_however_poor(plan, tmp_path):
    (tmp_path / "mine").mkdir()
    png(shrunk(scene(), 0.3))(tmp_path / "mine" / "a.png")
    found = plan({"b.png": png(scene())}, protect=(tmp_path / "mine",))
    assert [file.reason for file in found.dropped] == ["protected"]


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene().transpose(Image.Transpose.ROTATE_90).save(path, "JPEG", quality=90, exif=exif)


def test_sizes_are_those_of_the_upright_picture(plan):
    found = plan({"a.jpg": jpeg(shrunk(scene(), 0.5)), "b.jpg": turned})
    assert kept(found) == ["b.jpg"]
    assert found.dropped[0].reason == "largest: 800x600 against 400x300"


def webp(picture, **options):
    return lambda path: picture.save(path, "WEBP", **options)


def tiff(picture, compression):
    return lambda path: picture.save(path, "TIFF", compression=compression)


_EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("lossless", "lossy"),
    [
        (webp(scene(), lossless=True, method=0), jpeg(scene(), 100)),
        (webp(scene(), lossless=True, method=0, exif=_EXIF), jpeg(scene(), 100)),
        (tiff(scene(), "tiff_lzw"), tiff(scene(), "jpeg")),
        (png(scene()), png(scene().quantize(64))),
        (png(scene()), webp(scene(), quality=100, method=0)),
    ],
)
def test_lossless_comes_before_lossy(plan, lossless, lossy):
    assert kept(plan({"a.jpg": lossy, "b.jpg": lossless})) == ["b.jpg"]


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 99])
def test_the_quality_of_a_jpeg_is_read(tmp_path, quality):
    jpeg(scene(), quality)(tmp_path / "a.jpg")
    file = ImageFile(str(tmp_path / "a.jpg"), 1, 1, 0)
    assert quality_of(file, 0.0).jpeg_quality == pytest.approx(quality, abs=1)


def test_a_plan_without_reasons_is_read(plan, tmp_path):
    plan({"a.png": png(shrunk(scene(), 0.5)), "b.png": png(scene())}).save(tmp_path / "plan.json")
    fields = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    for entry in fields["dropped"]:
        del entry["reason"]
    del fields["kept"][0]["reason"]
    (tmp_path / "plan.json").write_text(json.dumps(fields), "utf-8")
    assert DedupPlan.load(tmp_path / "plan.json").dropped[0].reason is None


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not here")
def test_the_photo_is_kept_and_not_its_thumbnail(plan):
    folder = CASES / "default_keeps_thumbnail"
    files = {
        path.name: (lambda to, path=path: to.write_bytes(path.read_bytes()))
        for path in folder.iterdir()
    }
    assert kept(plan(files)) == ["IMG_0001.jpg"]
