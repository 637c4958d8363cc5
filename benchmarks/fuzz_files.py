"""Files of every format that nearframe reads, changed in all ways: a result or one line.

    python -m benchmarks fuzz_files 50000

Each try changes one file and runs a command that reads it, with a network that costs nothing. It
must end with exit code 0, 1 or 2 and no traceback, touch nothing outside of its folder, and stay
below 20 s and 2 GB. It prints, for each format, how many tries there were, how many failed, and
the kinds of failures with the seed of the first; ``--format NAME --seed N`` runs that one again.
"""

import argparse
import multiprocessing
import os
import random
import shlex
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from click.testing import CliRunner, Result
from fuzz_formats import Format, formats, make_files
from fuzz_mutations import mutate

MOST_S = 20
MOST_BYTES = 2 << 30
# Of a machine that does other things, too.
_PATIENCE_S = 180


class Place:
    """A folder with valid files, and others beside it that nothing may touch.

    Args:
        root: For all of it; it is the place of the current folder, the cache and the trash, too.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.work, self._valid = root, root / "work", root / "valid"
        self.work.mkdir(parents=True)
        os.environ["XDG_CACHE_HOME"] = str(self.work / "cache")
        self.use_trash()
        os.chdir(self.work)
        make_files(self._require)
        os.chdir(root)
        shutil.copytree(self.work, self._valid)
        (root / "x").write_text("mine")
        self._outside = self._state()

    def fault(self, format_: Format, seed: int) -> str:
        """Change a file and run a command; return what was wrong with it, or nothing."""
        rng = random.Random(f"{format_.name} {seed}")
        words = self.prepare(format_, rng)
        before = _restarted_peak()
        started = time.process_time()
        result = run(words)
        seconds = time.process_time() - started
        os.chdir(self.root)
        if fault := fault_of(result):
            return fault
        if self._state() != self._outside:
            return "touched what is outside"
        if seconds > MOST_S:
            return f"over {MOST_S} s"
        if _memory_bytes("VmHWM") - before > MOST_BYTES:
            return "over 2 GB"
        return ""

    def prepare(self, format_: Format, rng: random.Random) -> list[str]:
        """Put a changed file with all that it needs into the current folder; return a command."""
        shutil.rmtree(self.work)
        self.work.mkdir()
        os.chdir(self.work)
        (file,) = self._valid.glob(format_.file)
        name = file.relative_to(self._valid)
        for needed in {*format_.needs, name.parts[0]}:
            source = self._valid / needed
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, self.work / needed)
        mutate(self.work / name, format_.kind, rng)
        return shlex.split(rng.choice(format_.commands))

    def use_trash(self) -> None:
        """Let the trash of this process be in the folder."""
        from send2trash import plat_other

        data = self.work / "data"
        os.environ["XDG_DATA_HOME"] = str(data)
        plat_other.XDG_DATA_HOME = os.fsencode(data)
        plat_other.HOMETRASH_B = os.fsencode(data / "Trash")
        plat_other.get_dev = lambda _: 0

    def _require(self, words: str) -> None:
        result = run(shlex.split(words))
        assert result.exit_code == 0, (words, result.output, result.exception)

    def _state(self) -> dict[str, tuple[int, ...]]:
        """Return what is known of all files but those in the folder."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            if folder == str(self.root):
                folders.remove("work")
            for name in names:
                stat = os.lstat(os.path.join(folder, name))  # noqa: PTH118  # fast
                key = os.path.join(folder, name)  # noqa: PTH118
                found[key] = (stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_mode)
        return found


def fault_of(result: Result) -> str:
    """Return what is wrong with the end of a command, or nothing."""
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        where = traceback.extract_tb(error.__traceback__)
        own = [entry for entry in where if "site-packages" not in entry.filename] or where
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
        return f"{type(error).__name__} at {place} ({str(error)[:60]!r})"
    if result.exit_code not in (0, 1, 2):
        return f"exit code {result.exit_code}"
    if "Traceback" in result.output:
        return "a traceback in the output"
    if result.exit_code and not result.stderr.strip():
        return "failed without a line"
    return ""


def shares(tries: int, of: Sequence[Format]) -> Iterator[tuple[Format, int]]:
    """Divide tries among formats by their weights."""
    total, given, weight = sum(each.weight for each in of), 0, 0
    for each in of:
        weight += each.weight
        upto = tries * weight // total
        yield each, upto - given
        given = upto


def _restarted_peak() -> int:
    """Let the most memory of this process be what it has now, and return that."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory_bytes("VmRSS")


def _memory_bytes(field: str) -> int:
    """Return a size of ``/proc/self/status``; ``ru_maxrss`` would count the parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def use_fake_network() -> None:
    """Let vectors cost nothing, but read weights that are files."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    import fake_network

    from nearframe.embeddings import embedder
    from nearframe.embeddings.weights import load_weights
    from nearframe.index.search import choice

    def load(weights: str, *arguments: object, **options: object) -> object:
        if Path(weights).suffix:
            load_weights(weights)
        fingerprint, backbone = fake_network.load_fake_backbone(weights, *arguments, **options)
        # With a name, what it embeds is kept in the cache and taken from there.
        backbone.identity = "fake" if Path("cache").exists() else ""
        return fingerprint, backbone

    embedder.load_backbone = load
    choice._FEWEST_FOR_LISTS = 1


def run(words: Sequence[str]) -> Result:
    """Run a command in this process."""
    from nearframe.scripts.main import nearframe

    return CliRunner().invoke(nearframe, list(words))


def _work(pipe: Connection, root: str) -> None:
    """Run the tries that come through a pipe, and say what came of each."""
    use_fake_network()
    place = Place(Path(root))
    all_formats = {each.name: each for each in formats()}
    pipe.send("")
    while True:
        name, seed = pipe.recv()
        pipe.send(place.fault(all_formats[name], seed))


class _Worker:
    """A process that may be ended by what it reads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._count = 0
        self._start()

    def fault(self, format_: Format, seed: int) -> str:
        """Run a try; a process that dies or hangs is a fault, and another takes its place."""
        self._count += 1
        try:
            self._pipe.send((format_.name, seed))
            fault = self._pipe.recv() if self._pipe.poll(_PATIENCE_S) else f"over {_PATIENCE_S} s"
        except (EOFError, OSError):
            self._process.join()
            fault = f"the process ended with {self._process.exitcode}"
        if fault.startswith(("over", "the process")):
            self.close()
            self._start()
        return str(fault)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _start(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(theirs, str(self._root)), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe.recv()


def main() -> int:
    """Print how often something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tries", type=int, nargs="?", default=1, help="in all")
    parser.add_argument("--format", default="", help="only formats whose name holds this")
    parser.add_argument("--seed", type=int, default=0, help="of the first try of each format")
    arguments = parser.parse_args()
    chosen = [each for each in formats() if arguments.format in each.name]
    failed = 0
    print(f"{'format':<22} {'tries':>6} {'failures':>8}  kinds", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        worker = _Worker(Path(folder, "root"))
        for format_, tries in shares(arguments.tries, chosen):
            kinds: Counter[str] = Counter()
            first: dict[str, int] = {}
            for seed in range(arguments.seed, arguments.seed + tries):
                if fault := worker.fault(format_, seed):
                    kinds[fault] += 1
                    first.setdefault(fault, seed)
            failed += kinds.total()
            print(f"{format_.name:<22} {tries:>6} {kinds.total():>8}  {len(kinds)}", flush=True)
            for kind, count in kinds.most_common():
                print(f"    {count} x {kind}, seed {first[kind]}", flush=True)
        worker.close()
    print(f"{'all':<22} {arguments.tries:>6} {failed:>8}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
