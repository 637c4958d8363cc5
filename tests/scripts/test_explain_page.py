"""docs/change-detection.md says what is so."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

from nearframe.embeddings.sources import VideoSource
from nearframe.query import ChangeSettings
from nearframe.scripts.main import nearframe

PAGE = (Path(__file__).parents[2] / "docs" / "change-detection.md").read_text("utf-8")


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def frames(sample_video):
    """Decode frames of the sample video, as `make demo` numbers them: from 1."""
    wanted = {181: None, 261: None}
    for number, decoder in enumerate(VideoSource.open(sample_video).decoders(), 1):
        if number in wanted:
            wanted[number] = decoder().image
    return wanted


@pytest.mark.slow
def test_the_example_prints_what_the_page_shows(run, tmp_path, frames):
    (tmp_path / "demo" / "frames").mkdir(parents=True)
    for number, image in frames.items():
        Image.fromarray(image).save(tmp_path / "demo" / "frames" / f"{number:06d}.png")
    command, *expected = block("console").splitlines()
    printed = run(*shlex.split(command)[2:]).stdout.splitlines()
    assert len(printed) == len(expected)
    for found, shown in zip(printed, expected, strict=True):
        # The similarity, and what follows from it, is the network's affair. The frames of the
        # video are compressed, and those of the demo are not: the last digit may differ.
        if not shown.startswith(("Similarity", "Moved:")):
            assert re.sub(r"\d", "#", found) == re.sub(r"\d", "#", shown)
            numbers = [
                [float(n) for n in re.findall(r"\d+\.?\d*", text)] for text in (found, shown)
            ]
            assert numbers[0] == pytest.approx(numbers[1], abs=1)


@pytest.mark.slow
def test_the_python_section_runs(frames, capsys):
    names = {"first": frames[181], "second": frames[261]}
    exec(compile(block("python"), "change-detection.md", "exec"), names)
    assert names["change"].changed
    assert len(capsys.readouterr().out.splitlines()) == len(names["change"].regions)


def test_the_defaults_are_those_of_the_page():
    defaults = ChangeSettings()
    table = dict(re.findall(r"^\|.*\| `(--[a-z-]+).*\| (.*?) \|$", PAGE, re.MULTILINE))
    assert table == {
        "--resize-to": " ".join(map(str, defaults.resize_to)),
        "--black-mask": "nothing",
        "--blur-radius": " ".join(map(str, defaults.blur_radii)),
        "--no-light-compensation": "on",
        "--diff-threshold": str(defaults.diff_threshold),
        "--min-diff-area": str(defaults.min_diff_area),
        "--motion-tolerance": str(defaults.motion_tolerance),
        "--change-threshold": str(defaults.change_threshold),
    }


def test_every_setting_has_an_option_whose_help_says_the_default():
    names = {
        "blur_radii": "blur_radius",
        "light_compensation": "no_light_compensation",
    }
    options = {option.name: option for option in nearframe.commands["explain"].params}
    for field in fields(ChangeSettings):
        option = options[names.get(field.name, field.name)]
        assert option.opts[0] in PAGE
        if field.name in ("masks", "black_mask", "light_compensation"):
            continue
        default = field.default if isinstance(field.default, tuple) else (field.default,)
        assert option.help.endswith(f"default {' '.join(map(str, default))}.")
