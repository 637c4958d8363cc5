import errno
import os

import pytest

from nearframe.index import atomic_path, atomic_write


def test_the_new_content_takes_the_name_at_the_end(tmp_path, listing):
    path = tmp_path / "answer.txt"
    path.write_text("old")
    with atomic_write(path, "w") as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert listing(tmp_path) == ["answer.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_old_content_stays_when_the_body_raises(tmp_path, error, listing):
    path = tmp_path / "answer.txt"
    path.write_text("old")

    def write():
        with atomic_write(path, "w") as file:
            file.write("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert listing(tmp_path) == ["answer.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_the_old_content_stays_when_the_disk_is_full(tmp_path, monkeypatch, step, listing):
    path = tmp_path / "answer.txt"
    path.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def write():
        with atomic_write(path, "w") as file:
            file.write("new")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert path.read_text() == "old"
    assert listing(tmp_path) == ["answer.txt"]


def test_the_content_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, n=name, r=real: (steps.append(n), r(*a))[1])
    with atomic_write(tmp_path / "answer.txt") as file:
        file.write(b"new")
    assert steps == ["fsync", "replace", "fsync"]  # the last one is of the directory


def test_atomic_path_takes_what_others_wrote(tmp_path):
    path = tmp_path / "answer.bin"
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"written elsewhere")
        assert not path.exists()
        assert temporary.parent == tmp_path
    assert path.read_bytes() == b"written elsewhere"


def test_atomic_path_needs_something_written(tmp_path, listing):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "answer.bin"):
        pass
    assert listing(tmp_path) == []


def test_text_is_utf8(tmp_path):
    with atomic_write(tmp_path / "a", "w") as file:
        file.write("größer ≥")
    assert (tmp_path / "a").read_bytes() == "größer ≥".encode()
