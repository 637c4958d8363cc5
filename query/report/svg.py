"""Parts of plots as inline SVG, for pages that need no other file."""

import html
from collections.abc import Sequence


def bar(*, x: float, width: float, height: float, bottom: float, title: str, kind: str = "") -> str:
    """Return a bar that stands on `bottom`; its title shows under the mouse."""
    return (
        f'<rect class="{f"bar {kind}".strip()}" x="{x:.1f}" y="{bottom - height:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}"><title>{html.escape(title)}</title></rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a line of a CSS class."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, kind: str) -> str:
    """Return a text of a CSS class."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{html.escape(words)}</text>'


def svg(size: str, label: str, parts: Sequence[str]) -> str:
    """Return a drawing with its `viewBox` and what it shows, for those who cannot see it."""
    return (
        f'<svg viewBox="{size}" role="img" aria-label="{html.escape(label)}">{"".join(parts)}</svg>'
    )
