"""Fixtures that all tests share."""

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

# One process per core: threads of one would only wait for the others. Read when numpy, FAISS and
# torch are imported, also by the processes that tests start.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.update(OMP_NUM_THREADS="1", OPENCV_FOR_THREADS_NUM="1")

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from nearframe.embeddings import Embedder, embedder, resolve
from nearframe.query.files import trash as trash_module
from nearframe.scripts.main import nearframe

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent
SHARED = REPOSITORY.parent / "shared" / "data"
# A folder in memory, and the room that all that the tests write at one time fits into.
MEMORY = Path("/dev/shm")
ROOM = 4 << 30


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_fake_network = _load(TESTS / "fake_network.py")


def pytest_configure() -> None:
    """Let tests write to memory where there is room: what they write is waited for many times."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C interrupt: a shell starts what runs in its background with SIGINT ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture(autouse=True)
def _no_shared_network() -> Iterator[None]:
    """Forget the networks that a test loaded, which may be fakes."""
    yield
    resolve._kept.clear()


@pytest.fixture(autouse=True, scope="session")
def _networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep converted networks, those of other processes too, out of the user's cache.

    All processes of a run share one, so that each network is converted once.
    """
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        yield


class RecordedProgress:
    """A `Progress` that keeps label, total and what was done of each stretch."""

    def __init__(self) -> None:
        self.stretches: list[list[Any]] = []

    def start(self, label: str, total: int | None) -> None:
        self.stretches.append([label, total, 0])

    def advance(self, count: int) -> None:
        self.stretches[-1][2] += count


@pytest.fixture
def progress() -> RecordedProgress:
    return RecordedProgress()


@pytest.fixture(scope="session")
def _data_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that do not exist yet, one for each test; quicker than to make each."""
    parent = tmp_path_factory.mktemp("data")
    return (parent / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def trash(_data_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trash of the test's own, whatever disk its files are on; nobody's real one is touched."""
    data = next(_data_folders)
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    monkeypatch.setattr(trash_module, "_disk", lambda _: 0)
    monkeypatch.setattr(trash_module, "_send", os.unlink)
    return data / "Trash"


@pytest.fixture
def fake_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every Embedder use the fake network."""
    monkeypatch.setattr(embedder, "load_backbone", _fake_network.load_fake_backbone)


@pytest.fixture
def fake_embedder(fake_network: None) -> Embedder:
    """An Embedder with the fake network."""
    return Embedder()


@pytest.fixture(scope="session")
def make_fake_embedder() -> Callable[[], Embedder]:
    """Make an Embedder with the fake network, for what is made once for several tests."""

    def make() -> Embedder:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(embedder, "load_backbone", _fake_network.load_fake_backbone)
            return Embedder()

    return make


@pytest.fixture
def run(
    fake_network: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    """Run `nearframe ARG …` in this process, in `tmp_path`, on the fake network.

    The result has `stdout`, `stderr` and `exit_code`; an unexpected exception is raised.
    """
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Result:
        result = CliRunner().invoke(nearframe, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def start() -> Callable[..., "subprocess.Popen[str]"]:
    """Start `nearframe ARG …` in another process on the fake network; for interruptions."""
    started = []

    def call(*arguments: object, delay_s: float = 0.0) -> "subprocess.Popen[str]":
        command = [sys.executable, TESTS / "fake_cli.py", "--delay", delay_s, *arguments]
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image.Image]:
    """Make a picture: ``picture(seed, size=(width, height))``."""
    return _draw_picture


def _draw_picture(seed: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Make a picture that differs from those of other seeds: smooth noise, width x height."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of PNGs, one per seed, named ``000001.png``, ``000002.png``, …"""

    def make(seeds: Sequence[int] | int = 5, *, name: str = "frames") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for number, seed in enumerate(range(seeds) if isinstance(seeds, int) else seeds, 1):
            _draw_picture(seed).save(folder / f"{number:06d}.png")
        return folder

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared footage and photos, which is not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the sample footage in {SHARED}, which is not in the repository")
    return SHARED


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """The sample video of the repository: 300 frames, 640x360, 30 per second."""
    return REPOSITORY / "data" / "yard.mp4"


@pytest.fixture
def second_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than `tmp_path`."""
    for place in (MEMORY, Path(tempfile.gettempdir())):
        if place.is_dir() and place.stat().st_dev != tmp_path.stat().st_dev:
            with tempfile.TemporaryDirectory(dir=place) as folder:
                yield Path(folder)
            return
    pytest.skip("needs a second file system")


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, tuple[bytes, int]]]:
    """Read a folder: relative path -> (content, modification time) of every file in it."""

    def read(folder: Path) -> dict[str, tuple[bytes, int]]:
        return {
            path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return read


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder in which permissions count: root, who may read everything, becomes nobody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o777)


@pytest.fixture
def listing() -> Callable[[Path], list[str]]:
    """List the names in a directory, sorted."""

    def names(directory: Path) -> list[str]:
        return sorted(path.name for path in directory.iterdir())

    return names
