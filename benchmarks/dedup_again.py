"""How long a second plan of a folder takes, whose vectors the first one kept.

``python -m benchmarks dedup_again PHOTOS``: in turn with an empty cache of vectors and again with
what that run left there, several times, each in a process of its own; the network is prepared
before. Both must write the same plan. Linux only.
"""

import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import click
from usage import Usage, run

# Of when and where it was written.
_OWN = {"created", "plan"}


def plan_of(path: Path) -> Any:
    """Read a plan without what differs between runs."""
    plan = json.loads(path.read_text("utf-8"))
    return {key: value for key, value in plan.items() if key not in _OWN}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--rounds", default=3, show_default=True)
@click.option("--method", default="embedding", show_default=True)
def main(folder: Path, rounds: int, method: str) -> None:
    """Print seconds, core seconds and the share of the second run; medians."""
    with tempfile.TemporaryDirectory() as directory:
        cache, plan = Path(directory, "cache"), Path(directory, "plan.json")
        vectors = cache / "nearframe" / "vectors"
        environment = {"XDG_CACHE_HOME": str(cache)}
        command = ["dedup", folder.resolve(), "--method", method, "--threshold", "0.95"]

        def planned() -> tuple[Usage, Any]:
            plan.unlink(missing_ok=True)
            usage = run([*command, "--plan", plan], environment)
            return usage, plan_of(plan)

        planned()
        pairs = []
        for _ in range(rounds):
            shutil.rmtree(vectors)
            first, expected = planned()
            second, found = planned()
            if found != expected:
                raise click.ClickException("the two plans differ")
            pairs.append((first, second))
        kept = sum(file.stat().st_size for file in vectors.iterdir())
    for name in ("seconds", "core_s"):
        columns = [statistics.median(getattr(pair[n], name) for pair in pairs) for n in (0, 1)]
        shares = [getattr(second, name) / getattr(first, name) for first, second in pairs]
        print(
            f"{name:8} first {columns[0]:7.2f}  second {columns[1]:7.2f}  "
            f"share {statistics.median(shares):.3f}"
        )
    print(f"{kept / 1e6:.1f} MB kept")


if __name__ == "__main__":
    main()
