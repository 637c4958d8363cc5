"""Why do two pictures count as the same, or not?"""

import os
from dataclasses import dataclass, field

import numpy as np

from nearframe.common import short_repr
from nearframe.embeddings import Embedder, MakeEmbedder, RgbImage, resolve_embedder
from nearframe.embeddings.sources import (
    ContentBeyondRgb,
    content_beyond_rgb,
    content_may_repeat,
    read_image,
)

from ..cameras.naming import Naming, tell_cameras
from ..change.detection import Change, ChangeDetection
from ..change.light import Grey, Light
from ..change.mask import Unmasked
from ..search.similarity import similarity
from ..search.threshold import Threshold, collection_threshold, usual_threshold

DIFFERENT_AREA = 0.5
"""With this share of the area changed, there is no scene left that both pictures show."""

_CONTENTS = {
    "alpha": "alpha",
    "frames": "further frames or pages",
    "depth": "deeper samples",
    "raw": "what a sensor saw",
}
# A change of light that moves middle grey, or the contrast, by more than this is worth a word.
_MIDDLE_GREY, _GREY_LEVELS, _CONTRAST = 128, 8.0, 1.1
# Rounding to whole pixels alone makes forms differ by this much.
_SAME_FORM = 0.02


@short_repr
@dataclass(frozen=True)
class Explanation:
    """Two pictures and what the two ways of comparing them say.

    Attributes:
        a: Path of the first picture.
        b: Path of the second.
        similarity: Cosine of their embeddings, in [-1, 1].
        threshold: Cosine from which they count as the same picture; None where these weights
            have none.
        weights: Name of the weights.
        change: What changed from A to B.
        detection: The settings it was found with.
        dedup_threshold: Cosine from which dedup drops one of two pictures by their vectors; None
            where these weights have none.
        method: Which method dedup would take for files of such names.
        contents: What the files hold besides their RGB pictures; None for nothing.
        images: Both, RGB uint8 ``(height, width, 3)``.
        difference: Grey levels by which each pixel differs, uint8 ``(height, width)``.
        unmasked: Where the difference counts, bool of that shape; None for everywhere.
    """

    a: str
    b: str
    similarity: float
    threshold: Threshold | None
    weights: str
    change: Change
    detection: ChangeDetection
    dedup_threshold: Threshold | None
    method: str
    contents: tuple[ContentBeyondRgb | None, ContentBeyondRgb | None]
    images: tuple[RgbImage, RgbImage] = field(repr=False)
    difference: Grey = field(repr=False)
    unmasked: Unmasked | None = field(repr=False)

    @property
    def identical(self) -> bool:
        """Whether every pixel is the same."""
        return np.array_equal(*self.images)

    @property
    def similar(self) -> bool | None:
        """Whether the embeddings count as those of the same picture; None where nobody can say."""
        return None if self.threshold is None else self.threshold.reached_by(self.similarity)

    @property
    def masked_share(self) -> float:
        """Which share of the picture is masked, in [0, 1]."""
        return 0.0 if self.unmasked is None else 1.0 - float(self.unmasked.mean())

    @property
    def content_difference(self) -> str | None:
        """In what the files differ besides their RGB pictures, so that neither repeats the other.

        None where one may repeat the other.
        """
        a, b = self.contents
        if content_may_repeat(a, b) or content_may_repeat(b, a):
            return None
        nothing = ContentBeyondRgb()
        differ = [
            words
            for name, words in _CONTENTS.items()
            if getattr(a or nothing, name) != getattr(b or nothing, name)
        ]
        return " and ".join(differ)

    @property
    def moved_counts(self) -> bool:
        """Whether what only moved a little counts for ``hybrid``: the vectors are not alike."""
        need = self.detection.change_threshold
        large = bool(self.change.moved) and self.change.score_with_motion >= need
        return large and not self.similar

    @property
    def repeats(self) -> dict[str, bool | None]:
        """Of each method of dedup, whether one of the two repeats the other.

        None where the weights have no threshold. ``hybrid`` compares the pictures of frames that
        are among each other's nearest.
        """
        far = self.content_difference is not None
        threshold, changed = self.dedup_threshold, self.change.changed
        alike = None if threshold is None else threshold.reached_by(self.similarity)
        return {
            "embedding": False if far else alike,
            "change": not far and not changed,
            "hybrid": not far and not changed and not self.moved_counts,
        }

    @property
    def verdict(self) -> str:
        """What the scores mean, in plain words."""
        change, count = self.change, len(self.change.regions)
        if self.content_difference is not None:
            return f"different pictures: they differ in {self.content_difference}"
        if self.identical:
            return "same picture, pixel for pixel"
        if change.changed and change.score >= DIFFERENT_AREA:
            if change.light is None:
                return "different pictures, or the same in another light"
            return "different pictures"
        if change.changed:
            return f"same scene, {count} region{'s' * (count > 1)} changed"
        if count:
            return f"same scene, but for {count} small region{'s' * (count > 1)}"
        if change.moved:
            moved = f"{len(change.moved)} region{'s' * (len(change.moved) > 1)}"
            if self.similar is False:
                return f"same scene, {moved} changed: the embeddings differ, too"
            return f"same scene, {moved} only moved a little"
        if change.light is not None and is_noticeable(change.light):
            return "same scene in another light"
        if self.similar is False:
            return "same scene: no region changed, yet the embeddings differ"
        return "same picture"

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What the verdict rests on: labels and texts, one line each."""
        change, light = self.change, self.change.light
        need = self.detection.change_threshold
        if change.changed:
            state = f"changed ({need:.2%} or more)" if need else "changed (every region counts)"
        else:
            state = f"not changed (below {need:.2%})" if need else "not changed (no region)"
        facts = [
            ("Similarity", f"{self.similarity:.6f}: {self._similarity_text()}"),
            ("Changed area", f"{change.score:.2%}: {state}"),
        ]
        if change.moved:
            facts.append(("Moved", self._moved_text()))
        if light is not None and is_noticeable(light):
            middle = light.gain * _MIDDLE_GREY + light.offset
            facts.append(
                (
                    "Light",
                    f"grey {_MIDDLE_GREY} of A is grey {middle:.0f} in B, with {light.gain:.2f} "
                    "times the contrast; compensated",
                )
            )
        if self.unmasked is not None:
            facts.append(("Masked", f"{self.masked_share:.1%} of the picture"))
        forms = [image.shape[1] / image.shape[0] for image in self.images]
        if abs(forms[0] / forms[1] - 1) > _SAME_FORM:
            sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in self.images]
            facts.append(
                ("Form", f"A is {sizes[0]} and B {sizes[1]}; they were stretched to one form")
            )
        if self.content_difference is not None:
            facts.append(("Files", f"differ in {self.content_difference}; neither is dropped"))
        facts.append(("Dedup", self._dedup_text()))
        return tuple(facts)

    def _moved_text(self) -> str:
        area = f"{self.change.score_with_motion - self.change.score:.2%} of the area"
        if self.threshold is None or self.similar:
            return f"{area} only moved a little: no change"
        return f"{area} only moved a little: for hybrid a change, below {self.threshold.value:g}"

    def _dedup_text(self) -> str:
        """Say what each method makes of the pair, first that for such names."""
        verdicts = {
            method: "unknown" if repeats is None else f"{'a' if repeats else 'no'} repeat"
            for method, repeats in self.repeats.items()
        }
        if self.dedup_threshold is not None:
            verdicts["embedding"] += f" (from {self.dedup_threshold.value:g}, of two pictures)"
        usual = f"{self.method}, the method for such names: {verdicts.pop(self.method)}"
        return "; ".join([usual, *(f"{method}: {text}" for method, text in verdicts.items())])

    def _similarity_text(self) -> str:
        if self.threshold is None:
            return f"weights {self.weights} have no calibrated threshold to compare it with"
        need = f"{self.threshold.value:g}"
        if self.similar:
            return f"same picture ({need} or more; weights {self.weights})"
        return f"not the same picture (below {need}; weights {self.weights})"


def is_noticeable(light: Light) -> bool:
    """Whether a change of light is more than a camera's own unrest."""
    shift = light.gain * _MIDDLE_GREY + light.offset - _MIDDLE_GREY
    return abs(shift) > _GREY_LEVELS or not 1 / _CONTRAST < light.gain < _CONTRAST


def explain(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    detection: ChangeDetection | None = None,
    embedder: Embedder | MakeEmbedder | None = None,
    naming: Naming | None = None,
) -> Explanation:
    """Compare two image files in both ways that nearframe knows: embedding and changed area.

    Args:
        a: The first image file.
        b: The second.
        detection: Settings of the change detection.
        embedder: An embedder, or a function that makes one; by default one with the built-in
            weights. It is made after everything else has been checked.
        naming: How to read camera and time from the names of files.

    Raises:
        UnreadableImageError: If a file cannot be decoded.
        NearframeError: If the mask does not fit the images.
    """
    detection = detection or ChangeDetection()
    images = read_image(a), read_image(b)
    contents = content_beyond_rgb(a), content_beyond_rgb(b)
    naming = naming or Naming()
    named = tell_cameras([naming.read(os.fspath(path)).camera for path in (a, b)])
    change, difference = detection.compare(*images), detection.difference(*images)
    made = resolve_embedder(embedder, None, holder="")
    return Explanation(
        a=os.fspath(a),
        b=os.fspath(b),
        similarity=similarity(*images, embedder=made),
        threshold=usual_threshold(None, made.fingerprint),
        weights=made.fingerprint.weights,
        change=change,
        detection=detection,
        dedup_threshold=collection_threshold(None, made.fingerprint, len(images)),
        method="hybrid" if named else "embedding",
        contents=contents,
        images=images,
        difference=difference,
        unmasked=detection.unmasked((difference.shape[0], difference.shape[1])),
    )
