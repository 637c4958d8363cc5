"""What a user may say about a deduplication, and the rules that follow from it."""

import os
from dataclasses import dataclass

from nearframe.common import Against, Keep, Method, NearframeError
from nearframe.embeddings import Fingerprint
from nearframe.index import FrameIndex

from ..cameras import Naming
from ..search.threshold import Threshold, require_threshold, usual_threshold
from .rules import ANY_DISTANCE, MIN_SIDE, ChangeSettings, DedupRules, Window


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

    def matches(self, rules: DedupRules) -> bool:
        """Whether rules may have been made from these options."""
        change = self.change or ChangeSettings()
        return (
            self.method in (None, rules.method)
            and self.threshold in (None, rules.threshold)
            and change == (rules.change or change)
            and (self.against, self.window) == (rules.against, rules.window)
            and self.across_cameras == rules.across_cameras
            and self.keep_with(rules.method) == rules.keep
            and self.min_side == rules.min_side
        )


def resolve_rules(
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
        unknown_threshold: Whether a threshold is yet to be found, so that 1 will do.

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
