"""Commands that need temporary files say so in one line where there is no folder for them."""

import errno

import pytest

from nearframe.query.dedup import representatives


@pytest.mark.parametrize(
    "arguments",
    [
        ["dedup", "frames", "--threshold", 0.9],
        ["dedup", "frames", "--sweep"],
        ["dedup", "frames", "--target", 2],
        ["dedup", "frames", "--method", "hybrid", "--keep", "sharpest"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_without_a_temporary_folder(run, make_folder, tmp_path, monkeypatch, arguments):
    make_folder([0, 1, 0])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: cannot note ")
    assert "set TMPDIR to a folder that can be written" in line


def test_a_full_temporary_folder_is_noticed_before_the_work(run, make_folder, monkeypatch):
    make_folder([0, 1, 0])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full, raising=False)
    result = run("dedup", "frames", "--threshold", 0.9)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: cannot note the vectors that are compared: No space")


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_cannot_reserve_room_is_no_obstacle(
    run, make_folder, monkeypatch, number
):
    make_folder([0, 1, 0])

    def refuse(*_):
        raise OSError(number, "not supported")

    monkeypatch.setattr(representatives.os, "posix_fallocate", refuse, raising=False)
    assert run("dedup", "frames", "--threshold", 0.9).exit_code == 0
