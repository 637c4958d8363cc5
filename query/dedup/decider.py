"""The rules of a deduplication, applied to images batch by batch."""

from collections.abc import Callable, Sequence

from nearframe.embeddings import NearframeError, Unreadable, Vectors
from nearframe.index import Recall

from ..change.light import Grey
from ..plans.rules import DedupRules
from .evidence import Evidence
from .greedy import Admits, Compare, Decision, GreedyDedup
from .images import OrderedImage
from .pictures import Detections, Pictures, Seen

Measured = dict[tuple[int, int], tuple[bool, float]]
"""By the positions of an earlier and a later image: whether a region large enough to count changed,
and the changed area. No threshold takes part, so it holds for any."""


def engine_of(rules: DedupRules, compare: Compare, admits: Admits | None = None) -> GreedyDedup:
    """Return what decides by these rules.

    Args:
        rules: How to decide.
        compare: Compares the pictures of two frames; not called where changes do not count.
        admits: As of `GreedyDedup`.
    """
    return GreedyDedup(
        rules.cosine,
        compare=None if rules.change is None else compare,
        admits=admits,
        against=rules.against,
        window=rules.window,
    )


def decide_in_order(
    greedy: GreedyDedup,
    rules: DedupRules,
    images: Sequence[OrderedImage],
    vectors: Vectors | None,
) -> list[Decision]:
    """Give the next images to an engine; protected ones are kept, and come before all others.

    Args:
        greedy: As of `engine_of`.
        rules: Those it decides by.
        images: The images.
        vectors: float32, ``(len(images), 2048)``; None where vectors are not compared.
    """
    cameras = None if rules.across_cameras else [image.camera for image in images]
    known = sum(image.protected for image in images)
    if known:
        references = known if vectors is None else vectors[:known]
        greedy.add_references(references, cameras=cameras and cameras[:known])
    return [Decision(keep=True)] * known + greedy.add(
        len(images) - known if vectors is None else vectors[known:],
        cameras=cameras and cameras[known:],
        seconds=[image.seconds for image in images[known:]],
    )


class Decider:
    """Decides about images in order; holds what later decisions need.

    Args:
        rules: How to decide.
        detections: The change detection of each camera; None where changes are not looked for.
        evidence: Tells which images may be dropped for which.
        read: Gives the prepared picture of an image once more; by default its file is decoded.
        measured: What is known of pairs of pictures already; receives what is found.
    """

    def __init__(
        self,
        rules: DedupRules,
        detections: Detections | None,
        evidence: Evidence,
        *,
        read: Callable[[int], Grey] | None = None,
        measured: Measured | None = None,
    ) -> None:
        self._rules = rules
        self._detections = detections
        self._evidence = evidence
        self._images: list[OrderedImage] = []
        self._pictures = Pictures(read or self._read)
        self._measured = measured
        self._greedy = engine_of(rules, self.compare, self.admits)

    @property
    def recall(self) -> Recall | None:
        """As of `GreedyDedup`."""
        return self._greedy.recall

    def add(
        self,
        images: Sequence[OrderedImage],
        vectors: Vectors | None,
        seen: Sequence[Seen] | None,
    ) -> list[Decision]:
        """Decide about the next images; protected ones are kept.

        Args:
            images: The images; protected ones come before all others.
            vectors: float32, ``(len(images), 2048)``; None where vectors are not compared.
            seen: What their pixels showed; None where changes are not looked for.
        """
        for number, entry in enumerate(seen or (), len(self._images)):
            if entry.picture is not None:
                self._pictures.put(number, entry.picture)
        self._images += images
        return decide_in_order(self._greedy, self._rules, images, vectors)

    def compare(self, earlier: int, later: int) -> tuple[bool, float]:
        """Compare the pictures of two images, given by their positions; see `greedy.Compare`."""
        assert self._rules.change is not None
        known = None if self._measured is None else self._measured.get((earlier, later))
        counts, score = known or self._measure(earlier, later)
        if self._measured is not None:
            self._measured[earlier, later] = counts, score
        return counts and score >= self._rules.change.change_threshold, score

    def admits(self, kept: int, dropped: int) -> bool:
        """Tell whether one image, given by its position, may be dropped for another."""
        return self._evidence.admits(self._images[kept], self._images[dropped])

    def _measure(self, earlier: int, later: int) -> tuple[bool, float]:
        assert self._detections is not None
        detection = self._detections.of(self._images[later].camera)
        try:
            pictures = self._pictures.get(earlier), self._pictures.get(later)
        except NearframeError:
            # Gone while we look: whatever is not known to be a repeat is new.
            return True, 1.0
        change = detection.compare(*pictures)
        return bool(change.regions), change.score

    def _read(self, position: int) -> Grey:
        image = self._images[position]
        assert self._detections is not None
        frame = image.file.decode()
        if isinstance(frame, Unreadable):
            raise NearframeError(frame.reason)
        return self._detections.of(image.camera).prepare(frame.image)
