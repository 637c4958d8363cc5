"""Ten kinds of copies that people have beside their originals, as files."""

import io
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageEnhance


def _saved(suffix: str, **options: object) -> Callable[[Image.Image], tuple[str, bytes]]:
    def save(picture: Image.Image) -> tuple[str, bytes]:
        content = io.BytesIO()
        picture.save(content, suffix.lstrip(".").replace("jpg", "jpeg"), **options)
        return suffix, content.getvalue()

    return save


def _resized(share: float) -> Callable[[Image.Image], tuple[str, bytes]]:
    def save(picture: Image.Image) -> tuple[str, bytes]:
        width, height = (max(1, round(side * share)) for side in picture.size)
        resized = picture.resize((width, height), Image.Resampling.LANCZOS)
        return _saved(".jpg", quality=92)(resized)

    return save


def _lightened(picture: Image.Image) -> tuple[str, bytes]:
    return _saved(".jpg", quality=92)(ImageEnhance.Brightness(picture).enhance(1.1))


_EDITS: Mapping[str, Callable[[Image.Image], tuple[str, bytes]]] = {
    "equal pixels": _saved(".png"),
    "JPEG 95": _saved(".jpg", quality=95),
    "JPEG 80": _saved(".jpg", quality=80),
    "JPEG 60": _saved(".jpg", quality=60),
    "JPEG 40": _saved(".jpg", quality=40),
    "WebP 80": _saved(".webp", quality=80),
    "75 % size": _resized(0.75),
    "50 % size": _resized(0.5),
    "lightened": _lightened,
}
EQUAL_BYTES = "equal bytes"
COPY_KINDS = (EQUAL_BYTES, *_EDITS)


def write_copy(original: Path, kind: str, folder: Path, stem: str) -> Path:
    """Write a copy of an image file of one of `COPY_KINDS`; return its path."""
    if kind == EQUAL_BYTES:
        return Path(shutil.copy(original, folder / f"{stem}{original.suffix}"))
    with Image.open(original) as picture:
        suffix, content = _EDITS[kind](picture.convert("RGB"))
    path = folder / f"{stem}{suffix}"
    path.write_bytes(content)
    return path
