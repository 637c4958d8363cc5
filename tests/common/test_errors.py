import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearframe.common import (
    DiskFullError,
    NearframeError,
    OutputError,
    SourceError,
    UnreadableImageError,
    reading_errors,
    shown,
    writing_errors,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a b.jpg", "a b.jpg"),
        ("äß.jpg", "äß.jpg"),
        ("a\nb.jpg", r"a\nb.jpg"),
        ("a\x1b[31mb.jpg", r"a\x1b[31mb.jpg"),
        ("\udcff.jpg", r"\xff.jpg"),
        ("\ud800.jpg", r"\ud800.jpg"),
        (b"\xff.jpg", r"\xff.jpg"),
        ("a\u202eb.jpg", r"a\u202eb.jpg"),
    ],
)
def test_a_path_is_shown_as_one_printable_line(path, expected):
    assert shown(path) == expected


@given(st.binary(max_size=30))
def test_any_name_can_be_printed(name):
    text = shown(os.fsdecode(name))
    assert text.isprintable()
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), "a.jpg: no such file or folder; check the spelling"),
        (PermissionError(errno.EACCES, "x"), "a.jpg: no permission to read it; change"),
        (OSError(errno.EIO, "Input/output error"), r"a.jpg: cannot be read \(Input/output error\)"),
    ],
)
def test_errors_of_reading_become_one_line(error, message):
    with pytest.raises(SourceError, match=message) as caught, reading_errors("a.jpg"):
        raise error
    assert "\n" not in str(caught.value)
    assert caught.value.path == "a.jpg"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError(errno.ENOSPC, "x"), DiskFullError, "the disk is full; free some space"),
        (PermissionError(errno.EACCES, "x"), OutputError, "no permission; choose another place"),
        (OSError(errno.EROFS, "Read-only file system"), OutputError, "Read-only file system"),
    ],
)
def test_errors_of_writing_say_what_is_kept(error, kind, message):
    with (
        pytest.raises(kind, match=rf"cannot write out.idx: {message}.*; 5 frames are kept"),
        writing_errors("out.idx", kept="5 frames are kept"),
    ):
        raise error


def test_other_errors_pass_through():
    with pytest.raises(KeyError), reading_errors("a"), writing_errors("a"):
        raise KeyError


def test_every_error_is_one_that_the_user_can_act_on():
    for kind in (SourceError, UnreadableImageError, OutputError, DiskFullError):
        assert issubclass(kind, NearframeError)
