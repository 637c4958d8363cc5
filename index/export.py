"""An index as one file that other programs read: JSON, FAISS, or numpy with CSV."""

import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nearframe.common import (
    NearframeError,
    file_sha256,
    output_path,
    output_write,
    require_replaceable,
    shown,
    writing_errors,
)
from nearframe.embeddings import DIMENSION, FrameRef

from .frame_index import FrameBlock, FrameIndex
from .search import FlatSearch

SINGLE_FILE_SUFFIXES = (".json", ".faiss")
"""Suffixes that make `build_index` write one file, which a query reads again."""


class Writer(Protocol):
    """Writes an index in one format."""

    def __call__(self, index: FrameIndex, path: Path) -> None:
        """Write `index` to `path`, completely or not at all."""
        ...


def is_single_file(path: Path) -> bool:
    """Whether an output of this name is one file and not an index directory."""
    return path.suffix.lower() in SINGLE_FILE_SUFFIXES


def metadata_path(path: Path) -> Path:
    """Return where the frames of a ``.faiss`` file stand: ``x.faiss`` has ``x.faiss.json``."""
    return path.with_name(f"{path.name}.json")


def export_index(index: FrameIndex, output: str | os.PathLike[str]) -> None:
    """Write an index in the format that the suffix of `output` names.

    Args:
        index: What to write.
        output: ``x.json``: the fingerprint and, per frame, number, source, time and vector.
            ``x.faiss``: for ``faiss.read_index``; position n is frame n of ``x.faiss.json``, which
            has the SHA-256 of the file, too.
            ``x.npy``: float32, shape ``(n, 2048)``; row n is line n + 1 of ``x.csv``.

    Raises:
        NearframeError: If the suffix is none of these.
        OutputError: If the file cannot be written, or would replace one that nearframe did not
            write.
        IndexDamagedError: If a shard is missing or does not match its checksum.
    """
    path = Path(output)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise NearframeError(
            f"cannot export to {shown(path)}; expected a name that ends in {', '.join(_WRITERS)}"
        )
    require_free_names(path)
    with writing_errors(path):
        writer(index, path)


def require_free_names(path: Path) -> None:
    """Check that an export replaces nothing that nearframe did not write.

    Raises:
        OutputError: If it would, under the name given or that of the file beside it.
    """
    beside = {".faiss": metadata_path(path), ".npy": path.with_suffix(".csv")}
    for name in (path, beside.get(path.suffix.lower(), path)):
        require_replaceable(name)


def frame_fields(frame: FrameRef) -> dict[str, Any]:
    """Return a frame as JSON values."""
    return {"frame_number": frame.number, "source": frame.source, "time_s": frame.time_s}


def _write_json(index: FrameIndex, path: Path) -> None:
    with output_write(path, "w") as file:
        file.write(f'{{"fingerprint": {json.dumps(index.fingerprint.to_json())},\n"frames": [')
        separator = "\n"
        for block in index.blocks():
            for frame, vector in zip(block.frames, block.vectors, strict=True):
                # Nine significant digits give every float32 back exactly.
                numbers = ",".join(f"{value:.9g}" for value in vector.tolist())
                fields = json.dumps(frame_fields(frame.ref))
                file.write(f'{separator}{fields[:-1]}, "embedding": [{numbers}]}}')
                separator = ",\n"
        file.write("\n]}\n")


def _write_faiss(index: FrameIndex, path: Path) -> None:
    frames = index.catalog.frames()
    # The frames take their name first: without them, nobody could tell whose the vectors are.
    with output_path(path) as temporary, output_write(metadata_path(path), "w") as file:
        blocks = _positions(index.blocks(frames=frames))
        FlatSearch.build(blocks, count=len(frames)).write(temporary)
        metadata: Mapping[str, Any] = {
            "fingerprint": index.fingerprint.to_json(),
            "sha256": file_sha256(temporary),
            "frames": [frame_fields(frame.ref) for frame in frames],
        }
        json.dump(metadata, file)
        # Both are on the disk before one of them takes its name.
        file.flush()
        os.fsync(file.fileno())
        with temporary.open("rb+") as vectors:
            os.fsync(vectors.fileno())


def _write_npy(index: FrameIndex, path: Path) -> None:
    frames = index.catalog.frames()
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(frames), DIMENSION)}
    with (
        output_write(path) as vectors,
        output_path(path.with_suffix(".csv")) as table_path,
        # Names that are no UTF-8 keep their bytes.
        table_path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as table,
    ):
        # Written, not mapped: on a full disk, a page that is mapped ends the process.
        np.lib.format.write_array_header_1_0(vectors, header)
        writer = csv.writer(table)
        writer.writerow(("frame_number", "source", "time_s"))
        for block in index.blocks(frames=frames):
            vectors.write(block.vectors.astype("<f4").tobytes())
            for frame in block.frames:
                writer.writerow((frame.ref.number, frame.ref.source, frame.ref.time_s))
        # As in `_write_faiss`.
        for file in (vectors, table):
            file.flush()
            os.fsync(file.fileno())


_WRITERS: Mapping[str, Writer] = {
    ".json": _write_json,
    ".faiss": _write_faiss,
    ".npy": _write_npy,
}


def _positions(blocks: Iterator[FrameBlock]) -> Iterator[tuple[Any, Any]]:
    """Yield blocks with ids that count from 0, as the metadata does."""
    first = 0
    for block in blocks:
        yield np.arange(first, first + len(block.frames), dtype=np.int64), block.vectors
        first += len(block.frames)
