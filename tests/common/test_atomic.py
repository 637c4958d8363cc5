import errno
import os
import sys

import pytest

from nearframe.common import atomic, atomic_path, atomic_write, remove_leftovers, rename, rename_new


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


def test_a_name_that_must_not_be_replaced_is_not_even_in_the_last_moment(tmp_path, listing):
    def write():
        with atomic_path(tmp_path / "answer.bin", replace=False) as temporary:
            temporary.write_bytes(b"mine")
            (tmp_path / "answer.bin").write_bytes(b"another's")

    with pytest.raises(FileExistsError):
        write()
    assert (tmp_path / "answer.bin").read_bytes() == b"another's"
    assert listing(tmp_path) == ["answer.bin"]


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch, listing):
    (tmp_path / "diary.txt").write_text("private")
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda _: "0123")
    (tmp_path / ".answer.txt.0123.tmp").symlink_to(tmp_path / "diary.txt")
    with pytest.raises(FileExistsError), atomic_write(tmp_path / "answer.txt", "w"):
        pass
    assert (tmp_path / "diary.txt").read_text() == "private"


def test_two_at_once_write_under_names_of_their_own(tmp_path, listing):
    path = tmp_path / "answer.txt"
    with atomic_write(path, "w") as one, atomic_write(path, "w") as other:
        one.write("one")
        other.write("other")
        remove_leftovers([path])
        assert len(listing(tmp_path)) == 2
    assert path.read_text() == "one"
    assert listing(tmp_path) == ["answer.txt"]


def test_only_what_nobody_writes_any_more_is_left_over(tmp_path, listing):
    path = tmp_path / "answer.txt"
    for name in (".answer.txt.123.tmp", ".answer.txt.ab12.tmp", ".other.txt.123.tmp"):
        (tmp_path / name).touch()
    remove_leftovers([path])
    assert listing(tmp_path) == [".other.txt.123.tmp"]


@pytest.mark.parametrize("system", [True, False], ids=["by the system", "by links"])
def test_renaming_replaces_nothing(tmp_path, monkeypatch, system):
    if not system:
        monkeypatch.setattr(rename, "_system_rename", lambda: None)
    (tmp_path / "a").write_text("a")
    rename_new(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "a"
    assert not (tmp_path / "a").exists()
    (tmp_path / "a").write_text("other")
    with pytest.raises(FileExistsError):
        rename_new(tmp_path / "a", tmp_path / "b")
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("other", "a")


def test_text_is_utf8(tmp_path):
    with atomic_write(tmp_path / "a", "w") as file:
        file.write("größer ≥")
    assert (tmp_path / "a").read_bytes() == "größer ≥".encode()


def test_what_somebody_took_for_left_over_before_it_was_held_is_made_anew(
    tmp_path, monkeypatch, listing
):
    held = atomic.hold
    path = tmp_path / "answer.txt"

    def late(descriptor):
        monkeypatch.setattr(atomic, "hold", held)
        remove_leftovers([path])
        return held(descriptor)

    monkeypatch.setattr(atomic, "hold", late)
    with atomic_write(path, "w") as file:
        file.write("mine")
    assert path.read_text() == "mine"
    assert listing(tmp_path) == ["answer.txt"]


def test_where_there_are_no_locks_nothing_counts_as_left_over(tmp_path, monkeypatch, listing):
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    path = tmp_path / "answer.txt"
    with atomic_write(path, "w") as file:
        file.write("mine")
        remove_leftovers([path])
    assert path.read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="where names have 255 bytes")
@pytest.mark.parametrize("name", ["x" * 255, "a" + "é" * 127], ids=["ASCII", "cut in a character"])
def test_the_longest_name_has_room_for_a_temporary_one(tmp_path, name):
    path = tmp_path / name
    with atomic_path(path) as temporary:
        temporary.write_text("content")
        left = temporary.with_name(f"{temporary.name[:-20]}{'0' * 16}.tmp")
        left.write_text("half")
    remove_leftovers([path])
    assert [file.name for file in tmp_path.iterdir()] == [name]
