import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nearframe.query.dedup.rules import MIN_SIDE
from nearframe.scripts import dedup_options
from nearframe.scripts.main import nearframe

COMMANDS = nearframe.commands
if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
ENTRY_POINTS = PROJECT["project"]["scripts"]


def parameters():
    return [
        pytest.param(command, parameter, id=f"{name}-{parameter.name}")
        for name, command in COMMANDS.items()
        for parameter in command.params
    ]


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_help_explains_and_succeeds(arguments):
    result = CliRunner().invoke(nearframe, [*arguments, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert result.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name):
    command = COMMANDS[name]
    assert command.help
    assert command.help.split("\n")[0].endswith(".")


def test_the_list_of_commands_shows_each_in_a_whole_sentence():
    lines = CliRunner().invoke(nearframe, ["--help"]).stdout.splitlines()
    entries = [line for line in lines if line.strip().split(" ")[0] in COMMANDS]
    assert len(entries) == len(COMMANDS)
    assert [line for line in entries if not re.search(r"[^.]\.$", line)] == []


@pytest.mark.parametrize(("command", "parameter"), parameters())
def test_every_option_has_a_help_text(command, parameter):
    if isinstance(parameter, click.Argument):
        assert parameter.make_metavar(click.Context(command)).isupper()
    else:
        assert parameter.help
        assert parameter.help.endswith(".")


@pytest.mark.parametrize("name", ["strict", "as_json", "weights", "fit"])
def test_options_of_one_name_have_one_meaning(name):
    helps = [
        option.help
        for command in COMMANDS.values()
        for option in command.params
        if option.name == name
    ]
    assert len(helps) > 1
    assert len(set(helps)) == 1


def test_without_arguments_the_group_shows_its_help():
    result = CliRunner().invoke(nearframe, [])
    assert "Usage: " in result.output
    assert result.exit_code in (0, 2)


def test_the_version_is_that_of_the_package():
    result = CliRunner().invoke(nearframe, ["--version"])
    assert result.stdout.split()[-1] == importlib.metadata.version("nearframe")


def test_an_unknown_command_or_option_is_wrong_usage():
    for arguments in (["build"], ["dedup", "--purge"]):
        result = CliRunner().invoke(nearframe, arguments)
        assert result.exit_code == 2
        assert "Error: No such" in result.stderr


# Asks one program after the other for its help, as each would be asked in a process of its own:
# what one of them loads stays loaded for the next.
LIGHT_HELP = """
import json, sys
heavy = {"torch", "torchvision", "numpy", "faiss", "av", "cv2", "PIL", "tqdm", "scipy",
         "onnx", "onnxruntime", "matplotlib"}
for words, target in json.loads(sys.argv[1]):
    sys.argv = [*words, "--help"]
    module, _, attribute = target.partition(":")
    try:
        getattr(__import__(module, fromlist=["_"]), attribute)()
    except SystemExit as end:
        assert end.code == 0, end.code
    print("LOADED", *words, sorted(heavy & set(sys.modules)))
"""


def test_help_loads_neither_torch_nor_numpy():
    programs = [([name], target) for name, target in ENTRY_POINTS.items()]
    programs += [(["nearframe", name], ENTRY_POINTS["nearframe"]) for name in COMMANDS]
    command = [sys.executable, "-c", LIGHT_HELP, json.dumps(programs)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    for name in ENTRY_POINTS:
        assert any(line.startswith(f"Usage: {name} ") for line in lines)
    loaded = [line for line in lines if line.startswith("LOADED ")]
    assert len(loaded) == len(programs)
    assert [line for line in loaded if not line.endswith(" []")] == []


def test_the_programs_are_the_commands():
    points = importlib.metadata.entry_points(group="console_scripts")
    installed = {point.name: point for point in points if point.value.startswith("nearframe.")}
    assert {name: point.value for name, point in installed.items()} == ENTRY_POINTS
    assert installed.pop("nearframe").load() is nearframe
    assert set(installed) == {"getSimilarity", "buildIndex", "queryDataset", "dedup"}
    for name, point in installed.items():
        assert point.load() is COMMANDS[name]


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_the_programs_are_installed(name):
    result = subprocess.run(
        [Path(sys.executable).with_name(name), "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stdout.startswith(f"Usage: {name} ")


def test_the_smallest_side_is_that_of_the_library():
    # It is written twice, because --help must not load the library.
    assert dedup_options.MIN_SIDE == MIN_SIDE


def test_weights_are_named_as_the_library_knows_them():
    from nearframe.embeddings import DEFAULT_BATCH_SIZE, NAMED_WEIGHTS

    options = {option.name: option for option in COMMANDS["buildIndex"].params}
    for name in NAMED_WEIGHTS:
        assert re.search(rf"\b{name}\b", options["weights"].help)
    assert options["batch_size"].default == DEFAULT_BATCH_SIZE


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("query", "Did you mean queryDataset?"),
        ("querydataset", "Did you mean queryDataset?"),
        ("buildindx", "Did you mean buildIndex?"),
        ("similarity", "Did you mean getSimilarity?"),
        ("dedupe", "Did you mean dedup?"),
        ("xyzzy", "See nearframe --help."),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest(run, word, answer):
    result = run(word)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: No such command '{word}'. {answer}"


@pytest.mark.parametrize(
    ("name", "typed", "completed"),
    [
        ("nearframe", "nearframe quer", "queryDataset"),
        ("dedup", "dedup --tar", "--target"),
        ("buildIndex", "buildIndex --reh", "--rehash"),
    ],
)
def test_the_shell_completes_commands_and_options(name, typed, completed):
    result = subprocess.run(
        [Path(sys.executable).with_name(name)],
        env={
            **os.environ,
            f"_{name.upper()}_COMPLETE": "bash_complete",
            "COMP_WORDS": typed,
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.splitlines() == [f"plain,{completed}"]
