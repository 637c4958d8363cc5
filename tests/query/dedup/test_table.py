import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nearframe.common import OutputError
from nearframe.embeddings import Unreadable
from nearframe.query import DroppedFile, KeptFile, PlannedFile, save_table
from nearframe.query.dedup.table import COLUMNS


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "frames").mkdir()
    return tmp_path / "frames"


@pytest.fixture
def table(folder, plan_of, tmp_path):
    """Write the table of a plan of these fields; return its rows."""

    def write(**fields):
        plan = replace(plan_of(folder, kept=[], dropped={}), **fields)
        save_table(plan, tmp_path / "plan.csv")
        with (tmp_path / "plan.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return write


def test_every_file_is_a_row_with_all_that_the_plan_says(table, folder):
    rows = table(
        kept=(KeptFile("b", 7, "cd", "c1", "2021-03-26T16:45", nearest="a", similarity=0.5),),
        dropped=(DroppedFile("c", 8, "ef", "c1", "2021-03-26T16:46", repeats="a", change=0.0),),
        protected=(PlannedFile("/known/a", 6, "ab", "c1", "2021-03-26T16:44"),),
        unreadable=(Unreadable(str(folder / "sub" / "x.jpg"), 3, "the file is empty"),),
    )
    assert [list(row.values()) for row in rows] == [
        ["protected", "/known/a", "c1", "2021-03-26T16:44", "", "", "", "6", "ab", ""],
        ["kept", "b", "c1", "2021-03-26T16:45", "a", "0.5", "", "7", "cd", ""],
        ["dropped", "c", "c1", "2021-03-26T16:46", "a", "", "0.0", "8", "ef", ""],
        ["unreadable", str(Path("sub", "x.jpg")), *[""] * 7, "the file is empty"],
    ]
    assert tuple(rows[0]) == COLUMNS


def test_repeats_stand_beside_what_they_repeat(table):
    rows = table(
        kept=(KeptFile("img2", 1, "a"), KeptFile("img11", 1, "a"), KeptFile("z", 1, "a", "c1")),
        dropped=(
            DroppedFile("img10", 1, "a", repeats="img2"),
            DroppedFile("y", 1, "a", "c1", repeats="z"),
        ),
    )
    assert [row["file"] for row in rows] == ["img2", "img10", "img11", "y", "z"]


@pytest.mark.parametrize("name", ['a,b;"c".png', "two\nlines", "naïve ☃.png", "=1+1", "\udcff.png"])
def test_odd_names_stay_one_field_on_one_line(table, tmp_path, name):
    (row,) = table(kept=(KeptFile(name, 1, "a"),))
    assert row["decision"] == "kept"
    assert row["file"] == name.replace("\n", "\\n").replace("\udcff", "\\xff")
    assert len((tmp_path / "plan.csv").read_text("utf-8").splitlines()) == 2


def test_an_empty_plan_is_a_header(table, tmp_path):
    assert table() == []
    assert (tmp_path / "plan.csv").read_text().split(",")[0] == "decision"


@pytest.mark.skipif(sys.platform == "win32", reason="no such file there")
def test_a_table_that_cannot_be_written_is_one_line(folder, plan_of, tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*x\.csv"):
        save_table(plan_of(folder, kept=[], dropped={}), tmp_path / "none" / "x.csv")
