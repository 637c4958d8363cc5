"""What differs on Windows and macOS, on fakes of what these systems offer; nothing runs there."""

import ctypes
import errno
import os
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pytest

from nearframe.common import atomic, atomic_path, file_lock, hold, name_key, rename, rename_new
from nearframe.embeddings.sources import list_folder
from nearframe.embeddings.sources.moved import MOVED_LIST, moved_list

NFC, NFD = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))


@pytest.fixture
def on(monkeypatch):
    """Let the system be another one: ``on("win32")``, ``on("darwin")``."""

    def change(name):
        monkeypatch.setattr(sys, "platform", name)
        if name == "win32":
            for module in (atomic, rename):
                windows = SimpleNamespace(**{**vars(os), "name": "nt", "rename": refusing_rename})
                monkeypatch.setattr(module, "os", windows)
        rename._system_rename.cache_clear()

    yield change
    monkeypatch.undo()
    rename._system_rename.cache_clear()


def refusing_rename(source, target):
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists")
    Path(source).rename(target)


@pytest.fixture
def two_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    return tmp_path / "a", tmp_path / "b"


class TestLocks:
    @pytest.fixture
    def msvcrt(self, monkeypatch, on):
        on("win32")
        module = SimpleNamespace(LK_NBLCK=2, locked=[], taken=False)

        def locking(descriptor, mode, count):
            assert (mode, count) == (module.LK_NBLCK, 1)
            if module.taken:
                raise PermissionError(errno.EACCES, "Permission denied")
            module.locked.append(os.lseek(descriptor, 0, os.SEEK_CUR))

        module.locking = locking
        monkeypatch.setitem(sys.modules, "msvcrt", module)
        return module

    def test_windows_locks_a_byte_far_behind_the_content(self, msvcrt, tmp_path):
        (tmp_path / "x").write_text("content")
        with (tmp_path / "x").open("rb+", buffering=0) as file:
            assert hold(file.fileno())
            assert msvcrt.locked == [file_lock._FAR]
            assert file.read() == b"content"

    def test_on_windows_what_another_process_holds_is_not_taken(self, msvcrt, tmp_path):
        msvcrt.taken = True
        with (tmp_path / "x").open("wb") as file:
            assert not hold(file.fileno())

    @pytest.mark.skipif(sys.platform == "win32", reason="there is no fcntl")
    @pytest.mark.parametrize(("error", "held"), [(errno.EWOULDBLOCK, False), (errno.ENOLCK, True)])
    def test_a_file_system_without_locks_keeps_nobody_out(self, monkeypatch, tmp_path, error, held):
        import fcntl

        def refuse(*_):
            raise OSError(error, os.strerror(error))

        monkeypatch.setattr(fcntl, "flock", refuse)
        with (tmp_path / "x").open("wb") as file:
            assert hold(file.fileno()) is held


class TestRename:
    @pytest.fixture
    def renamex_np(self, monkeypatch, on):
        """The function of macOS, which fails with the number in its attribute, if there is one."""
        on("darwin")

        def function(source, target, flags):
            assert flags == rename._RENAME_EXCL
            if function.fails is None and os.path.lexists(target):
                function.fails = errno.EEXIST
            if function.fails is not None:
                return -1
            return Path(os.fsdecode(source)).rename(os.fsdecode(target)) and 0

        function.fails = None
        library = SimpleNamespace(renamex_np=function)
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
        monkeypatch.setattr(ctypes, "get_errno", lambda: function.fails)
        return function

    @pytest.mark.usefixtures("renamex_np")
    def test_macos_renames(self, two_files):
        rename_new(two_files[0], two_files[0].with_name("c"))
        assert two_files[0].with_name("c").read_text() == "a"

    @pytest.mark.usefixtures("renamex_np")
    def test_macos_refuses_a_name_that_is_taken(self, two_files):
        with pytest.raises(FileExistsError):
            rename_new(*two_files)
        assert [file.read_text() for file in two_files] == ["a", "b"]

    @pytest.mark.parametrize("taken", [True, False])
    def test_a_file_system_of_macos_that_cannot_gets_a_second_name(
        self, renamex_np, two_files, taken
    ):
        renamex_np.fails = errno.ENOTSUP
        source, target = two_files
        if taken:
            with pytest.raises(FileExistsError):
                rename_new(source, target)
            assert [file.read_text() for file in two_files] == ["a", "b"]
        else:
            target.unlink()
            rename_new(source, target)
            assert (target.read_text(), source.exists()) == ("a", False)

    def test_windows_refuses_by_itself(self, on, two_files):
        on("win32")
        with pytest.raises(FileExistsError):
            rename_new(*two_files)
        rename_new(two_files[0], two_files[0].with_name("c"))
        assert two_files[0].with_name("c").read_text() == "a"


def test_windows_closes_a_file_before_it_is_renamed_and_syncs_no_directory(
    on, monkeypatch, tmp_path
):
    on("win32")
    monkeypatch.setattr(atomic, "hold", lambda _: True)  # see TestLocks
    opened, closed, renamed = [], [], []
    fakes = {
        "open": lambda path, *rest: opened.append(os.fspath(path)) or os.open(path, *rest),
        "close": lambda descriptor: closed.append(len(renamed)) or os.close(descriptor),
    }
    monkeypatch.setattr(atomic, "os", SimpleNamespace(**{**vars(atomic.os), **fakes}))
    monkeypatch.setattr(
        atomic, "rename_new", lambda *names: renamed.append(names) or refusing_rename(*names)
    )
    with atomic_path(tmp_path / "x", replace=False) as temporary:
        temporary.write_text("content")
    assert (tmp_path / "x").read_text() == "content"
    assert closed == [0]
    assert str(tmp_path) not in opened


class TestNames:
    @pytest.mark.parametrize(
        ("system", "same_case", "same_accent"),
        [("linux", False, False), ("darwin", True, True)],
    )
    def test_what_counts_as_one_name(self, on, system, same_case, same_accent):
        on(system)
        assert (name_key("/a/B.png") == name_key("/A/b.png")) is same_case
        assert (name_key(NFC) == name_key(NFD)) is same_accent

    def test_a_moved_file_is_known_by_its_other_name(self, on, tmp_path):
        (tmp_path / "frames").mkdir()
        (tmp_path / "frames" / NFD).write_bytes(b"\x89PNG\r\n\x1a\n")
        (tmp_path / "frames" / NFC).write_bytes(b"\x89PNG\r\n\x1a\n")  # the file system finds it
        (tmp_path / "frames" / MOVED_LIST).write_text(moved_list({NFC: 8}))
        assert len(list_folder(str(tmp_path / "frames"), recursive=False).images) == 1
        on("darwin")
        assert list_folder(str(tmp_path / "frames"), recursive=False).images == ()
