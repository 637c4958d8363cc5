"""Where a picture of an answer may be drawn."""

import os
from collections.abc import Collection
from pathlib import Path

from nearframe.embeddings import NearframeError, shown


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
