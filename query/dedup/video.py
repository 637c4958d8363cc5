"""Which frames of a video are new? Those are written; the others never are."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nearframe.common import (
    NearframeError,
    ProgressOption,
    SourceError,
    as_progress,
    short_repr,
    temporary_file,
)
from nearframe.embeddings import (
    Embedder,
    Fingerprint,
    MakeEmbedder,
    Unreadable,
    resolve_embedder,
)
from nearframe.embeddings.sources import (
    Animation,
    ImageSequence,
    Sampling,
    VideoSource,
    open_source,
)
from nearframe.index import Recall

from ..change.light import Grey
from .decider import Decider
from .evidence import VideoEvidence
from .frame_folder import FrameFolder, frame_folder
from .frames import FrameBatch
from .greedy import Decision
from .options import DedupOptions, resolve_rules
from .pictures import Detections, PictureSpool
from .pipeline import decide_all
from .rules import DedupRules
from .video_frames import VideoFrame, VideoFrames


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame of a video that is new.

    Attributes:
        number: 0-based, in presentation order of the whole stream.
        time_s: In seconds from the start of the stream; None where it has no times.
        file: Where it was written; None where nothing was.
        nearest: Number of the kept frame before it that came nearest to it; None for the first.
        similarity: Cosine of the two, in [-1, 1]; None where vectors were not compared.
        change: Changed area between the two, in [0, 1]; None where that was not looked at.
    """

    number: int
    time_s: float | None
    file: str | None
    nearest: int | None
    similarity: float | None
    change: float | None


@short_repr
@dataclass(frozen=True, slots=True)
class VideoDedup:
    """Which frames of a video are new.

    Attributes:
        video: The file.
        kept: The new ones, in order.
        total: How many frames were looked at.
        unreadable: What of the video did not decode.
        rules: By which it was decided.
        fingerprint: What the vectors were made with; None where none were needed.
        recall: How often the nearest earlier frame was found where frames were compared
            approximately; None where all comparisons were exact.
        uninformative: How many frames show too little to be told apart by vectors alone, and so
            repeat only what has equal pixels.
    """

    video: str
    kept: tuple[KeptFrame, ...]
    total: int
    unreadable: tuple[Unreadable, ...]
    rules: DedupRules
    fingerprint: Fingerprint | None
    recall: Recall | None = None
    uninformative: int = 0


def dedup_video(
    source: str | os.PathLike[str],
    options: DedupOptions | None = None,
    *,
    to: str | os.PathLike[str] | None = None,
    sampling: Sampling | None = None,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: ProgressOption = None,
) -> VideoDedup:
    """Find the frames of a video that are new, and write them.

    With ``hybrid``, the default, a frame from which nothing changed since the kept frame before it,
    or since that which the frame before repeats, and nothing moved, needs no vector. So still
    stretches cost little more than decoding.

    Args:
        source: The video, or an image file with several frames.
        options: How to compare frames; `protect`, `recursive` and `naming` are for folders, and
            the frame that is kept is always the first.
        to: New or empty folder for the frames: JPEG of quality 95, named
            ``VIDEO_NUMBER_TIME.jpg``. One that an earlier run did not complete is gone on with.
            None writes nothing.
        sampling: Which frames are looked at; all by default.
        embedder: An embedder or a function that makes one; by default one with the built-in
            weights.
        progress: Told how far it is.

    Raises:
        SourceError: If it is no video, or no frame of it can be decoded.
        OutputError: If `to` holds something else, or a frame cannot be written.
        NearframeError: If an option is out of range or does not fit a video.
    """
    options = options or DedupOptions()
    video = open_source(source, sampling=sampling)
    if isinstance(video, ImageSequence):
        raise SourceError(source, "not a video")
    others = (options.protect, options.recursive, options.naming)
    if options.keep not in (None, "first") or any(others):
        raise NearframeError(
            "of a video the first frame of a run of repeats is kept, and it has no other files to "
            "protect, search or name; leave those options out"
        )
    method = options.method or "hybrid"
    made = None if method == "change" else resolve_embedder(embedder, None, holder="")
    fingerprint = None if made is None else made.fingerprint
    options = replace(options, keep="first")
    rules = resolve_rules(options, method, fingerprint, None, count=video.frame_count or 0)
    stem = Path(video.path).stem
    detections = None if rules.change is None else Detections(rules.change, [stem])
    frames = VideoFrames(
        video,
        made,
        None if detections is None else detections.of(stem),
        timed=rules.window.seconds is not None,
    )
    evidence = VideoEvidence()
    with ExitStack() as stack:
        folder = None
        if to is not None:
            made_by = _made_by(video, rules, fingerprint)
            folder = stack.enter_context(frame_folder(Path(to), stem=stem, made_by=made_by))
        spool = PictureSpool(stack.enter_context(temporary_file("note the frames that stay")))
        decider = Decider(rules, detections, evidence, _SpooledPictures(spool))
        sink = _FrameSink(folder)
        decide_all(frames, decider, sink, as_progress(progress))
        if not sink.numbers:
            reason = sink.unreadable[0].reason if sink.unreadable else "it has no frames"
            raise SourceError(source, f"no frame can be decoded ({reason})")
    return VideoDedup(
        video.path,
        tuple(sink.kept),
        len(sink.numbers),
        tuple(sink.unreadable),
        rules,
        fingerprint,
        decider.recall,
        evidence.uninformative,
    )


def _made_by(
    video: VideoSource | Animation, rules: DedupRules, fingerprint: Fingerprint | None
) -> dict[str, Any]:
    """Return what decides which frames are new, as JSON values."""
    return {
        "video": os.path.abspath(video.path),  # noqa: PTH100
        "size": video.file.size,
        "mtime_ns": video.file.mtime_ns,
        "sampling": video.read_as,
        "rules": rules.to_json(),
        "fingerprint": None if fingerprint is None else fingerprint.to_json(),
    }


class _SpooledPictures:
    """Pictures of the frames that stay, in a temporary file: a `PictureStore`."""

    def __init__(self, spool: PictureSpool) -> None:
        self._spool = spool

    def keep(self, frame: VideoFrame, picture: Grey) -> None:
        self._spool.keep(frame.key, picture)

    def read(self, frame: VideoFrame) -> Grey:
        return self._spool.read(frame.key)


class _FrameSink:
    """Writes the frames that are new: a `DecisionSink`.

    Attributes:
        kept: The new frames.
        numbers: Those of all frames, by position.
        unreadable: What did not decode.
    """

    def __init__(self, folder: FrameFolder | None) -> None:
        self.kept: list[KeptFrame] = []
        self.numbers: list[int] = []
        self.unreadable: list[Unreadable] = []
        self._folder = folder

    def add(self, batch: FrameBatch[VideoFrame], decisions: Sequence[Decision]) -> None:
        """Take the next frames, and one decision for each."""
        self.unreadable += batch.unreadable
        self.numbers += [frame.number for frame in batch.frames]
        for frame, decision in zip(batch.images or (), decisions, strict=True):
            if decision.keep:
                self.kept.append(
                    KeptFrame(
                        frame.number,
                        frame.time_s,
                        None if self._folder is None else self._folder.write(frame),
                        None if decision.nearest is None else self.numbers[decision.nearest],
                        decision.similarity,
                        decision.change,
                    )
                )
