import json
import logging
import threading

import pytest

from nearframe.embeddings.backbone import cache
from nearframe.embeddings.backbone.cache import Entry, cached

KEY = {"weights": "ab", "size": 224}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "networks"
    monkeypatch.setattr(cache, "folder", lambda: folder)
    return folder


def content_of(entry):
    """Read the content as onnxruntime does: from the first byte of the file on."""
    stored = entry.content.read_bytes()
    return stored[: stored.rindex(b"\n")]


class Maker:
    def __init__(self, content=b"network\nof two lines"):
        self.entry = Entry({"lowest": 0.5}, content)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.entry


def test_an_entry_is_made_once(folder):
    first, second = Maker(), Maker(b"another")
    for entry in (cached(KEY, first), cached(KEY, second)):
        assert content_of(entry) == first.entry.content
        assert entry.facts == first.entry.facts
    assert (first.calls, second.calls) == (1, 0)
    assert [path.suffix for path in folder.iterdir()] == [".network"]


@pytest.mark.parametrize("other", [{"weights": "cd"}, {"size": 96}, {"new": 1}])
def test_another_key_is_another_entry(other):
    cached(KEY, Maker(b"one"))
    assert content_of(cached({**KEY, **other}, Maker(b"two"))) == b"two"
    assert content_of(cached(KEY, Maker(b"three"))) == b"one"


def test_an_entry_of_facts_only_has_no_content():
    assert content_of(cached(KEY, Maker(b""))) == b""
    assert cached(KEY, Maker(b"unused")).facts == {"lowest": 0.5}


def cut(content):
    return content[:-1]


def flipped(content):
    return content[:5] + bytes([content[5] ^ 1]) + content[6:]


def of_another_key(content):
    rest, _, trailer = content.rpartition(b"\n")
    return rest + b"\n" + json.dumps({**json.loads(trailer), "key": {"weights": "zz"}}).encode()


@pytest.mark.parametrize(
    "change",
    [
        cut,
        flipped,
        of_another_key,
        lambda _: b"",
        lambda _: b"\x00\xff" * 100,
        lambda _: b"\n[]",
        lambda _: b"\n" + b"[" * 100_000,
        lambda _: b'x\n{"key": 1}',
        lambda content: content.replace(b"\n", b""),
    ],
)
def test_a_file_that_is_damaged_or_foreign_is_made_anew(folder, change, caplog):
    cached(KEY, Maker())
    (path,) = folder.iterdir()
    path.write_bytes(change(path.read_bytes()))
    maker = Maker()
    with caplog.at_level(logging.WARNING):
        assert content_of(cached(KEY, maker)) == maker.entry.content
    assert maker.calls == 1
    assert "is damaged and made anew" in caplog.text
    assert content_of(cached(KEY, Maker(b"unused"))) == maker.entry.content


def test_a_folder_that_cannot_be_written_costs_only_time(folder, caplog):
    folder.parent.mkdir()
    folder.write_text("a file is in the way")
    maker = Maker()
    with caplog.at_level(logging.WARNING):
        assert cached(KEY, maker) == maker.entry
    assert "cannot keep the converted network" in caplog.text


def test_what_does_not_last_is_not_kept(folder):
    entry = Entry({"lowest": 0.5}, b"for once", lasting=False)
    assert cached(KEY, lambda: entry) is entry
    assert not folder.exists()


def test_an_interrupted_write_leaves_nothing(folder, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cached(KEY, Maker())
    assert list(folder.iterdir()) == []


def test_writers_at_the_same_time_leave_one_whole_entry(folder):
    makers = [Maker(bytes([65 + number]) * 100_000) for number in range(8)]
    start = threading.Barrier(len(makers))

    def write(maker):
        start.wait()
        cached(KEY, maker)

    threads = [threading.Thread(target=write, args=(maker,)) for maker in makers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (path,) = folder.iterdir()
    unused = Maker()
    assert content_of(cached(KEY, unused)) in {maker.entry.content for maker in makers}
    assert unused.calls == 0
    assert path.suffix == ".network"
