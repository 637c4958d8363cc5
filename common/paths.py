"""Paths as the user knows them."""

import os


def absolute(path: str | os.PathLike[str]) -> str:
    """Return an absolute path without resolving links: the user knows it by that name."""
    return os.path.abspath(path)  # noqa: PTH100  # Path.absolute keeps `..`
