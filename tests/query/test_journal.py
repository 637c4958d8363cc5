import json
import os

import pytest

from nearframe.embeddings import NearframeError, OutputError, SourceError
from nearframe.query import undo
from nearframe.query.plans.journal import Journal, Operation

JOURNAL = Journal(
    "move",
    (
        Operation("/frames/a\udcff.png", "/to/a\udcff.png", "aa"),
        Operation("/frames/b\n.png", "/to/b\n.png", "bb"),
    ),
    ("/to",),
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.journal.jsonl"
    JOURNAL.write(path)
    return path


def test_round_trips(path):
    assert Journal.read(path) == JOURNAL


def test_each_operation_is_one_line_of_json(path):
    head, *operations = map(json.loads, path.read_text("utf-8").splitlines())
    assert head["action"] == "move"
    assert operations[1] == {"source": "/frames/b\n.png", "target": "/to/b\n.png", "sha256": "bb"}


def test_a_finished_journal_says_so(path):
    Journal("move", JOURNAL.operations, ("/to",), finished=True).write(path)
    assert Journal.read(path).finished
    assert Journal.read(path).operations == JOURNAL.operations


def test_a_journal_without_operations_round_trips(path):
    for finished in (False, True):
        journal = Journal("copy-unique", (), (), finished=finished)
        journal.write(path)
        assert Journal.read(path) == journal


def test_a_failing_write_leaves_the_old_journal(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        Journal("move", JOURNAL.operations, ("/to",), finished=True).write(path)
    monkeypatch.undo()
    assert Journal.read(path) == JOURNAL
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("read", [Journal.read, undo])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "my notes\n",
        "{}",
        "[]",
        "1\n2",
        '{"nearframe": "dedup plan", "version": 1}',
        '{"nearframe": "dedup journal", "version": 2, "action": "move", "directories": []}',
        '{"nearframe": "dedup journal", "version": 1, "action": "burn", "directories": []}',
        '{"nearframe": "dedup journal", "version": 1, "action": "move", "directories": [1]}',
        '{"nearframe": "dedup journal", "version": 1, "action": "move"}',
        '{"nearframe": "dedup journal", "version": 1, "action": "move", "directories": []}\n{"so',
        '{"nearframe": "dedup journal", "version": 1, "action": "move", "directories": []}\n[1]',
        '{"nearframe": "dedup journal", "version": 1, "action": "move", "directories": []}\n'
        '{"source": 1, "target": "b", "sha256": "c"}',
        '{"nearframe": "dedup journal", "version": 1, "action": "move", "directories": []}\n'
        '{"source": "a", "target": "b"}',
        '\ufeff{"nearframe": "dedup journal"}',
        "\x00\x01",
    ],
)
def test_what_is_no_journal_is_refused_in_one_line(tmp_path, read, text):
    path = tmp_path / "notes.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(NearframeError, match=r"notes\.jsonl is not a journal") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert "give the .journal.jsonl file" in str(caught.value)


def test_a_cut_journal_is_refused(path):
    text = path.read_text("utf-8")
    path.write_text(text[: len(text) - 20], "utf-8")
    with pytest.raises(NearframeError, match="is not a journal"):
        Journal.read(path)


def test_a_missing_journal_says_so(tmp_path):
    with pytest.raises(SourceError, match=r"none\.jsonl: no such file"):
        undo(tmp_path / "none.jsonl")


def test_bytes_that_are_no_text_are_no_journal(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0" * 100)
    with pytest.raises(NearframeError, match=r"x\.jpg is not a journal"):
        undo(tmp_path / "x.jpg")
