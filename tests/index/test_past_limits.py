"""Files that took too much memory or time: an index remembers them."""

import pytest

from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import limits
from nearframe.index import FrameIndex, build, build_index

pytestmark = pytest.mark.usefixtures("fake_network")


@pytest.fixture
def folder(make_folder, picture):
    """Two pictures, the second of which is too large."""
    folder = make_folder(1)
    picture(7, (300, 200)).save(folder / "large.png")
    return folder


@pytest.fixture(autouse=True)
def most_bytes(monkeypatch):
    monkeypatch.setattr(limits, "MOST_BYTES", 100_000)


@pytest.fixture
def index(tmp_path):
    return tmp_path / "my.index"


@pytest.fixture
def read(monkeypatch):
    """The names of the image files that a build decodes."""
    names = []
    decode = build.ImageSequence.decoders

    def watched(self, *arguments):
        names.extend(file.path.rsplit("/", 1)[1] for file in self.files)
        return decode(self, *arguments)

    monkeypatch.setattr(build.ImageSequence, "decoders", watched)
    return names


def test_it_is_listed_and_not_tried_again(folder, index, read):
    first = build_index([folder], index)
    assert (first.embedded, first.not_retried) == (1, 0)
    read.clear()
    again = build_index([folder], index)
    assert (again.embedded, again.unchanged, again.not_retried) == (0, 1, 1)
    assert read == []
    (listed,) = again.unreadable
    assert listed == Unreadable(
        str(folder / "large.png"), None, first.unreadable[0].reason, past_limits=True
    )
    with FrameIndex.open(index) as opened:
        assert [problem.source for problem in opened.catalog.problems()] == [listed.source]


def test_it_is_tried_again_when_asked_for(folder, index, read, monkeypatch):
    build_index([folder], index)
    read.clear()
    report = build_index([folder], index, retry=True)
    assert (read, report.embedded, report.not_retried) == (["large.png"], 0, 0)
    monkeypatch.setattr(limits, "MOST_BYTES", 10**9)
    report = build_index([folder], index, retry=True)
    assert (report.embedded, report.unreadable, report.total) == (1, [], 2)
    assert build_index([folder], index).not_retried == 0


def test_it_is_tried_again_when_it_changes(folder, index, picture):
    build_index([folder], index)
    picture(7, (90, 70)).save(folder / "large.png")
    report = build_index([folder], index)
    assert (report.embedded, report.unreadable) == (1, [])


def test_it_is_tried_again_when_the_limits_change(folder, index, monkeypatch):
    build_index([folder], index)
    monkeypatch.setattr(build, "LIMITS", 2)
    monkeypatch.setattr(limits, "MOST_BYTES", 10**9)
    assert build_index([folder], index).embedded == 1


def test_a_file_that_only_is_damaged_is_tried_each_time(folder, index, read):
    (folder / "large.png").write_bytes(b"no picture")
    build_index([folder], index)
    read.clear()
    assert build_index([folder], index).not_retried == 0
    assert read == ["large.png"]


def test_its_former_frame_goes_when_it_becomes_too_large(folder, index, picture):
    picture(7, (90, 70)).save(folder / "large.png")
    assert build_index([folder], index).total == 2
    picture(7, (300, 200)).save(folder / "large.png")
    assert build_index([folder], index).total == 1


def test_it_can_be_pruned(folder, index):
    build_index([folder], index)
    (folder / "large.png").unlink()
    report = build_index([folder], index, prune=True)
    assert (report.unreadable, report.total) == ([], 1)


def test_the_command_says_how_to_try_again(folder, run):
    run("buildIndex", folder, "-o", "my.index")
    result = run("buildIndex", folder, "-o", "my.index")
    assert "1 file took too much memory or time before, and had no other try; --retry" in (
        result.stderr
    )
    assert "large.png: 300 x 200 pixels" in result.stderr
    result = run("buildIndex", folder, "-o", "my.index", "--retry")
    assert "--retry" not in result.stderr


def test_dedup_lists_it_as_unreadable(folder, run):
    result = run("dedup", folder)
    assert "large.png: 300 x 200 pixels" in result.stderr
    assert (folder / "large.png").exists()
