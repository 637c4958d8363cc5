"""Which images of a folder are new, and which repeat an earlier one?"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from nearframe.embeddings import (
    EmbeddedBatch,
    Embedder,
    Fingerprint,
    FrameRef,
    MakeEmbedder,
    Progress,
    Silent,
    SourceError,
    Unreadable,
    resolve_embedder,
    shown,
)
from nearframe.embeddings.sources import IMAGE_SUFFIXES, File, ImageSequence, open_source
from nearframe.index import FrameIndex

from ..threshold import require_threshold
from .greedy import Against, Decision, GreedyDedup
from .plan import DedupPlan, DroppedFile, PlannedFile, now


def plan_dedup(
    source: str | os.PathLike[str],
    *,
    threshold: float | None = None,
    against: Against = "kept",
    recursive: bool = False,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: Progress | None = None,
) -> DedupPlan:
    """Plan which images to drop, in natural order of their names. Changes nothing.

    Args:
        source: A folder, or an index, whose images are then not embedded again.
        threshold: Cosine in [-1, 1] from which an image repeats an earlier one. By default the
            one calibrated for the index, or else for the weights.
        against: ``kept`` compares with the nearest earlier kept image, ``all`` with every
            earlier one.
        recursive: Whether a folder is searched with its sub-folders.
        embedder: An embedder or a function that makes one; by default one with the built-in
            weights. An index needs none.
        progress: Told what the plan is at.

    Raises:
        SourceError: If there are no images in `source`, or none can be decoded.
        NearframeError: If the threshold is out of range, or the weights have no default one.
    """
    with ExitStack() as stack:
        index = None
        if FrameIndex.exists(source):
            index = stack.enter_context(FrameIndex.open(source))
            images = _images_of_index(index, embedder)
        else:
            images = _images_of_folder(source, recursive=recursive, embedder=embedder)
        used = require_threshold(threshold, index, images.fingerprint)
        greedy = GreedyDedup(used.value, against=against)
        progress = progress or Silent()
        progress.start(shown(source), images.count)
        kept: list[PlannedFile] = []
        dropped: list[DroppedFile] = []
        unreadable: list[Unreadable] = []
        # The file of each decision, since a repeat names the position of what it repeats.
        files: list[PlannedFile] = []
        for batch in images.batches:
            unreadable += batch.unreadable
            # Before they are compared: what is gone again must not represent anything.
            there: dict[int, PlannedFile] = {}
            for row, frame in enumerate(batch.frames):
                file = _look_at(images, frame)
                if isinstance(file, Unreadable):
                    unreadable.append(file)
                else:
                    there[row] = file
            decisions = greedy.add(batch.vectors[list(there)])
            for file, decision in zip(there.values(), decisions, strict=True):
                files.append(file)
                if decision.keep:
                    kept.append(file)
                else:
                    dropped.append(_dropped(file, files, decision))
            progress.advance(len(batch.frames) + len(batch.unreadable))
    if not files:
        raise SourceError(source, f"none of its {len(unreadable)} images can be read")
    return DedupPlan(
        folder=images.folder,
        kept=tuple(kept),
        dropped=tuple(dropped),
        # Absolute, because a plan may be read from another folder.
        unreadable=tuple(
            replace(entry, source=os.path.abspath(entry.source))  # noqa: PTH100
            for entry in unreadable
        ),
        threshold=used.value,
        against=against,
        fingerprint=images.fingerprint,
        created=now(),
        threshold_origin=used.origin,
    )


@dataclass(frozen=True, slots=True)
class _Images:
    """Images in order with their vectors, wherever these come from.

    Attributes:
        folder: Absolute path that all of them lie below.
        count: How many there are.
        fingerprint: What the vectors are made with.
        batches: The images with their vectors.
        changed: Says what to tell the user where a file is not the one that was embedded.
    """

    folder: str
    count: int
    fingerprint: Fingerprint
    batches: Iterator[EmbeddedBatch]
    changed: Callable[[FrameRef, PlannedFile], str | None]


def _images_of_folder(
    source: str | os.PathLike[str], *, recursive: bool, embedder: Embedder | MakeEmbedder | None
) -> _Images:
    sequence = open_source(source, recursive=recursive)
    if not isinstance(sequence, ImageSequence) or sequence.kind != "folder":
        raise SourceError(source, "dedup takes a folder of images, an index of one, or a plan")
    embedder = resolve_embedder(embedder, None, holder="")
    listed = {file.path: (file.size, file.mtime_ns) for file in sequence.files}

    def changed(frame: FrameRef, _: PlannedFile) -> str | None:
        file = File.look_at(frame.source)
        if (file.size, file.mtime_ns) == listed[frame.source]:
            return None
        return "changed while it was looked at; run dedup again"

    return _Images(
        folder=os.path.abspath(source),  # noqa: PTH100  # links stay as the user knows them
        count=len(sequence.files),
        fingerprint=embedder.fingerprint,
        batches=embedder.embed_source(sequence),
        changed=changed,
    )


def _images_of_index(index: FrameIndex, embedder: Embedder | MakeEmbedder | None) -> _Images:
    if isinstance(embedder, Embedder):
        resolve_embedder(embedder, index.fingerprint, holder=f"the index {shown(index.path)}")
    sources = [source for source in index.sources() if source.kind != "video" and source.frames]
    if not sources:
        raise SourceError(index.path, "holds no images; dedup needs frames that are files")
    folders = {
        source.path if source.kind == "folder" else os.path.dirname(source.path)  # noqa: PTH120
        for source in sources
    }

    def changed(frame: FrameRef, file: PlannedFile) -> str | None:
        state = index.catalog.file(frame.source)
        if state is not None and state.sha256 == file.sha256:
            return None
        return "changed since it was indexed; run buildIndex --rehash"

    return _Images(
        folder=os.path.commonpath(folders),
        count=sum(source.frames for source in sources),
        fingerprint=index.fingerprint,
        batches=_unchanged_images(index),
        changed=changed,
    )


def _look_at(images: _Images, frame: FrameRef) -> PlannedFile | Unreadable:
    """Describe the file of a frame, unless it is not any more what was embedded."""
    try:
        file = PlannedFile.look_at(images.folder, frame.source)
    except OSError as error:
        reason: str | None = f"cannot be read any more ({error.strerror or error})"
    else:
        reason = images.changed(frame, file)
    return file if reason is None else Unreadable(frame.source, frame.number, reason)


def _unchanged_images(index: FrameIndex) -> Iterator[EmbeddedBatch]:
    """Yield the images of an index whose file is as it was when it was embedded."""
    for block in index.blocks():
        rows = []
        changed = []
        for row, frame in enumerate(block.frames):
            if not _is_image(frame.ref):
                continue
            state, file = index.catalog.file(frame.ref.source), File.look_at(frame.ref.source)
            if state is not None and (state.size, state.mtime_ns) == (file.size, file.mtime_ns):
                rows.append(row)
            else:
                reason = "changed since it was indexed; run buildIndex again"
                changed.append(Unreadable(frame.ref.source, frame.ref.number, reason))
        yield EmbeddedBatch(
            frames=tuple(block.frames[row].ref for row in rows),
            vectors=block.vectors[rows],
            unreadable=tuple(changed),
        )


def _is_image(frame: FrameRef) -> bool:
    # Not by the time: frames of some videos have none, and no video may ever be dropped.
    return Path(frame.source).suffix.lower() in IMAGE_SUFFIXES


def _dropped(file: PlannedFile, files: list[PlannedFile], decision: Decision) -> DroppedFile:
    assert decision.nearest is not None
    assert decision.similarity is not None
    return DroppedFile(
        file.file,
        file.size,
        file.sha256,
        repeats=files[decision.nearest].file,
        # float32 sums of equal pictures differ from the seventh digit on.
        similarity=round(decision.similarity, 6),
    )
