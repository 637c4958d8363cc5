"""Builds an index over and over in forked processes, each of which dies at another step.

``python crashing.py SCENARIO DIRECTORY STRIDE OFFSET`` dies before every STRIDE-th step, counted
from OFFSET. After each death, what is on disk must be whole, and the same build must complete it.
Writes ``N deaths``, or the traceback of what went wrong. A process of its own does the forking,
because one that has run FAISS or numpy has threads, which do not survive a fork.
"""

import json
import os
import shutil
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import fake_network
import numpy as np
import pytest

from nearframe.embeddings import DEFAULT_WEIGHTS, DIMENSION, Embedder, Preprocessing, embedder
from nearframe.index import FrameIndex, build, build_index, verify
from nearframe.index.database import Database
from nearframe.index.search import choice, stored

DIED = 9


class Scenario:
    """Something that is built, from a state before it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder = directory / "frames"
        self.output = directory / "out" / self.name

    def prepare(self) -> None:
        """Bring the output to the state before."""
        self.output.parent.mkdir()

    ann = None
    search_files = 1

    def build(self) -> None:
        build_index(
            [self.folder],
            self.output,
            prune=True,
            ann=self.ann,
            embedder=Embedder(batch_size=2),
        )

    def check(self, *, complete: bool) -> None:
        """Check that what is there is whole, and perhaps that it is complete."""
        if not FrameIndex.exists(self.output):
            assert not complete, "no index"
            return
        assert verify(self.output).damage == ()
        found, expected = contents(self.output), contents(self.reference)
        with FrameIndex.open(self.output) as index:
            rows = index.nearest(np.array([*found.values()]).reshape(-1, DIMENSION), 1)
        assert [row[0].similarity for row in rows] == pytest.approx([1] * len(found))
        for ref, vector in found.items():
            allowed = [known[ref] for known in (expected, self.before()) if ref in known]
            assert any(np.allclose(vector, other, atol=1e-6) for other in allowed), ref
        if complete:
            assert list(found) == list(expected), "not the frames of a build without a death"
            assert all(np.allclose(found[ref], expected[ref], atol=1e-6) for ref in found)
            names = [path.name for path in self.output.iterdir()]
            assert not [name for name in names if name.endswith(".tmp")], names
            with FrameIndex.open(self.output) as index:
                shards = {shard.path.name for shard in index.catalog.shards()}
            assert {name for name in names if name.endswith(".f32")} == shards, "orphans"
            assert len([name for name in names if name.endswith(".faiss")]) == self.search_files

    def before(self) -> dict:
        return {}

    @property
    def reference(self) -> Path:
        return self.directory / "reference" / self.name


class Fresh(Scenario):
    name = "my.index"


class Update(Scenario):
    """Since the state before, a file changed, one is new, one is gone, one is broken."""

    name = "my.index"

    def prepare(self) -> None:
        shutil.copytree(self.directory / "before", self.output.parent)

    def before(self) -> dict:
        return contents(self.directory / "before" / self.name)


class Approximate(Fresh):
    """With the lists of an approximate search."""

    ann = "ivf"


class ApproximateUpdate(Update):
    """What is new goes into a file beside the lists that are there."""

    search_files = 2


class SingleFile(Scenario):
    name = "x.json"

    def check(self, *, complete: bool) -> None:
        if complete:
            assert [path.name for path in self.output.parent.iterdir()] == [self.name]
        if self.output.exists():  # what has the name is complete
            found, expected = (
                json.loads(path.read_text())["frames"] for path in (self.output, self.reference)
            )
            for frame, other in zip(found, expected, strict=True):
                assert np.allclose(frame.pop("embedding"), other.pop("embedding"), atol=1e-6)
                assert frame == other


def contents(path: Path) -> dict:
    with FrameIndex.open(path) as index:
        return {
            frame.ref: vector
            for block in index.blocks()
            for frame, vector in zip(block.frames, block.vectors, strict=True)
        }


def in_child(work) -> int:
    """Run a function in a forked process and return its exit code."""
    sys.stdout.flush()
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def reads(*args) -> bool:
    """Whether these are the arguments of `Database.run` that reads; it leaves the disk as it is."""
    return isinstance(args[0], Database) and args[1].lstrip().upper().startswith("SELECT")


def die_before(number: int, counter: Path | None = None) -> None:
    """End this process before a step of that number: a change of files or a statement that writes.

    A death before a statement that reads leaves what one before the next step does.
    """
    steps = 0

    def counted(function):
        def step(*args, **kwargs):
            nonlocal steps
            if reads(*args):
                return function(*args, **kwargs)
            if steps == number:
                os._exit(DIED)
            steps += 1
            if counter:
                counter.write_text(str(steps))
            return function(*args, **kwargs)

        return step

    for owner, name in [
        *((os, name) for name in ("open", "mkdir", "fsync", "replace", "unlink", "rmdir")),
        *((Database, name) for name in ("run", "run_each", "run_script")),
    ]:
        setattr(owner, name, counted(getattr(owner, name)))


def main(scenario: Scenario, stride: int, offset: int) -> int:
    def whole() -> None:
        scenario.prepare()
        die_before(-1, counter=scenario.directory / "steps")
        scenario.build()
        scenario.output.parent.rename(scenario.reference.parent)

    def death() -> None:
        scenario.prepare()
        die_before(number)
        scenario.build()

    def after() -> None:
        scenario.check(complete=False)
        scenario.build()
        scenario.check(complete=True)

    assert in_child(whole) == 0
    steps = int((scenario.directory / "steps").read_text())
    deaths = 0
    for number in range(offset % stride, steps, stride):
        shutil.rmtree(scenario.output.parent, ignore_errors=True)
        assert in_child(death) == DIED
        deaths += 1
        if in_child(after) != 0:
            sys.stdout.write(f"after a death before step {number} of {steps}\n")
            return 1
    sys.stdout.write(f"{deaths} deaths\n")
    return 0


if __name__ == "__main__":
    embedder.load_backbone = fake_network.load_fake_backbone
    embedder.load_backbone(DEFAULT_WEIGHTS, Preprocessing())  # its numbers are drawn once for all
    build.COMMIT_EVERY = 2
    choice._FEWEST_FOR_LISTS = 1
    stored._OUTGROWN = 10
    scenarios = {
        "fresh": Fresh,
        "update": Update,
        "json": SingleFile,
        "ivf": Approximate,
        "ivf-update": ApproximateUpdate,
    }
    name, directory, stride, offset = sys.argv[1:]
    sys.exit(main(scenarios[name](Path(directory)), int(stride), int(offset)))
