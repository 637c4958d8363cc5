"""Flat indexes as FAISS writes them, read without FAISS, which trusts every number in a file.

Layout (FAISS, ``impl/index_write.cpp``; little endian): four letters for the kind, a head, and for

- ``IxFI`` and ``IxFl``: the number of floats as uint64, and the floats, row after row;
- ``IxMp`` and ``IxM2``: another index, the number of ids as uint64, and the ids as int64.
"""

import os
import struct
from pathlib import Path
from typing import IO, Any, NamedTuple

import faiss
import numpy as np

from nearframe.common import reading_errors, shown
from nearframe.embeddings import DIMENSION

from ..errors import FrameIndexError
from ..tables import Ids

_FLAT = (b"IxFI", b"IxFl", b"IxF2")
_MAPPED = (b"IxMp", b"IxM2")
# Dimension, number of vectors, two numbers of no meaning, whether it is trained, metric.
_HEAD = struct.Struct("<iqqq?i")
_COUNT = struct.Struct("<Q")


class FlatContent(NamedTuple):
    """What a file holds.

    Attributes:
        flat: The vectors, for inner product.
        ids: One for each, int64, shape ``(n,)``; None where they are counted from 0.
    """

    flat: faiss.IndexFlatIP
    ids: Ids | None


def read_flat(path: str | os.PathLike[str]) -> FlatContent:
    """Read a flat index, alone or in an ``IndexIDMap``.

    Raises:
        SourceError: If the file cannot be read.
        FrameIndexError: If it is none, or not one of 2048 dimensions and inner product, or holds
            NaN or infinite numbers.
    """
    path = Path(path)
    with reading_errors(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            kind = file.read(4)
            ids = None
            if kind in _MAPPED:
                _read_head(file, path)
                kind = file.read(4)
            mapped = file.tell() > 4
            if kind not in _FLAT:
                raise _ContentError(f"kind {kind!a}")
            count = _read_head(file, path)
            index = _read_vectors(file, count, size)
            if mapped:
                _read_count(file, count, 8, size)
                ids = np.frombuffer(file.read(8 * count), "<i8")
            if file.read(1):
                raise _ContentError("more than an index")
        except (_ContentError, struct.error, MemoryError) as error:
            raise FrameIndexError(
                f"{shown(path)} is not a file that FAISS can read, or no flat index ({error}); "
                "export the index again"
            ) from error
    if not _is_finite(index):
        raise FrameIndexError(f"{shown(path)} holds NaN or infinite numbers; export it again")
    return FlatContent(index, ids)


class _ContentError(Exception):
    """What a file holds in place of what is expected."""


def _read_head(file: IO[bytes], path: Path) -> int:
    """Read the head of an index; return how many vectors it has."""
    dimension, count, _, _, _, metric = _HEAD.unpack(file.read(_HEAD.size))
    if (dimension, metric) != (DIMENSION, faiss.METRIC_INNER_PRODUCT):
        raise FrameIndexError(
            f"{shown(path)} holds vectors of {dimension} dimensions for metric {metric}; "
            f"expected {DIMENSION} and inner product (0)"
        )
    return int(count)


def _read_count(file: IO[bytes], expected: int, width: int, size: int) -> None:
    """Read a number of things of `width` bytes, which must be so many, and be there."""
    (count,) = _COUNT.unpack(file.read(_COUNT.size))
    if count != expected or file.tell() + width * count > size:
        raise _ContentError(f"{count} numbers in place of {expected}")


def _read_vectors(file: IO[bytes], count: int, size: int) -> faiss.IndexFlatIP:
    _read_count(file, count * DIMENSION, 4, size)
    index = faiss.IndexFlatIP(DIMENSION)
    index.codes.resize(count * index.code_size)
    index.ntotal = count
    if count:
        # (n * 2048,): the index's own memory
        values: Any = faiss.rev_swig_ptr(index.get_xb(), count * DIMENSION)
        file.readinto(values)  # type: ignore[attr-defined]
    return index


def _is_finite(index: faiss.IndexFlatIP) -> bool:
    """Whether all numbers are; their squares are summed, which needs no memory."""
    if not index.ntotal:
        return True
    values = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * DIMENSION)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(values, values)))
