"""What has the name of an output is whole, at whatever step a run ends that writes it.

Every change of the file system is one step. A run ends before each of them for good, as by kill -9:
no step after that does anything. Kills at system calls: ``benchmarks/kill_points.py``.
"""

import os
from pathlib import Path

import pytest

from nearframe.common import atomic
from nearframe.index import FrameIndex, build_index, export_index
from nearframe.query import save_table
from nearframe.query.files.journal import Journal, Operation

pytestmark = pytest.mark.usefixtures("fake_network")


class End(BaseException):
    """The run ends here."""


def run(write, *, end_at=0):
    """Write; return how many steps that took, or end before one of them."""
    steps = 0

    def step(original):
        def call(*args, **kwargs):
            nonlocal steps
            steps += 1
            if 0 < end_at <= steps:
                raise End
            return original(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            *((os, name) for name in ("fsync", "link")),
            *((Path, name) for name in ("replace", "unlink")),
            (atomic, "rename_new"),
        ):
            patch.setattr(owner, name, step(getattr(owner, name)))
        if end_at:
            with pytest.raises(End):
                write()
        else:
            write()
    return steps


@pytest.fixture
def writers(make_folder, tmp_path, plan_of):
    """What writes into a folder, by name: an earlier content (0) or a later one (1)."""
    folder = make_folder(4)
    plans = [
        plan_of(folder, kept=["000001.png"], dropped={"000002.png": "000001.png"}),
        plan_of(folder, kept=["000001.png", "000002.png"], dropped={}),
    ]
    indexes = [tmp_path / f"{number}.index" for number in range(2)]
    build_index([folder / "000001.png", folder / "000002.png"], indexes[0])
    build_index([folder / "000003.png", folder / "000004.png"], indexes[1])

    def export(name):
        def write(to, which):
            with FrameIndex.open(indexes[which]) as index:
                export_index(index, to / name)

        return write

    def journal(to, which):
        if not (to / "x.journal.jsonl").exists():
            operations = (Operation(f"/{which}", "/to", "ab"),)
            Journal("move", operations, (), token="0" * 16).create(to / "x.journal.jsonl")

    return {
        "plan": lambda to, which: plans[which].save(to / "x.json"),
        "table": lambda to, which: save_table(plans[which], to / "x.csv"),
        "journal": journal,
        **{name: export(name) for name in ("x.json", "x.faiss", "x.npy")},
    }


@pytest.mark.parametrize("earlier", [False, True], ids=["new", "again"])
@pytest.mark.parametrize("name", ["plan", "table", "journal", "x.json", "x.faiss", "x.npy"])
def test_a_killed_run_leaves_what_was_or_what_becomes_and_can_be_repeated(
    name, earlier, writers, tmp_path
):
    write = writers[name]

    def place(number):
        to = tmp_path / f"to-{number}"
        to.mkdir()
        if earlier:
            write(to, 0)
        return to

    def contents(to):
        return {path.name: path.read_bytes() for path in to.iterdir()}

    straight = place(0)
    before = contents(straight)
    steps = run(lambda: write(straight, 1))
    after = contents(straight)
    assert steps > 2 or (name, earlier) == ("journal", True)
    for end_at in range(1, steps + 1):
        to = place(end_at)
        run(lambda to=to: write(to, 1), end_at=end_at)
        for file, content in contents(to).items():
            assert content in (before.get(file), after.get(file)) or file.endswith(".tmp"), end_at
        write(to, 1)
        assert contents(to) == after, end_at
