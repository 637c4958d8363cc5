"""The README says what is so."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nearframe.embeddings.device import multiplies_int8
from nearframe.scripts.main import nearframe

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text("utf-8")
PROGRAMS = ("getSimilarity ", "buildIndex ", "queryDataset ", "dedup ", "nearframe ")
NUMBER = re.compile(r"\d+\.\d+")


BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))]


def blocks(language: str, text: str = README) -> list[str]:
    return [code for kind, code in BLOCK.findall(text) if kind == language]


def example(text: str = README) -> list[tuple[str, str]]:
    """Return the commands of the console blocks, each with the output that the text shows."""
    pieces = re.split(r"^\$ ", "".join(blocks("console", text)), flags=re.MULTILINE)[1:]
    return [tuple(piece.split("\n", 1)) for piece in pieces]


def run_in(path: Path, command: str) -> str:
    # The programs of the environment that runs the tests, activated or not.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        shlex.split(command), cwd=path, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_first_block_has_the_two_commands_of_the_makefile():
    commands = [line.split("#")[0].strip() for line in blocks("")[0].splitlines()]
    assert commands == ["make demo", "make test", "make docs"]
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    assert all(f"\n{command.removeprefix('make ')}:" in makefile for command in commands)


def test_the_example_is_what_make_demo_runs():
    demo = (REPOSITORY / "data" / "demo.sh").read_text("utf-8")
    shown = [line.removeprefix("show ") for line in demo.splitlines() if line.startswith("show ")]
    assert [command.replace('"$out/', "demo/").replace('"', "") for command in shown] == [
        command for command, _ in example()
    ]


@pytest.mark.slow
def test_the_examples_print_what_the_readme_and_the_tutorial_show(tmp_path):
    (tmp_path / "data").symlink_to(REPOSITORY / "data")
    run_in(tmp_path, f"{sys.executable} data/render.py frames demo/frames")
    (tmp_path / "tutorial").mkdir()
    (tmp_path / "tutorial" / "data").symlink_to(REPOSITORY / "data")
    (tmp_path / "demo" / "frames").rename(tmp_path / "tutorial" / "frames")
    (tmp_path / "demo" / "frames").symlink_to(tmp_path / "tutorial" / "frames")
    # Processors round differently; the sixth digit is what is claimed. The examples are in int8;
    # without fast int8, networks compute in fp32, from which int8 is a few thousandths away.
    check_example(README, tmp_path, 2e-6 if multiplies_int8() else 5e-3)
    check_example((REPOSITORY / "docs/tutorial.md").read_text("utf-8"), tmp_path / "tutorial", 5e-3)


def check_example(text: str, path: Path, tolerance: float) -> None:
    for command, expected in example(text):
        printed = run_in(path, command)
        assert NUMBER.sub("N", printed) == NUMBER.sub("N", expected)
        assert [float(n) for n in NUMBER.findall(printed)] == pytest.approx(
            [float(n) for n in NUMBER.findall(expected)], abs=tolerance
        )


@pytest.fixture
def files(fake_network, tmp_path, monkeypatch, make_folder, sample_video):
    """What the Python examples name."""
    monkeypatch.chdir(tmp_path)
    folder = make_folder(3, name="camera")
    make_folder(3, name="holiday")
    for name, frame in (("a.jpg", 1), ("b.jpg", 2), ("still.jpg", 3)):
        (tmp_path / name).write_bytes((folder / f"{frame:06d}.png").read_bytes())
    (tmp_path / "talk.mp4").symlink_to(sample_video)
    return tmp_path


def test_the_python_section_runs(files, capsys):
    (code,) = blocks("python")
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert (files / "my.index").is_dir()
    assert (files / "camera.dedup.json").is_file()
    assert Path(names["match"].frame.source).name == "000003.png"
    assert "000003.png" in capsys.readouterr().out


def test_the_python_guide_runs(files, capsys):
    names = {}
    for code in blocks("python", (REPOSITORY / "docs/guides/python.md").read_text("utf-8")):
        exec(compile(code, "python.md", "exec"), names)
    assert "missing.jpg" in capsys.readouterr().out
    assert len(list((files / "camera").iterdir())) == 3


def test_the_short_forms_run(run, make_folder, picture, sample_video, tmp_path):
    make_folder(3, name="holiday")
    make_folder(2, name="stills")
    for name, seed in (("a.jpg", 1), ("b.jpg", 2), ("still.jpg", 1)):
        picture(seed).save(tmp_path / name)
    (tmp_path / "talk.mp4").symlink_to(sample_video)
    forms = ("getSimilarity a", "buildIndex h", "buildIndex t", "queryDataset still")
    lines = [line.split("#")[0] for line in README.splitlines()]
    shown = [line for line in lines if line.startswith(forms) and "--source" not in line]
    assert len(shown) == 5
    for line in shown:
        assert " -i " not in line
        assert " -q " not in line
        result = run(*shlex.split(line))
        assert (result.exit_code, "Skipped" in result.stderr) == (0, False)
    for made in ("holiday.index", "my.index", "stills.csv"):
        assert (tmp_path / made).exists()


def commands_of(page: Path) -> list[list[str]]:
    """Return the commands of nearframe's in the code blocks of a page, split into words."""
    text = page.read_text("utf-8")
    lines = [
        line.removeprefix("$ ")
        for kind in ("", "sh", "console")
        for block in blocks(kind, text)
        for line in block.splitlines()
        if kind != "console" or line.startswith("$ ")
    ]
    split = [shlex.split(line, comments=True) for line in lines if line.startswith(PROGRAMS)]
    # Some only show where something may stand.
    return [words for words in split if not any(word[0] in "[…" for word in words)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_is_one(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, *words in commands_of(page):
        name, *words = words if name == "nearframe" else [name, *words]
        nearframe.commands[name].make_context(name, words)


def test_every_option_that_a_page_names_exists():
    text = "\n".join(
        CliRunner().invoke(nearframe, [name, "--help"]).output for name in nearframe.commands
    )
    for page in PAGES:
        # Those of other programs stand in other lines than nearframe's.
        lines = [line for line in page.read_text("utf-8").splitlines() if "python" not in line]
        options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(lines)))
        assert {option for option in options if option not in text} == set(), page


def test_every_page_that_the_readme_links_to_exists():
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []
