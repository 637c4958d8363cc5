"""Files that a user asked for by name: what nearframe did not write itself is never replaced."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any, Literal

from .atomic import atomic_path, remove_leftovers
from .errors import OutputError, shown

GENERATOR = '<meta name="generator" content="nearframe">'
"""What every page of nearframe has in its head."""

_SOFTWARE = 0x0131
_HEAD = 64 * 1024
# Whether `replace_anything` is in force.
_anything: ContextVar[bool] = ContextVar("replace_anything", default=False)


def picture_mark() -> bytes:
    """Return EXIF for Pillow's ``save`` that says which program wrote a picture."""
    from PIL import Image

    exif = Image.Exif()
    exif[_SOFTWARE] = "nearframe"
    return exif.tobytes()


def is_own_output(path: str | os.PathLike[str]) -> bool:
    """Whether a file carries the mark of what nearframe writes under names like this.

    What has no room for a mark is known by what it begins with (``.csv``) or by the file that was
    written beside it (``.faiss``, ``.npy``).
    """
    path = Path(path)
    known = _KNOWN.get(path.suffix.lower())
    return known is not None and path.is_file() and not path.is_symlink() and known(path)


def require_replaceable(path: str | os.PathLike[str]) -> None:
    """Check that an output can take a name, before the long work that its content takes.

    Free names, empty files and what nearframe wrote may be taken; within `replace_anything`
    every file may.

    Raises:
        OutputError: If a file is there that nearframe did not write.
    """
    path = Path(path)
    if _anything.get() or not os.path.lexists(path) or path.is_dir() or _is_empty(path):
        return
    if not is_own_output(path):
        raise OutputError(
            f"{shown(path)} exists and was not written by nearframe; give another name, or "
            "replace it with `replace_anything`"
        )


@contextmanager
def replace_anything() -> Iterator[None]:
    """Let outputs replace whatever has their name, as ``--force`` does."""
    token = _anything.set(True)
    try:
        yield
    finally:
        _anything.reset(token)


@contextmanager
def output_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path as `atomic_path` does, for a file that the user named.

    What runs that were killed left of the same file is removed first.

    Raises:
        OutputError: As `require_replaceable`, looked at before the body and again at the end.
        OSError: As the operating system says.
    """
    require_replaceable(path)
    remove_leftovers([Path(path)])
    with atomic_path(path) as temporary:
        yield temporary
        # The work may have taken hours, in which somebody else used the name.
        require_replaceable(path)


@contextmanager
def output_write(
    path: str | os.PathLike[str], mode: Literal["w", "wb"] = "wb"
) -> Iterator[IO[Any]]:
    """Open a file that the user named, by the rules of `output_path`; text is UTF-8."""
    with (
        output_path(path) as temporary,
        temporary.open(mode, encoding=None if "b" in mode else "utf-8") as file,
    ):
        yield file


def _is_empty(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == 0


def _ends(path: Path) -> bytes:
    """Return the first and the last bytes of a file; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(_HEAD, path.stat().st_size - _HEAD))
            return head + file.read()
    except OSError:
        return b""


def _contains(*marks: bytes) -> Callable[[Path], bool]:
    def contains(path: Path) -> bool:
        ends = _ends(path)
        return any(mark in ends for mark in marks)

    return contains


def _begins(pattern: bytes) -> Callable[[Path], bool]:
    compiled = re.compile(pattern)
    return lambda path: compiled.match(_ends(path)) is not None


def _is_own_beside(beside: Callable[[Path], Path]) -> Callable[[Path], bool]:
    return lambda path: is_own_output(beside(path))


def _is_own_picture(path: Path) -> bool:
    # Pillow puts it behind "Exif\0\0" in JPEG only.
    return picture_mark()[6:] in _ends(path)


_is_own_plot = _contains(b"tEXtSoftware\x00nearframe")
_is_own_page = _contains(GENERATOR.encode())

_KNOWN: Mapping[str, Callable[[Path], bool]] = {
    ".html": _is_own_page,
    ".htm": _is_own_page,
    # Plots by matplotlib, other pictures by Pillow.
    ".png": lambda path: _is_own_picture(path) or _is_own_plot(path),
    ".jpg": _is_own_picture,
    ".jpeg": _is_own_picture,
    ".webp": _is_own_picture,
    ".svg": _contains(b"<dc:title>nearframe</dc:title>"),
    ".pdf": _contains(b"/Creator (nearframe)"),
    ".json": _begins(rb'\{\s*"nearframe": "dedup plan"|\{"fingerprint": (?:\{|null)'),
    ".csv": _begins(rb"decision,file,camera,|frame_number,source,time_s\b|still,source,time,"),
    ".faiss": _is_own_beside(lambda path: path.with_name(f"{path.name}.json")),
    ".npy": _is_own_beside(lambda path: path.with_suffix(".csv")),
}
