"""nearframe undo: take back what dedup, apply or split did."""

from pathlib import Path

import click

from .cli import Command, count, path_argument, progress_bar, report_skipped


@click.command("undo", cls=Command, short_help="Take back what apply or split did.")
@path_argument("journal", metavar="JOURNAL")
def undo(journal: Path) -> None:
    """Put every file back that dedup --apply, apply or split moved or put into the trash.

    The copies and links that they made are removed. A file that changed since is left where it is
    and listed; then the exit code is 1. Deleted files cannot come back.
    """
    from nearframe.query import undo as take_back

    with progress_bar() as progress:
        report = take_back(journal, progress=progress)
    nothing_left = not report.done and not report.skipped
    click.echo(
        "Nothing to take back: every file is where it was"
        if nothing_left
        else f"Took back {count(report.done, 'file')}; {len(report.skipped)} left alone"
    )
    report_skipped(report.skipped, strict=True)
