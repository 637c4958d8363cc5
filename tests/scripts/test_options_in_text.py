"""What the library calls its parameters, in the words of the command line."""

import ast
import re
from pathlib import Path

import click
import pytest

from nearframe.scripts.main import nearframe
from nearframe.scripts.options_in_text import ALIASES, with_options

REPOSITORY = Path(__file__).parents[2]
PARAMETERS = [
    click.Option(["-k"]),
    click.Option(["--min-side"]),
    click.Option(["--against", "--compare"]),
    click.Option(["--recursive"], is_flag=True),
    click.Option(["--name-pattern"]),
    click.Argument(["folder"]),
]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("`k` must be 1", "-k must be 1"),
        ("`min_side` is in pixels", "--min-side is in pixels"),
        ("`against` is", "--against is"),
        ("use `recursive=True`", "use --recursive"),
        ("use `min_side=64` or", "use --min-side 64 or"),
        ("`pattern` is no", "--name-pattern is no"),
        ("a `folder` and `other`, `x=1`", "a folder and other, x 1"),
        ("`not closed", "`not closed"),
    ],
)
def test_an_option_takes_the_place_of_a_parameter(message, expected):
    assert with_options(message, PARAMETERS) == expected


def named_in_messages():
    """Yield every parameter that a text of the library names in backticks, and where."""
    for package in ("common", "embeddings", "index", "query"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
            docstrings = {
                node.body[0].value
                for node in ast.walk(tree)
                if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
            }
            attributes = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                    continue
                if node in docstrings or node in attributes or "\n" in node.value:
                    continue
                for name in re.findall(r"`(\w+)(?:=\S+?)?`", node.value):
                    yield name, f"{path.relative_to(REPOSITORY)}:{node.lineno}"


def test_each_parameter_that_the_library_names_is_an_option():
    options = {
        parameter.name
        for command in nearframe.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }
    named = dict(named_in_messages())
    assert len(named) > 15
    assert {name: at for name, at in named.items() if ALIASES.get(name, name) not in options} == {}


def test_no_text_of_the_library_names_an_option():
    pattern = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
    found = []
    for package in ("common", "embeddings", "index", "query"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            if "report" in path.parts:
                continue  # pages show what to type
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Raise):
                    texts = [
                        each.value for each in ast.walk(node) if isinstance(each, ast.Constant)
                    ]
                    found += [text for text in texts if pattern.search(str(text))]
    assert found == []


def test_a_command_says_its_options(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, expected in [
        (["buildIndex", "empty"], "--recursive also looks"),
        (["buildIndex", "x.png", "--every", "2", "--fps", "1"], "--every, --fps and --keyframes"),
        (["overview", "empty", "--time-zone", "Mars"], "--time-zone Mars is unknown"),
        (["overview", "empty", "--name-pattern", "("], "--name-pattern ( is not a regular"),
    ]:
        result = run(*arguments)
        assert result.exit_code in (1, 2)
        assert expected in result.stderr
        assert "`" not in result.stderr
