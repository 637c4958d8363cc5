"""Where a picture of an answer may be drawn, and drawing it there."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageFont

from .errors import NearframeError, shown, writing_errors
from .outputs import output_path, require_replaceable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# No date, so that the same figures give the same file; and the mark of an own output.
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": "nearframe"},
    ".svg": {"Date": None, "Creator": "nearframe"},
    ".pdf": {"CreationDate": None, "Creator": "nearframe"},
}
PLOT_FORMATS = tuple(_METADATA)
PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""The suffixes of pictures, with Pillow's names of their formats."""


def require_drawable(path: str | os.PathLike[str], formats: Collection[str]) -> None:
    """Check that a picture can go to `path`, before the long work that its content takes.

    Args:
        path: The file to draw.
        formats: The suffixes that can be drawn, in lower case and with their dot.

    Raises:
        NearframeError: If its suffix is none of `formats`, or there is no such folder.
        OutputError: If a file is there that nearframe did not write.
    """
    path = Path(path)
    if path.suffix.lower() not in formats:
        raise NearframeError(
            f"cannot draw {shown(path)}; expected a name that ends in {', '.join(formats)}"
        )
    if not path.parent.is_dir():
        raise NearframeError(f"cannot draw {shown(path)}: there is no folder {shown(path.parent)}")
    require_replaceable(path)


def check_plot_path(path: str | os.PathLike[str]) -> None:
    """Check that a plot can go there, before the long work that its figures take.

    Raises:
        NearframeError: If its suffix is none of `PLOT_FORMATS`, or there is no such folder.
    """
    require_drawable(path, PLOT_FORMATS)


def save_plot(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a plot; the same figures give the same file.

    Args:
        figure: The plot.
        path: Ends in one of `PLOT_FORMATS`.

    Raises:
        OutputError: If the file cannot be written.
    """
    from matplotlib import rc_context

    suffix = Path(path).suffix.lower()
    with (
        # Neither a date nor random names in it.
        rc_context({"svg.hashsalt": "nearframe"}),
        writing_errors(path),
        output_path(path) as temporary,
    ):
        figure.savefig(temporary, format=suffix[1:], metadata=_METADATA[suffix])


def picture_font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans as matplotlib brings it; Pillow's own font has no letters but ASCII."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)


def shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Return a text that is no wider than `width` pixels, without its middle where it must be."""
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        kept = (low + high + 1) // 2
        if font.getlength(_without_middle(text, kept)) <= width:
            low = kept
        else:
            high = kept - 1
    return _without_middle(text, low)


def _without_middle(text: str, kept: int) -> str:
    # A third from the start: the end of a path is the name.
    start = kept // 3
    return f"{text[:start]}…{text[len(text) - (kept - start) :]}"
