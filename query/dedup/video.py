"""Which frames of a video are new? Those are written; the others never are."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from nearframe.common import (
    NearframeError,
    Progress,
    ProgressOption,
    SourceError,
    as_progress,
    run_ahead,
    short_repr,
    shown,
    temporary_file,
)
from nearframe.embeddings import (
    Embedder,
    Fingerprint,
    Frame,
    MakeEmbedder,
    RgbImage,
    Unreadable,
    Vectors,
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

from ..change.detection import ChangeDetection
from ..change.light import Grey
from .decider import ChangedArea, engine_of
from .evidence import FramePixels
from .frame_folder import FrameFolder, frame_folder
from .greedy import Decision
from .job import DedupOptions, make_rules
from .pictures import Detections, Pictures, PictureSpool
from .rules import DedupRules

_AHEAD = 16


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame of a video that is new.

    Attributes:
        number: As of `FrameRef`.
        time_s: As of `FrameRef`.
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
        recall: As of `DedupPlan`.
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
        embedder: As of `plan_dedup`.
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
    rules = make_rules(options, method, fingerprint, None, count=video.frame_count or 0)
    detection = None
    if rules.change is not None:
        name = Path(video.path).stem
        detection = Detections(rules.change, [name]).of(name)
    with ExitStack() as stack:
        writer = None
        if to is not None:
            made_by = _made_by(video, rules, fingerprint)
            folder = frame_folder(Path(to), stem=Path(video.path).stem, made_by=made_by)
            writer = stack.enter_context(folder)
        file = stack.enter_context(temporary_file("note the frames that stay"))
        frames = _VideoFrames(rules, detection, made, file)
        total, kept, unreadable = _walk(video, frames, writer, as_progress(progress))
        if not total:
            reason = unreadable[0].reason if unreadable else "it has no frames"
            raise SourceError(source, f"no frame can be decoded ({reason})")
    return VideoDedup(
        video.path,
        tuple(kept),
        total,
        tuple(unreadable),
        rules,
        fingerprint,
        frames.recall,
        frames.pixels.uninformative,
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


def _walk(
    video: VideoSource | Animation,
    frames: "_VideoFrames",
    writer: FrameFolder | None,
    progress: Progress,
) -> tuple[int, list[KeptFrame], list[Unreadable]]:
    progress.start(shown(video.path), video.frame_count)
    total = 0
    kept: list[KeptFrame] = []
    unreadable: list[Unreadable] = []
    for item in run_ahead(_tasks(video, frames.look_at), ahead=_AHEAD):
        if isinstance(item, Unreadable):
            unreadable.append(item)
            continue
        frame, picture = item
        total += 1
        decision = frames.decide(frame, picture)
        if decision.keep:
            kept.append(
                KeptFrame(
                    frame.number,
                    frame.time_s,
                    None if writer is None else writer.write(frame),
                    None if decision.nearest is None else frames.numbers[decision.nearest],
                    decision.similarity,
                    decision.change,
                )
            )
        progress.advance(1)
    return total, kept, unreadable


def _tasks(
    video: VideoSource | Animation, look_at: Callable[[RgbImage], Grey | None]
) -> Iterator[Callable[[], tuple[Frame, Grey | None] | Unreadable]]:
    for decode in video.decoders():
        yield partial(_decode_and_look, decode, look_at)


def _decode_and_look(
    decode: Callable[[], Frame | Unreadable], look_at: Callable[[RgbImage], Grey | None]
) -> tuple[Frame, Grey | None] | Unreadable:
    frame = decode()
    return frame if isinstance(frame, Unreadable) else (frame, look_at(frame.image))


class _VideoFrames:
    """Decides about the frames of one video, one after the other.

    Attributes:
        numbers: Of the frames about which the engine decided, by position.
        pixels: Of the same frames.
    """

    def __init__(
        self,
        rules: DedupRules,
        detection: ChangeDetection | None,
        embedder: Embedder | None,
        file: IO[bytes],
    ) -> None:
        self.numbers: list[int] = []
        self.pixels = FramePixels()
        self._by_vectors_only = rules.method == "embedding"
        self._embedder = embedder
        self._detection = detection
        self._window_s = rules.window.seconds
        self._spool = PictureSpool(file)
        self._pictures = Pictures(self._spool.read)
        admits = self.pixels.admits if self._by_vectors_only else None
        self._greedy = engine_of(rules, self._areas, admits)
        # Of the latest frame, which may be asked for twice: with motion and without.
        self._compared: dict[tuple[int, int], ChangedArea] = {}
        self._against_all = rules.against == "all"
        # With `all`, every frame must become one that others are compared with.
        self._shortcut = rules.method == "hybrid" and not self._against_all
        # Where only so many kept frames count, only the last of them is sure to.
        self._bounded = rules.window.frames is not None or rules.against == "previous"
        self._times_s: list[float] = []
        self._latest_s: float | None = None
        self._shift_s = 0.0
        self._last: int | None = None

    @property
    def recall(self) -> Recall | None:
        """As of `GreedyDedup`."""
        return self._greedy.recall

    def look_at(self, image: RgbImage) -> Grey | None:
        """Prepare the picture of a frame, in whatever thread."""
        return None if self._detection is None else self._detection.prepare(image)

    def decide(self, frame: Frame, picture: Grey | None) -> Decision:
        """Decide about the next frame."""
        if self._window_s is not None and frame.time_s is None:
            raise SourceError(frame.source, "its frames have no times; give a number of frames")
        time_s = self._running_s(frame.time_s or 0.0)
        position = len(self.numbers)
        self._compared.clear()
        if picture is not None:
            self._pictures.put(position, picture)
        decision = self._repeats_last(position, time_s)
        if decision is not None:
            return decision
        vectors: Vectors | int = 1
        if self._embedder is not None and self._by_vectors_only:
            vectors, thumbnails = self._embedder.describe([frame.image])
            self.pixels.look_at(frame.image, thumbnails[0])
        elif self._embedder is not None:
            vectors = self._embedder.embed([frame.image])
        (decision,) = self._greedy.add(vectors, seconds=[time_s])
        self.numbers.append(frame.number)
        self._times_s.append(time_s)
        if picture is not None and (decision.keep or self._against_all):
            self._spool.append(position, picture)
        if decision.keep:
            self._last = position
        elif not self._bounded:
            self._last = decision.nearest
        return decision

    def _running_s(self, time_s: float) -> float:
        """Return a time that never falls: where recordings were joined, times start again."""
        latest = self._latest_s
        if latest is not None and time_s + self._shift_s < latest:
            self._shift_s = latest - time_s
        self._latest_s = time_s + self._shift_s
        return self._latest_s

    def _repeats_last(self, position: int, time_s: float) -> Decision | None:
        """Compare with what the frame before showed, which takes no vector."""
        last = self._last
        if not self._shortcut or last is None:
            return None
        if self._window_s is not None and self._times_s[last] < time_s - self._window_s:
            return None
        changed, score = self._greedy.compare(last, position, -1.0)
        if changed:
            return None
        self._greedy.repeated(last)
        return Decision(False, last, None, score)

    def _areas(self, earlier: int, later: int) -> ChangedArea:
        assert self._detection is not None
        pair = earlier, later
        if pair not in self._compared:
            pictures = self._pictures.get(earlier), self._pictures.get(later)
            self._compared[pair] = ChangedArea.of(self._detection.compare(*pictures))
        return self._compared[pair]
