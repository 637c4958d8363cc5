"""The frame of a report page: one HTML file that needs no other, written as a stream.

File names are not to be trusted. Everything from outside goes through `html.escape`, or into JSON
that has no ``<``, and from there into the page as text only. A content security policy allows the
page's own script and style, by their hashes, and pictures inside the page; nothing else runs or
loads.
"""

import base64
import hashlib
import html
import json
import os
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from itertools import islice
from typing import Any

from nearframe.common import GENERATOR, output_write, shown, writing_errors
from nearframe.embeddings import Unreadable

PER_PACK = 100
"""Pictures that the page unpacks at once."""

# More broken files than these would bury the list.
_LISTED = 200


def write_page(
    path: str | os.PathLike[str],
    *,
    title: str,
    body: str,
    pictures: Iterable[str],
    data: Callable[[], dict[str, Any]],
) -> None:
    """Write a page with a list of entries. In memory is one pack of pictures at a time.

    Args:
        path: Where to; an earlier page there is replaced once this one is complete.
        title: Of the window.
        body: HTML above the list; its form ``controls`` says which entries are shown.
        pictures: JSON of each picture, in the order of the files.
        data: Returns what the list consists of; asked for after the last picture.

    Raises:
        OutputError: If it cannot be written.
    """
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    )
    with writing_errors(path), output_write(path, "w") as file:
        file.write(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f"{GENERATOR}\n"
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n"
            f'<body>\n{body}\n<div id="list"></div>\n'
            "<noscript><p>The list of frames needs JavaScript.</p></noscript>\n"
        )
        remaining = iter(pictures)
        while pack := list(islice(remaining, PER_PACK)):
            lines = ",\n".join(pack)
            file.write(f'<script type="application/json" class="pack">[{lines}]</script>\n')
        entries = to_json({**data(), "perPack": PER_PACK})
        file.write(f'<script type="application/json" id="entries">{entries}</script>\n')
        file.write(f"<script>{script}</script>\n</body>\n</html>\n")


def to_json(value: Any) -> str:
    """Return JSON that may stand inside of a script element, whatever the texts in it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def choice(name: str, label: str, options: Sequence[tuple[str, str]]) -> str:
    """Return a menu: its options are pairs of value and text."""
    lines = "".join(
        f'<option value="{html.escape(value)}">{html.escape(text)}</option>'
        for value, text in options
    )
    return f'<label>{html.escape(label)} <select name="{name}">{lines}</select></label>'


def controls(parts: Iterable[str]) -> str:
    """Return the form that says which entries are shown."""
    return (
        f'<form id="controls" autocomplete="off">{"".join(parts)}'
        '<output name="count" aria-live="polite"></output></form>'
    )


def facts_list(facts: Iterable[tuple[str, str]]) -> str:
    """Return pairs of label and text as a list."""
    return "".join(
        (
            "<dl>",
            *(f"<dt>{html.escape(a)}</dt><dd>{html.escape(b)}</dd>" for a, b in facts),
            "</dl>",
        )
    )


def table(head: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML; `head` has the title and CSS class of each column."""
    titles = "".join(f'<th class="{kind}">{html.escape(title)}</th>' for title, kind in head)
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}">{cell}</td>' for (_, kind), cell in zip(head, row, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table>\n<tr>{titles}</tr>\n{lines}</table></div>'


def unreadable_list(entries: Sequence[Unreadable], note: str, complete: str) -> str:
    """Return a section with files that could not be read, or nothing where there are none.

    Args:
        entries: The files.
        note: What became of them.
        complete: What lists all of them where the page does not.
    """
    if not entries:
        return ""
    rows = [
        [html.escape(shown(entry.source)), html.escape(shown(entry.reason))]
        for entry in entries[:_LISTED]
    ]
    rest = len(entries) - _LISTED
    more = f'<p class="soft">and {rest:,} more; {complete} lists them all</p>' if rest > 0 else ""
    lines = table((("File", "path"), ("What is wrong", "")), rows)
    return (
        f"<section><h2>Unreadable ({len(entries):,})</h2>"
        f'<p class="soft">{html.escape(note)}</p>{lines}{more}</section>'
    )


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
