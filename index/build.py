"""Sources -> an index on disk, embedding only what is new or changed."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from nearframe.embeddings import (
    EmbeddedBatch,
    Embedder,
    MakeEmbedder,
    Progress,
    Silent,
    SourceError,
    Unreadable,
    file_sha256,
    resolve_embedder,
    shown,
)
from nearframe.embeddings.sources import (
    File,
    ImageSequence,
    Sampling,
    VideoSource,
    open_sources,
)

from .catalog import FileState
from .export import export_index, is_single_file
from .frame_index import FrameIndex, absolute

COMMIT_EVERY = 512
"""Frames between commits: what an interruption costs at most."""


@dataclass
class SourceReport:
    """What a build did with one source.

    Attributes:
        path: As the user gave it.
        kind: ``image``, ``folder`` or ``video``.
        embedded: Frames that were read and embedded now.
        unchanged: Frames that were in the index already.
    """

    path: str
    kind: str
    embedded: int = 0
    unchanged: int = 0


@dataclass
class BuildReport:
    """What a build did.

    Attributes:
        sources: Per source, in the order given.
        unreadable: What did not decode, earlier runs included where it is unchanged.
        gone: Frames in the index whose file does not exist any more.
        pruned: Whether those were dropped.
        total: Frames in the index now.
    """

    sources: list[SourceReport] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    gone: int = 0
    pruned: bool = False
    total: int = 0

    @property
    def embedded(self) -> int:
        """Frames that were read and embedded now."""
        return sum(source.embedded for source in self.sources)

    @property
    def unchanged(self) -> int:
        """Frames that were in the index already."""
        return sum(source.unchanged for source in self.sources)


def build_index(
    inputs: Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    recursive: bool = False,
    sampling: Sampling | None = None,
    rehash: bool = False,
    prune: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Index images, folders and videos; go on where an earlier run stopped.

    Files whose size and modification time are as they were are not read again. What is done is
    committed every few hundred frames, and also when the user interrupts.

    Args:
        inputs: Images, folders (their images as one sequence, and each of their videos), videos.
        output: An index directory, new or existing; or a ``.json`` or ``.faiss`` file, which is
            written anew.
        embedder: An embedder or a function that makes one; by default the one that an existing
            `output` was made with, else one with the built-in weights.
        recursive: Whether folders are searched with their sub-folders.
        sampling: Which frames of videos; all by default.
        rehash: Compare content, also where size and time are unchanged.
        prune: Drop frames whose file does not exist any more.
        progress: Told what the build is at.

    Raises:
        SourceError: If an input does not exist, or none of them can be read.
        FingerprintMismatchError: If `embedder` differs from the one of an existing index.
        FrameIndexError: If `output` is something else, damaged or locked.
        OutputError: If the disk is full; what was committed is kept.
    """
    opened = [
        source
        for path in inputs
        for source in open_sources(path, recursive=recursive, sampling=sampling)
    ]
    output = Path(output)
    directory = output
    if is_single_file(output):
        directory = output.with_name(f".{output.name}.partial")
    created = not FrameIndex.exists(directory)
    if created:
        embedder = resolve_embedder(embedder, None, holder="")
        index = FrameIndex.create(directory, embedder.fingerprint)
    else:
        index = FrameIndex.open(directory, write=True)
    with index:
        build = _Build(index, embedder, rehash=rehash, progress=progress or Silent())
        try:
            for source in opened:
                build.add(source)
            build.check_gone(prune=prune)
        except KeyboardInterrupt:
            index.commit()
            raise
        index.commit()
        build.report.total = len(index)
    if created and not build.report.total:
        shutil.rmtree(directory)
    elif directory != output:
        with FrameIndex.open(directory) as index:
            export_index(index, output)
        shutil.rmtree(directory)
    return build.report


class _Build:
    """One run over the sources, with its report."""

    def __init__(
        self,
        index: FrameIndex,
        embedder: Embedder | MakeEmbedder | None,
        *,
        rehash: bool,
        progress: Progress,
    ) -> None:
        self._index = index
        self._catalog = index.catalog
        self._rehash = rehash
        self._progress = progress
        self._given_embedder = embedder
        # One that exists already is checked at once, also when nothing is left to embed.
        self._embedder = self._resolved() if isinstance(embedder, Embedder) else None
        self.report = BuildReport()

    def add(self, source: ImageSequence | VideoSource | SourceError) -> None:
        """Embed what of a source is new or changed."""
        if isinstance(source, SourceError):
            self.report.unreadable.append(Unreadable(source.path, None, source.reason))
            return
        report = SourceReport(source.path, source.kind)
        self.report.sources.append(report)
        source_id = self._catalog.add_source(absolute(source.path), source.kind)
        if isinstance(source, VideoSource):
            self._add_video(source, source_id, report)
        else:
            self._add_images(source, source_id, report)

    def check_gone(self, *, prune: bool) -> None:
        """Count the frames whose file does not exist any more, or drop them."""
        gone = [path for path in self._catalog.file_paths() if not Path(path).exists()]
        self.report.gone = sum(map(self._catalog.frame_count, gone))
        self.report.pruned = prune
        if prune:
            for path in gone:
                self._catalog.remove_file(path)

    def _add_images(self, images: ImageSequence, source_id: int, report: SourceReport) -> None:
        wanted = {file.path: state for file in images.files if (state := self._to_read(file))}
        report.unchanged = len(images.files) - len(wanted)
        self._progress.start(shown(images.path), len(wanted))
        for batch in self._embed(images.select(wanted)):
            for frame in batch.frames:
                state = wanted[frame.source]
                self._catalog.remove_frames(state.path)
                self._catalog.put_file(source_id, _hashed(state))
            report.embedded += len(batch.frames)
            self._take(batch)
        # A new file in the middle moves those behind it up.
        self._catalog.renumber((absolute(file.path), file.number) for file in images.files)

    def _add_video(self, video: VideoSource, source_id: int, report: SourceReport) -> None:
        state = self._to_read(video.file, sampling=video.sampling.describe())
        if state is None:
            known = self._catalog.file(absolute(video.path))
            if known is not None and known.problem:
                self.report.unreadable.append(Unreadable(video.path, None, known.problem))
            report.unchanged = self._catalog.frame_count(absolute(video.path))
            return
        known = self._catalog.file(state.path)
        if known is not None and _without_outcome(known) != _without_outcome(state):
            self._catalog.remove_frames(state.path)
        report.unchanged = self._catalog.frame_count(state.path)
        self._catalog.put_file(source_id, replace(state, complete=False))
        problem = None
        self._progress.start(shown(video.path), video.frame_count)
        self._progress.advance(report.unchanged)
        video = video.resume(after=self._catalog.last_number(state.path))
        for batch in self._embed(video):
            report.embedded += len(batch.frames)
            problem = batch.unreadable[-1].reason if batch.unreadable else problem
            self._take(batch)
        self._catalog.put_file(source_id, replace(_hashed(state), problem=problem))

    def _to_read(self, file: File, *, sampling: str = "all") -> FileState | None:
        """Return the state that a file has when it has been read; None if it need not be."""
        state = FileState(absolute(file.path), file.size, file.mtime_ns, "", sampling)
        known = self._catalog.file(state.path)
        if known is None or not known.complete or known.sampling != sampling:
            return state
        same_stat = (known.size, known.mtime_ns) == (file.size, file.mtime_ns)
        if same_stat and not self._rehash:
            return None
        state = _hashed(state)
        if state.sha256 != known.sha256:
            return state
        if not same_stat:
            self._catalog.touch_file(state.path, state.size, state.mtime_ns)
        return None

    def _embed(self, source: ImageSequence | VideoSource) -> Iterator[EmbeddedBatch]:
        """Embed a source; the network is loaded when there is something to embed."""
        if source.frame_count == 0:
            return
        self._embedder = self._embedder or self._resolved()
        yield from self._embedder.embed_source(source)

    def _resolved(self) -> Embedder:
        return resolve_embedder(
            self._given_embedder,
            self._index.fingerprint,
            holder=f"the index {shown(self._index.path)}",
        )

    def _take(self, batch: EmbeddedBatch) -> None:
        """Add a batch to the index, and commit now and then."""
        self._index.append(batch.frames, batch.vectors)
        self.report.unreadable += batch.unreadable
        self._progress.advance(len(batch.frames) + len(batch.unreadable))
        if self._index.pending >= COMMIT_EVERY:
            self._index.commit()


def _hashed(state: FileState) -> FileState:
    """Fill in the hash; empty where the file has vanished since, so that it is read again."""
    try:
        return replace(state, sha256=file_sha256(Path(state.path)))
    except OSError:
        return state


def _without_outcome(state: FileState) -> FileState:
    """Return what decides whether a half-read video is still the same."""
    return replace(state, sha256="", complete=False, problem=None)
