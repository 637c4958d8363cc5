"""Reports and contact sheets of a search."""

import html.parser
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from nearframe.common import NearframeError
from nearframe.embeddings import FrameRef, Unreadable
from nearframe.embeddings.sources import VideoSource
from nearframe.index import Match
from nearframe.query import (
    QueryMatches,
    SearchReport,
    draw_contact_sheet,
    save_contact_sheet,
    save_query_report,
)
from nearframe.query.report.matches import MatchPictures, describe_frame
from nearframe.query.report.thumbnails import Thumbnail


@pytest.fixture
def film(tmp_path, sample_video):
    path = tmp_path / "film.mp4"
    shutil.copy(sample_video, path)
    return str(path)


@pytest.fixture
def report(tmp_path, film, picture, fake_embedder):
    """Two queries: one with two frames of a video and an image, one with the same image only."""
    for number in range(3):
        picture(number, (320, 180)).save(tmp_path / f"{number}.png")
    first, second, image = (str(tmp_path / f"{number}.png") for number in range(3))

    def match(source, number, time_s, similarity):
        return Match(FrameRef(source, number, time_s), similarity)

    results = (
        QueryMatches(
            first,
            (
                match(film, 99, 3.3, 0.9999),
                match(image, 2, None, 0.999),
                match(film, 3, 0.1, 0.99),
            ),
            0.9999,
        ),
        QueryMatches(second, (match(image, 2, None, 0.95),), 0.95),
        QueryMatches(second, (), 0.3),
    )
    gone = (Unreadable("<b>.png", 3, "the file is empty"),)
    return SearchReport(results, gone, fake_embedder.fingerprint)


class Scripts(html.parser.HTMLParser):
    """Reads the data of a page."""

    def __init__(self, text):
        super().__init__()
        self.kinds, self.texts, self.elements = [], [], []
        self.feed(text)
        blocks = dict(zip(map(str, self.kinds), self.texts, strict=True))
        self.data = json.loads(blocks["entries"])
        self.pictures = json.loads(blocks["pack"]) if "pack" in blocks else []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        if tag == "script":
            given = dict(attrs)
            self.kinds.append(given.get("id") or given.get("class"))
            self.texts.append("")

    def handle_data(self, data):
        if self.elements[-1:] == ["script"]:
            self.texts[-1] += data


@pytest.fixture
def page_of(tmp_path):
    def make(report, **options):
        save_query_report(report, tmp_path / "q.html", index="<my>.index", **options)
        return Scripts((tmp_path / "q.html").read_text("utf-8"))

    return make


def test_every_picture_is_there_once_and_videos_come_last(report, film):
    pictures = MatchPictures.of(report.results)
    assert [path[-5:] for path in pictures.images] == ["0.png", "2.png", "1.png"]
    assert [ref.number for ref in pictures.videos[film]] == [3, 99]
    assert len(pictures) == len(pictures.places()) == len(list(pictures.thumbnails())) == 5


def test_frames_of_videos_are_those_that_matched(report, film):
    decoded = [decode() for decode in VideoSource.open(film).decoders()]
    *_, third, last = MatchPictures.of(report.results).thumbnails()
    assert third == Thumbnail.of(decoded[3].image)
    assert last == Thumbnail.of(decoded[99].image)
    assert third != last


def test_each_query_stands_beside_its_matches(report, page_of):
    page = page_of(report, threshold=0.999)
    names = [name for name, _ in page.data["files"]]
    shown = [
        [(names[file], role, detail) for file, role, _, detail in entry["pictures"]]
        for entry in page.data["entries"]
    ]
    assert shown == [
        [
            ("0.png", "query", ""),
            ("film.mp4", "0:00:03.300", "frame 99\nsimilarity 0.999900"),
            ("2.png", "2.png", "frame 2\nsimilarity 0.999000"),
            ("film.mp4", "0:00:00.100", "frame 3\nsimilarity 0.990000"),
        ],
        [("1.png", "query", ""), ("2.png", "2.png", "frame 2\nsimilarity 0.950000")],
        [("1.png", "query", "")],
    ]
    assert [entry["kind"] for entry in page.data["entries"]] == [1, 0, 0]
    assert page.data["entries"][2]["facts"] == "no frame is similar enough, the nearest 0.300000"
    assert "b" not in page.elements
    assert "my" not in page.elements


def test_without_a_threshold_there_is_nothing_to_filter(report, page_of):
    assert "select" not in page_of(report).elements
    assert "select" in page_of(report, threshold=0.9).elements


def test_what_is_gone_is_said_in_its_place(report, page_of, tmp_path, film):
    (tmp_path / "film.mp4").unlink()
    (tmp_path / "2.png").write_bytes(b"")
    problems = [picture[3] for picture in page_of(report).pictures]
    assert problems == ["", "the file is empty", "", "the file is gone", "the file is gone"]


def test_queries_and_frames_without_a_file(fake_embedder, page_of):
    match = Match(FrameRef("", 7, None), 0.9)
    results = (QueryMatches("image 0", (match,), 0.9),)
    page = page_of(SearchReport(results, (), fake_embedder.fingerprint))
    assert [picture[3] for picture in page.pictures] == [
        "the file is gone",
        "the index does not say from which file it is",
    ]


def test_frames_are_described():
    assert describe_frame(FrameRef("a.png", 1234, None)) == "frame 1,234"
    assert describe_frame(FrameRef("a.mp4", 3, 63.5)) == "frame 3 · 0:01:03.500"


def test_the_sheet_has_a_row_per_query(report):
    sheet = draw_contact_sheet(report)
    assert sheet.size == (16 + 4 * 256, 16 + 3 * (135 + 3 * 18 + 16))
    pixels = np.asarray(sheet, np.int32)
    query = pixels[16:151, 16:256]
    with Image.open(report.results[0].query) as image:
        expected = np.asarray(image.convert("RGB").resize((240, 135)), np.int32)
    assert np.abs(query - expected).mean() < 6
    # The last query has no match: to its right there is paper only.
    assert (pixels[16 + 2 * 205 : 151 + 2 * 205, 260:] == 255).all()


def test_many_matches_go_over_several_rows(report, fake_embedder):
    first = report.results[0]
    many = QueryMatches(first.query, first.matches * 5, 0.9)  # 15: rows of 6, 6 and 3
    sheet = draw_contact_sheet(SearchReport((many,), (), fake_embedder.fingerprint))
    assert sheet.size == (16 + 7 * 256, 16 + 3 * 205)


def test_a_sheet_of_too_many_queries_ends_and_says_so(report, fake_embedder):
    query = QueryMatches(report.results[1].query, (), 0.3)
    sheet = draw_contact_sheet(SearchReport((query,) * 500, (), fake_embedder.fingerprint))
    assert sheet.height < 16_000
    few = draw_contact_sheet(SearchReport((query,) * 10, (), fake_embedder.fingerprint))
    assert few.height == 16 + 10 * 205


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_the_sheet_is_saved(report, tmp_path, suffix):
    save_contact_sheet(report, tmp_path / f"s.{suffix}")
    with Image.open(tmp_path / f"s.{suffix}") as image:
        assert image.size == draw_contact_sheet(report).size


def test_a_missing_source_leaves_a_grey_place(report, tmp_path, film):
    (tmp_path / "film.mp4").unlink()
    pixels = np.asarray(draw_contact_sheet(report))
    assert tuple(pixels[20, 16 + 256 + 4]) == (225, 228, 232)


def test_the_command_writes_both(run, make_folder, tmp_path, sample_video):
    make_folder(3)
    shutil.copy(sample_video, tmp_path / "film.mp4")
    run("buildIndex", "-i", "frames", "-i", "film.mp4", "-o", "x.index", "--every", 100)
    result = run(
        *("queryDataset", "-q", "frames", "-i", "x.index", "-k", 4),
        *("--report", "r.html", "--show", "s.png"),
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2:] == ["Report: r.html", "Picture: s.png"]
    assert re.search("3 queries, and what was found", (tmp_path / "r.html").read_text("utf-8"))
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.width == 16 + 5 * 256
    result = run(
        *("queryDataset", "-q", "frames", "-i", "x.index"), *("--json", "--report", "r.html")
    )
    assert json.loads(result.stdout)["skipped"] == []
    assert result.stderr == "Report: r.html\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--report", "r.txt"], 2, "--report writes a page; expected a name like r.html"),
        (["--show", "s.html"], 1, "expected a name that ends in .png, .jpg, .jpeg, .webp"),
        (["--show", "no/s.png"], 1, "there is no folder no"),
    ],
)
def test_places_that_cannot_be_are_refused_first(run, arguments, code, words):
    result = run("queryDataset", "-q", "missing.png", "-i", "missing.index", *arguments)
    assert result.exit_code == code
    assert words in result.stderr


def test_the_library_refuses_them_too(report, tmp_path):
    with pytest.raises(NearframeError, match="cannot draw"):
        save_contact_sheet(report, tmp_path / "s.gif")
