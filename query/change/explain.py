"""Why do two pictures count as the same, or not?"""

import os
from dataclasses import dataclass, field

import numpy as np

from nearframe.embeddings import Embedder, MakeEmbedder, RgbImage, resolve_embedder
from nearframe.embeddings.sources import read_image

from ..similarity import similarity
from ..threshold import Threshold, usual_threshold
from .detection import Change, ChangeDetection
from .light import Grey, Light
from .mask import Unmasked

DIFFERENT_AREA = 0.5
"""With this share of the area changed, there is no scene left that both pictures show."""

# A change of light that moves middle grey, or the contrast, by more than this is worth a word.
_MIDDLE_GREY, _GREY_LEVELS, _CONTRAST = 128, 8.0, 1.1
# Rounding to whole pixels alone makes forms differ by this much.
_SAME_FORM = 0.02


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
    def verdict(self) -> str:
        """What the scores mean, in plain words."""
        change, count = self.change, len(self.change.regions)
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
        return tuple(facts)

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
) -> Explanation:
    """Compare two image files in both ways that nearframe knows: embedding and changed area.

    Args:
        a: The first image file.
        b: The second.
        detection: Settings of the change detection.
        embedder: An embedder, or a function that makes one; by default one with the built-in
            weights. It is made after everything else has been checked.

    Raises:
        UnreadableImageError: If a file cannot be decoded.
        NearframeError: If the mask does not fit the images.
    """
    detection = detection or ChangeDetection()
    images = read_image(a), read_image(b)
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
        images=images,
        difference=difference,
        unmasked=detection.unmasked((difference.shape[0], difference.shape[1])),
    )
