"""Sources -> an index on disk, embedding only what is new or changed."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from nearframe.common import (
    AnnChoice,
    Progress,
    ProgressOption,
    SourceError,
    absolute,
    as_progress,
    interrupts_held,
    shown,
)
from nearframe.embeddings import (
    EmbeddedBatch,
    Embedder,
    Fingerprint,
    MakeEmbedder,
    Unreadable,
    resolve_embedder,
)
from nearframe.embeddings.sources import (
    DECODING_RULES,
    LIMITS,
    Animation,
    File,
    ImageSequence,
    Sampling,
    VideoSource,
    kind_of,
    open_sources,
    reads_otherwise,
)

from .build_report import BuildReport, SourceReport
from .errors import FrameIndexError
from .export import export_index, is_single_file, require_free_names
from .file_state import hashed, is_gone, is_resumed, with_problem
from .frame_index import FrameIndex
from .resampling import Resampled, resampled
from .tables import FileState
from .unfinished import BuildMark

COMMIT_EVERY = 512
"""Frames between commits: what an interruption costs at most."""

# A video that is read again by newer rules is exchanged in one commit, if it has no more frames;
# until then, its old ones are found. Their vectors wait in memory, 130 MB.
_EXCHANGED_AT_ONCE = 16_384


def build_index(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    recursive: bool = False,
    sampling: Sampling | None = None,
    rehash: bool = False,
    retry: bool = False,
    prune: bool = False,
    ann: AnnChoice | None = None,
    progress: ProgressOption = None,
    on_resampling: Callable[[Resampled], None] | None = None,
) -> BuildReport:
    """Index images, folders and videos; go on where an earlier run stopped.

    Files whose size and modification time are as they were are not read again. What is done is
    committed every few hundred frames, and also when the user interrupts.

    Args:
        inputs: Images, folders (their images as one sequence, and each of their videos), videos;
            one path or several.
        output: An index directory, new or existing; or a ``.json`` or ``.faiss`` file, which is
            written anew.
        embedder: An embedder or a function that makes one; by default the one that an existing
            `output` was made with, else one with the built-in weights.
        recursive: Whether folders are searched with their sub-folders.
        sampling: Which frames of videos; all by default.
        rehash: Compare content, also where size and time are unchanged; make missing thumbnails.
        retry: Try files again that took too much memory or time, or whose decoder crashed; they are
            remembered until they or the limits change.
        prune: Drop frames whose file does not exist any more.
        ann: How the index is searched: ``flat`` exactly, ``ivf`` approximately, ``auto`` by its
            size; None for what was said when it was built before, at first ``auto``.
        progress: Told what the build is at.
        on_resampling: Told, before anything is read, which videos are read again because
            `sampling` asks for other frames than the index has.

    Raises:
        SourceError: If an input does not exist, or is no image, folder or video.
        FingerprintMismatchError: If `embedder` differs from the one of an existing index.
        FrameIndexError: If `output` is something else, damaged or locked; or if a file of it is to
            be searched approximately.
        OutputError: If the disk is full; what was committed is kept. Or if a single file would
            replace one that nearframe did not write.
    """
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    opened = [
        source for path in paths for source in _opened(path, recursive=recursive, sampling=sampling)
    ]
    output = Path(output)
    single = is_single_file(output) and not output.is_dir()
    directory = output.with_name(f".{output.name}.partial") if single else output
    if single and ann == "ivf":
        raise FrameIndexError(
            f"{shown(output)} is one file, which is always searched exactly; expected the name of "
            "an index directory for an approximate search"
        )
    if single:
        require_free_names(output)
        embedder = resolve_embedder(embedder, None, holder="")
        _discard_other(directory, embedder.fingerprint)
    created = not FrameIndex.exists(directory)
    if created:
        # Before the network is loaded, which takes seconds.
        FrameIndex.require_free(directory)
        embedder = resolve_embedder(embedder, None, holder="")
        index = FrameIndex.create(directory, embedder.fingerprint)
    else:
        index = FrameIndex.open(directory, write=True)
    progress = as_progress(progress)
    with index:
        mark = BuildMark(index, (source.path for source in opened))
        if created:
            mark.begin()
        index._search.progress = progress
        if ann is not None:
            index._search.ann = ann
        again = resampled(index.catalog, opened)
        if again is not None and on_resampling is not None:
            on_resampling(again)
        build = _Build(index, embedder, mark, rehash=rehash, retry=retry, progress=progress)
        try:
            for source in opened:
                build.add(source)
            if single:
                build.forget_others()
            build.check_gone(prune=prune)
        except KeyboardInterrupt:
            index.commit()
            mark.begin()
            raise
        index.commit()
        mark.end()
        build.report.total = len(index)
        if single:
            if build.report.total:
                export_index(index, output)
            index.close(refresh=False)
    if single or (created and not build.report.total):
        FrameIndex.remove(directory)
    return build.report


def _opened(
    path: str | os.PathLike[str], *, recursive: bool, sampling: Sampling | None
) -> list[ImageSequence | VideoSource | Animation | SourceError]:
    """Open what is at a path; a video that is broken is an error that stops nothing."""
    try:
        return open_sources(path, recursive=recursive, sampling=sampling)
    except SourceError as error:
        if Path(path).is_file() and kind_of(path) == "video":
            return [error]
        raise


def _discard_other(directory: Path, fingerprint: Fingerprint) -> None:
    """Remove what an interrupted run left whose vectors this run cannot use."""
    if not FrameIndex.exists(directory):
        return
    index = FrameIndex.open(directory, write=True)
    same = index.fingerprint == fingerprint
    index.close(refresh=False)
    if not same:
        FrameIndex.remove(directory)


class _Build:
    """One run over the sources, with its report."""

    def __init__(
        self,
        index: FrameIndex,
        embedder: Embedder | MakeEmbedder | None,
        mark: BuildMark,
        *,
        rehash: bool,
        retry: bool,
        progress: Progress,
    ) -> None:
        self._index = index
        self._mark = mark
        self._catalog = index.catalog
        self._rehash = rehash
        self._retry = retry
        self._past_limits = self._catalog.added.past_limits()
        self._progress = progress
        self._given_embedder = embedder
        # One that exists already is checked at once, also when nothing is left to embed.
        self._embedder = self._resolved() if isinstance(embedder, Embedder) else None
        self._met: set[str] = set()
        self.report = BuildReport()

    def add(self, source: ImageSequence | VideoSource | Animation | SourceError) -> None:
        """Embed what of a source is new or changed; of a file in two sources, the first has it."""
        if isinstance(source, SourceError):
            self._add_broken(source)
            return
        report = SourceReport(source.path, source.kind)
        self.report.sources.append(report)
        source_id = self._catalog.add_source(absolute(source.path), source.kind)
        if isinstance(source, ImageSequence):
            self._add_images(source, source_id, report)
        elif self._is_new(source.path):
            try:
                self._add_video(source, source_id, report)
            except SourceError as error:  # it was whole when it was opened
                self._add_broken(error)

    def check_gone(self, *, prune: bool) -> None:
        """Count the frames whose file does not exist any more, or drop them."""
        gone = [path for path in self._catalog.file_paths() if is_gone(path)]
        self.report.gone = sum(map(self._catalog.frame_count, gone))
        self.report.pruned = prune
        if prune:
            self._remove_files(gone)

    def forget_others(self) -> None:
        """Drop files that are not among the sources: an interrupted run may have had others."""
        self._remove_files(path for path in self._catalog.file_paths() if path not in self._met)

    def _add_images(self, images: ImageSequence, source_id: int, report: SourceReport) -> None:
        self.report.unreadable += images.problems
        files = [file for file in images.files if self._is_new(file.path)]
        wanted = {file.path: state for file in files if (state := self._to_read(file))}
        left = [file.path for file in files if file.path not in wanted]
        report.unchanged = len(left) - sum(map(self._report_past_limits, left))
        if images.kind == "folder":
            # A new file in the middle moves those behind it up: first, so that at no commit two
            # files have one number.
            self._catalog.renumber(
                source_id, ((absolute(file.path), file.number) for file in files)
            )
        self._progress.start(shown(images.path), len(wanted))
        for batch in self._embed(replace(images.select(wanted), problems=())):
            states = [hashed(wanted[frame.source]) for frame in batch.frames]
            with interrupts_held():
                for state in states:
                    self._catalog.remove_frames(state.path)
                    self._catalog.put_file(source_id, state)
                for unreadable in batch.unreadable:
                    self._forget_changed(unreadable.source)
                    if unreadable.past_limits:
                        state = hashed(wanted[unreadable.source])
                        self._catalog.put_file(source_id, with_problem(state, unreadable))
                report.embedded += len(batch.frames)
                self._take(batch)

    def _add_video(
        self, video: VideoSource | Animation, source_id: int, report: SourceReport
    ) -> None:
        path = absolute(video.path)
        known = self._catalog.file(path)
        state = self._to_read(video.file, sampling=video.read_as)
        if state is None:
            if not self._report_past_limits(video.path) and known is not None and known.problem:
                self.report.unreadable.append(Unreadable(video.path, None, known.problem))
            report.unchanged = self._catalog.frame_count(path)
            return
        if video.frame_count != 0:
            self._prepare()
        with interrupts_held():
            if self._rehash or not is_resumed(known, state):
                self._catalog.remove_frames(path)
            self._catalog.put_file(source_id, replace(state, complete=False))
        report.unchanged = self._catalog.frame_count(path)
        read = state
        outdated = known is not None and known.complete and known.rules < DECODING_RULES
        self._progress.start(shown(video.path), video.frame_count)
        self._progress.advance(report.unchanged)
        for batch in self._embed(video.resume(after=self._catalog.last_number(path))):
            report.embedded += len(batch.frames)
            for unreadable in batch.unreadable:
                read = with_problem(read, unreadable)
            self._take(batch, exchanges=outdated)
        self._catalog.put_file(source_id, hashed(read))

    def _report_past_limits(self, path: str) -> bool:
        """Report a file that is not tried again; tell whether it is one."""
        problem = self._past_limits.get(absolute(path))
        if problem is None:
            return False
        self.report.unreadable.append(Unreadable(path, None, problem, past_limits=True))
        self.report.not_retried += 1
        return True

    def _add_broken(self, error: SourceError) -> None:
        self._met.add(absolute(error.path))
        self.report.unreadable.append(Unreadable(error.path, None, error.reason))
        self._forget_changed(error.path)

    def _forget_changed(self, unreadable: str) -> None:
        """Drop the frames of a file that held something else before it became unreadable."""
        path = absolute(unreadable)
        known, file = self._catalog.file(path), File.look_at(path)
        if known is None or file.size < 0:
            return
        if self._rehash or (known.size, known.mtime_ns) != (file.size, file.mtime_ns):
            self._remove_files([path])

    def _remove_files(self, paths: Iterable[str]) -> None:
        for path in paths:
            with interrupts_held():
                self._catalog.remove_file(path)

    def _is_new(self, path: str) -> bool:
        """Whether a file is met for the first time in this run."""
        path = absolute(path)
        is_new = path not in self._met
        self._met.add(path)
        return is_new

    def _to_read(self, file: File, *, sampling: str = "all") -> FileState | None:
        """Return the state that a file has when it has been read; None if it need not be."""
        state = FileState(absolute(file.path), file.size, file.mtime_ns, "", sampling)
        known = self._catalog.file(state.path)
        if known is None or not known.complete or known.sampling != sampling:
            return state
        if known.limits is not None and (self._retry or known.limits != LIMITS):
            return state
        same_stat = (known.size, known.mtime_ns) == (file.size, file.mtime_ns)
        if not same_stat or self._rehash:
            state = hashed(state)
            if state.sha256 != known.sha256:
                return state
            if self._rehash and self._catalog.thumbnails.lacks_any_of(os.fsencode(state.path)):
                return state
        outdated = known.rules < DECODING_RULES
        if outdated and (known.problem or reads_otherwise(file.path, known.rules)):
            return state
        if not same_stat:
            self._catalog.touch_file(state.path, state.size, state.mtime_ns)
        if outdated:
            self._catalog.added.renew_rules(state.path)
        return None

    def _embed(self, source: ImageSequence | VideoSource | Animation) -> Iterator[EmbeddedBatch]:
        """Embed a source; the network is loaded when there is something to embed."""
        if source.frame_count == 0:
            return
        yield from self._prepare().embed_source(source)

    def _prepare(self) -> Embedder:
        """Load the network, if that can be done, and then call the index incomplete."""
        self._embedder = self._embedder or self._resolved()
        self._mark.begin()
        return self._embedder

    def _resolved(self) -> Embedder:
        return resolve_embedder(
            self._given_embedder,
            self._index.fingerprint,
            holder=f"the index {shown(self._index.path)}",
        )

    def _take(self, batch: EmbeddedBatch, *, exchanges: bool = False) -> None:
        """Add a batch to the index, and commit now and then."""
        self._index.append(batch.frames, batch.vectors, batch.thumbnails)
        self.report.unreadable += batch.unreadable
        self._progress.advance(len(batch.frames) + len(batch.unreadable))
        if self._index.pending >= (_EXCHANGED_AT_ONCE if exchanges else COMMIT_EVERY):
            self._index.commit()
