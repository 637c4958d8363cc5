import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from nearframe.common import NearframeError, SourceError
from nearframe.query import GAP_FACTOR, Naming, survey

START = datetime(2021, 3, 26, 8, tzinfo=timezone.utc)


@pytest.fixture
def lot(tmp_path):
    path = tmp_path / "lot"
    path.mkdir()
    return path


@pytest.fixture
def shoot(lot, picture):
    """Add images of a camera, taken so many seconds after the start."""

    def call(camera, *seconds, size=(64, 48), style="clock", seed=None):
        paths = []
        for number, s in enumerate(seconds):
            time = START + timedelta(seconds=s)
            stamp = (
                f"_{time:%Y_%m_%d__%H_%M_%S}"
                if style == "clock"
                else f"-{round(time.timestamp() * 1000)}"
            )
            path = lot / f"{camera}{stamp}.png"
            picture(hash_of(camera, s) if seed is None else seed, size=size).save(path)
            os.utime(path, (number, 1_700_000_000 + number))
            paths.append(path)
        return paths

    return call


def hash_of(camera, seconds):
    return int.from_bytes(f"{camera}{seconds}".encode()[-7:], "big")


@pytest.fixture
def look(lot):
    def call(**options):
        options = {"naming": Naming.of(time_zone="UTC"), **options}
        return survey(lot, **options)

    return call


def only(overview):
    (camera,) = overview.cameras
    return camera


def names(paths):
    return [Path(path).name for path in paths]


def wall(seconds):
    return (START + timedelta(seconds=seconds)).replace(tzinfo=None)


def test_each_camera_with_its_images_and_times(shoot, look):
    shoot("c10", 60, 0, 30)
    shoot("c2", 5, 15, style="epoch")
    found = look()
    assert [(camera.camera, len(camera.shots)) for camera in found.cameras] == [
        ("c2", 2),
        ("c10", 3),
    ]
    assert [shot.time for shot in found.cameras[0].dated] == [wall(5), wall(15)]
    assert [shot.time for shot in found.cameras[1].dated] == [wall(0), wall(30), wall(60)]
    assert (found.images, found.unreadable, found.checked) == (5, (), False)
    assert found.time_origins == {"name": 5}


def test_images_without_a_camera_come_last(shoot, look, lot, picture):
    shoot("c1", 0)
    picture(1).save(lot / "a.png")
    found = look()
    assert [camera.camera for camera in found.cameras] == ["c1", None]
    assert found.time_origins == {"name": 1, "modified": 1}


def test_intervals_and_their_median(shoot, look):
    shoot("c1", 0, 10, 30, 60, 100)
    camera = only(look())
    np.testing.assert_allclose(camera.intervals_s, [10, 20, 30, 40])
    assert camera.median_interval_s == 25


def test_images_of_the_same_time_count_once_for_intervals(shoot, look):
    shoot("c1", 0, 60, 120)
    shoot("c1", 0, 60, 120, style="epoch")
    camera = only(look())
    assert len(camera.shots) == 6
    assert camera.intervals_s.tolist() == [60, 60]
    assert camera.gaps == ()


def test_one_image_has_no_intervals(shoot, look):
    shoot("c1", 0)
    camera = only(look())
    assert (camera.median_interval_s, camera.gaps, len(camera.intervals_s)) == (None, (), 0)


def test_a_gap_is_longer_than_ten_medians(shoot, look):
    assert GAP_FACTOR == 10
    shoot("c1", 0, 10, 20, 120, 130, 140, 241, 251)
    (gap,) = only(look()).gaps
    assert gap.seconds == 101
    assert (gap.after.time, gap.before.time) == (wall(140), wall(241))


def test_the_factor_of_gaps_may_be_given(shoot, look):
    shoot("c1", 0, 10, 20, 120, 130, 140, 241, 251)
    assert [gap.seconds for gap in only(look(gap_factor=5)).gaps] == [100, 101]
    assert only(look(gap_factor=20)).gaps == ()


@pytest.mark.parametrize("factor", [1, 0, -3, float("nan")])
def test_a_factor_that_makes_half_of_them_gaps_is_refused(shoot, look, factor):
    shoot("c1", 0)
    with pytest.raises(NearframeError, match="`gap_factor` must be over 1"):
        look(gap_factor=factor)


def test_intervals_are_exact_when_the_clocks_change(lot, picture, look):
    for minute in range(0, 180, 10):
        picture(minute).save(lot / f"c1-{1635636600 + 60 * minute}.png")
    camera = only(look(naming=Naming.of(time_zone="Europe/Berlin")))
    assert camera.intervals_s.tolist() == [600.0] * 17
    assert camera.gaps == ()


def test_modification_times_count_for_nothing(shoot, look, lot, picture):
    shoot("c1", 0, 10)
    for name in ("c1_a.png", "gate_1.png", "gate_2.png"):
        picture(hash_of(name, 0)).save(lot / name)
    for number, name in enumerate(("c1_a.png", "gate_1.png", "gate_2.png")):
        os.utime(lot / name, (0, 1_700_000_000 + number))
    naming = Naming.of(pattern="(?P<camera>[^_]+)_(?P<time>.*)", time_zone="UTC")
    c1, gate = look(naming=naming).cameras
    assert (len(c1.shots), len(c1.dated)) == (3, 2)
    assert c1.intervals_s.tolist() == [10]
    assert c1.time_origins == {"name": 2, "modified": 1}
    assert (gate.dated, gate.gaps, gate.median_interval_s) == ((), (), None)
    assert gate.time_origins == {"modified": 2}


def test_resolutions_most_frequent_first(shoot, look):
    shoot("c1", 0, size=(64, 48))
    shoot("c1", 10, 20, size=(128, 96))
    shoot("c1", 30, 40, 50, size=(80, 60))
    resolutions = only(look()).resolutions
    assert [(r.width, r.height, r.images) for r in resolutions] == [
        (80, 60, 3),
        (128, 96, 2),
        (64, 48, 1),
    ]


def test_tiny_images_are_suspicious(shoot, look):
    shoot("c1", 0, 10, 20)
    tiny = shoot("c1", 30, size=(10, 6))
    shoot("c1", 40, size=(32, 32))
    narrow = shoot("c1", 50, size=(200, 31))
    found = look()
    assert [shot.path for shot in found.small] == [str(path) for path in (*tiny, *narrow)]


def test_images_much_smaller_than_the_others_of_their_camera_are_suspicious(shoot, look):
    shoot("c1", 0, 10, 20, 60, size=(400, 300))
    shoot("c1", 30, size=(100, 75))
    thumbnails = shoot("c1", 40, size=(99, 75)) + shoot("c1", 50, size=(100, 74))
    shoot("c2", 0, size=(64, 48))
    assert [shot.path for shot in look().small] == [str(path) for path in thumbnails]


def test_exact_duplicates(shoot, look):
    first = shoot("c1", 0, 10, seed=3)
    second = shoot("c2", 0, seed=3)
    shoot("c2", 10, seed=4)
    (group,) = look().duplicates
    assert names(group) == names(first + second)


def test_unreadable_files_are_listed_and_stop_nothing(shoot, look, lot):
    first, cut, middle, empty = shoot("c1", 0, 10, 20, 30)
    cut.write_bytes(cut.read_bytes()[:300])
    content = bytearray(middle.read_bytes())
    content[len(content) // 2] ^= 0xFF
    middle.write_bytes(content)
    empty.write_bytes(b"")
    (lot / "c1-notes.png").write_text("notes")
    found = look()
    unreadable = sorted(names(entry.source for entry in found.unreadable))
    assert unreadable == sorted(names([cut, empty, "c1-notes.png"]))
    assert [shot.path for shot in only(found).shots] == [str(first), str(middle)]
    checked = look(check=True)
    assert checked.checked
    assert str(middle) in [entry.source for entry in checked.unreadable]
    assert only(checked).shots[0].path == str(first)


def test_a_folder_of_broken_images_says_so(lot, look):
    (lot / "c1-1616694872510.png").write_bytes(b"")
    with pytest.raises(SourceError, match="none of its 1 images can be read"):
        look()


def test_sub_folders_are_searched_when_asked_to(shoot, look, lot):
    (path,) = shoot("c1", 0)
    (lot / "sub").mkdir()
    path.rename(lot / "sub" / path.name)
    shoot("c2", 0)
    assert [camera.camera for camera in look().cameras] == ["c2"]
    assert [camera.camera for camera in look(recursive=True).cameras] == ["c1", "c2"]


def test_names_that_are_no_utf8(shoot, look, lot):
    (path,) = shoot("c1", 0)
    try:
        path.rename(os.fsdecode(os.fsencode(lot) + b"/c\xff-1616694872510.png"))
    except OSError:
        pytest.skip("this file system refuses such names")
    assert only(look()).camera == "c\udcff"


def test_nothing_is_changed(shoot, look, lot, snapshot):
    shoot("c1", 0, 10, 20)
    before = snapshot(lot)
    look(check=True)
    assert snapshot(lot) == before


def test_progress_reaches_its_end(shoot, look, progress):
    shoot("c1", 0, 10, seed=1)
    shoot("c1", 20)
    look(progress=progress)
    assert len(progress.stretches) == 3
    assert progress.stretches[0][1] == 3
    assert all(total == done for _, total, done in progress.stretches)
