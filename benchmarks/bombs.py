"""Small files that take much: what do ``buildIndex``, ``dedup`` and ``getSimilarity`` take of them?

``python -m benchmarks bombs``: each bomb lies in a folder beside an ordinary picture, or is the
whole input where it is a video. Memory is that of all processes of a command together which is no
file, at its highest; the goal is 2 GB and 30 seconds for each. Linux only.
"""

import sys
import tempfile
from pathlib import Path

import click
from bomb_files import BOMBS, photo_jpeg
from usage import Usage, run

_GOAL_MB, _GOAL_S = 2000, 30
_BINARIES = Path(sys.executable).parent


@click.command()
@click.argument("names", nargs=-1)
@click.option("--limit", default=120.0, show_default=True, help="Seconds after which it is ended.")
def main(names: tuple[str, ...], limit: float) -> None:
    """Print a table; NAMES picks the bombs whose name has one of them in it."""
    chosen = [name for name in BOMBS if not names or any(part in name for part in names)]
    row = "{:<23} {:>9} {:<14} {:>8} {:>8} {:>8}  {}"
    print(row.format("input", "kB", "command", "peak MB", "seconds", "core s", "outcome"))
    with tempfile.TemporaryDirectory() as cache:
        photo = Path(cache, "photo.jpg")
        photo.write_bytes(photo_jpeg((1280, 720)))
        # The first command with a cache of networks converts one.
        run([_BINARIES / "getSimilarity", photo, photo], {"XDG_CACHE_HOME": cache})
        for name in chosen:
            with tempfile.TemporaryDirectory() as directory:
                folder = Path(directory, "bomb")
                folder.mkdir()
                BOMBS[name](folder)
                size = sum(path.stat().st_size for path in folder.iterdir())
                for command, words in _commands(folder, photo).items():
                    used = run(words, {"XDG_CACHE_HOME": cache}, check=False, limit_s=limit)
                    outcome = _outcome(used)
                    print(
                        row.format(
                            name,
                            size // 1000,
                            command,
                            round(used.own_mb),
                            f"{used.seconds:.1f}",
                            f"{used.core_s:.1f}",
                            outcome,
                        ),
                        flush=True,
                    )


def _commands(folder: Path, photo: Path) -> dict[str, list[object]]:
    first = min(folder.iterdir())
    index = folder.with_name("bomb.index")
    if first.suffix in (".mov", ".avi"):
        frames = ["--to", folder.with_name("frames")]
        return {
            "buildIndex": [_BINARIES / "buildIndex", "-i", first, "-o", index],
            "dedup": [_BINARIES / "dedup", first, *frames],
        }
    (folder / "photo.jpg").write_bytes(photo.read_bytes())
    return {
        "buildIndex": [_BINARIES / "buildIndex", "-i", folder, "-o", index],
        "dedup": [_BINARIES / "dedup", folder, "--plan", folder.with_name("plan.json")],
        "getSimilarity": [_BINARIES / "getSimilarity", first, photo],
    }


def _outcome(used: Usage) -> str:
    if used.code is None:
        return "ended at the limit"
    held = used.own_mb <= _GOAL_MB and used.seconds <= _GOAL_S
    lines = [line for line in (used.errors or used.output).splitlines() if line.strip()]
    return (
        f"exit {used.code}{'' if held else ', PAST THE GOAL'}: {lines[-1][-90:] if lines else ''}"
    )


if __name__ == "__main__":
    main()
