"""An overview as one self-contained HTML page."""

import html
import os
from collections.abc import Iterable, Sequence

from nearframe.common import GENERATOR, output_write, shown, writing_errors

from ..cameras.overview import Gap, Overview
from ..cameras.shots import ImageShot
from .overview_plots import interval_histogram, timeline
from .overview_words import (
    clock_note,
    gap_rule,
    name_of,
    show_clock,
    show_duration,
    show_ends,
    show_origins,
    show_resolutions,
    small_rule,
)

# More entries of a list than these would bury what is below it.
_LISTED = 200

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2530; --soft: #66707d; --rule: #d5dae0;
  --bar: #3d7ea6; --mark: #c2410c; --back: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa4af; --rule: #3a424c;
  --bar: #6db1d9; --mark: #fb923c; --back: #15191e; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--rule); }
th { font-weight: 600; white-space: nowrap; }
td.path { overflow-wrap: anywhere; min-width: 6rem; } .number { text-align: right; }
.wide { overflow-x: auto; } td.time { white-space: nowrap; } td.sizes { min-width: 7rem; }
svg { width: 100%; height: auto; display: block; } .wide svg { min-width: 700px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .tick { font-size: 11px; fill: var(--soft); } svg .name { font-weight: 600; }
svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .axis { stroke: var(--rule); } svg .bar { fill: var(--bar); }
svg .median { stroke: var(--mark); stroke-dasharray: 3 3; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); gap: 1.2rem; }
figure { margin: 0; } figcaption { font-weight: 600; overflow-wrap: anywhere; }
"""


def save_page(overview: Overview, path: str | os.PathLike[str]) -> None:
    """Write an overview as an HTML page that needs no other file and no network.

    Raises:
        OutputError: If it cannot be written.
    """
    with writing_errors(path), output_write(path, "w") as file:
        file.write(render_page(overview))


def render_page(overview: Overview) -> str:
    """Return an overview as an HTML page."""
    title = shown(os.path.basename(os.path.abspath(overview.folder)))  # noqa: PTH100, PTH119
    body = "\n".join(
        [
            _head(overview, title),
            _cameras(overview),
            _timeline(overview),
            _intervals(overview),
            _gaps(overview),
            _small(overview),
            _unreadable(overview),
            _duplicates(overview),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{GENERATOR}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}: overview</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _head(overview: Overview, title: str) -> str:
    cameras = sum(camera.camera is not None for camera in overview.cameras)
    parts = [
        f"{overview.images:,} image{'s' * (overview.images != 1)}",
        f"{cameras:,} camera{'s' * (cameras != 1)}",
        f"{len(overview.unreadable):,} unreadable",
    ]
    checked = "Every image was decoded." if overview.checked else "Images were not fully decoded."
    return (
        f"<h1>{html.escape(title)}</h1>\n<p>{' · '.join(parts)}</p>\n"
        f'<p class="soft">{html.escape(shown(os.path.abspath(overview.folder)))}<br>'  # noqa: PTH100
        f"Times are wall-clock times: {show_origins(overview)}{clock_note(overview)}. {checked}</p>"
    )


def _cameras(overview: Overview) -> str:
    rows = []
    for camera in overview.cameras:
        median = camera.median_interval_s
        rows.append(
            [
                html.escape(name_of(camera.camera)),
                f"{len(camera.shots):,}",
                *show_ends(camera),
                "–" if median is None else show_duration(median),
                f"{len(camera.gaps):,}",
                show_resolutions(camera, most=8),
            ]
        )
    head = ("Camera", "Images", "First", "Last", "Median interval", "Gaps", "Resolutions")
    kinds = ("path", "number", "time", "time", "time", "number", "sizes")
    return _section("Cameras", "", _table(head, kinds, rows))


def _timeline(overview: Overview) -> str:
    drawn = sum(len(camera.dated) for camera in overview.cameras)
    if not drawn:
        return ""
    note = "Number at the right: images in the fullest bar of the row."
    if drawn < overview.images:
        note += (
            f" Not drawn, since only their modification time is known: {overview.images - drawn:,}."
        )
    drawing = timeline(overview.cameras)
    if 'class="break"' in drawing:
        note += " Long times without images are cut out, where the axis is crossed out."
    return _section("Images over time", note, f'<div class="wide">{drawing}</div>')


def _intervals(overview: Overview) -> str:
    figures = [
        f"<figure><figcaption>{html.escape(name_of(camera.camera))} "
        f'<span class="soft">({len(camera.intervals_s):,})</span></figcaption>'
        f"{interval_histogram(camera)}</figure>"
        for camera in overview.cameras
        if camera.median_interval_s is not None
    ]
    if not figures:
        return ""
    note = "Between images of a camera that follow each other (how many); the axis is logarithmic."
    return _section("Intervals", note, f'<div class="grid">{"".join(figures)}</div>')


def _gaps(overview: Overview) -> str:
    gaps = [(camera.camera, gap) for camera in overview.cameras for gap in camera.gaps]
    gaps.sort(key=lambda entry: -entry[1].seconds)

    def row(entry: tuple[str | None, Gap]) -> list[str]:
        camera, gap = entry
        return [
            html.escape(name_of(camera)),
            show_duration(gap.seconds),
            show_clock(gap.after.time),
            show_clock(gap.before.time),
        ]

    head, kinds = ("Camera", "Length", "From", "To"), ("path", "time", "time", "time")
    table = _table(head, kinds, map(row, gaps[:_LISTED]))
    return _listing("Gaps", f"An interval {gap_rule(overview)}; the longest first.", table, gaps)


def _small(overview: Overview) -> str:
    def row(shot: ImageShot) -> list[str]:
        return [
            _path(overview, shot.path),
            f"{shot.width}x{shot.height}",
            html.escape(name_of(shot.camera)),
        ]

    head, kinds = ("File", "Size", "Camera"), ("path", "time", "path")
    table = _table(head, kinds, map(row, overview.small[:_LISTED]))
    return _listing("Suspiciously small", f"{small_rule()}.".capitalize(), table, overview.small)


def _unreadable(overview: Overview) -> str:
    rows = [
        [_path(overview, entry.source), html.escape(shown(entry.reason))]
        for entry in overview.unreadable[:_LISTED]
    ]
    table = _table(("File", "What is wrong"), ("path", ""), rows)
    return _listing("Unreadable", "", table, overview.unreadable)


def _duplicates(overview: Overview) -> str:
    rows = [
        ["<br>".join(_path(overview, path) for path in group[:_LISTED])]
        for group in overview.duplicates[:_LISTED]
    ]
    table = _table(("Files",), ("path",), rows)
    return _listing("Exact duplicates", "Files with the same content.", table, overview.duplicates)


def _path(overview: Overview, path: str) -> str:
    return html.escape(shown(os.path.relpath(path, overview.folder)))


def _listing(title: str, note: str, table: str, entries: Sequence[object]) -> str:
    """Return a section with a count, or nothing where there is nothing to list."""
    if not entries:
        return ""
    rest = len(entries) - _LISTED
    more = f'<p class="soft">and {rest:,} more; --json has them all</p>' if rest > 0 else ""
    return _section(f"{title} ({len(entries):,})", note, table + more)


def _section(title: str, note: str, content: str) -> str:
    text = f'<p class="soft">{html.escape(note)}</p>\n' if note else ""
    return f"<section>\n<h2>{title}</h2>\n{text}{content}\n</section>"


def _table(head: Sequence[str], kinds: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are HTML already."""
    heads = "".join(
        f'<th class="{kind}">{name}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    lines = [
        "".join(f'<td class="{kind}">{cell}</td>' for cell, kind in zip(row, kinds, strict=True))
        for row in rows
    ]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>\n<tr>{heads}</tr>\n{body}\n</table></div>'
