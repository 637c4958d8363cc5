"""How listing, opening, asking and keeping up to date grow with files, sources and frames.

    python -m benchmarks scale [--largest 1000000]

Four kinds of place are made, each in sizes that are ten times one another: a folder of so many
images with an index of them; a plan that drops so many files of one name; an index of so many
sources of one image each; and an index of so many frames of videos. Files are names of one small
picture, and vectors are holes in files, so that hardly any disk is used; nothing here reads their
numbers, and searches among a million frames are measured by ``search.py``. Each step runs in a
process of its own. It prints seconds of a processor, by how much the memory grew at most, and how
many files were open at once.
"""

import argparse
import hashlib
import importlib.util
import multiprocessing
import os
import resource
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

from nearframe.embeddings import DIMENSION, default_preprocessing, embedder
from nearframe.embeddings.sources import ImageSequence, list_folder
from nearframe.index import FrameIndex, build_index, summarize
from nearframe.index.build import COMMIT_EVERY
from nearframe.index.match import Restriction
from nearframe.index.search.flat_file import FlatFile
from nearframe.query import DedupPlan, DedupRules, DroppedFile, KeptFile, apply_plan, undo
from nearframe.query.dedup.plan import PlannedFile

_ROW_BYTES = 4 * DIMENSION
_SECONDS_PER_FRAME = 0.04


@dataclass(frozen=True)
class Cost:
    """What a step took: seconds of a processor, MB, files."""

    seconds: float
    megabytes: float
    files: int


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=1_000_000, help="frames; of files a tenth")
    largest = parser.parse_args().largest
    _use_fake_network()
    for title, steps, sizes in (
        ("images in a folder", _folder_steps, _sizes(largest // 10)),
        ("repeats in a plan, one name", _plan_steps, _sizes(largest // 100)),
        ("sources of one image", _source_steps, _sizes(largest // 1000)),
        ("frames of videos, 1,000 each", _frame_steps, _sizes(largest)),
    ):
        table: dict[str, list[Cost]] = {}
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                for name, step in steps(Path(folder), size).items():
                    table.setdefault(name, []).append(_cost(step))
        _print(title, sizes, table)


def _sizes(largest: int) -> list[int]:
    return [largest // 100, largest // 10, largest]


def _print(title: str, sizes: list[int], table: dict[str, list[Cost]]) -> None:
    heads = "".join(f"{size:>12,}" for size in sizes)
    print(f"\n{title:<34}{heads}   grows   MB at most   files open")
    for name, costs in table.items():
        seconds = "".join(f"{cost.seconds:>10.3f} s" for cost in costs)
        factor = costs[-1].seconds / max(costs[-2].seconds, 0.001)
        print(
            f"{name:<34}{seconds}  x{factor:>5.1f}   {costs[-1].megabytes:>10.1f}"
            f"   {costs[-1].files:>10}"
        )


def _folder_steps(place: Path, count: int) -> dict[str, Callable[[], object]]:
    folder = place / "frames"
    files = _make_images(folder, count)
    index = place / "my.index"
    _make_index(index, [(folder, "folder", files)], frames_each=1)
    return {
        "list": lambda: list_folder(str(folder), recursive=False),
        "list, number": lambda: ImageSequence.of_folder(folder),
        "build, nothing new": lambda: build_index([folder], index),
        "build --prune": lambda: build_index([folder], index, prune=True),
        **_of_index(index, files[-1]),
    }


def _plan_steps(place: Path, count: int) -> dict[str, Callable[[], object]]:
    folder = place / "frames"
    kept = _write(folder / "first.png", -1)
    dropped = [_write(folder / str(number) / "1.png", number) for number in range(count)]
    plan = DedupPlan(
        folder=str(folder),
        kept=(KeptFile(kept.file, kept.size, kept.sha256),),
        dropped=tuple(
            DroppedFile(file.file, file.size, file.sha256, repeats=kept.file) for file in dropped
        ),
        unreadable=(),
        rules=DedupRules(threshold=0.9),
        fingerprint=None,
        created="2024-05-01T12:00:00+02:00",
    )
    os.environ["XDG_DATA_HOME"] = str(place / "data")
    move, trash = place / "move.jsonl", place / "trash.jsonl"
    to = place / "to"
    return {
        "apply move": lambda: apply_plan(plan, action="move", to=to, journal=move),
        "undo move": lambda: undo(move),
        "apply trash": lambda: apply_plan(plan, action="trash", journal=trash),
        "undo trash": lambda: undo(trash),
    }


def _write(path: Path, number: int) -> PlannedFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(number))
    folder = path.parent if number < 0 else path.parent.parent
    return PlannedFile.look_at(str(folder), str(path))


def _source_steps(place: Path, count: int) -> dict[str, Callable[[], object]]:
    files = _make_images(place / "frames", count)
    index = place / "my.index"
    _make_index(index, [(file, "image", [file]) for file in files], frames_each=1)
    return {
        "build, nothing new": lambda: build_index(files, index),
        "build --prune": lambda: build_index(files, index, prune=True),
        **_of_index(index, files[-1]),
    }


def _frame_steps(place: Path, count: int) -> dict[str, Callable[[], object]]:
    files = _make_images(place / "films", count // 1000)
    index = place / "my.index"
    _make_index(index, [(file, "video", [file]) for file in files], frames_each=1000)
    return _of_index(index, files[-1])


def _of_index(index: Path, file: Path) -> dict[str, Callable[[], object]]:
    def in_one_file() -> None:
        with FrameIndex.open(index) as opened:
            opened.catalog.frame_ids_within(Restriction(str(file), 1.0, 2.0))

    def by_id() -> None:
        with FrameIndex.open(index) as opened:
            opened.catalog.frames_by_id(range(1, 101))

    def shards() -> None:
        with FrameIndex.open(index) as opened:
            opened._require_shards()

    def info() -> None:
        with FrameIndex.open(index) as opened:
            summarize(opened)

    def write() -> None:
        FrameIndex.open(index, write=True).close()

    return {
        "open, count": lambda: len(FrameIndex.open(index)),
        "open, before a search": shards,
        "100 frames of an answer": by_id,
        "frames of a second of one file": in_one_file,
        "info": info,
        "open to write, close": write,
    }


def _make_images(folder: Path, count: int) -> list[Path]:
    """Make names of one picture, of which a file system allows only so many."""
    folder.mkdir()
    picture = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    files = [folder / f"{number:07d}.png" for number in range(count)]
    for first in range(0, count, 10_000):
        picture.save(files[first])
        for file in files[first + 1 : first + 10_000]:
            os.link(files[first], file)
    return files


def _make_index(
    path: Path, sources: Iterable[tuple[Path, str, list[Path]]], *, frames_each: int
) -> None:
    """Make an index whose vectors are holes, without the network, as a build would leave it."""
    made, _ = embedder.load_backbone("builtin", default_preprocessing("builtin"))
    FrameIndex.create(path, made).close()
    shard, row = 1, 0
    hole = hashlib.sha256(bytes(COMMIT_EVERY * _ROW_BYTES)).hexdigest()
    database = sqlite3.connect(path / "frames.sqlite")
    file_id = 0
    for source_id, (source, kind, files) in enumerate(sources, 1):
        database.execute(
            "INSERT INTO sources VALUES (?, ?, ?)", (source_id, os.fspath(source), kind)
        )
        for number, file in enumerate(files):
            file_id += 1
            status = file.stat()
            database.execute(
                "INSERT INTO files"
                " (id, source_id, path, size, mtime_ns, sha256, sampling, complete)"
                " VALUES (?, ?, ?, ?, ?, '', 'all', 1)",
                (file_id, source_id, os.fspath(file), status.st_size, status.st_mtime_ns),
            )
            rows = []
            for ordinal in range(frames_each):
                time_s = ordinal * _SECONDS_PER_FRAME if kind == "video" else None
                rows.append(
                    (file_id, ordinal if time_s is not None else number, time_s, shard, row)
                )
                row += 1
                if row == COMMIT_EVERY:
                    shard, row = shard + 1, 0
            database.executemany(
                "INSERT INTO frames (file_id, number, time_s, shard_id, shard_row)"
                " VALUES (?, ?, ?, ?, ?)",
                rows,
            )
    for id_ in range(1, shard + 1):
        name = f"vectors-{id_:06d}.f32"
        rows_in_it = COMMIT_EVERY if id_ < shard else row
        (path / name).touch()
        os.truncate(path / name, rows_in_it * _ROW_BYTES)
        database.execute("INSERT INTO shards VALUES (?, ?, ?, ?)", (id_, name, rows_in_it, hole))
    database.execute("INSERT INTO meta VALUES ('ann', '\"flat\"')")
    database.execute("UPDATE files SET rules = 1000")  # by rules of no older version
    database.commit()
    database.close()
    with FrameIndex.open(path) as index:
        FlatFile(path, index.catalog.generation()).path.touch()


def _cost(step: Callable[[], object]) -> Cost:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(step, theirs))
    process.start()
    theirs.close()
    cost: Cost = ours.recv()
    process.join()
    return cost


def _measure(step: Callable[[], object], result: Connection) -> None:
    most = before = _open_files()
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, _open_files())

    watcher = threading.Thread(target=watch, daemon=True)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of before
    memory = _memory_mb("VmRSS")
    watcher.start()
    start = _seconds()
    step()
    seconds = _seconds() - start
    done.set()
    watcher.join()
    result.send(Cost(seconds, _memory_mb("VmHWM") - memory, most - before))


def _seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def _memory_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1000
    raise KeyError(name)


def _use_fake_network() -> None:
    path = Path(__file__).parents[1] / "tests" / "fake_network.py"
    spec = importlib.util.spec_from_file_location("fake_network", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    embedder.load_backbone = module.load_fake_backbone


if __name__ == "__main__":
    main()
