from pathlib import Path

import pytest

from nearframe.query.cameras import identical
from nearframe.query.cameras.identical import IdenticalFiles, identical_files

LONG = bytes(range(256)) * 128


@pytest.fixture
def find(tmp_path):
    def call(**contents):
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        found = identical_files({str(tmp_path / n): len(c) for n, c in contents.items()})
        return [[Path(path).name for path in group] for group in found.groups]

    return call


def test_files_with_the_same_content_are_a_group(find):
    assert find(a=b"one", b=b"two", c=b"one", d=b"three", e=b"two", f=b"one") == [
        ["a", "c", "f"],
        ["b", "e"],
    ]


def test_files_that_differ_behind_their_beginnings_are_none(find):
    assert find(a=LONG + b"1", b=LONG + b"2", c=LONG + b"1") == [["a", "c"]]


def test_a_folder_without_duplicates(find):
    assert find(a=b"one", b=b"two", c=b"three") == []
    assert find() == []


def test_files_of_unique_size_are_not_read(find, monkeypatch):
    read = []
    beginning = identical._beginning
    monkeypatch.setattr(
        identical, "_beginning", lambda path: read.append(path.name) or beginning(path)
    )
    find(a=b"1", b=b"22", c=b"33", d=b"444")
    assert read == ["b", "c"]


def test_only_files_that_begin_alike_are_read_to_their_end(find, monkeypatch):
    read = []
    sha256 = identical.file_sha256
    monkeypatch.setattr(
        identical, "file_sha256", lambda path: read.append(path.name) or sha256(path)
    )
    find(a=LONG + b"1", b=LONG + b"2", c=b"x" + LONG)
    assert read == ["a", "b"]


def test_a_file_that_is_gone_is_reported(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    gone = str(tmp_path / "gone")
    found = identical_files({str(path): 1, gone: 1})
    assert found == IdenticalFiles((), found.unreadable)
    assert [entry.source for entry in found.unreadable] == [gone]
