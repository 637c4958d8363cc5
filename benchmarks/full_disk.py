"""A full disk and a read-only one, for every command: one line, nothing lost, run again works.

    python -m benchmarks full_disk

It mounts a tmpfs of a few megabytes, for which it must be root, and runs each command on it, on the
fake network of the tests: with so many pages of 4 KiB left as no command, a small one or a large
one needs, and mounted read-only. A try fails when the command ends with anything but a success or
one line that says what is wrong; when a content of the user's is gone or half a file is left; or
when the same command does not succeed once there is room again.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from nearframe.embeddings import embedder
from nearframe.index import FrameIndex, verify
from nearframe.scripts.main import nearframe

PAGES = (*range(13), 16, 20, 24, 32, 48, 64)
"""How many pages of 4 KiB are left free."""

_PAGE = 4096
_SIZE = "6m"
_BUILD = ("buildIndex", "frames", "-o", "my.index")
_PLAN = ("dedup", "frames", "--plan", "p.json")


@dataclass(frozen=True)
class Case:
    """A command.

    Attributes:
        arguments: What is run on the disk.
        before: Commands that are run first, while there is room.
        writes: Whether it fails on a read-only disk.
    """

    arguments: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    writes: bool = True

    @property
    def name(self) -> str:
        """The command as it is typed."""
        return " ".join(self.arguments)


_APPLY = ("apply", "p.json", "--action")
_QUERY = ("queryDataset", "frames/gate_20240501_120000.png", "my.index")
CASES = (
    Case(_BUILD),
    Case(("buildIndex", "frames", "film.mkv", "-o", "my.json")),
    Case(("buildIndex", "frames", "-o", "my.faiss")),
    Case((*_BUILD, "--prune", "film.mkv"), (_BUILD,)),
    Case(("export", "my.index", "x.json"), (_BUILD,)),
    Case(("export", "my.index", "x.faiss"), (_BUILD,)),
    Case(("export", "my.index", "x.npy"), (_BUILD,)),
    Case((*_QUERY, "--report", "q.html"), (_BUILD,)),
    Case((*_QUERY, "--show", "q.jpg"), (_BUILD,)),
    Case((*_QUERY, "--csv", "q.csv"), (_BUILD,)),
    Case(_PLAN),
    Case(("dedup", "frames")),
    Case((*_PLAN, "--csv", "p.csv", "--report", "p.html")),
    Case(("dedup", "frames", "--sweep", "--plot", "s.png", "--report", "s.html")),
    Case(("dedup", "frames", "--apply", "move")),
    Case(("dedup", "frames", "--apply", "copy-unique")),
    Case(("dedup", "film.mkv", "--to", "new")),
    Case(("sweep", "frames", "--plot", "s.png", "--report", "s.html")),
    Case(("keep-new", "film.mkv", "--to", "new")),
    Case((*_APPLY, "move"), (_PLAN,)),
    Case((*_APPLY, "move", "--to", "frames/repeats"), (_PLAN,)),
    Case((*_APPLY, "copy-unique"), (_PLAN,)),
    Case((*_APPLY, "hardlink"), (_PLAN,)),
    Case((*_APPLY, "trash", "--yes"), (_PLAN,)),
    Case((*_APPLY, "delete", "--yes"), (_PLAN,)),
    *(
        Case(("undo", "p.journal.jsonl"), (_PLAN, (*_APPLY, action)))
        for action in ("move", "copy-unique", "hardlink", "trash")
    ),
    *(
        Case(("split", "frames", "--to", "cameras", "--action", action))
        for action in ("copy", "move", "link")
    ),
    Case(("undo", "j.jsonl"), (("split", "frames", "--to", "cameras", "--journal", "j.jsonl"),)),
    Case(("overview", "frames", "--html", "o.html")),
    Case(("evaluate", "frames", "--frames", "2", "--plot", "e.png")),
    Case(("calibrate", "frames", "--rate", "0.5", "--into", "my.index"), (_BUILD,)),
    Case(("explain", "frames/gate_20240501_120000.png", "frames/lane_1.png", "-o", "d.png")),
    Case(_QUERY, (_BUILD,), writes=False),
    Case(("getSimilarity", "frames/lane_1.png", "frames/lane_2.png"), writes=False),
    Case(("info", "my.index"), (_BUILD,), writes=False),
    Case(("verify", "my.index"), (_BUILD,), writes=False),
    Case(("evaluate", "frames", "--frames", "2"), writes=False),
    Case(("overview", "frames"), writes=False),
    Case(("weights",), writes=False),
)


def main() -> None:
    """Print how often something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="?", default="", help="commands with this in them")
    only = parser.parse_args().only
    _use_fake_network()
    tries = failures = 0
    print(f"{'command':<66} {'full':>4} {'failures':>8}  {'read-only':>9} {'failures':>8}")
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder, "disk")) as disk:
        os.environ["XDG_CACHE_HOME"] = os.fspath(Path(folder, "cache"))
        for case in (case for case in CASES if only in case.name):
            full = [fault(disk, case, pages=pages) for pages in PAGES]
            read_only = fault(disk, case, pages=None)
            failed = sum(map(bool, full))
            print(f"{case.name:<66} {len(full):>4} {failed:>8}  {1:>9} {bool(read_only):>8}")
            for pages, what in zip((*PAGES, "read-only"), (*full, read_only), strict=True):
                if what:
                    print(f"    {pages}: {what}")
            tries += len(full) + 1
            failures += failed + bool(read_only)
    print(f"{tries} tries, {failures} failures")


@contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    """Mount a disk of a few megabytes.

    Raises:
        OSError: If that is not permitted.
    """
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", path]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        raise PermissionError("may not mount a tmpfs here; run it as root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def fault(disk: Path, case: Case, *, pages: int | None) -> str:
    """Run a command on a disk with so many pages left; return what went wrong, or nothing.

    Args:
        disk: Where `small_disk` mounted it; what is on it goes.
        case: The command.
        pages: None for a read-only disk with room.
    """
    _clear(disk)
    with _working_in(disk), _environment(XDG_DATA_HOME=os.fspath(disk / "data")):
        _write_files(disk)
        for arguments in case.before:
            prepared = _run(arguments)
            assert prepared.exit_code == 0, prepared.stderr
        originals = _contents(disk / "frames")
        if pages is None:
            _mount_again(disk, "ro")
        else:
            _fill(disk, pages)
        try:
            result = _run(case.arguments)
        finally:
            if pages is None:
                _mount_again(disk, "rw")
            else:
                (disk / "ballast").unlink()
        what = _wrong_words(result, failed=case.writes and pages is None)
        what = what or _lost(disk, originals, case)
        # A link or a move may have done its work although there was no room for a line on it.
        if what or result.exit_code == 0:
            return what
        again = _run(case.arguments)
        if again.exit_code != 0:
            return f"again: {again.stderr.strip()}"
        return _lost(disk, originals, case)


def _wrong_words(result: Result, *, failed: bool) -> str:
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return f"traceback: {result.exception!r}"
    if result.exit_code == 0:
        return "no error" if failed else ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Left out")]
    if result.exit_code != 1 or len(lines) != 1 or not lines[0].startswith("Error: "):
        return f"exit {result.exit_code}: {result.stderr.strip()}"
    reasons = ("the disk is full", "No space left", "Read-only", "read-only", "no permission")
    return "" if any(reason in lines[0] for reason in reasons) else lines[0]


def _lost(disk: Path, originals: Counter[bytes], case: Case) -> str:
    found = _contents(disk)
    if "delete" in case.arguments:
        # Its repeats go; what they repeat stays.
        if set(originals) - set(found):
            return "the last of a content is lost"
    elif originals - found:
        return f"{sum((originals - found).values())} contents lost"
    half = [file.name for file in disk.rglob(".*") if file.suffix == ".tmp"]
    if half:
        return f"left behind: {half}"
    index = disk / "my.index"
    damage = verify(index).damage if FrameIndex.exists(index) else ()
    return damage[0] if damage else ""


def _run(arguments: tuple[str, ...]) -> Result:
    return CliRunner().invoke(nearframe, arguments)


def _write_files(disk: Path) -> None:
    """Write pictures of two cameras, of which some repeat others, and a film of them."""
    folder = disk / "frames"
    folder.mkdir()
    names = [f"gate_20240501_12000{number}.png" for number in range(4)]
    names += [f"lane_{number}.png" for number in range(1, 5)]
    with av.open(os.fspath(disk / "film.mkv"), "w") as film:
        stream = film.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        for number, name in enumerate(names):
            pixels = np.random.default_rng(number // 2).integers(0, 256, (6, 8, 3), np.uint8)
            picture = Image.fromarray(pixels).resize((96, 64), Image.Resampling.BICUBIC)
            picture.save(folder / name)
            film.mux(stream.encode(av.VideoFrame.from_image(picture)))
        film.mux(stream.encode())


def _contents(folder: Path) -> Counter[bytes]:
    return Counter(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _clear(disk: Path) -> None:
    for path in disk.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _fill(disk: Path, pages: int) -> None:
    with (disk / "ballast").open("wb", buffering=0) as file:
        while (free := shutil.disk_usage(disk).free - pages * _PAGE) > 0:
            file.write(bytes(min(free, 1 << 16)))


def _mount_again(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


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
