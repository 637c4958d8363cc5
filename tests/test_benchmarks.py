"""All benchmarks under one name."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent


def benchmarks(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_program_is_listed_with_what_it_asks():
    lines = benchmarks().stdout.splitlines()[2:]
    listed = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    programs = {
        file.stem
        for file in (REPOSITORY / "benchmarks").glob("*.py")
        if '__name__ == "__main__"' in file.read_text("utf-8")
    }
    assert set(listed) == programs - {"__main__", "peer_programs"}
    assert all(len(line) > 20 for line in listed.values())


def test_a_program_gets_its_arguments():
    answer = benchmarks("startup", "--help")
    assert (answer.returncode, "--repeat" in answer.stdout) == (0, True)


def test_a_name_that_is_none_is_one_line():
    answer = benchmarks("start")
    assert answer.returncode == 2
    assert answer.stderr == "There is no benchmark 'start'; python -m benchmarks lists them\n"
