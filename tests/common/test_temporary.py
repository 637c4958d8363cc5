import errno

import pytest

from nearframe.common import OutputError, temporary_errors, temporary_file
from nearframe.embeddings.backbone import int8


@pytest.fixture
def no_temporary(tmp_path, monkeypatch):
    """No folder in which temporary files can be made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    return tmp_path / "missing"


def test_a_temporary_file_can_be_written_and_read():
    with temporary_file("try it") as file:
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc"


def test_without_a_folder_for_it_there_is_one_line(no_temporary):
    with pytest.raises(OutputError) as caught, temporary_file("note it"):
        pass
    assert str(caught.value) == (
        f"cannot note it: No such file or directory in the temporary folder {no_temporary}; "
        "free some space, or set TMPDIR to a folder that can be written"
    )


def test_where_python_finds_no_folder_either(monkeypatch):
    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", none)
    message = r"found in \['/tmp'\] in any temporary folder"
    with pytest.raises(OutputError, match=message), temporary_errors("note it"):
        none()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_preparing_int8_without_room_is_one_line(number, tmp_path, monkeypatch):
    from nearframe.embeddings import Embedder, Preprocessing

    def full(*_):
        raise OSError(number, "what the system says")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(int8, "quantised_graph", full)
    with pytest.raises(OutputError, match=r"^cannot prepare weights builtin in int8") as caught:
        Embedder(precision="int8", runtime="onnxruntime", preprocessing=Preprocessing(size=32))
    line = str(caught.value)
    assert "what the system says in the temporary folder" in line
    assert "set TMPDIR to a folder that can be written, or use `precision=fp32`" in line
    assert "\n" not in line


def test_quantising_makes_no_folder_of_its_own_where_there_is_none(no_temporary, monkeypatch):
    monkeypatch.setattr(int8, "_last", lambda _: [])
    import onnx

    with pytest.raises(OSError, match="missing"):
        int8.quantised_graph(onnx.ModelProto(), 32)
