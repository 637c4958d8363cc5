"""Which threshold counts, and where it comes from."""

from dataclasses import dataclass
from typing import Literal

from nearframe.common import NearframeError
from nearframe.embeddings import NAMED_WEIGHTS, Fingerprint, dedup_threshold, default_threshold
from nearframe.index import FrameIndex, Searchable, stored_threshold

ThresholdOrigin = Literal["given", "target", "index", "weights"]
"""``given`` by the caller, found for a ``target`` number of frames, calibrated for the ``index``,
or the default of the ``weights``."""


ROUNDING = 1e-6
"""A cosine this far below the threshold still reaches it: equal vectors rarely give exactly 1."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A cosine in [-1, 1] from which two frames count as the same picture, and its origin."""

    value: float
    origin: ThresholdOrigin

    def reached_by(self, similarity: float) -> bool:
        """Whether two frames of this similarity count as the same picture."""
        return similarity >= lowest_cosine(self.value)

    def verdict(self, similarity: float) -> str:
        """Say whether two pictures of this similarity count as the same."""
        return "same picture" if self.reached_by(similarity) else "not the same picture"


def usual_threshold(index: Searchable | None, fingerprint: Fingerprint) -> Threshold | None:
    """Return the threshold that counts where nobody gives one; None where nothing has one.

    Args:
        index: The index whose frames are compared, if any.
        fingerprint: What the vectors are made with.
    """
    if isinstance(index, FrameIndex):
        stored = stored_threshold(index)
        if stored is not None:
            return Threshold(stored.value, "index")
    default = default_threshold(fingerprint.weights, fingerprint.sha256)
    return None if default is None else Threshold(default, "weights")


def collection_threshold(
    index: FrameIndex | None, fingerprint: Fingerprint, count: int
) -> Threshold | None:
    """Return the threshold by which the pictures of a collection repeat each other by default.

    That of the weights for so many pictures is chosen so that hardly a different one is dropped. A
    threshold calibrated for the index, which is a rate per pair, counts where it is higher, or
    where the weights have none.

    Args:
        index: Whose calibrated threshold counts, if it has one.
        fingerprint: What the vectors are made with.
        count: How many pictures there are.
    """
    usual = usual_threshold(index, fingerprint)
    weights = dedup_threshold(fingerprint.weights, fingerprint.sha256)
    safe = None if weights is None else Threshold(weights.of(count), "weights")
    if usual is None or safe is None:
        return usual or safe
    return max(safe, usual, key=lambda threshold: threshold.value)


def require_threshold(
    given: float | None, index: FrameIndex | None, fingerprint: Fingerprint, count: int
) -> Threshold:
    """Return the threshold that the caller gives, or that of a collection of `count` pictures.

    Raises:
        NearframeError: If there is none.
    """
    usual = (
        collection_threshold(index, fingerprint, count)
        if given is None
        else Threshold(given, "given")
    )
    if usual is None:
        known = NAMED_WEIGHTS.get(fingerprint.weights)
        if known is not None and known.threshold is not None:
            raise NearframeError(
                f"the vectors were made with another version of the weights {known.name} (sha256 "
                f"{fingerprint.sha256[:12]}) than the one whose threshold is known; build the "
                "index again from its sources under another name, or give a threshold"
            )
        raise NearframeError(
            f"weights {fingerprint.weights} have no calibrated threshold; give one with "
            "`threshold`, and look at the plan before you apply it, or find one with "
            "nearframe calibrate"
        )
    return usual


def lowest_cosine(threshold: float) -> float:
    """Return the lowest cosine that reaches a threshold.

    Raises:
        NearframeError: If the threshold is no cosine.
    """
    if not -1 <= threshold <= 1:
        raise NearframeError(
            f"`threshold` is a cosine and must be between -1 and 1, not {threshold}"
        )
    return threshold - ROUNDING
