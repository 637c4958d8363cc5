"""Time and memory of a command, for the benchmarks that start others; Linux only."""

import math
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        seconds: From its start to its end.
        core_s: Time that its processes had a core, summed; it depends less than `seconds` on what
            else the machine does.
        peak_mb: Resident memory of its largest process at its highest, as the kernel counts it
            (``VmHWM``): pages of libraries and of other mapped files count in. Not ``ru_maxrss``,
            which is never less than what the process that starts it takes.
        own_mb: Memory that is no file, of all its processes together, at the highest of the times
            when it was looked at; what processes share is counted once.
        output: What it printed.
        errors: What it printed to stderr.
        code: Its exit code; None where it was ended at its limit.
    """

    seconds: float
    core_s: float
    peak_mb: float
    own_mb: float
    output: str
    errors: str
    code: int | None


def run(
    command: Sequence[object],
    environment: Mapping[str, str] | None = None,
    *,
    check: bool = True,
    limit_s: float = math.inf,
) -> Usage:
    """Run a command to its end and look at its memory ten times a second.

    Args:
        command: Its words.
        environment: Variables besides those of this process.
        check: Whether it must not fail.
        limit_s: It is ended then.

    Raises:
        RuntimeError: If it fails.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start, core_start = time.perf_counter(), children_core_s()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=errors,
            env={**os.environ, **(environment or {})},
        )
        peak_kb = own_kb = 0
        while process.poll() is None:
            now = _memory(process.pid)
            peak_kb = max([peak_kb, *(each["VmHWM"] for each in now)])
            own_kb = max(own_kb, sum(each["Pss_Anon"] for each in now))
            if time.perf_counter() - start > limit_s:
                process.kill()
                process.wait()
                break
            time.sleep(0.1)
        seconds, core_s = time.perf_counter() - start, children_core_s() - core_start
        output.seek(0)
        errors.seek(0)
        said = errors.read().decode()
        if check and process.returncode:
            raise RuntimeError(f"{command[0]} failed: {said[-500:]}")
        code = None if seconds > limit_s else process.returncode
        return Usage(
            seconds, core_s, peak_kb / 1024, own_kb / 1024, output.read().decode(), said, code
        )


def children_core_s() -> float:
    """Return the time on cores of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(pid: int) -> list[dict[str, int]]:
    """Look at the memory of a process and of those that it started, in KiB."""
    try:
        parent = psutil.Process(pid)
        processes = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        processes = []
    return [_lines(process.pid) for process in processes]


def _lines(pid: int) -> dict[str, int]:
    """Read what the kernel tells of a process; zeros where it has ended."""
    found = {"VmHWM": 0, "Pss_Anon": 0}
    for name in ("status", "smaps_rollup"):
        try:
            text = Path("/proc", str(pid), name).read_text()
        except OSError:
            continue
        for line in text.splitlines():
            key, _, value = line.partition(":")
            if key in found:
                found[key] = int(value.split()[0])
    return found
