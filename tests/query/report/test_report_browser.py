"""Reports in a real browser: headless Chromium, driven over WebDriver."""

import base64
import io
import itertools
import json
import os
import shutil

import pytest
from PIL import Image

from nearframe.common import show_time
from nearframe.index import build_index
from nearframe.query import (
    ChangeSettings,
    DedupOptions,
    plan_dedup,
    save_page,
    save_query_report,
    save_report,
    search,
    survey,
)
from nearframe.query.report.page import to_json, write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FRAMES = 5000


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium; selenium is only loaded where there is one."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    for argument in [*arguments, "--window-size=1200,900"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser):
    """Open a page; at the end there was no complaint on the console, and no request but for it."""
    addresses = []

    def open_page(path):
        browser.get_log("browser"), browser.get_log("performance")  # of what was before
        addresses.append(path.as_uri())
        browser.get(addresses[-1])
        return browser

    yield open_page
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requested = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in requested if not url.startswith("data:image/")] == addresses


def settle(browser):
    """Wait until what came into view is there, and its pictures are decoded."""
    browser.execute_async_script(
        "const done = arguments[0];"
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() =>"
        " Promise.all([...document.images].map((i) => i.decode().catch(() => 0))).then(done),"
        " 50)));"
    )


def cards(browser):
    settle(browser)
    return browser.execute_script(
        "return [...document.querySelectorAll('article h3')].map((h) => h.textContent)"
    )


def choose(browser, name, value):
    browser.execute_script(
        "const menu = document.getElementById('controls').elements[arguments[0]];"
        "menu.value = arguments[1];"
        "menu.dispatchEvent(new Event('change', {bubbles: true}));",
        name,
        value,
    )


def count(browser):
    return browser.execute_script("return document.querySelector('output').value")


@pytest.fixture
def dedup_page(tmp_path, picture):
    """A report of ten images of two cameras, of which the second and third look alike."""
    folder = tmp_path / "lot"
    folder.mkdir()
    for camera in ("c1", "c2"):
        for number, seed in enumerate((0, 1, 1, 2, 3)):
            picture(seed, (320, 180)).save(folder / f"{camera}-161669487251{number}.png")
    (folder / "c1-1616694872519<img src=x onerror=alert(1)>.png").write_bytes(
        (folder / "c1-1616694872514.png").read_bytes()
    )
    settings = ChangeSettings(resize_to=(90, 160))
    plan = plan_dedup(folder, DedupOptions(method="change", change=settings))
    (folder / "c2-1616694872514.png").unlink()
    save_report(plan, tmp_path / "report.html")
    return tmp_path / "report.html"


def test_the_pictures_load(dedup_page, opened):
    browser = opened(dedup_page)
    choose(browser, "kind", "")
    assert len(cards(browser)) == 11
    widths = browser.execute_script("return [...document.images].map((i) => i.naturalWidth)")
    assert set(widths) == {320}
    missing = browser.execute_script("return document.querySelector('.missing').textContent")
    assert missing == "cannot be shown: the file is gone"
    assert browser.execute_script("return document.querySelectorAll('polygon').length") > 0


def test_names_are_text(dedup_page, opened):
    browser = opened(dedup_page)
    choose(browser, "kind", "")
    assert any("<img src=x onerror=alert(1)>" in title for title in cards(browser))


def test_the_filters_change_what_is_shown(dedup_page, opened):
    browser = opened(dedup_page)
    choose(browser, "order", "")
    assert count(browser) in ("2 of 11", "3 of 11")
    dropped = cards(browser)
    assert (
        dropped
        == [
            "c1-1616694872512.png",
            "c2-1616694872512.png",
        ]
        or len(dropped) == 3
    )
    choose(browser, "group", "1")
    assert cards(browser) == ["c2-1616694872512.png"]
    assert count(browser) == "1 of 11"
    choose(browser, "kind", "")
    assert len(cards(browser)) == 5
    choose(browser, "margin", "0.05")
    assert len(cards(browser)) < 5


def test_a_camera_of_the_table_is_a_filter(dedup_page, opened):
    browser = opened(dedup_page)
    choose(browser, "kind", "")
    browser.execute_script("document.querySelector('button[data-group=\"1\"]').click()")
    assert {title[:2] for title in cards(browser)} == {"c2"}


def test_the_outlines_can_be_switched_off(dedup_page, opened):
    browser = opened(dedup_page)
    settle(browser)
    box = browser.find_element("name", "outlines")
    box.send_keys(" ")
    shown = "return [...document.querySelectorAll('.frame svg')].filter((s) => s.checkVisibility())"
    assert browser.execute_script(shown) == []
    box.send_keys(" ")
    assert browser.execute_script(shown) != []


def test_a_report_of_queries(tmp_path, picture, opened, fake_embedder):
    for number in range(3):
        picture(number, (320, 180)).save(tmp_path / f"{number}.png")
    build_index([tmp_path], tmp_path / "x.index", embedder=fake_embedder)
    found = search(tmp_path / "x.index", [tmp_path], k=2, embedder=fake_embedder)
    save_query_report(found, tmp_path / "q.html", index="x.index", threshold=0.9)
    browser = opened(tmp_path / "q.html")
    assert cards(browser) == ["0.png", "1.png", "2.png"]
    widths = browser.execute_script("return [...document.images].map((i) => i.naturalWidth)")
    assert widths == [320] * 9
    choose(browser, "kind", "0")
    assert cards(browser) == []


@pytest.fixture
def long_page(tmp_path):
    """A list of 5,000 entries, each closer to the threshold than the one before it."""
    buffer = io.BytesIO()
    Image.new("RGB", (240, 135), "gray").save(buffer, "WEBP")
    webp = base64.b64encode(buffer.getvalue()).decode()
    entries = [
        {
            "kind": number % 2,
            "group": 0,
            "title": number,
            "margin": (FRAMES - number) / FRAMES,
            "facts": "similarity 0.999000",
            "pictures": [[max(0, number - 1), "it repeats", 0], [number, "this frame", 1]],
        }
        for number in range(FRAMES)
    ]
    write_page(
        tmp_path / "long.html",
        "frames.html",
        pictures=(to_json([webp, 240, 135, "", []]) for _ in range(FRAMES)),
        data=lambda: {
            "kinds": [{"name": "dropped", "good": False}, {"name": "kept", "good": True}],
            "files": [[f"c1-{number}.png", "c1"] for number in range(FRAMES)],
            "entries": entries,
        },
        name="long",
        kept=FRAMES // 2,
        total=FRAMES,
        tiles=[],
        facts=[],
        timeline=None,
        cameras=[],
        groups=[],
        near=[("", "at any distance"), ("0.1", "within 10%")],
        unreadable=[],
        noted=[],
    )
    return tmp_path / "long.html"


@pytest.fixture
def phone(browser):
    """Make the window as narrow as a phone."""
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def outside(browser):
    """Return what reaches beyond the sides of the window, and whether the page scrolls sideways."""
    settle(browser)
    return browser.execute_script(
        "const wide = [...document.querySelectorAll('body *')].filter((e) => {"
        " const {left, right, width} = e.getBoundingClientRect();"
        " return width && (left < -1 || right > innerWidth + 1); });"
        "if (document.documentElement.scrollWidth > innerWidth) wide.push(document.body);"
        "return wide.map((e) => `${e.tagName} ${e.className.baseVal ?? e.className}`);"
    )


LONG = "a_rather_long_name_without_any_space_in_it_" * 3


def test_on_a_phone_the_frames_fit(dedup_page, opened, phone):
    browser = opened(dedup_page)
    choose(browser, "kind", "")
    assert outside(browser) == []


def test_on_a_phone_the_photos_fit(tmp_path, picture, opened, phone, fake_embedder):
    folder = tmp_path / "album"
    folder.mkdir()
    for name in (LONG, f"{LONG}2", "c"):
        picture(len(name) > 1, (320, 180)).save(folder / f"{name}.png")
    save_report(plan_dedup(folder, embedder=fake_embedder), tmp_path / "report.html")
    browser = opened(tmp_path / "report.html")
    assert count(browser) == "1 of 3"
    assert outside(browser) == []


def test_on_a_phone_the_time_of_an_answer_is_read_whole(
    tmp_path, picture, sample_video, opened, phone, fake_embedder
):
    shutil.copy(sample_video, tmp_path / f"{LONG}.mp4")
    build_index([tmp_path], tmp_path / "x.index", embedder=fake_embedder)
    picture(0, (320, 180)).save(tmp_path / "still.png")
    found = search(tmp_path / "x.index", [tmp_path / "still.png"], k=5, embedder=fake_embedder)
    save_query_report(found, tmp_path / "q.html", index="x.index", threshold=0.9)
    browser = opened(tmp_path / "q.html")
    assert outside(browser) == []
    times = browser.execute_script(
        "return [...document.querySelectorAll('figure:not(:first-child) .role')].map((e) =>"
        " [e.textContent, e.scrollWidth <= e.clientWidth,"
        " parseFloat(getComputedStyle(e).fontSize)])"
    )
    assert len(times) == 5
    for (time, whole, size), match in zip(times, found.results[0].matches, strict=True):
        assert time == show_time(match.frame.time_s)
        assert whole
        assert size >= 15


def test_on_a_phone_every_camera_has_its_row(tmp_path, picture, opened, phone):
    folder = tmp_path / "lot"
    folder.mkdir()
    for camera in (LONG[:120], "c2"):
        for hour in range(24):
            picture(hour, (64, 36)).save(folder / f"{camera}-{1616694872510 + hour * 3600_000}.png")
    save_page(survey(folder), tmp_path / "overview.html")
    browser = opened(tmp_path / "overview.html")
    assert outside(browser) == []
    widths = browser.execute_script(
        "return [...document.querySelectorAll('svg.bars')].map((e) => e.clientWidth)"
    )
    assert len(widths) == 2
    assert min(widths) > 330
    labels = browser.execute_script(
        "return [...document.querySelectorAll('.axis text')].filter((e) => e.checkVisibility())"
        ".map((e) => e.getBoundingClientRect()).map((r) => [r.left, r.right, r.top])"
        ".sort((a, b) => a[2] - b[2] || a[0] - b[0])"
    )
    assert len(labels) > 3
    for before, after in itertools.pairwise(labels):
        assert before[2] != after[2] or before[1] <= after[0]


def test_of_many_frames_only_those_near_the_window_are_in_the_document(long_page, opened):
    browser = opened(long_page)
    choose(browser, "kind", "")
    choose(browser, "order", "")
    assert count(browser) == "5,000 of 5,000"
    assert 4 <= len(cards(browser)) <= 100
    for share in (0.5, 1.0):
        browser.execute_script(
            "window.scrollTo(0, arguments[0] * document.documentElement.scrollHeight)", share
        )
        titles = cards(browser)
        assert 4 <= len(titles) <= 100
        assert "c1-0.png" not in titles
        numbers = [int(title[3:-4]) for title in titles]
        assert any(abs(number - share * FRAMES) < 300 for number in numbers)
        shown = browser.execute_script(
            "return [...document.images].filter((i) => i.naturalWidth > 0).length"
        )
        assert shown == 2 * len(titles)
    assert browser.execute_script("return document.querySelectorAll('*').length") < 5000


def test_the_closest_to_the_threshold_come_first(long_page, opened):
    browser = opened(long_page)
    assert count(browser) == "2,500 of 5,000"
    assert cards(browser)[:3] == ["c1-4998.png", "c1-4996.png", "c1-4994.png"]
    choose(browser, "kind", "")
    assert cards(browser)[:3] == ["c1-4999.png", "c1-4998.png", "c1-4997.png"]
    choose(browser, "margin", "0.1")
    assert count(browser) == "500 of 5,000"
