"""Where a picture of an answer may be drawn, and drawing it there."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from nearframe.embeddings import NearframeError, shown, writing_errors
from nearframe.index import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NO_DATE: dict[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
PLOT_FORMATS = tuple(_NO_DATE)


def require_drawable(path: str | os.PathLike[str], formats: Collection[str]) -> None:
    """Check that a picture can go to `path`, before the long work that its content takes.

    Args:
        path: The file to draw.
        formats: The suffixes that can be drawn, in lower case and with their dot.

    Raises:
        NearframeError: If its suffix is none of `formats`, or there is no such folder.
    """
    path = Path(path)
    if path.suffix.lower() not in formats:
        raise NearframeError(
            f"cannot draw {shown(path)}; expected a name that ends in {', '.join(formats)}"
        )
    if not path.parent.is_dir():
        raise NearframeError(f"cannot draw {shown(path)}: there is no folder {shown(path.parent)}")


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
        atomic_path(path) as temporary,
    ):
        figure.savefig(temporary, format=suffix[1:], metadata=_NO_DATE[suffix])
