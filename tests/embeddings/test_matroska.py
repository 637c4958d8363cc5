import pytest

from nearframe.embeddings.sources.matroska import is_one_segment


@pytest.mark.parametrize("name", ["a.mkv", "a.webm"])
def test_joined_files_are_more_than_one_segment(make_video, tmp_path, name):
    codec = "libx264" if name == "a.mkv" else "libvpx"
    path = make_video(name, 5, codec=codec)
    assert is_one_segment(path)
    joined = tmp_path / "joined.mkv"
    joined.write_bytes(path.read_bytes() * 2)
    assert not is_one_segment(joined)


def test_a_stream_of_unknown_size_may_go_on(make_video):
    path = make_video("a.mkv", 5, container_options={"live": "1"})
    assert not is_one_segment(path)


@pytest.mark.parametrize("data", [b"", b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3\x00", b"RIFF" * 9])
def test_what_is_no_matroska_is_no_segment(tmp_path, data):
    path = tmp_path / "a.mkv"
    path.write_bytes(data)
    assert not is_one_segment(path)
    assert not is_one_segment(tmp_path / "none.mkv")
