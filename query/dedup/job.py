"""What a deduplication needs to know before it looks at the first image."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from nearframe.common import Against, Keep, Method, NearframeError, shown
from nearframe.embeddings import Embedder, Fingerprint, Frame, MakeEmbedder, resolve_embedder
from nearframe.index import FrameIndex

from ..cameras import Naming
from ..search.threshold import Threshold, require_threshold, usual_threshold
from .evidence import Evidence
from .images import Images, Order, OrderedImage, images_of_folder, images_of_index
from .pictures import Detections, Seen, look_at
from .rules import ANY_DISTANCE, MIN_SIDE, ChangeSettings, DedupRules, Window
from .stream import Batch, embedded, indexed, looked_at
from .tiny import without_tiny


@dataclass(frozen=True, slots=True)
class DedupOptions:
    """What a user may say about a deduplication.

    Attributes:
        method: How images are compared; by default ``hybrid`` where the names tell cameras, and
            else ``embedding``.
        threshold: Cosine in [-1, 1] from which images are alike. By default, for ``embedding`` that
            of the weights for so many images, or the one calibrated for the index where that is
            higher; any for ``hybrid``.
        change: How changes are found, for ``change`` and ``hybrid``.
        against: What an image is compared with.
        window: How far back.
        across_cameras: Whether images of different cameras are compared.
        keep: Which image of a run of repeats represents it; by default the largest, and with
            ``hybrid`` or against ``all`` the first.
        protect: Folders whose images only serve as references, and are never touched.
        recursive: Whether a folder is searched with its sub-folders.
        min_side: Images of which a side is shorter, in pixels, are not compared, and stay.
        naming: How to read camera and time from the names of files.
    """

    method: Method | None = None
    threshold: float | None = None
    change: ChangeSettings | None = None
    against: Against = "kept"
    window: Window = ANY_DISTANCE
    across_cameras: bool = False
    keep: Keep | None = None
    protect: tuple[str | os.PathLike[str], ...] = ()
    recursive: bool = False
    min_side: int = MIN_SIDE
    naming: Naming | None = None

    def keep_with(self, method: Method) -> Keep:
        """Return which image of a run of repeats represents it.

        By default the best picture of a collection; of footage, and where only the first of a run
        is sure to be like the others, the first.

        Args:
            method: How images are compared.
        """
        usual: Keep = "first" if method == "hybrid" or self.against == "all" else "largest"
        return self.keep or usual


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a deduplication needs to know before it looks at the first image.

    Attributes:
        images: What is looked at.
        rules: How it is decided.
        detections: How changes are found; None where they are not looked for.
        fingerprint: What the vectors are made with; None where there are none.
        batches: Yields the images with what is compared of them.
        indexed: The index that vectors come from, if any.
        protected_folders: Absolute paths of the folders in which nothing is ever touched.
        evidence: Tells which images may be dropped for which.
    """

    images: Images
    rules: DedupRules
    detections: Detections | None
    fingerprint: Fingerprint | None
    batches: Callable[[], Iterator[Batch]]
    indexed: FrameIndex | None
    protected_folders: tuple[str, ...]
    evidence: Evidence


def prepare(
    source: str | os.PathLike[str],
    options: DedupOptions,
    embedder: Embedder | MakeEmbedder | None,
    stack: ExitStack,
    *,
    unknown_threshold: bool = False,
) -> Job:
    """Check everything and list the images.

    Args:
        source: As of `plan_dedup`, and so are `options` and `embedder`.
        options: Likewise.
        embedder: Likewise.
        stack: Closes the index at the end.
        unknown_threshold: Whether a threshold is yet to be found, so that 1 will do.

    Raises:
        SourceError: As of `plan_dedup`.
        NearframeError: As of `plan_dedup`.
    """
    index = None
    if FrameIndex.exists(source):
        index = stack.enter_context(FrameIndex.open(source))
    images = without_tiny(_listed(source, index, options), options.min_side)
    method = options.method or ("hybrid" if images.recognised else "embedding")
    made = fingerprint = None
    if method != "change":
        made, fingerprint = _embedder(index, embedder)
    rules = make_rules(
        options,
        method,
        fingerprint,
        index,
        count=len(images.ordered),
        unknown_threshold=unknown_threshold,
    )
    detections = None if rules.change is None else Detections(rules.change, images.cameras)
    sharpness_counts = rules.keep == "sharpest"
    look = partial(_look, detections, sharpness_counts=sharpness_counts)
    needs_pixels = detections is not None or sharpness_counts
    batches: Callable[[], Iterator[Batch]]
    if method == "change":
        batches = partial(looked_at, images, look)
    elif index is not None:
        batches = partial(
            indexed,
            index,
            images,
            look if needs_pixels else None,
            with_thumbnails=method == "embedding",
        )
    else:
        assert made is not None
        batches = partial(embedded, images, made, look if needs_pixels else None)
    evidence = Evidence(by_vectors_only=method == "embedding")
    folders = tuple(os.path.abspath(folder) for folder in options.protect)  # noqa: PTH100  # links stay
    return Job(images, rules, detections, fingerprint, batches, index, folders, evidence)


def make_rules(
    options: DedupOptions,
    method: Method,
    fingerprint: Fingerprint | None,
    index: FrameIndex | None,
    *,
    count: int,
    unknown_threshold: bool = False,
) -> DedupRules:
    """Return the rules that options ask for.

    Args:
        options: What the user says.
        method: How frames are compared.
        fingerprint: What the vectors are made with; None where none are compared.
        index: Where they come from, if any.
        count: How many frames there are.
        unknown_threshold: As of `prepare`.

    Raises:
        NearframeError: If an option does not fit the method, or a threshold is needed and nothing
            has one.
    """
    used = None
    if fingerprint is None and options.threshold is not None:
        raise NearframeError(
            f"threshold {options.threshold:g} is a cosine, and method change compares no vectors; "
            "give the changed area from which a frame is new"
        )
    # With hybrid the pictures decide in the end, so nobody needs to know a cosine.
    if fingerprint and (method == "embedding" or options.threshold is not None):
        given = options.threshold
        if given is None and unknown_threshold and not usual_threshold(index, fingerprint):
            given = 1.0
        used = require_threshold(given, index, fingerprint, count)
    return DedupRules(
        method=method,
        threshold=None if used is None else used.value,
        threshold_origin=None if used is None else used.origin,
        threshold_count=count if used is not None and used.origin == "weights" else None,
        change=None if method == "embedding" else options.change or ChangeSettings(),
        motion_threshold=_motion_threshold(method, used, index, fingerprint),
        against=options.against,
        window=options.window,
        across_cameras=options.across_cameras,
        keep=options.keep_with(method),
        min_side=options.min_side,
    )


def _motion_threshold(
    method: Method,
    used: Threshold | None,
    index: FrameIndex | None,
    fingerprint: Fingerprint | None,
) -> float | None:
    """Return the cosine below which what moved is a change: that of the weights.

    Where they have none, that which the user gives; and else only equal vectors will do.
    """
    if method != "hybrid" or fingerprint is None:
        return None
    threshold = usual_threshold(index, fingerprint) or used
    return 1.0 if threshold is None else threshold.value


def _listed(
    source: str | os.PathLike[str], index: FrameIndex | None, options: DedupOptions
) -> Images:
    order = Order(
        naming=options.naming or Naming(),
        protect=options.protect,
        timed=options.window.seconds is not None,
        across_cameras=options.across_cameras,
    )
    if index is not None:
        return images_of_index(index, order)
    return images_of_folder(source, order, recursive=options.recursive)


def _embedder(
    index: FrameIndex | None, given: Embedder | MakeEmbedder | None
) -> tuple[Embedder | None, Fingerprint]:
    """Return what makes the vectors, and their fingerprint; an index has them already."""
    if index is None:
        made = resolve_embedder(given, None, holder="")
        return made, made.fingerprint
    if isinstance(given, Embedder):
        resolve_embedder(given, index.fingerprint, holder=f"the index {shown(index.path)}")
    return None, index.fingerprint


def _look(
    detections: Detections | None, frame: Frame, image: OrderedImage, *, sharpness_counts: bool
) -> Seen:
    detection = None if detections is None else detections.of(image.camera)
    return look_at(frame.image, detection, sharpness_counts=sharpness_counts)
