"""nearframe export: an index as one file for other programs."""

from pathlib import Path

import click

from .cli import Command, count, force_option, path_argument, report_unfinished, show_path


@click.command("export", cls=Command, short_help="Write an index as .json, .faiss or .npy.")
@path_argument("index_path", metavar="INDEX")
@path_argument("output", metavar="OUT")
@force_option
def export(index_path: Path, output: Path) -> None:
    """Write INDEX as OUT: .json, .faiss (with OUT.json beside it), or .npy (with a .csv)."""
    from nearframe.index import FrameIndex, export_index, unfinished_inputs

    with FrameIndex.open(index_path) as index:
        export_index(index, output)
        click.echo(f"Exported {count(len(index), 'frame')} to {show_path(output)}")
        report_unfinished(index_path, unfinished_inputs(index))
