"""Memory does not grow with the length of the input."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

FAKE_CLI = Path(__file__).parent / "fake_cli.py"

# Runs the command line in this process and prints its peak resident memory in MB.
MEASURE = f"""
import resource, runpy, sys
try:
    runpy.run_path({str(FAKE_CLI)!r}, run_name="__main__")
except SystemExit as end:
    assert end.code == 0
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def peak_mb(*arguments: object) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])


@pytest.mark.slow
def test_a_folder_ten_times_as_long_needs_no_more_memory_but_its_vectors(tmp_path):
    picture = tmp_path / "picture.jpg"
    Image.new("RGB", (640, 480), "navy").save(picture)
    peaks = {}
    for count in (300, 3000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.jpg").hardlink_to(picture)
        peaks[count] = peak_mb("buildIndex", "-i", folder, "-o", tmp_path / f"{count}.index")
    # 2700 more vectors: once in the search and once more while its file is written. The pictures
    # of the longer folder would be 2500 MB.
    vectors_mb = 2700 * 2048 * 4 / 1e6
    assert peaks[3000] - peaks[300] < 2 * vectors_mb + 40
