"""Files of every format, changed in all ways: a result or one line, in this process and in others.

The long form is ``benchmarks/fuzz_files.py``.
"""

import os
import random
import shlex
import subprocess
import sys

import pytest

TRIES = 2000
PROCESSES = 12
_PROGRAM = "from nearframe.scripts.main import nearframe; nearframe()"
_COMMANDS = ("info", "verify", "undo", "apply")


@pytest.fixture(scope="module")
def fuzz(pytestconfig):
    """The benchmark that does many more of these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(pytestconfig.rootpath / "benchmarks"))
        patch.syspath_prepend(str(pytestconfig.rootpath / "tests"))
        import fuzz_files

        yield fuzz_files


@pytest.fixture(scope="module")
def place(fuzz, tmp_path_factory):
    from send2trash import plat_other

    from nearframe.embeddings import embedder
    from nearframe.index.search import choice

    if sys.platform != "linux":
        pytest.skip("looks into a freedesktop.org trash")
    here = os.getcwd()  # noqa: PTH109
    with pytest.MonkeyPatch.context() as patch:
        # What the benchmark sets for good is as before after the test.
        for owner, name in (
            *((plat_other, name) for name in ("XDG_DATA_HOME", "HOMETRASH_B", "get_dev")),
            (embedder, "load_backbone"),
            (choice, "_FEWEST_FOR_LISTS"),
        ):
            patch.setattr(owner, name, getattr(owner, name))
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, os.environ.get(name, ""))
        fuzz.use_fake_network()
        yield fuzz.Place(tmp_path_factory.mktemp("fuzz") / "root")
        os.chdir(here)


@pytest.fixture(autouse=True)
def _trash(place, trash):
    """The trash of the folder, and not that of the other tests."""
    place.use_trash()


def names():
    return [
        *("catalogue", "catalogue, lists", "vectors", "exact search", "lists", "export .json"),
        *("export .faiss", "frames of .faiss", "plan", "journal", "list of moved files"),
        *("record of trash", "ground truth", "mask", "vector cache", "image .png", "video"),
        *("weights w.safetensors", "weights w.pth"),
        *(f"image one.{suffix}" for suffix in ("jpg", "tiff", "gif", "webp", "bmp")),
    ]


def test_all_formats_are_here(fuzz):
    assert [format_.name for format_ in fuzz.formats()] == names()


@pytest.mark.parametrize("name", names())
def test_a_changed_file_gives_a_result_or_one_line(fuzz, place, name):
    for format_, tries in fuzz.shares(TRIES, fuzz.formats()):
        if format_.name == name:
            faults = {seed: place.fault(format_, seed) for seed in range(tries)}
            assert {seed: fault for seed, fault in faults.items() if fault} == {}


def test_the_files_are_read_as_they_are(fuzz, place, monkeypatch):
    monkeypatch.setattr(fuzz, "mutate", lambda *_: None)
    for format_ in fuzz.formats():
        if "weights" in format_.name:  # of three tensors
            continue
        for command in format_.commands:
            one = type(format_)(format_.name, format_.file, (command,), format_.needs)
            words = place.prepare(one, random.Random(0))
            assert fuzz.run(words).exit_code == 0, command


def test_other_processes_do_the_same(fuzz, place):
    started = []
    for seed in range(PROCESSES):
        rng = random.Random(seed)
        formats = [each for each in fuzz.formats() if each.commands[0].split()[0] in _COMMANDS]
        format_ = rng.choice(formats)
        commands = [each for each in format_.commands if each.split()[0] in _COMMANDS]
        one = type(format_)(
            format_.name, format_.file, (rng.choice(commands),), format_.needs, format_.kind
        )
        words = place.prepare(one, rng)
        result = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *words],
            capture_output=True,
            text=True,
            timeout=fuzz.MOST_S * 5,
        )
        started.append(shlex.join(words))
        assert result.returncode in (0, 1, 2), (seed, result.stderr)
        assert "Traceback" not in result.stderr, (seed, result.stderr)
    assert len({words.split()[0] for words in started}) > 2
