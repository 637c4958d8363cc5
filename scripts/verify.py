"""nearframe verify: is an index whole?"""

from pathlib import Path

import click

from .cli import (
    Command,
    count,
    json_option,
    path_argument,
    print_json,
    report_older_rules,
    report_unfinished,
    show_path,
)


@click.command("verify", cls=Command, short_help="Check an index for damage.")
@path_argument("index_path", metavar="INDEX")
@json_option
def verify(index_path: Path, as_json: bool) -> None:
    """Check every file of an index against its checksum; exit with 1 if one is damaged."""
    from nearframe.index import verify as check

    result = check(index_path)
    if as_json:
        print_json(
            {
                "frames": result.frames,
                "shards": result.shards,
                "damage": list(result.damage),
                "complete": not result.unfinished,
                "unfinished": list(result.unfinished),
                "older_rules": result.older_rules,
            }
        )
    else:
        checked = f"{count(result.frames, 'frame')} in {count(result.shards, 'file')}"
        click.echo(f"{show_path(index_path)}: {checked} checked, {len(result.damage)} damaged")
    report_unfinished(index_path, result.unfinished)
    report_older_rules(index_path, result.older_rules)
    for line in result.damage:
        click.echo(f"Error: {line}", err=True)
    if result.damage:
        raise SystemExit(1)
