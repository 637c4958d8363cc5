"""The page on folders of fixed cameras says what is so."""

import re
import shlex
from pathlib import Path

from nearframe.query import GAP_FACTOR
from nearframe.query.cameras import identical, overview

PAGE = (Path(__file__).parent.parent / "docs" / "cameras.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_print_what_the_page_shows(run):
    (code,) = blocks("python")
    exec(compile(code, "cameras.md", "exec"), {})
    examples = re.split(r"^\$ ", "".join(blocks("console")), flags=re.MULTILINE)[1:]
    assert len(examples) == 3
    for example in examples:
        command, expected = example.split("\n", 1)
        result = run(*shlex.split(command)[1:])
        assert result.exit_code == 0
        assert result.stdout + result.stderr == expected


def test_the_rules_are_those_of_the_code():
    assert f"over {GAP_FACTOR:g} times" in PAGE
    assert f"under {overview.SMALL_SIDE} pixels" in PAGE
    assert "a quarter" in PAGE
    assert overview.SMALL_SHARE == 0.25
    assert f"first {identical._BEGINNING // 1024} KiB" in PAGE


def test_every_option_that_the_page_names_exists(run):
    commands = ("overview", "split", "dedup", "sweep", "keep-new", "queryDataset")
    known = "".join(run(name, "--help").stdout for name in commands)
    option = r"(?<![\w-])--[a-z][a-z-]+"
    assert set(re.findall(option, PAGE)) <= set(re.findall(option, known))
