"""What a report holds, without a browser."""

import base64
import hashlib
import html.parser
import io
import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nearframe.common import OutputError
from nearframe.embeddings import Unreadable
from nearframe.query import (
    ChangeSettings,
    DedupPlan,
    DedupRules,
    DroppedFile,
    KeptFile,
    NotedFile,
    PlannedFile,
    Window,
    save_report,
)
from nearframe.query.report import page as report_page
from nearframe.query.report.thumbnails import SIDE, side_for
from nearframe.query.report.timeline import HEIGHT, TimelineRow, draw_timeline

EVIL = "c1-1616694872512<script><img src=x onerror=alert(1)>&'.png"
SETTINGS = ChangeSettings(resize_to=(180, 320), blur_radii=(3,), motion_tolerance=0.0)
VOID = {"meta", "br", "input"}


class Page(html.parser.HTMLParser):
    """Reads a page: elements, attributes, text, and the scripts by their class or id."""

    def __init__(self, path):
        super().__init__()
        self.open, self.attributes, self.text = [], [], ""
        self.elements, self.scripts = Counter(), []
        self.feed(path.read_text("utf-8"))
        self.close()
        assert self.open == []
        self.data = json.loads(next(text for given, text in self.scripts if "id" in given))
        self.pictures = [
            picture
            for given, text in self.scripts
            if given.get("class") == "pack"
            for picture in json.loads(text)
        ]

    def handle_starttag(self, tag, attrs):
        self.elements[tag] += 1
        self.attributes += attrs
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, _):
        self.elements[tag] += 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            given, text = self.scripts[-1]
            self.scripts[-1] = given, text + data
        elif self.open[-1:] != ["style"]:
            self.text += data

    def picture_of(self, name):
        """Return picture and entry of a file."""
        number = [title for title, _ in self.data["files"]].index(name)
        entries = [entry for entry in self.data["entries"] if entry.get("title") == number]
        return self.pictures[number], entries[0] if entries else None


def scene(side=0, size=(320, 180)):
    """An empty yard, with a box of `side` pixels in it."""
    coarse = np.random.default_rng(1).integers(60, 120, (6, 8, 3), np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    if side:
        ImageDraw.Draw(image).rectangle((100, 60, 100 + side, 60 + side), "white")
    return image


@pytest.fixture
def yard(tmp_path):
    """A folder of two cameras, and its plan: c1 with a small box that is dropped, and a large."""
    folder = tmp_path / "yard"
    folder.mkdir()
    for name, side in (
        ("c1-1616694872510.png", 0),
        ("c1-1616694872511.png", 5),
        (EVIL, 60),
        ("c2-1616694872513.png", 0),
        ("c2-1616694872514.png", 0),
    ):
        scene(side).save(folder / name)

    def look_at(name, camera, time):
        return PlannedFile.look_at(str(folder), str(folder / name), camera=camera, time=time)

    def fields(name, camera, time):
        file = look_at(name, camera, time)
        return {key: getattr(file, key) for key in ("file", "size", "sha256", "camera", "time")}

    first = fields("c1-1616694872510.png", "c1", "2021-03-25T18:54:32.510")
    small = fields("c1-1616694872511.png", "c1", "2021-03-25T18:54:32.511")
    large = fields(EVIL, "c1", "2021-03-25T18:54:32.512")
    other = fields("c2-1616694872513.png", "c2", "2021-03-25T18:54:32.513")
    same = fields("c2-1616694872514.png", "c2", "2021-03-25T18:54:32.514")
    return DedupPlan(
        folder=str(folder),
        kept=(
            KeptFile(**first),
            KeptFile(**large, nearest=first["file"], similarity=0.99, change=0.06),
            KeptFile(**other),
        ),
        dropped=(
            DroppedFile(**small, repeats=first["file"], similarity=0.999, change=0.0),
            DroppedFile(**same, repeats=other["file"], similarity=1.0, change=0.0),
        ),
        unreadable=(Unreadable("/yard/<b>broken</b>.png", 3, "the file is empty"),),
        rules=DedupRules(method="hybrid", change=SETTINGS),
        fingerprint=None,
        created="2024-05-01T12:00:00+02:00",
    )


@pytest.fixture
def page_of(tmp_path):
    def make(plan):
        save_report(plan, tmp_path / "report.html")
        return Page(tmp_path / "report.html")

    return make


def test_it_says_what_was_kept_and_by_which_rule(yard, page_of):
    text = page_of(yard).text
    for part in (
        "yard: 3 of 5 frames are new",
        "less than 0.5 % of the area changed",
        "2024-05-01 12:00:00",
        "Unreadable (1)",
        "<b>broken</b>.png",
        "the file is empty",
    ):
        assert part in text, part


def test_the_cameras_have_their_counts(yard, page_of):
    text = " ".join(page_of(yard).text.split())
    assert "c1 3 frames, 2 kept, 1 dropped (33%)" in text
    assert "c2 2 frames, 1 kept, 1 dropped (50%)" in text


def test_every_frame_stands_beside_the_one_it_was_judged_by(yard, page_of):
    data = page_of(yard).data
    names = [name for name, _ in data["files"]]
    pairs = {
        names[entry["title"]]: [names[file] for file, _, _ in entry["pictures"]]
        for entry in data["entries"]
    }
    first, evil = "c1-1616694872510.png", EVIL
    assert pairs == {
        first: [first],
        "c1-1616694872511.png": [first, "c1-1616694872511.png"],
        evil: [first, evil],
        "c2-1616694872513.png": ["c2-1616694872513.png"],
        "c2-1616694872514.png": ["c2-1616694872513.png", "c2-1616694872514.png"],
    }
    assert [entry["kind"] for entry in data["entries"]] == [1, 0, 1, 1, 0]
    assert [entry["group"] for entry in data["entries"]] == [0, 0, 0, 1, 1]


def test_what_changed_is_outlined_where_it_is(yard, page_of):
    (_, _, _, _, regions), entry = page_of(yard).picture_of(EVIL)
    assert entry["facts"] == "similarity 0.990000 · changed area 6.00 %"
    ((counts, *corners),) = regions
    assert counts == 1
    # The box from (100, 60) to (160, 120) of 320x180, on a grid of 1000, and some blur around it.
    assert min(corners[0::2]) == pytest.approx(1000 * 100 / 320, abs=35)
    assert max(corners[0::2]) == pytest.approx(1000 * 160 / 320, abs=35)
    assert min(corners[1::2]) == pytest.approx(1000 * 60 / 180, abs=50)
    assert max(corners[1::2]) == pytest.approx(1000 * 120 / 180, abs=50)


def test_what_is_too_small_to_count_is_outlined_too(yard, page_of):
    picture, entry = page_of(yard).picture_of("c1-1616694872511.png")
    assert [region[0] for region in picture[4]] == [0]
    assert "is too small to count" in entry["facts"]


def test_what_only_moved_is_said(yard, page_of, tmp_path):
    scene(60).save(tmp_path / "yard" / "c1-1616694872510.png")
    moved = scene()
    ImageDraw.Draw(moved).rectangle((76, 60, 136, 120), "white")
    moved.save(tmp_path / "yard" / "c1-1616694872511.png")
    settings = replace(SETTINGS, motion_tolerance=0.1)
    plan = replace(yard, rules=replace(yard.rules, change=settings))
    picture, entry = page_of(plan).picture_of("c1-1616694872511.png")
    assert [region[0] for region in picture[4]][:1] == [0]
    assert "only moved a little" in entry["facts"]
    assert entry["margin"] == 0


def test_the_margin_is_smallest_at_the_threshold(yard, page_of):
    page = page_of(yard)
    margins = {page.data["files"][e["title"]][0]: e["margin"] for e in page.data["entries"]}
    assert margins["c1-1616694872510.png"] is None
    assert margins["c2-1616694872514.png"] == 1
    assert margins[EVIL] > 5
    assert 0.3 < margins["c1-1616694872511.png"] < 0.9


def test_the_margin_of_similarities(yard, page_of):
    page = page_of(replace(yard, rules=DedupRules(threshold=0.995)))
    margins = {page.data["files"][e["title"]][0]: e["margin"] for e in page.data["entries"]}
    assert margins[EVIL] == pytest.approx(1)  # 0.01 apart, and 0.005 is new
    assert margins["c1-1616694872511.png"] == pytest.approx(0.8)
    assert margins["c2-1616694872514.png"] == pytest.approx(1)


def test_each_picture_is_there_once_and_small(yard, page_of):
    page = page_of(yard)
    assert len(page.pictures) == len(page.data["files"]) == 5
    for webp, width, height, problem, _ in page.pictures:
        image = Image.open(io.BytesIO(base64.b64decode(webp)))
        assert (image.format, image.size) == ("WEBP", (width, height))
        assert (width, height) == (320, 180)  # no larger than the file
        assert problem == ""


def test_thumbnails_are_smaller_where_there_are_many():
    assert side_for(20) > side_for(20_000) == SIDE


def test_a_broken_or_missing_file_is_shown_as_such(yard, page_of, tmp_path):
    (tmp_path / "yard" / "c1-1616694872510.png").unlink()
    (tmp_path / "yard" / "c2-1616694872514.png").write_bytes(b"no image")
    page = page_of(yard)
    gone, _ = page.picture_of("c1-1616694872510.png")
    assert gone == [None, 0, 0, "the file is gone", []]
    broken, _ = page.picture_of("c2-1616694872514.png")
    assert broken[3] == "not an image that can be decoded"
    small, entry = page.picture_of("c1-1616694872511.png")
    assert small[0] is not None
    assert small[4] == []
    assert entry["margin"] is None


def test_protected_frames_stand_beside_what_they_repeat(yard, page_of, tmp_path):
    scene().save(tmp_path / "reference.png")
    reference = PlannedFile.look_at(yard.folder, str(tmp_path / "reference.png"), camera="c1")
    dropped = (replace(yard.dropped[0], repeats=reference.file), yard.dropped[1])
    page = page_of(replace(yard, dropped=dropped, protected=(reference,)))
    assert "1 protected frames" in page.text
    picture, entry = page.picture_of(reference.file)
    assert picture[0] is not None
    assert entry is None
    assert len(page.data["entries"]) == 5


@pytest.fixture
def album(tmp_path):
    """A folder of photos, and its plan: an equal file, a doubtful one that is larger, others."""
    folder = tmp_path / "album"
    folder.mkdir()
    taken = Image.Exif()
    taken[0x8769] = {0x9003: "2021:07:04 10:11:12"}
    scene(60, (200, 100)).save(folder / "a.jpg", exif=taken)
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())
    scene(60, (400, 200)).save(folder / "c.jpg")
    scene().save(folder / "d.png")
    scene(5).save(folder / "e.png")
    scene(9).save(folder / "<i>.png")

    def fields(name):
        file = PlannedFile.look_at(str(folder), str(folder / name))
        return {"file": file.file, "size": file.size, "sha256": file.sha256}

    return DedupPlan(
        folder=str(folder),
        kept=(
            KeptFile(**fields("a.jpg")),
            KeptFile(**fields("d.png"), nearest="a.jpg", similarity=0.2),
            KeptFile(**fields("e.png"), nearest="d.png", similarity=0.93),
        ),
        dropped=(
            DroppedFile(**fields("b.jpg"), repeats="a.jpg", similarity=1.0),
            DroppedFile(**fields("c.jpg"), repeats="a.jpg", similarity=0.951),
            DroppedFile(**fields("<i>.png"), repeats="e.png", similarity=0.97),
        ),
        unreadable=(),
        rules=DedupRules(threshold=0.95),
        fingerprint=None,
        created="2024-05-01T12:00:00+02:00",
    )


def test_photos_are_called_photos_and_have_no_cameras(album, page_of, yard):
    text = page_of(album).text
    assert "album: 3 of 6 photos repeat another" in text
    assert "similarity 0.95 or more to an earlier kept photo" in text
    assert "amera" not in text
    assert "frame" not in text.replace("nearframe", "")
    assert "Cameras" in page_of(yard).text


def test_the_page_of_a_plan_opens_on_what_was_dropped_doubtful_first(album, yard, page_of):
    for plan in (album, yard):
        page = page_of(plan)
        values = [value for name, value in page.attributes if name == "value"]
        assert values[:5] == ["0", "1", "", "margin", ""]
        assert "selected" not in {name for name, _ in page.attributes}


def test_the_doubtful_photos_are_the_least_alike(album, page_of):
    page = page_of(album)
    names = [name for name, _ in page.data["files"]]
    dropped = [entry for entry in page.data["entries"] if entry["kind"] == 0]
    dropped.sort(key=lambda entry: entry["margin"])
    assert [names[entry["pictures"][1][0]] for entry in dropped] == ["c.jpg", "<i>.png", "b.jpg"]
    assert dropped[0]["notes"] == [["warn", "the dropped one has more pixels"]]
    assert dropped[2]["notes"] == [["good", "equal files"]]
    assert dropped[2]["margin"] == 1


def test_photos_have_their_size_dimensions_and_date(album, page_of):
    details = dict(page_of(album).data["files"])
    assert re.fullmatch(r"[\d.]+ (bytes|kB) · 200 × 100\n2021-07-04 10:11", details["a.jpg"])
    assert re.fullmatch(r"[\d.]+ (bytes|kB) · 400 × 200\nmodified 2.+", details["c.jpg"])


def test_photos_that_stay_have_pictures_only_where_they_are_nearly_repeats(album, page_of):
    page = page_of(album)
    kept = [entry for entry in page.data["entries"] if entry["kind"] == 1]
    assert [len(entry["pictures"]) for entry in kept] == [0, 0, 2]
    assert kept[1]["heading"] == "d.png"
    assert kept[1]["facts"].endswith("nearest a.jpg · similarity 0.200000")
    assert len(page.pictures) == len(page.data["files"]) == 6
    without = replace(album, kept=(album.kept[0],), dropped=album.dropped[:2])
    assert len(page_of(without).pictures) == 3


def test_files_that_are_only_numbered_are_frames(album, page_of, tmp_path):
    kept, dropped = (
        tuple(replace(file, file=f"{number:06}.png") for number, file in enumerate(files, start))
        for files, start in ((album.kept[:1], 1), (album.dropped[:1], 2))
    )
    dropped = tuple(replace(file, repeats=kept[0].file) for file in dropped)
    assert "1 of 2 frames are new" in page_of(replace(album, kept=kept, dropped=dropped)).text


def test_what_was_not_compared_is_listed(album, yard, page_of):
    for plan in (album, yard):
        noted = (NotedFile("icon<b>.png", "16x16 pixels"),)
        text = " ".join(page_of(replace(plan, tiny=noted)).text.split())
        assert "showing too little (1)" in text
        assert "icon<b>.png 16x16 pixels" in text.replace("png16", "png 16")
        assert "too little" not in page_of(plan).text


def test_a_photo_that_is_gone_is_shown_as_such(album, page_of, tmp_path):
    (tmp_path / "album" / "c.jpg").unlink()
    picture, _ = page_of(album).picture_of("c.jpg")
    assert picture[:4] == [None, 0, 0, "the file is gone"]


def test_names_are_text_not_markup(yard, page_of, tmp_path):
    camera = "<script>alert('c&1')</script>\"\udcff\n"
    place = tmp_path / "<" / "script><script>"
    place.mkdir(parents=True)
    scene().save(place / "x.png")
    reference = PlannedFile.look_at(yard.folder, str(place / "x.png"))
    kept = tuple(replace(file, camera=camera, nearest=reference.file) for file in yard.kept)
    page = page_of(replace(yard, kept=kept, protected=(reference,)))
    assert "</script>" in reference.file
    assert page.picture_of(reference.file)[0][0] is not None
    assert not page.elements["img"] + page.elements["b"]
    runs = [given for given, _ in page.scripts if "type" not in given]
    assert len(runs) == 1
    assert "<script>alert('c&1')</script>\"\\xff\\n" in page.text


def test_it_needs_no_other_file_and_no_network(yard, page_of, tmp_path):
    page = page_of(yard)
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "href", "srcset", "action", "xlink:href", "style", "onclick"}
    assert not page.elements.keys() & {"link", "img", "iframe", "object"}
    assert not re.search(r"@import|url\(", (tmp_path / "report.html").read_text("utf-8"))


def test_only_its_own_script_and_style_may_run(yard, page_of, tmp_path):
    policy = next(value for _, value in page_of(yard).attributes if "default-src" in value)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert policy.startswith("default-src 'none';")
    assert " img-src data:;" in policy
    for element in ("style", "script"):
        content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_pictures_are_written_pack_by_pack(tmp_path, monkeypatch):
    monkeypatch.setattr(report_page, "PER_PACK", 2)
    seen = []

    def pictures():
        for number in range(5):
            seen.append(number)
            yield str(number)

    report_page.write_page(
        tmp_path / "p.html",
        "query.html",
        pictures=pictures(),
        data=lambda: {"n": len(seen)},
        **{"index": "i", "total": 0, "facts": [], "unreadable": [], "judged": False},
    )
    text = (tmp_path / "p.html").read_text("utf-8")
    packs = re.findall(r'class="pack">(.*?)</script>', text, re.DOTALL)
    assert [json.loads(pack) for pack in packs] == [[0, 1], [2, 3], [4]]
    assert '{"n":5,"perPack":2}' in text


def test_an_interrupted_report_leaves_the_old_one(yard, tmp_path):
    path = tmp_path / "report.html"
    save_report(yard, path)
    old = path.read_bytes()

    class Stop:
        def start(self, label, total): ...

        def advance(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_report(yard, path, progress=Stop())
    assert path.read_bytes() == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "yard"]


def test_a_place_that_cannot_be_written_is_an_error(yard, tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        save_report(yard, tmp_path / "missing" / "report.html")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"window": Window(seconds=90)}, "frames of 90 seconds before it"),
        ({"window": Window(frames=3)}, "3 frames before it"),
        ({"across_cameras": True}, "compared with each other"),
        ({"keep": "sharpest"}, "the sharpest of a run"),
        ({"change": replace(SETTINGS, light_compensation=False)}, "a change of light counts"),
        ({"change": replace(SETTINGS, black_mask=(0, 10, 0, 0))}, "masked"),
    ],
)
def test_every_rule_is_said(yard, page_of, rules, words):
    assert words not in page_of(yard).text
    assert words in page_of(replace(yard, rules=replace(yard.rules, **rules))).text


def test_a_mask_that_does_not_fit_costs_only_the_outlines(yard, page_of, tmp_path):
    Image.new("L", (100, 100), 255).save(tmp_path / "mask.png")
    settings = replace(SETTINGS, masks={"c1": str(tmp_path / "mask.png")})
    page = page_of(replace(yard, rules=replace(yard.rules, change=settings)))
    picture, _ = page.picture_of(EVIL)
    assert picture[0] is not None
    assert picture[4] == []


def test_a_page_is_written_as_its_pictures_are_made():
    seen = []
    parts = report_page.page_parts(
        "query.html",
        pictures=(seen.append(number) or str(number) for number in range(1000)),
        data=lambda: {},
        **{"index": "i", "total": 0, "facts": [], "unreadable": [], "judged": False},
    )
    made = [len(seen) for part in parts if part.startswith("[")]
    assert made == list(range(report_page.PER_PACK, 1001, report_page.PER_PACK))


def bars(rows):
    return draw_timeline(rows, kinds=("kept", "dropped"))


def counts(timeline):
    titles = [bar.title for row in timeline.rows for bar in row.bars]
    found = [re.search(r": (\d+) kept, (\d+) dropped", title).groups() for title in titles]
    return [(int(kept), int(dropped)) for kept, dropped in found]


def test_frames_without_times_are_drawn_in_order():
    timeline = bars([TimelineRow("c1", [(None, "kept"), (None, "dropped"), (None, "dropped")])])
    assert counts(timeline) == [(1, 0), (0, 1), (0, 1)]
    assert "order" in timeline.note


def test_a_long_row_is_drawn_in_bins_that_count_every_frame():
    frames = [(None, "dropped" if number % 10 else "kept") for number in range(5000)]
    timeline = bars([TimelineRow("c1", frames)])
    assert sum(kept for kept, _ in counts(timeline)) == 500
    assert sum(dropped for _, dropped in counts(timeline)) == 4500
    assert len(timeline.rows[0].bars) < 250


def test_one_kept_frame_among_thousands_is_seen_and_no_bar_is_too_high():
    frames = [(None, "dropped" if number else "kept") for number in range(100_000)]
    (row,) = bars([TimelineRow("c1", frames)]).rows
    (kept, _, height), (dropped, top, rest) = row.bars[0].parts
    assert (kept, dropped, height, top) == ("kept", "dropped", 2.0, 0.0)
    assert height + rest == HEIGHT
