"""Two runs at once on one folder: whatever they are, no content is lost and none is doubled.

    python -m benchmarks two_at_once 500

Each pair of processes carries out or takes back plans of one folder at the same time: the same
action, or two of them (``move/trash``), with one journal or one each, on one file system and on two
(``/dev/shm`` is the other). It prints, for each combination, how many pairs were tried and how many
of them lost or doubled a content, left a file with a name that nobody gave it, or ended otherwise
than done or with a line that says why not.
"""

import argparse
import hashlib
import itertools
import multiprocessing
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from nearframe.common import NearframeError
from nearframe.query import (
    DedupPlan,
    DedupRules,
    DroppedFile,
    KeptFile,
    PlannedFile,
    apply_plan,
    split_folder,
    undo,
)
from nearframe.query.files import TARGETED

FILES = 24
PAIRS = ("apply + apply", "apply + undo", "undo + undo")
ACTIONS = ("move", "copy-unique", "hardlink", "trash", "delete", "split")
OTHER_DISK = Path("/dev/shm")


def main() -> None:
    """Print how often something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=int, help="in all")
    count = parser.parse_args().pairs
    chosen = list(cases())
    print(f"{'pair':<14} {'action':<20} {'disks':<6} {'journals':<9} tries  failures")
    failed = 0
    for number, (pair, action, two_disks, two_journals) in enumerate(chosen):
        tries = count * (number + 1) // len(chosen) - count * number // len(chosen)
        faults = [
            fault(pair, action, two_disks=two_disks, two_journals=two_journals, seed=seed)
            for seed in range(tries)
        ]
        failures = sum(map(bool, faults))
        failed += failures
        print(
            f"{pair:<14} {action:<20} {1 + two_disks:<6} {1 + two_journals:<9} "
            f"{tries:<6} {failures} {next(filter(None, faults), '')}",
            flush=True,
        )
    print(f"{'all':<14} {'':<20} {'':<6} {'':<9} {count:<6} {failed}")


def cases() -> Iterator[tuple[str, str, bool, bool]]:
    """Yield pair, action or actions, whether on two file systems, whether with two journals."""
    for pair, action in itertools.product(PAIRS, ACTIONS):
        if action == "delete" and pair != PAIRS[0]:
            continue  # cannot be taken back
        for two_disks in (False, True):
            if action == "hardlink" and two_disks:
                continue  # they do not reach another one
            yield pair, action, two_disks, False
            if pair != "undo + undo":
                yield pair, action, two_disks, True
    for one, other in itertools.permutations(ACTIONS, 2):
        for two_disks in (False, True):
            if two_disks and "hardlink" in (one, other):
                continue
            if one < other:
                yield PAIRS[0], f"{one}/{other}", two_disks, True
            if other != "delete":
                yield PAIRS[1], f"{one}/{other}", two_disks, True


def fault(pair: str, action: str, *, two_disks: bool, two_journals: bool, seed: int) -> str:
    """Let two processes run; return what went wrong, or nothing.

    Args:
        pair: One of `PAIRS`.
        action: One of `ACTIONS`, or two: of the first process and of the other.
        two_disks: Whether the files go to another file system.
        two_journals: Whether each process has a journal of its own.
        seed: Of the contents.
    """
    first, _, second = action.partition("/")
    actions = (first, second or first)
    with _place(two_disks=two_disks) as (folder, to, journals):
        originals = _write_files(folder, seed)
        plan = _plan(folder)
        dropped = _contents_of(folder / file.file for file in plan.dropped)
        runs: list[Callable[[], object]] = []
        if pair != "apply + apply":
            # What is taken back has been done before.
            _run("apply", actions[1], plan, to, journals[0])()
        for number, what in enumerate(pair.split(" + ")):
            journal = journals[number if two_journals and what == "apply" else 0]
            if second and what == "apply":
                journal = journals[1 if pair == "apply + undo" else number]
            runs.append(_run(what, actions[number], plan, to, journal))
        if not _at_once(runs):
            return "a traceback"
        found = _contents(folder, to, folder.parent / "data")
        odd = [path.name for path in _files(folder, to) if path.name.startswith(".")]
        needed = originals - dropped if "delete" in actions else originals
        if lost := needed - found:
            return f"{sum(lost.values())} contents lost"
        copied = {"copy-unique", "hardlink"} & {*actions}
        doubled = found - originals - (originals - dropped if copied else Counter())
        if doubled:
            return f"{sum(doubled.values())} contents doubled"
        return f"left behind: {odd}" if odd else ""


@contextmanager
def _place(*, two_disks: bool) -> Iterator[tuple[Path, Path, list[Path]]]:
    with tempfile.TemporaryDirectory() as here:
        other = tempfile.mkdtemp(dir=OTHER_DISK if two_disks else here)
        try:
            journals = [Path(here, f"{name}.jsonl") for name in ("one", "other")]
            # The trash, on the disk of the files.
            os.environ["XDG_DATA_HOME"] = str(Path(here, "data"))
            yield Path(here, "frames"), Path(other, "to"), journals
        finally:
            shutil.rmtree(other)


def _write_files(folder: Path, seed: int) -> Counter[str]:
    folder.mkdir()
    content = random.Random(seed)
    for number in range(2 * FILES):
        name = f"c{number % 2}-{1_600_000_000 + 60 * number}.png"
        noise = Image.frombytes("RGB", (80, 80), content.randbytes(19_200))
        noise.save(folder / name, compress_level=0)
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


def _run(what: str, action: str, plan: DedupPlan, to: Path, journal: Path) -> Callable[[], object]:
    if what == "undo":
        return lambda: undo(journal)
    if action == "split":
        return lambda: split_folder(plan.folder, to=to, action="move", journal=journal)
    target = to if action in TARGETED else None
    return lambda: apply_plan(plan, action=action, to=target, journal=journal)


def _at_once(runs: list[Callable[[], object]]) -> bool:
    """Run functions at the same time; return whether each was done or refused by one line."""
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
    return all(process.exitcode == 0 for process in processes)


def _files(*folders: Path) -> Iterator[Path]:
    return (path for folder in folders for path in folder.rglob("*") if path.is_file())


def _contents(*folders: Path) -> Counter[str]:
    return _contents_of(path for path in _files(*folders) if path.suffix == ".png")


def _contents_of(paths: Iterable[Path]) -> Counter[str]:
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


if __name__ == "__main__":
    main()
