"""What the user named as an output, and what was there before."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("fake_network")
INDEX = "frames.index"


@pytest.fixture
def here(
    run: Run, make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A current folder with a few frames and an index of them."""
    monkeypatch.chdir(tmp_path)
    make_folder(4)
    assert run("buildIndex", "-i", "frames", "-o", INDEX).exit_code == 0
    return tmp_path


COMMANDS = {
    "plan.json": ("dedup", "frames", "--plan", "plan.json"),
    "plan.csv": ("dedup", "frames", "--csv", "plan.csv"),
    "dedup.html": ("dedup", "frames", "--report", "dedup.html"),
    "sweep.png": ("dedup", INDEX, "--sweep", "--plot", "sweep.png"),
    "sweep.svg": ("dedup", INDEX, "--sweep", "--plot", "sweep.svg"),
    "sweep.pdf": ("dedup", INDEX, "--sweep", "--plot", "sweep.pdf"),
    "query.html": ("queryDataset", "-q", "frames", "-i", INDEX, "--report", "query.html"),
    "sheet.png": ("queryDataset", "-q", "frames", "-i", INDEX, "--show", "sheet.png"),
    "sheet.jpg": ("queryDataset", "-q", "frames", "-i", INDEX, "--show", "sheet.jpg"),
    "sheet.webp": ("queryDataset", "-q", "frames", "-i", INDEX, "--show", "sheet.webp"),
    "built.json": ("buildIndex", "-i", "frames", "-o", "built.json"),
    "built.faiss": ("buildIndex", "-i", "frames", "-o", "built.faiss"),
    "built.faiss.json": ("buildIndex", "-i", "frames", "-o", "built.faiss"),
    "out.json": ("export", INDEX, "out.json"),
    "out.faiss": ("export", INDEX, "out.faiss"),
    "out.npy": ("export", INDEX, "out.npy"),
    "out.csv": ("export", INDEX, "out.npy"),
    "overview.html": ("overview", "frames", "--html", "overview.html"),
    "why.png": ("explain", "frames/0.png", "frames/1.png", "-o", "why.png"),
    "similar.png": ("evaluate", "frames", "--plot", "similar.png"),
}


def _arguments(here: Path, name: str) -> list[str]:
    frames = sorted((here / "frames").iterdir())
    given = {"frames/0.png": str(frames[0]), "frames/1.png": str(frames[1])}
    return [given.get(argument, argument) for argument in COMMANDS[name]]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_of_the_user_is_replaced_only_by_force(run: Run, here: Path, name: str) -> None:
    arguments = _arguments(here, name)
    (here / name).write_bytes(b"three years of work")
    before = sorted(here.rglob("*"))

    refused = run(*arguments)

    assert refused.exit_code == 1
    assert "was not written by nearframe" in refused.stderr
    assert "--force" in refused.stderr
    assert (here / name).read_bytes() == b"three years of work"
    assert sorted(here.rglob("*")) == before

    forced = run(*arguments, "--force")

    assert forced.exit_code == 0, forced.output
    assert (here / name).read_bytes() != b"three years of work"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_command_replaces_what_it_wrote(run: Run, here: Path, name: str) -> None:
    for _ in range(2):
        result = run(*_arguments(here, name))
        assert result.exit_code == 0, result.output


def test_force_counts_wherever_it_stands(run: Run, here: Path) -> None:
    (here / "page.html").write_text("mine")

    assert run("dedup", "--force", "frames", "--report", "page.html").exit_code == 0
