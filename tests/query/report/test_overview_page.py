import base64
import html.parser
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.common import OutputError
from nearframe.embeddings import Unreadable
from nearframe.query import (
    CameraOverview,
    Gap,
    ImageShot,
    Overview,
    Resolution,
    render_page,
    save_page,
)
from nearframe.query.report.overview_words import iso_time, show_duration
from nearframe.query.report.page import page_parts
from nearframe.query.report.plots import draw_intervals
from nearframe.query.report.time_scale import time_ticks
from nearframe.query.report.timeline import HEIGHT, TimelineRow, draw_timeline

START = datetime(2021, 3, 26, 8)
VOID = {"meta", "br", "img"}


class Page(html.parser.HTMLParser):
    """Reads a page: its text, its attributes, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.text = [], [], ""
        self.elements = Counter()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements[tag] += 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


def shot_of(camera, time, origin="name"):
    name = f"lot/{camera}_{time:%Y_%m_%d__%H_%M_%S}.png"
    return ImageShot(name, camera, time, origin, None, 1000, 64, 48)


def camera_of(name, times, origin="name"):
    shots = tuple(shot_of(name, time, origin) for time in sorted(times))
    intervals = np.diff([(shot.time - START).total_seconds() for shot in shots])
    intervals = intervals[intervals > 0]
    return CameraOverview(
        camera=name,
        shots=shots,
        dated=shots if origin != "modified" else (),
        intervals_s=intervals,
        median_interval_s=float(np.median(intervals)) if len(intervals) else None,
        gaps=(Gap(shots[0], shots[-1], 4000.0),) if len(shots) > 1 else (),
        resolutions=(Resolution(64, 48, len(shots)),),
        time_origins=Counter(shot.time_origin for shot in shots),
    )


def overview_of(*cameras, **fields):
    values = {
        "folder": "lot",
        "cameras": cameras,
        "unreadable": (),
        "small": (),
        "duplicates": (),
        "checked": False,
        "gap_factor": 10.0,
        "zone": None,
    }
    return Overview(**{**values, **fields})


def every(seconds, count, start=START):
    return [start + timedelta(seconds=seconds * number) for number in range(count)]


@pytest.fixture
def overview():
    cameras = (
        camera_of("c1", every(60, 50)),
        camera_of("c2", every(90, 30)),
        camera_of(None, [START]),
    )
    return overview_of(
        *cameras,
        unreadable=(Unreadable("lot/broken.png", 3, "the file is empty"),),
        small=(shot_of("c9", START),),
        duplicates=(("lot/twin-a.png", "lot/twin-b.png"),),
    )


def test_it_shows_everything(overview):
    text = Page(render_page(overview)).text
    for part in (
        "c1",
        "c2",
        "(no camera)",
        "81 images",
        "2 cameras",
        "1 unreadable",
        "2021-03-26 08:49:00",
        "1 min",
        "1 min 30 s",
        "64x48",
        "81 from file names",
        "broken.png",
        "the file is empty",
        "c9_2021_03_26__08_00_00.png",
        "twin-a.png",
        "twin-b.png",
        "1 h 7 min",
        "over 10 times the median",
        "under 32 pixels, or under 25%",
    ):
        assert part in text, part


def test_it_needs_no_other_file_and_no_network(overview):
    page = Page(render_page(overview))
    names = {name for name, _ in page.attributes}
    assert not names & {"href", "srcset", "data", "action", "xlink:href", "style"}
    assert not page.elements.keys() & {"script", "link", "iframe", "object"}
    plots = [value for name, value in page.attributes if name == "src"]
    assert len(plots) == 2
    for plot in plots:
        kind, code = plot.split(",")
        assert kind == "data:image/svg+xml;base64"
        # What a plot names is only what SVG files are called by.
        inside = base64.b64decode(code).decode()
        assert set(re.findall(r'(?:href|src)="([^#"][^"]*)"', inside)) == set()
        assert not re.search(r"@import|url\((?!#)|<script", inside)
    assert not re.search(r"@import|url\(|(?<!data:image/svg)https?://", render_page(overview))


def test_its_policy_is_that_of_all_pages(overview):
    def policy_of(page):
        return next(value for _, value in Page(page).attributes if value and "default-src" in value)

    policy = policy_of(render_page(overview))
    assert policy == policy_of("".join(page_parts("base.html")))
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert " img-src data:;" in policy


def test_every_camera_has_its_row_and_its_histogram(overview):
    page = Page(render_page(overview))
    labels = [value for name, value in page.attributes if name in ("aria-label", "alt")]
    assert labels == [
        *(f"{name}: images over time" for name in ("c1", "c2", "(no camera)")),
        # One image alone has no interval.
        *(f"Intervals between images of {name}" for name in ("c1", "c2")),
    ]


def test_names_are_text_not_markup():
    name = "<script>alert('c&1')</script>\"\udcff\n"
    camera = camera_of(name, every(60, 3))
    gone = (Unreadable(f"lot/{name}.png", 1, "<b>broken</b>"),)
    page = render_page(overview_of(camera, unreadable=gone, duplicates=((f"lot/{name}", "b"),)))
    parsed = Page(page)
    assert not parsed.elements["script"]
    assert not parsed.elements["b"]
    assert "<script>alert('c&1')</script>\"\\xff\\n" in parsed.text
    page.encode("utf-8")


def test_the_longest_gaps_come_first_and_the_list_is_cut():
    camera = camera_of("c1", every(60, 2))
    after, before = camera.shots
    gaps = tuple(Gap(after, before, 3600.0 * n) for n in range(1, 1000))
    text = Page(render_page(overview_of(replace(camera, gaps=gaps)))).text
    assert "Gaps (999)" in text
    assert text.index("41 d 15 h") < text.index("41 d 14 h")
    assert "33 d 8 h" in text
    assert "33 d 7 h" not in text


def test_long_lists_are_cut():
    gone = tuple(Unreadable(f"lot/{n}.png", n, "the file is empty") for n in range(1000))
    page = Page(render_page(overview_of(camera_of("c1", [START]), unreadable=gone)))
    assert "Unreadable (1,000)" in page.text
    assert "and 800 more; --json has them all" in page.text
    assert "199.png" in page.text
    assert "200.png" not in page.text


def test_lists_without_entries_are_left_out():
    text = Page(render_page(overview_of(camera_of("c1", [START])))).text
    for title in ("Gaps (", "Unreadable (", "Suspiciously", "duplicates"):
        assert title not in text


def test_modification_times_do_not_stretch_the_axis():
    late = camera_of("c2", every(60, 3, datetime(2030, 1, 1)), origin="modified")
    page = render_page(overview_of(camera_of("c1", every(60, 50)), late))
    assert "only their modification time is known: 3" in page
    drawn = page[page.index("Images over time") : page.index("Intervals")]
    assert "2021-" in drawn
    assert "2030-" not in drawn
    assert "Images over time" not in render_page(overview_of(late))


def test_the_bars_of_the_timeline_count_every_image():
    times = every(60, 50) + every(60, 20, START + timedelta(hours=5))
    timeline = draw_timeline([TimelineRow("c1", [(time, "images") for time in times])], ("images",))
    (row,) = timeline.rows
    assert sum(int(bar.title.rpartition(": ")[2]) for bar in row.bars) == 70
    heights = [height for bar in row.bars for _, _, height in bar.parts]
    assert max(heights) == pytest.approx(HEIGHT)
    # Of five hours without images a break remains between two blocks of bars.
    ((_, title),) = timeline.breaks
    assert title == "nothing from 2021-03-26 08:49:30 to 2021-03-26 13:00:00"
    assert max(np.diff([bar.x for bar in row.bars])) < 3 * max(bar.width for bar in row.bars)


def test_the_histogram_counts_every_interval():
    camera = camera_of("c1", [*every(60, 50), START + timedelta(hours=3)])
    (axes,) = draw_intervals(camera).axes
    assert sum(patch.get_height() for patch in axes.patches) == 50
    assert [text.get_text() for text in axes.texts] == ["median 1 min"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.datetimes(datetime(1000, 1, 1)), min_size=1, max_size=8),
        min_size=1,
        max_size=3,
    )
)
def test_any_times_give_a_page(cameras):
    page = Page(
        render_page(overview_of(*(camera_of(f"c{n}", times) for n, times in enumerate(cameras))))
    )
    for name, value in page.attributes:
        if name in ("x", "y", "width", "height", "x1", "x2", "y1", "y2"):
            assert 0 <= float(value.removesuffix("%")) <= 100


@given(st.datetimes(datetime(1000, 1, 1)), st.floats(0, 1e10))
def test_ticks_are_few_and_within(first, span):
    seconds = (first - datetime(1970, 1, 1)).total_seconds()
    last = min(seconds + span, (datetime.max - datetime(1970, 1, 1)).total_seconds())
    ticks = time_ticks(seconds, last)
    assert len(ticks) <= 10
    assert ticks == sorted(set(ticks))
    assert all(
        seconds - 1 <= (tick - datetime(1970, 1, 1)).total_seconds() <= last + 1 for tick in ticks
    )
    if last - seconds > 10:
        assert ticks


def test_ticks_are_round():
    first = (datetime(2021, 3, 25, 17, 54) - datetime(1970, 1, 1)).total_seconds()
    assert [f"{tick:%H:%M}" for tick in time_ticks(first, first + 86400)] == [
        "18:00",
        "21:00",
        "00:00",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
        "15:00",
    ]
    weeks = time_ticks(first, first + 40 * 86400)
    assert {tick.weekday() for tick in weeks} == {0}
    assert {(tick.month, tick.day) for tick in time_ticks(first, first + 5 * 366 * 86400)} == {
        (1, 1)
    }


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.04, "0.04 s"),
        (2.5, "2.5 s"),
        (59.9, "59.9 s"),
        (59.96, "1 min"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3599.7, "1 h"),
        (3600, "1 h"),
        (5430, "1 h 30 min"),
        (86399, "1 d"),
        (86400 * 2.5, "2 d 12 h"),
        (86400 * 400, "400 d"),
    ],
)
def test_durations(seconds, expected):
    assert show_duration(seconds) == expected


def test_whose_clock_points_in_time_are_on():
    local = overview_of(camera_of("c1", [START]))
    assert "on the clock of" not in render_page(local)
    known = replace(shot_of("c1", START), utc_offset=timedelta(hours=1))
    camera = replace(camera_of("c1", [START]), shots=(known,), dated=(known,))
    assert "are on the clock of this computer." in render_page(overview_of(camera))
    berlin = overview_of(camera, zone=ZoneInfo("Europe/Berlin"))
    assert "are on the clock of Europe/Berlin." in render_page(berlin)


def test_times_for_programs_carry_the_offset_where_it_is_known():
    shot = shot_of("c1", START)
    assert iso_time(shot) == "2021-03-26T08:00:00"
    known = ImageShot("x", "c", START, "name", timedelta(hours=1), 1, 1, 1)
    assert iso_time(known) == "2021-03-26T08:00:00+01:00"


def test_a_page_is_saved_whole_or_not_at_all(tmp_path, overview):
    path = tmp_path / "page.html"
    save_page(overview, path)
    assert path.read_text("utf-8") == render_page(overview)
    with pytest.raises(OutputError):
        save_page(overview, tmp_path / "nowhere" / "page.html")
    assert list(tmp_path.iterdir()) == [path]
