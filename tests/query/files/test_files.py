"""Single files that are moved: what cannot be changed is blamed, and nothing is lost."""

import errno

import pytest

from nearframe.common import OutputError, file_sha256
from nearframe.query.files import transfer as files
from nearframe.query.files.transfer import move_file

TOKEN = "0123456789abcdef"


@pytest.fixture
def moved(unprivileged):
    """Source and target below a folder each, as somebody without special rights."""
    for name in ("from", "to"):
        (unprivileged / name).mkdir()
    source = unprivileged / "from" / "a.png"
    source.write_bytes(b"picture")
    return source, unprivileged / "to" / "a.png"


@pytest.mark.parametrize("two_disks", [False, True])
def test_a_read_only_source_is_blamed_and_not_the_target(moved, monkeypatch, two_disks):
    source, target = moved
    source.parent.chmod(0o555)
    if two_disks:

        def other_disk(self, target):
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(files, "rename_new", other_disk)
    with pytest.raises(OutputError, match=r"/from is read-only, so a\.png cannot leave it"):
        move_file(source, target, file_sha256(source), TOKEN)
    assert source.read_bytes() == b"picture"
    assert not target.exists()


def test_a_read_only_target_is_not_taken_for_the_source(moved):
    source, target = moved
    target.parent.chmod(0o555)
    with pytest.raises(PermissionError):
        move_file(source, target, file_sha256(source), TOKEN)
    assert source.read_bytes() == b"picture"
