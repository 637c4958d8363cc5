import json
import os
from dataclasses import replace

import pytest

from nearframe.common import NearframeError, OutputError, SourceError
from nearframe.query import undo
from nearframe.query.files.journal import Journal, Operation, journal_lock

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
    JOURNAL.create(path)
    return path


def test_round_trips(path):
    assert Journal.read(path) == JOURNAL


def test_each_operation_is_one_line_of_json(path):
    head, *operations = map(json.loads, path.read_text("utf-8").splitlines())
    assert head["action"] == "move"
    assert operations[1] == {"source": "/frames/b\n.png", "target": "/to/b\n.png", "sha256": "bb"}


def test_a_finished_journal_says_so(path):
    JOURNAL.finish(path)
    assert Journal.read(path) == replace(JOURNAL, finished=True)


def test_a_journal_without_operations_round_trips(tmp_path):
    journal = Journal("copy-unique", (), ())
    journal.create(tmp_path / "x.jsonl")
    assert Journal.read(tmp_path / "x.jsonl") == journal


@pytest.mark.parametrize("cut", range(1, 20))
def test_an_end_cut_short_by_a_crash_is_none_and_is_written_anew(path, cut):
    JOURNAL.finish(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    # Only what is behind the line is missing.
    assert Journal.read(path) == replace(JOURNAL, finished=cut == 1)
    if not Journal.read(path).finished:
        JOURNAL.finish(path)
        assert path.read_bytes() == whole


def test_a_journal_never_replaces_another(path):
    before = path.read_bytes()
    with pytest.raises(NearframeError, match="another run of nearframe"):
        JOURNAL.create(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_failing_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        JOURNAL.create(tmp_path / "x.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_one_run_at_a_time(path):
    with journal_lock(path):
        with (
            pytest.raises(NearframeError, match="by another run of nearframe; wait"),
            journal_lock(path),
        ):
            pass
        with pytest.raises(NearframeError, match="by another run of nearframe; wait"):
            undo(path)
    with journal_lock(path):
        pass


@pytest.mark.parametrize("token", ["../../../../etc", "", 7, "0" * 17])
def test_a_token_is_only_letters_for_a_name(path, token):
    head, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps({**json.loads(head), "token": token}) + "\n" + rest)
    with pytest.raises(NearframeError, match="token"):
        Journal.read(path)


def test_a_journal_of_before_there_were_tokens_is_read(path):
    head, rest = path.read_text().split("\n", 1)
    fields = json.loads(head)
    del fields["token"]
    path.write_text(json.dumps(fields) + "\n" + rest)
    assert Journal.read(path).operations == JOURNAL.operations


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


@pytest.mark.parametrize("read", [Journal.read, undo])
def test_a_directory_that_no_target_lies_in_is_not_touched(tmp_path, read):
    mine = tmp_path / "mine"
    mine.mkdir()
    journal = replace(JOURNAL, directories=("/to", str(mine)), finished=True)
    journal.create(tmp_path / "x.journal.jsonl")
    with pytest.raises(NearframeError, match=r"no target lies in the directory .*mine"):
        read(tmp_path / "x.journal.jsonl")
    assert mine.is_dir()


def test_the_folder_of_a_target_and_those_above_it_were_made_for_it(tmp_path):
    operations = (Operation("/frames/a.png", "/new/to/deep/a.png", "aa"),)
    journal = Journal("move", operations, ("/new", "/new/to", "/new/to/deep"))
    journal.create(tmp_path / "x.journal.jsonl")
    assert Journal.read(tmp_path / "x.journal.jsonl") == journal


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


def test_what_a_killed_run_left_of_a_journal_is_removed(tmp_path):
    (tmp_path / ".x.journal.jsonl.ab12.tmp").write_text("half")
    JOURNAL.create(tmp_path / "x.journal.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["x.journal.jsonl"]
