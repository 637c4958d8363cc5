"""Two runs at once that write the same output: each ends well or by one line, and it is whole.

    python -m benchmarks two_writers 200

Each pair of processes exports an index, plans, or writes tables and pages under the same names, or
builds the same index, at the same time. It prints, for each, how many pairs were tried, how many of
the processes were refused by one line (only a build may be: an index has one writer), and how many
pairs failed: an output that is not what one run alone writes, a file left over, or a traceback.
"""

import argparse
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from nearframe.common import NearframeError
from nearframe.index import FrameIndex, FrameIndexError, build_index, export_index, open_index
from nearframe.query import DedupOptions, DedupPlan, plan_dedup, save_report, save_table

_VARIES = re.compile(rb'"created": ?"[^"]*"')


def main() -> None:
    """Print how often something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=int, help="in all")
    count = parser.parse_args().pairs
    use_fake_network()
    failed = 0
    print(f"{'two runs of':<24} tries  refused  failures")
    for number, name in enumerate(WRITERS):
        tries = count * (number + 1) // len(WRITERS) - count * number // len(WRITERS)
        results = [fault(name) for _ in range(tries)]
        refused = sum(refused for refused, _ in results)
        faults = [fault for _, fault in results if fault]
        shown = faults[0] if faults else ""
        print(f"{name:<24} {tries:<6} {refused:<8} {len(faults)} {shown}", flush=True)
        failed += len(faults)
    sys.exit(int(failed > 0))


def use_fake_network() -> None:
    """Let vectors cost nothing, and commits come often."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    import fake_network

    from nearframe.embeddings import embedder
    from nearframe.index import build

    embedder.load_backbone = fake_network.load_fake_backbone
    build.COMMIT_EVERY = 4


def fault(name: str) -> tuple[int, str]:
    """Let two processes write; return how many were refused, and what went wrong, or nothing."""
    prepare, write, check = WRITERS[name]
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder).resolve()
        os.environ["XDG_CACHE_HOME"] = str(here / "cache")
        _pictures(here / "frames")
        _in_process(lambda: prepare(here))
        (here / "alone").mkdir()
        (here / "both").mkdir()
        _in_process(lambda: write(here, here / "alone"))
        codes = _at_once(lambda: write(here, here / "both"), 2)
        allowed = {0, REFUSED} if name.startswith("buildIndex") else {0}
        if not {*codes} <= allowed or 0 not in codes:
            return codes.count(REFUSED), f"exit codes {codes}"
        names = [sorted(os.listdir(here / side)) for side in ("alone", "both")]  # noqa: PTH208
        if names[0] != names[1]:
            return codes.count(REFUSED), f"{names[1]} in place of {names[0]}"
        code = _in_process(lambda: check(here / "alone", here / "both"))
        return codes.count(REFUSED), "" if code == 0 else "not what one run alone writes"


REFUSED = 3


def _at_once(run: Callable[[], object], processes: int) -> list[int]:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(processes)

    def work() -> None:
        start.wait()
        try:
            run()
        except NearframeError:
            sys.exit(REFUSED)

    started = [context.Process(target=work) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode or 0 for process in started]


def _in_process(run: Callable[[], object]) -> int:
    """Run something that makes threads, which no fork survives."""
    return _at_once(run, 1)[0]


def _pictures(folder: Path) -> None:
    folder.mkdir()
    for number in range(24):
        coarse = np.random.default_rng(number % 20).integers(0, 256, (6, 8, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((96, 64), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:03}.png", compress_level=number % 9)


def _index(here: Path) -> None:
    build_index([here / "frames"], here / "my.index")


def _plan(here: Path) -> None:
    options = DedupOptions(method="embedding")
    plan_dedup(here / "frames", options).save(here / "x.json")


def _nothing(_: Path) -> None:
    pass


def _same_files(alone: Path, both: Path) -> None:
    for path in alone.iterdir():
        one, two = (_VARIES.sub(b"", file.read_bytes()) for file in (path, both / path.name))
        assert one == two, path.name


def _same_index(alone: Path, both: Path) -> None:
    with FrameIndex.open(alone / "my.index") as one, FrameIndex.open(both / "my.index") as two:
        assert [frame.ref for frame in one.catalog.frames()] == [
            frame.ref for frame in two.catalog.frames()
        ]


def _exporter(name: str) -> Callable[[Path, Path], None]:
    def write(here: Path, to: Path) -> None:
        with FrameIndex.open(here / "my.index") as index:
            export_index(index, to / name)
        if not name.endswith(".npy"):
            try:
                open_index(to / name).close()
            except FrameIndexError as error:
                raise AssertionError from error

    return write


def _build(name: str) -> Callable[[Path, Path], None]:
    return lambda here, to: build_index([here / "frames"], to / name) and None


def _write_plan(here: Path, to: Path) -> None:
    plan_dedup(here / "frames", DedupOptions(method="embedding")).save(to / "x.json")


def _write_table(here: Path, to: Path) -> None:
    save_table(DedupPlan.load(here / "x.json"), to / "x.csv")


def _write_report(here: Path, to: Path) -> None:
    save_report(DedupPlan.load(here / "x.json"), to / "x.html")


_Steps = tuple[Callable[[Path], None], Callable[[Path, Path], None], Callable[[Path, Path], None]]
WRITERS: dict[str, _Steps] = {
    **{f"export {name}": (_index, _exporter(name), _same_files) for name in ("x.json", "x.faiss")},
    "export x.npy": (_index, _exporter("x.npy"), _same_files),
    "dedup, plan": (_nothing, _write_plan, _same_files),
    "dedup --csv": (_plan, _write_table, _same_files),
    "dedup --report": (_plan, _write_report, _same_files),
    "buildIndex": (_nothing, _build("my.index"), _same_index),
    "buildIndex -o x.json": (_nothing, _build("x.json"), _same_files),
}


if __name__ == "__main__":
    main()
