"""The user's own pairs of a copy and its original, as a table."""

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearframe.common import (
    NearframeError,
    ProgressOption,
    SourceError,
    as_progress,
    reading_errors,
    shown,
)
from nearframe.common.typed_json import require_path
from nearframe.embeddings import Embedder, MakeEmbedder, resolve_embedder
from nearframe.embeddings.sources import File, ImageFile, ImageSequence, open_source

from .baselines import Baseline
from .describe import Described, describe
from .evaluate import PAIRS, Evaluation, score_methods, together
from .retrieval import Positions

_HEADERS = ("query", "query path", "query_path", "query_id")


@dataclass(frozen=True, slots=True)
class TruePair:
    """One line of the table: a `query` and its `original`, None where it has none; full paths."""

    query: str
    original: str | None


def read_ground_truth(path: str | os.PathLike[str]) -> tuple[TruePair, ...]:
    """Read a CSV file of lines ``query path, original path``.

    Paths are relative to the folder of the file. A first line whose first field is ``query`` (or
    ``query path``, ``query_id``) is a header. A query may stand in several lines, one for each of
    its originals, and with an empty second field it has none, and nothing should be found.

    Raises:
        NearframeError: If the file is missing, a line has no two fields, or names a query that does
            not exist.
    """
    path = Path(path)
    folder = path.parent
    try:
        # utf-8-sig: spreadsheets put a mark at the start of what they save.
        with reading_errors(path), path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise NearframeError(f"{shown(path)} is no CSV file in UTF-8 ({error})") from error
    if rows and rows[0][1][0].strip().lower() in _HEADERS:
        del rows[0]
    pairs = []
    for number, row in rows:
        if len(row) != 2 or not row[0].strip():
            raise NearframeError(
                f"{shown(path)}, line {number}: expected query path,original path, "
                f"not {shown(','.join(row))}"
            )
        query, original = (_checked_path(field, path, number) for field in row)
        if not os.path.isfile(folder / query):  # noqa: PTH113  # False for a name that is too long
            raise NearframeError(
                f"{shown(path)}, line {number}: no such file: {shown(query)} "
                f"(paths are relative to {shown(folder.resolve())})"
            )
        pairs.append(TruePair(str(folder / query), str(folder / original) if original else None))
    if not any(pair.original for pair in pairs):
        raise NearframeError(f"{shown(path)} has no line with a query and its original")
    return tuple(pairs)


def _checked_path(field: str, table: Path, number: int) -> str:
    try:
        return require_path(field.strip())
    except ValueError as error:
        raise NearframeError(f"{shown(table)}, line {number}: {error}") from error


def evaluate_pairs(
    folder: str | os.PathLike[str],
    ground_truth: str | os.PathLike[str],
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    recursive: bool = False,
    baselines: Mapping[str, Baseline] | None = None,
    progress: ProgressOption = None,
) -> Evaluation:
    """Ask the user's own copies back among the images of a folder.

    A query that lies in the folder itself is not compared with itself.

    Args:
        folder: The originals, and any number of others.
        ground_truth: A CSV file of queries and originals, see `read_ground_truth`.
        embedder: An embedder or a function that makes one; by default with the built-in weights.
        recursive: Whether the folder is searched with its sub-folders.
        baselines: Methods to run beside the network, by name.
        progress: Told what it is at.

    Raises:
        SourceError: If there are no images in the folder.
        NearframeError: If the table is damaged, or names what is not there.
    """
    pairs = read_ground_truth(ground_truth)
    opened = open_source(folder, recursive=recursive)
    if not isinstance(opened, ImageSequence) or opened.kind != "folder":
        raise SourceError(folder, "with ground truth, expected the folder that holds the originals")
    there = {os.path.realpath(file.path) for file in opened.files}
    for pair in pairs:
        if pair.original is not None and os.path.realpath(pair.original) not in there:
            raise NearframeError(
                f"{shown(pair.original)}, an original of {shown(ground_truth)}, is not among the "
                f"images of {shown(folder)}; give the folder that holds all originals"
            )
    embedder = resolve_embedder(embedder, None, holder="")
    progress, baselines = as_progress(progress), baselines or {}
    originals = describe(opened, embedder, baselines=baselines, progress=progress)
    queries = describe(
        _images(ground_truth, pairs), embedder, baselines=baselines, progress=progress
    )
    right, itself = _positions(pairs, originals, queries)
    if not any(map(len, right)):
        raise NearframeError(f"{shown(ground_truth)} has no pair of which both images can be read")
    methods = score_methods(
        originals, queries, right, edits=[PAIRS] * len(right), ignored=itself, is_video=False
    )
    return Evaluation(
        source=opened.path,
        is_video=False,
        fingerprint=embedder.fingerprint,
        originals=len(originals.frames),
        copied=len(queries.frames),
        copies=len(queries.frames),
        methods=methods,
        unreadable=together(originals, queries),
    )


def _images(ground_truth: str | os.PathLike[str], pairs: Iterable[TruePair]) -> ImageSequence:
    """Return each query once, as a source."""
    queries = [File.look_at(path) for path in dict.fromkeys(pair.query for pair in pairs)]
    return ImageSequence(
        path=os.fspath(ground_truth),
        kind="folder",
        files=tuple(
            ImageFile(file.path, file.size, file.mtime_ns, number)
            for number, file in enumerate(queries)
        ),
    )


def _positions(
    pairs: Iterable[TruePair], originals: Described, queries: Described
) -> tuple[list[Positions], list[Positions]]:
    """Return per query the positions of its originals that can be read, and its own."""
    same = originals.same_pixels()
    position = {os.path.realpath(frame.source): n for n, frame in enumerate(originals.frames)}
    wanted: dict[str, set[int]] = {}
    for pair in pairs:
        found = position.get(os.path.realpath(pair.original)) if pair.original else None
        if found is not None:
            wanted.setdefault(pair.query, set()).update(same[found].tolist())
    paths = [frame.source for frame in queries.frames]
    own = [position.get(os.path.realpath(path)) for path in paths]
    itself = [np.array([] if row is None else [row], np.int64) for row in own]
    right = [
        np.setdiff1d(np.array(sorted(wanted.get(path, ())), np.int64), own_row)
        for path, own_row in zip(paths, itself, strict=True)
    ]
    return right, itself
