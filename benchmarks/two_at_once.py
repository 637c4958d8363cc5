"""Two runs at once on one folder: whatever they are, no content is lost and none is doubled.

    PYTHONPATH=. python benchmarks/two_at_once.py 200

Each pair of processes carries out and takes back plans of one folder at the same time: with one
journal or one each, on one file system and on two (``/dev/shm`` is the other), in the order of the
files or against it. It prints, for each combination, how many pairs were tried and how many of them
lost or doubled a content, or left a file with a name that nobody gave it.
"""

import argparse
import hashlib
import itertools
import multiprocessing
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nearframe.common import NearframeError
from nearframe.query import (
    DedupPlan,
    DedupRules,
    DroppedFile,
    KeptFile,
    PlannedFile,
    apply_plan,
    undo,
)

FILES = 24
PAIRS = ("apply + apply", "apply + undo", "undo + undo")
OTHER_DISK = Path("/dev/shm")


def main() -> None:
    """Print how often something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=int, help="in all")
    count = parser.parse_args().pairs
    cases = list(itertools.product(PAIRS, ("move", "copy-unique"), (False, True), (False, True)))
    print(f"{'pair':<14} {'action':<12} {'disks':<6} {'journals':<9} tries  failures")
    for pair, action, two_disks, two_journals in cases:
        tries = max(1, count // len(cases))
        failures = sum(
            bool(fault(pair, action, two_disks=two_disks, two_journals=two_journals, seed=seed))
            for seed in range(tries)
        )
        print(
            f"{pair:<14} {action:<12} {1 + two_disks:<6} {1 + two_journals:<9} "
            f"{tries:<6} {failures}"
        )


def fault(pair: str, action: str, *, two_disks: bool, two_journals: bool, seed: int) -> str:
    """Let two processes run; return what went wrong, or nothing."""
    with _place(two_disks=two_disks) as (folder, to, journals):
        originals = _write_files(folder, seed)
        plan = _plan(folder)
        runs: list[Callable[[], object]] = []
        if pair != "apply + apply":
            apply_plan(plan, action=action, to=to, journal=journals[0])
        for number, what in enumerate(pair.split(" + ")):
            journal = journals[number if two_journals and what == "apply" else 0]
            runs.append(_run(what, plan, action, to, journal))
        _at_once(runs)
        found = _contents(folder, to)
        expected = 1 if action == "move" else 2
        odd = [path.name for path in _files(folder, to) if path.name.startswith(".")]
        if lost := originals - found:
            return f"{sum(lost.values())} contents lost"
        if any(number > expected for number in found.values()):
            return "contents doubled"
        return f"left behind: {odd}" if odd else ""


@contextmanager
def _place(*, two_disks: bool) -> Iterator[tuple[Path, Path, list[Path]]]:
    with tempfile.TemporaryDirectory() as here:
        other = tempfile.mkdtemp(dir=OTHER_DISK if two_disks else here)
        try:
            journals = [Path(here, f"{name}.jsonl") for name in ("one", "other")]
            yield Path(here, "frames"), Path(other, "to"), journals
        finally:
            shutil.rmtree(other)


def _write_files(folder: Path, seed: int) -> Counter[str]:
    folder.mkdir()
    content = random.Random(seed)
    for number in range(2 * FILES):
        (folder / f"{number:03}.png").write_bytes(content.randbytes(20_000))
    return _contents(folder)


def _plan(folder: Path) -> DedupPlan:
    files = [PlannedFile.look_at(str(folder), str(path)) for path in sorted(folder.iterdir())]
    kept, dropped = files[:FILES], files[FILES:]
    return DedupPlan(
        folder=str(folder),
        kept=tuple(KeptFile(file.file, file.size, file.sha256) for file in kept),
        dropped=tuple(
            DroppedFile(file.file, file.size, file.sha256, repeats=stays.file)
            for file, stays in zip(dropped, kept, strict=True)
        ),
        unreadable=(),
        rules=DedupRules(threshold=0.9),
        fingerprint=None,
        created="2024-05-01T12:00:00+02:00",
    )


def _run(what: str, plan: DedupPlan, action: str, to: Path, journal: Path) -> Callable[[], object]:
    if what == "undo":
        return lambda: undo(journal)
    return lambda: apply_plan(plan, action=action, to=to, journal=journal)


def _at_once(runs: list[Callable[[], object]]) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(len(runs))

    def work(run: Callable[[], object]) -> None:
        start.wait()
        with suppress(NearframeError):
            run()

    processes = [context.Process(target=work, args=(run,)) for run in runs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def _files(*folders: Path) -> Iterator[Path]:
    return (path for folder in folders for path in folder.rglob("*") if path.is_file())


def _contents(*folders: Path) -> Counter[str]:
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(*folders))


if __name__ == "__main__":
    main()
