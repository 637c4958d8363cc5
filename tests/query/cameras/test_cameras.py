import os
from datetime import datetime, timedelta

import pytest
from PIL import Image

from nearframe.common import NearframeError, SourceError, UnreadableImageError
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import File
from nearframe.query import ImageShot, Naming, Shot, read_shot, read_shots, seconds_of
from nearframe.query.cameras import shots as cameras

BERLIN = Naming.of(time_zone="Europe/Berlin")
HOUR = timedelta(hours=1)
MODIFIED_NS = 1_616_700_000_500_000_000
MODIFIED = datetime(2021, 3, 25, 20, 20, 0, 500_000)


@pytest.fixture
def save(tmp_path, picture):
    """Save a picture under a name, with EXIF times as given."""

    def call(name, taken=None, *, offset=None, fraction=None, size=(32, 24)):
        path = tmp_path / "lot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        details = exif.get_ifd(0x8769)
        for tag, value in {0x9003: taken, 0x9011: offset, 0x9291: fraction}.items():
            if value is not None:
                details[tag] = value
        picture(1, size=size).save(path, exif=exif)
        os.utime(path, ns=(0, MODIFIED_NS))
        return path

    return call


def test_a_shot_tells_all_about_its_image(save):
    path = save("c23-1616694872510.png", size=(48, 32))
    assert read_shot(path, naming=BERLIN) == ImageShot(
        path=str(path),
        camera="c23",
        time=datetime(2021, 3, 25, 18, 54, 32, 510_000),
        time_origin="name",
        utc_offset=HOUR,
        size=path.stat().st_size,
        width=48,
        height=32,
    )


def test_the_name_goes_before_exif(save):
    shot = read_shot(save("c21_2021_03_26__16_44_04.jpg", "1999:12:31 00:00:00"))
    assert (shot.time, shot.time_origin) == (datetime(2021, 3, 26, 16, 44, 4), "name")
    assert shot.utc_offset is None


def test_exif_goes_before_the_modification_time(save):
    shot = read_shot(save("IMG_1.jpg", "2021:03:26 16:44:04", fraction="25"), naming=BERLIN)
    assert (shot.camera, shot.time_origin, shot.utc_offset) == (None, "exif", None)
    assert shot.time == datetime(2021, 3, 26, 16, 44, 4, 250_000)


def test_exif_with_an_offset_is_put_on_the_wall_clock(save):
    path = save("IMG_1.jpg", "2021:03:26 16:44:04", offset="-05:00")
    shot = read_shot(path, naming=BERLIN)
    assert (shot.time, shot.utc_offset) == (datetime(2021, 3, 26, 22, 44, 4), HOUR)


def test_a_camera_in_the_name_with_a_time_in_exif(save):
    path = save("gate_0001.jpg", "2021:03:26 16:44:04")
    shot = read_shot(path, naming=Naming.of(pattern=r"(?P<camera>\w+?)_\d+"))
    assert (shot.camera, shot.time_origin) == ("gate", "exif")


@pytest.mark.parametrize(
    "taken",
    [
        None,
        "",
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2021-03-26",
        "2021:13:26 16:44:04",
        "\0" * 19,
    ],
)
def test_else_it_is_the_modification_time(save, taken):
    shot = read_shot(save("IMG_1.jpg", taken), naming=BERLIN)
    assert (shot.time, shot.time_origin, shot.utc_offset) == (MODIFIED, "modified", HOUR)


@pytest.mark.parametrize("offset", ["", "Z5", "+99:00", "   :  "])
def test_a_damaged_offset_is_none(save, offset):
    shot = read_shot(save("IMG_1.jpg", "2021:03:26 16:44:04", offset=offset), naming=BERLIN)
    assert (shot.time, shot.time_origin) == (datetime(2021, 3, 26, 16, 44, 4), "exif")
    assert shot.utc_offset is None


@pytest.mark.parametrize("mtime_ns", [-(2**62), 2**62, 2**70, -(2**70)])
def test_a_file_from_far_away_in_time_has_some_time(save, mtime_ns, monkeypatch):
    path = save("IMG_1.jpg")
    # Most file systems here would not keep such a time.
    file = File(str(path), size=1, mtime_ns=mtime_ns)
    monkeypatch.setattr(cameras.File, "look_at", lambda _: file)
    assert read_shot(path).time_origin == "modified"


def test_a_broken_image_says_so(tmp_path):
    (tmp_path / "c1-1616694872510.png").write_bytes(b"\x89PNG")
    with pytest.raises(UnreadableImageError):
        read_shot(tmp_path / "c1-1616694872510.png")


def test_shots_of_a_folder_come_in_natural_order(save, tmp_path):
    for name in ("c10-1616694872510.png", "c2-1616694872510.png", "sub/c1-1616694872510.png"):
        save(name)
    (tmp_path / "lot" / "c3-1616694872510.png").write_text("no image")
    (tmp_path / "lot" / "notes.txt").write_text("notes")
    shots = list(read_shots(tmp_path / "lot"))
    assert [getattr(shot, "camera", "broken") for shot in shots] == ["c2", "broken", "c10"]
    assert isinstance(shots[1], Unreadable)
    cameras = [getattr(s, "camera", "broken") for s in read_shots(tmp_path / "lot", recursive=True)]
    assert sorted(cameras) == ["broken", "c1", "c10", "c2"]


def test_a_pattern_that_matches_nothing_is_refused(save, tmp_path):
    save("c1-1616694872510.png")
    naming = Naming.of(pattern="(?P<camera>gate)")
    with pytest.raises(NearframeError, match=r"matches none .* c1-1616694872510\.png for one"):
        list(read_shots(tmp_path / "lot", naming=naming))
    save("gate.png")
    shots = list(read_shots(tmp_path / "lot", naming=naming))
    assert [(shot.camera, shot.time_origin) for shot in shots] == [
        (None, "modified"),
        ("gate", "modified"),
    ]


def test_only_folders_have_shots(save, tmp_path):
    path = save("c1-1616694872510.png")
    with pytest.raises(SourceError, match="expected a folder of images"):
        list(read_shots(path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no images in this folder"):
        list(read_shots(tmp_path / "empty"))
    with pytest.raises(SourceError, match="no such file or folder"):
        list(read_shots(tmp_path / "nowhere"))


def shot_at(time, utc_offset=None):
    return Shot("x.png", "c", time, "name", utc_offset)


def test_seconds_are_exact_when_the_clocks_change():
    # 2021-10-31 in Berlin: from three back to two.
    shots = [
        shot_at(datetime(2021, 10, 31, 2, 30), 2 * HOUR),
        shot_at(datetime(2021, 10, 31, 2, 10), HOUR),
    ]
    first, second = seconds_of(shots)
    assert second - first == 40 * 60


def test_seconds_are_those_of_the_clock_where_one_offset_is_unknown():
    shots = [
        shot_at(datetime(2021, 3, 26, 12), HOUR),
        shot_at(datetime(2021, 3, 26, 12, 1), None),
    ]
    first, second = seconds_of(shots)
    assert second - first == 60
