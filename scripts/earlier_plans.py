"""What dedup says of the plans of a folder that were made before."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from .cli import count, show_argument, show_path

_GONE = {"move": "moved", "trash": "put into the trash", "delete": "deleted"}


def earlier_plans(default: Path, plan_path: Path, folder: str) -> Iterator[str]:
    """Yield a line about the latest earlier plan of a folder that was carried out.

    Where none was, it is about the latest.

    Args:
        default: The name that plans of the folder get; later ones get a number.
        plan_path: Where the new plan is.
        folder: Absolute path of the folder.
    """
    from nearframe.common import NearframeError, numbered_paths
    from nearframe.query import DedupPlan

    earlier = itertools.takewhile(
        lambda path: path != plan_path and path.exists(), numbered_paths(default)
    )
    line = None
    for path in reversed([*earlier]):
        try:
            plan = DedupPlan.load(path)
            outcome = _outcome(path)
        except NearframeError:
            continue
        if plan.folder == folder and (outcome or line is None):
            line = (
                f"Earlier plan: {show_path(path)}, which drops {len(plan.dropped)} of "
                f"{count(len(plan.kept) + len(plan.dropped), 'frame')}{outcome}"
            )
            if outcome:
                break
    if line is not None:
        yield line


def _outcome(path: Path) -> str:
    """Say what became of the files that a plan drops, by the journals beside it."""
    from nearframe.query import earlier_journals, journal_of

    for journal_path, journal in earlier_journals(journal_of(path)):
        gone = sum(not os.path.lexists(entry.source) for entry in journal.operations)
        if gone and journal.action in _GONE:
            return (
                f"; {count(gone, 'file')} {_GONE[journal.action]} by it "
                f"({show_argument(journal_path)})"
            )
    return ""
