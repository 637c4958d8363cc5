"""The new frames of a video: this checkout against another one, in turn, by clock and core time.

    git worktree add /tmp/before COMMIT
    python -m benchmarks dedup_video VIDEO /tmp/before --repeat 3

Each run is a process of its own. Whether both write the same frames, byte by byte, is printed, too.
"""

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METHODS = ("embedding", "hybrid", "change")
RUN = "from nearframe.scripts.dedup import dedup; dedup()"


def run(checkout: Path, video: Path, method: str) -> tuple[float, float, str]:
    """Return seconds by the clock, seconds of a core, and a digest of the written frames."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder, "frames")
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(
            [sys.executable, "-c", RUN, video, "--to", to, "--method", method],
            env={**os.environ, "PYTHONPATH": str(checkout / ".typing")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        clock_s, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        digest = hashlib.sha256()
        for path in sorted(to.iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
    core_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return clock_s, core_s, digest.hexdigest()


def main() -> None:
    """Measure and print a line per method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("before", type=Path, help="a checkout of another commit")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--method", choices=METHODS, action="append")
    arguments = parser.parse_args()
    checkouts = (arguments.before.resolve(), Path(__file__).resolve().parent.parent)
    print("method     clock before/now, ratio   core before/now, ratio   same frames")
    for method in arguments.method or METHODS:
        runs: tuple[list[tuple[float, float, str]], ...] = ([], [])
        for _ in range(arguments.repeat):
            for found, checkout in zip(runs, checkouts, strict=True):
                found.append(run(checkout, arguments.video.resolve(), method))
        columns = []
        for place in (0, 1):
            before, now = (statistics.median(each[place] for each in found) for found in runs)
            columns.append(f"{before:6.1f} /{now:6.1f} s, {before / now:4.2f}")
        same = len({digest for found in runs for _, _, digest in found}) == 1
        print(
            f"{method:<10} {columns[0]:<25} {columns[1]:<24} {'yes' if same else 'NO'}", flush=True
        )


if __name__ == "__main__":
    main()
