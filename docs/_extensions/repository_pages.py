"""Pages of the site that stand elsewhere in the repository, and links as they work in both places.

Links between files are written for readers of the repository (``../benchmarks/README.md``). In the
site, the same link leads to the page that holds that file.
"""

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

REPOSITORY = Path(__file__).parents[2]
PAGES = {
    "benchmarks": "benchmarks/README.md",
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "model-card": "embeddings/weights/builtin.md",
}
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def read(_: Sphinx, page: str, source: list[str]) -> None:
    """Take the text of a page from where it stands, and turn its links into those of the site."""
    origin = REPOSITORY / PAGES.get(page, f"docs/{page}.md")
    if page in PAGES:
        source[0] = origin.read_text("utf-8")
    pages = {REPOSITORY / file: REPOSITORY / f"docs/{name}.md" for name, file in PAGES.items()}

    def in_site(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(origin.parent / link[1]))
        relative = os.path.relpath(pages.get(target, target), (REPOSITORY / "docs" / page).parent)
        return f"]({relative}{link[2] or ''})"

    source[0] = _LINK.sub(in_site, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the event."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
