"""Outputs that replace nothing of the user's."""

from pathlib import Path

import pytest
from PIL import Image

from nearframe.common import (
    OutputError,
    is_own_output,
    output_write,
    picture_mark,
    replace_anything,
    require_replaceable,
)

MINE = b"mine"


def test_a_free_name_and_an_empty_file_are_taken(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()

    for name in ("new.csv", "empty.csv"):
        with output_write(tmp_path / name) as file:
            file.write(b"text")
        assert (tmp_path / name).read_bytes() == b"text"


def test_a_file_that_appears_during_the_work_stays(tmp_path: Path) -> None:
    path = tmp_path / "page.html"

    def write() -> None:
        with output_write(path) as file:
            file.write(b"long work")
            path.write_bytes(MINE)

    with pytest.raises(OutputError, match=r"page\.html exists"):
        write()

    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]
    assert path.read_bytes() == MINE


def test_a_link_is_somebodys_even_where_it_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "page.html").symlink_to(tmp_path / "gone.html")

    with pytest.raises(OutputError, match="exists"):
        require_replaceable(tmp_path / "page.html")


def test_within_replace_anything_every_file_goes(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_bytes(MINE)

    with replace_anything():
        require_replaceable(path)
    with pytest.raises(OutputError, match="exists"):
        require_replaceable(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_of_another_program_is_foreign(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("RGB", (40, 30), "red")
    picture.save(tmp_path / f"own{suffix}", exif=picture_mark())
    exif = Image.Exif()
    exif[0x0131] = "GIMP"
    picture.save(tmp_path / f"foreign{suffix}", exif=exif)

    assert is_own_output(tmp_path / f"own{suffix}")
    assert not is_own_output(tmp_path / f"foreign{suffix}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "file,decision\na.jpg,kept\n"),
        ("x.json", '{"fingerprint": "abc"}'),
        ("x.json", '[{"frame_number": 0}]'),
        ("x.html", "<html><title>nearframe</title></html>"),
        ("x.svg", "<svg><title>nearframe</title></svg>"),
        ("x.pdf", "%PDF-1.4 nearframe"),
        ("x.txt", "decision,file,camera,time\n"),
        ("x.faiss", "IxFI"),
        ("x.npy", "NUMPY"),
    ],
)
def test_what_only_looks_alike_is_foreign(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    assert not is_own_output(tmp_path / name)


def test_what_a_killed_run_left_of_the_same_output_is_removed(tmp_path, listing):
    for name in (".page.html.ab12.tmp", ".other.html.ab12.tmp"):
        (tmp_path / name).write_text("half")
    with output_write(tmp_path / "page.html", "w") as file:
        file.write("whole")
    assert listing(tmp_path) == [".other.html.ab12.tmp", "page.html"]
