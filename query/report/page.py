"""Pages from templates: one HTML file that needs no other, written as a stream.

File names are not to be trusted. Jinja2 escapes whatever a template is given, and JSON holds no
``<`` and reaches the page as text only. One content security policy for all pages allows their own
script and style, by their hashes, and pictures inside the page; nothing else runs or loads.
"""

import base64
import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from nearframe.common import GENERATOR, output_write, shown, writing_errors
from nearframe.embeddings import Unreadable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

PER_PACK = 100
"""Pictures that the page unpacks at once."""

# More lines than these would bury what is below them.
LISTED = 200


def write_page(path: str | os.PathLike[str], template: str, **context: Any) -> None:
    """Write a page. In memory is one pack of pictures at a time.

    Args:
        path: Where to; an earlier page there is replaced once this one is complete.
        template: Name of the file among ``templates``.
        context: What `page_parts` takes besides the template.

    Raises:
        OutputError: If it cannot be written.
    """
    with writing_errors(path), output_write(path, "w") as file:
        file.writelines(page_parts(template, **context))


def page_parts(
    template: str,
    *,
    pictures: Iterable[str] = (),
    data: Callable[[], dict[str, Any]] | None = None,
    **context: Any,
) -> Iterator[str]:
    """Yield a page piece by piece.

    Args:
        template: Name of the file among ``templates``.
        pictures: JSON of each picture, in the order of the files.
        data: Returns what the list consists of; asked for after the last picture. None for a page
            without a list.
        context: Whatever else the template shows; plain text is escaped.
    """
    yield from (
        _environment()
        .get_template(template)
        .generate(
            packs=_packs(pictures),
            entries=None if data is None else lambda: to_json({**data(), "perPack": PER_PACK}),
            **context,
        )
    )


def to_json(value: Any) -> "Markup":
    """Return JSON that may stand inside of a script element, whatever the texts in it."""
    from jinja2.utils import htmlsafe_json_dumps

    return htmlsafe_json_dumps(value, separators=(",", ":"))


def shown_size(size: int) -> str:
    """Return the size of a file as people say it: 1234567 bytes give ``1.2 MB``."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    if unit == "bytes":
        return f"{size} bytes"
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 photo``, ``3,020 photos``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def unreadable_rows(entries: Iterable[Unreadable]) -> list[tuple[str, str]]:
    """Return file and reason of each entry, as they are shown."""
    return [(shown(entry.source), shown(entry.reason)) for entry in entries]


def _packs(pictures: Iterable[str]) -> "Iterator[Markup]":
    from markupsafe import Markup

    remaining = iter(pictures)
    while pack := list(islice(remaining, PER_PACK)):
        # Each is JSON by `to_json` already.
        yield Markup("[" + ",\n".join(pack) + "]")


@functools.cache
def _environment() -> "Environment":
    # Loaded here: commands that write no page do without.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loader = PackageLoader(__package__)
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (loader.get_source(environment, name)[0] for name in ("page.css", "page.js"))
    environment.globals.update(
        generator=Markup(GENERATOR),
        style=Markup(style),
        script=Markup(script),
        policy=(
            "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
            f"style-src {_hash(style)}; script-src {_hash(script)}"
        ),
        listed=LISTED,
    )
    environment.filters.update(counted=counted)
    return environment


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
