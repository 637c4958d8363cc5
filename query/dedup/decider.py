"""The rules of a deduplication, applied to images batch by batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nearframe.common import NearframeError
from nearframe.embeddings import Unreadable, Vectors
from nearframe.index import Recall

from ..change import Change
from ..change.light import Grey
from .evidence import Evidence
from .greedy import Admits, Decision, GreedyDedup
from .images import OrderedImage
from .pictures import Detections, Pictures, Seen
from .rules import DedupRules


@dataclass(frozen=True, slots=True)
class ChangedArea:
    """What changed between two images. No threshold takes part, so it holds for any.

    Attributes:
        without_motion: Area of the regions that changed, in [0, 1]; None where there are none.
        with_motion: The same where what only moved a little counts as well.
    """

    without_motion: float | None
    with_motion: float | None

    @classmethod
    def of(cls, change: Change) -> "ChangedArea":
        """Take it from what change detection found."""
        return cls(
            change.score if change.regions else None,
            change.score_with_motion if change.regions or change.moved else None,
        )


Measured = dict[tuple[int, int], ChangedArea]
"""By the positions of an earlier and a later image."""


def engine_of(
    rules: DedupRules, areas: Callable[[int, int], ChangedArea], admits: Admits | None = None
) -> GreedyDedup:
    """Return what decides by these rules.

    Args:
        rules: How to decide.
        areas: Compares the pictures of two frames, given by their positions; not called where
            changes do not count.
        admits: As of `GreedyDedup`.
    """

    def compare(earlier: int, later: int) -> tuple[bool, float]:
        return _is_new(areas(earlier, later).without_motion, rules)

    def compare_with_motion(earlier: int, later: int) -> tuple[bool, float]:
        return _is_new(areas(earlier, later).with_motion, rules)

    return GreedyDedup(
        rules.cosine,
        compare=None if rules.change is None else compare,
        compare_with_motion=compare_with_motion,
        motion_threshold=rules.motion_threshold,
        admits=admits,
        against=rules.against,
        window=rules.window,
    )


def _is_new(area: float | None, rules: DedupRules) -> tuple[bool, float]:
    assert rules.change is not None
    return area is not None and area >= rules.change.change_threshold, area or 0.0


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
        # At least of the latest pair, which is asked for with motion and without.
        self._measured: Measured = {} if measured is None else measured
        self._remembers = measured is not None
        self._greedy = engine_of(rules, self.areas, self.admits)

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

    def areas(self, earlier: int, later: int) -> ChangedArea:
        """Compare the pictures of two images, given by their positions."""
        known = self._measured.get((earlier, later))
        if known is None:
            known = self._measure(earlier, later)
            if not self._remembers:
                self._measured.clear()
            self._measured[earlier, later] = known
        return known

    def admits(self, kept: int, dropped: int) -> bool:
        """Tell whether one image, given by its position, may be dropped for another."""
        return self._evidence.admits(self._images[kept], self._images[dropped])

    def _measure(self, earlier: int, later: int) -> ChangedArea:
        assert self._detections is not None
        detection = self._detections.of(self._images[later].camera)
        try:
            pictures = self._pictures.get(earlier), self._pictures.get(later)
        except NearframeError:
            # Gone while we look: whatever is not known to be a repeat is new.
            return ChangedArea(1.0, 1.0)
        return ChangedArea.of(detection.compare(*pictures))

    def _read(self, position: int) -> Grey:
        image = self._images[position]
        assert self._detections is not None
        frame = image.file.decode()
        if isinstance(frame, Unreadable):
            raise NearframeError(frame.reason)
        return self._detections.of(image.camera).prepare(frame.image)
