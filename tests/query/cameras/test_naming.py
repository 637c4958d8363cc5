import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearframe.common import NearframeError
from nearframe.query import Naming
from nearframe.query.cameras.naming import Moment, NamedShot

BERLIN = Naming.of(time_zone="Europe/Berlin")
UTC = Naming.of(time_zone="UTC")
HOUR = timedelta(hours=1)

cameras = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
instants = st.datetimes(
    datetime(2001, 9, 9, 2), datetime(2286, 11, 20), timezones=st.just(timezone.utc)
)


def read(name, naming=UTC):
    return naming.read(name)


def test_epoch_milliseconds():
    found = read("lot/c23-1616694872510.png", BERLIN)
    assert found == NamedShot("c23", Moment(datetime(2021, 3, 25, 18, 54, 32, 510_000), HOUR))


def test_epoch_seconds():
    found = read("c23-1616694872.png", BERLIN)
    assert found == NamedShot("c23", Moment(datetime(2021, 3, 25, 18, 54, 32), HOUR))


def test_a_clock_has_no_zone():
    expected = NamedShot("c21", Moment(datetime(2021, 3, 26, 16, 44, 4), None))
    assert read("c21_2021_03_26__16_44_04.png", BERLIN) == expected
    assert read("c21_2021_03_26__16_44_04.png", UTC) == expected


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("car-park_3-1616694872510.png", "car-park_3"),
        ("c-1_1616694872510.JPG", "c-1"),
        ("gate-2021_03_26__16_44_04.jpeg", "gate"),
        ("c.1-1616694872510.png", "c.1"),
        ("a_1616694872510-1616694872511.png", "a_1616694872510"),
        ("c\n1-1616694872510.png", "c\n1"),
        ("c\udcff-1616694872510.png", "c\udcff"),
        ("カメラ_2021_03_26__16_44_04.png", "カメラ"),
    ],
)
def test_names_of_cameras(name, camera):
    found = read(name)
    assert found.camera == camera
    assert found.moment is not None


@pytest.mark.parametrize(
    "name",
    [
        "IMG_0001.jpg",
        "frame_0000000017.png",
        "frame_0001616694872.png",
        "c23-161669487.png",
        "c23-16166948725.png",
        "c23-16166948725100.png",
        "c23_2021_03_26_16_44_04.png",
        "c23_2021_03_26__16_44_04 (1).png",
        "x1616694872510.png",
        "-1616694872510.png",
        "c23-٣616694872510.png",
        ".png",
        "",
    ],
)
def test_other_names_tell_nothing(name):
    assert read(name) == NamedShot(None, None)
    assert not UTC.matches(name)


@pytest.mark.parametrize("name", ["1616694872510.png", "2021_03_26__16_44_04.png"])
def test_a_time_alone_is_of_no_camera(name):
    found = read(name)
    assert found.camera is None
    assert found.moment is not None


@pytest.mark.parametrize("dots", [".", ".."])
def test_no_camera_leads_out_of_its_folder(dots):
    assert read(f"{dots}-1616694872510.png").camera is None
    assert Naming.of(pattern="(?P<camera>.*)x").read(f"{dots}x.png").camera is None
    assert Naming.of(pattern="(?P<camera>.*)x").read("x.png").camera is None


def test_an_impossible_date_leaves_the_camera():
    assert read("c21_2021_13_26__16_44_04.png") == NamedShot("c21", None)


@given(cameras, instants)
def test_epoch_names_round_trip(camera, instant):
    instant = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    milliseconds = (instant - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(
        milliseconds=1
    )
    found = UTC.read(f"{camera}-{milliseconds}.png")
    assert found == NamedShot(camera, Moment(instant.replace(tzinfo=None), timedelta()))


@given(cameras, st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)))
def test_clock_names_round_trip(camera, clock):
    clock = clock.replace(microsecond=0)
    found = BERLIN.read(f"{camera}_{clock:%Y_%m_%d__%H_%M_%S}.png")
    assert found == NamedShot(camera, Moment(clock, None))


@given(st.text(st.characters(exclude_characters="\0")), st.sampled_from([None, "epoch", "%Y%m%d"]))
def test_any_name_is_read(name, time_format):
    pattern = None if time_format is None else "(?P<camera>.*?)_?(?P<time>.*)"
    Naming.of(pattern=pattern, time_format=time_format).read(name)


def test_a_pattern_with_a_format():
    naming = Naming.of(pattern=r"\w+_(?P<camera>\d\d)_(?P<time>\d{14})", time_format="%Y%m%d%H%M%S")
    found = naming.read("NVR_07_20210326164404.jpg")
    assert found == NamedShot("07", Moment(datetime(2021, 3, 26, 16, 44, 4)))


def test_a_pattern_takes_the_built_in_times_without_a_format():
    naming = Naming.of(pattern="(?P<time>.+)@(?P<camera>.+)", time_zone="UTC")
    expected = Moment(datetime(2021, 3, 25, 17, 54, 32), timedelta())
    assert naming.read("1616694872@c1.png") == NamedShot("c1", expected)
    assert naming.read("2021_03_25__17_54_32@c1.png").moment == Moment(expected.time)
    assert naming.read("yesterday@c1.png") == NamedShot("c1", None)


def test_a_pattern_must_match_the_whole_name():
    naming = Naming.of(pattern=r"(?P<camera>c\d)-(?P<time>\d{8})", time_format="%Y%m%d")
    assert naming.read("c1-20210326.png").moment is not None
    assert naming.read("c1-20210326164404.png") == NamedShot(None, None)


def test_a_pattern_without_a_time():
    assert Naming.of(pattern=r"(?P<camera>\w+?)\d+").read("gate0017.png") == NamedShot("gate", None)


def test_a_group_that_took_no_part():
    naming = Naming.of(pattern="(?:(?P<camera>c1)|x)(?P<time>-.*)?")
    assert naming.read("x.png") == NamedShot(None, None)


@pytest.mark.parametrize(
    ("time_format", "text"),
    [("epoch", "1616694872.51"), ("epoch_ms", "1616694872510"), ("%Y-%m-%dT%H%M%S.%f%z", None)],
)
def test_formats_of_points_in_time(time_format, text):
    naming = Naming.of(
        pattern="(?P<camera>c1) (?P<time>.*)", time_format=time_format, time_zone="Europe/Berlin"
    )
    found = naming.read(f"c1 {text or '2021-03-25T175432.51+0000'}.png")
    assert found.moment == Moment(datetime(2021, 3, 25, 18, 54, 32, 510_000), HOUR)


@pytest.mark.parametrize("text", ["9" * 30, "9" * 400, "nan", "1e5", "1_0", "-1", "", "١"])
def test_what_is_no_epoch_is_no_time(text):
    for time_format in ("epoch", "epoch_ms"):
        naming = Naming.of(pattern="(?P<camera>c) (?P<time>.*)", time_format=time_format)
        assert naming.read(f"c {text}.png") == NamedShot("c", None)


def test_the_offset_follows_the_clocks_of_the_zone():
    before, after = read("c-1635638400.png", BERLIN), read("c-1635642000.png", BERLIN)
    # The night of 2021-10-31 has two hours from two to three.
    assert (before.moment.time, before.moment.utc_offset) == (datetime(2021, 10, 31, 2), 2 * HOUR)
    assert (after.moment.time, after.moment.utc_offset) == (datetime(2021, 10, 31, 2), HOUR)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="no time zone per process here")
def test_the_default_zone_is_that_of_the_computer(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = Naming().read("c-1616694872.png").moment
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == Moment(datetime(2021, 3, 26, 2, 54, 32), 9 * HOUR)
    zone = ZoneInfo("Asia/Tokyo")
    assert Naming(zone=zone).read("c-1616694872.png").moment == found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "(?P<camera>c"}, "is not a regular expression"),
        ({"pattern": "(?P<camera>c)("}, "is not a regular expression"),
        ({"pattern": "[0-9]+"}, "names no group; expected the groups camera and time"),
        ({"pattern": "(?P<time>.*)"}, "names time; expected"),
        ({"pattern": "(?P<camera>.)(?P<tiem>.)"}, "names camera, tiem; expected"),
        ({"time_format": "epoch"}, "is for the group time of `pattern`"),
        ({"pattern": "(?P<camera>.)", "time_format": "epoch"}, "is for the group time"),
        ({"time_zone": "Berlin"}, "`time_zone` Berlin is unknown"),
        ({"time_zone": "../../etc/passwd"}, "is unknown here"),
        ({"time_zone": ""}, "is unknown here"),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(options, message):
    with pytest.raises(NearframeError, match=message) as caught:
        Naming.of(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "time_format", ["%H%M%S", "%Y%m", "seconds", "", "%Q", "%", "%d%m", "%Y-%m-%d %"]
)
def test_a_format_without_a_date_is_refused(time_format):
    with pytest.raises(NearframeError, match="expected something like %Y%m%d%H%M%S, or epoch"):
        Naming.of(pattern="(?P<camera>.)(?P<time>.)", time_format=time_format)


@pytest.mark.parametrize("time_format", ["%Y%m%d", "%y%m%d%H", "%Y%j", "%d.%m.%Y %I %p", "%c"])
def test_a_format_with_a_date_is_taken(time_format):
    Naming.of(pattern="(?P<camera>.)(?P<time>.)", time_format=time_format)


def test_a_pattern_over_several_lines_is_shown_in_one():
    with pytest.raises(NearframeError) as caught:
        Naming.of(pattern="(?x)\n[0-9]+  # counter")
    assert "\n" not in str(caught.value)
