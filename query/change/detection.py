"""What changed in the picture of a fixed camera?

An empty car park and the same with a pedestrian have embeddings 0.99 alike; their difference has
the pedestrian's outline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from nearframe.common import NearframeError
from nearframe.embeddings import RgbImage

from .exchange import exchanged
from .light import Grey, Light, fit_light
from .mask import Border, Mask, Unmasked, resized
from .motion import unexplained_difference, without_motion
from .regions import Region, find_regions

DEFAULT_GRID = (360, 640)
_MAX_SIDE = 10_000
_MAX_RADIUS = 999


@dataclass(frozen=True, slots=True)
class Change:
    """What changed from one picture to another.

    Attributes:
        score: Changed area relative to the area that is not masked, in [0, 1].
        regions: The parts that changed and are large enough to count, the largest first.
        changed: Whether the score reaches the threshold.
        light: The change of light that was compensated; None where that is switched off.
        moved: The parts that are large enough, but in which something only moved a little, the
            largest first. They are in no score.
    """

    score: float
    regions: tuple[Region, ...]
    changed: bool
    light: Light | None
    moved: tuple[Region, ...] = ()

    @property
    def regions_with_motion(self) -> tuple[Region, ...]:
        """What changed if what only moved a little counted as well, the largest first."""
        return tuple(sorted((*self.regions, *self.moved), key=lambda region: -region.area))

    @property
    def score_with_motion(self) -> float:
        """The score if what only moved a little counted as well."""
        return _area(self.regions_with_motion)


@dataclass(frozen=True, eq=False)
class ChangeDetection:
    """How two pictures of a fixed camera are compared.

    Grey, resize, mask, blur, difference, threshold, dilate by two pixels, contours; those with less
    than `min_diff_area` do not count, and the area of the others makes the score. It is relative,
    so it does not depend on the resolution.

    With `light_compensation`, brightness and contrast of the first picture are matched to the
    second before they are differenced, as `fit_light` describes. Only light that falls on all of
    the picture alike is compensated: a shadow that covers a part of it is a change.

    Attributes:
        resize_to: Height and width at which pictures are compared, in pixels. None takes their own
            size, or the smaller of two; then blur and dilation cover less of a larger picture.
        black_mask: Percent of the sides to leave out: left, top, right, bottom.
        mask: Image that is black where nothing counts and white elsewhere, of the pictures' size
            or of the same form: uint8 ``(height, width)`` or ``(height, width, 3)``, or bool.
        blur_radii: Sides of the Gaussian kernels that are applied one after the other, in pixels
            at the size of the comparison; odd. Empty for none.
        diff_threshold: A pixel differs when it does by more than this; grey levels, 0 to 254.
        min_diff_area: Regions smaller than this do not count; relative, in [0, 1]. The default is
            about a pedestrian at 1080p.
        change_threshold: Score from which pictures count as changed, in [0, 1]. By default one
            region of the smallest size that counts is enough. With 0 every region counts.
        light_compensation: Whether a change of light is no change.
        motion_tolerance: How far something may have moved without being a change, relative to the
            width, in [0, 1]; 0 for not at all. A region counts when a tenth of its differing pixels
            differ from everything that near in the other picture, too, or when something else
            stands there now. So a car that goes by in a video is not a change in each frame.

    Raises:
        NearframeError: If a setting is out of range.
    """

    resize_to: tuple[int, int] | None = DEFAULT_GRID
    black_mask: Border = (0, 0, 0, 0)
    mask: npt.NDArray[np.uint8] | npt.NDArray[np.bool_] | None = field(default=None, repr=False)
    blur_radii: Sequence[int] = (7,)
    diff_threshold: int = 30
    min_diff_area: float = 0.005
    change_threshold: float = 0.005
    light_compensation: bool = True
    motion_tolerance: float = 0.04
    _mask: Mask = field(init=False, repr=False)
    # By shape: a camera's pictures share one, and what counts is the same for all of them.
    _unmasked: dict[tuple[int, int], Unmasked | None] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        _check_shape(self.resize_to)
        for radius in self.blur_radii:
            if not 1 <= radius <= _MAX_RADIUS or radius % 2 != 1:
                raise NearframeError(
                    f"`blur_radii` must be an odd number from 1 to {_MAX_RADIUS}, not {radius}"
                )
        if not 0 <= self.diff_threshold <= 254:
            raise NearframeError(
                f"`diff_threshold` must be from 0 to 254 grey levels, not {self.diff_threshold}"
            )
        for name in ("min_diff_area", "change_threshold", "motion_tolerance"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise NearframeError(
                    f"`{name}` is a share of the picture and must be from 0 to 1, not {value:g}"
                )
        object.__setattr__(self, "_mask", Mask(self.black_mask, self.mask))

    def prepare(self, image: RgbImage | Grey) -> Grey:
        """Return a picture as it is compared, so that one that is compared often is prepared once.

        Args:
            image: RGB, ``(height, width, 3)``, or grey, ``(height, width)``; uint8.

        Returns:
            Grey, resized, masked (black) and blurred; uint8, of shape `resize_to`.

        Raises:
            NearframeError: If it is no such image, or the mask does not fit it.
        """
        return self._prepare(image, self.resize_to)

    def compare(self, a: RgbImage | Grey, b: RgbImage | Grey) -> Change:
        """Return what changed from `a` to `b`.

        Args:
            a: RGB uint8, ``(height, width, 3)``, or what `prepare` made of it.
            b: The other one; it may have another size, unless both are prepared.

        Raises:
            NearframeError: If one is no such image, or does not fit the other or the mask.
        """
        a, b = self._prepared(a, b)
        unmasked = self.unmasked(_shape(a))
        light = self._light(a, b, unmasked)
        difference = self._difference(a, b, light, unmasked)
        differs = difference > self.diff_threshold
        regions = found = find_regions(differs, unmasked, min_area=self.min_diff_area)
        reach = round(self.motion_tolerance * a.shape[1])
        if regions and reach:
            unexplained = unexplained_difference(
                a, b, light or Light(), unmasked=unmasked, reach=reach
            )
            staying = without_motion(found, differs, unexplained > self.diff_threshold)
            gone = [region for region in found if region not in staying]
            others = exchanged(gone, a, b, differs, light or Light(), reach=reach)
            regions = tuple(r for r in found if r in staying or r in others)
        score = _area(regions)
        changed = bool(regions and score >= self.change_threshold)
        moved = tuple(region for region in found if region not in regions)
        return Change(score, regions, changed, light, moved)

    def difference(self, a: RgbImage | Grey, b: RgbImage | Grey) -> Grey:
        """Return how much each pixel differs, before the threshold.

        Args:
            a: RGB uint8, ``(height, width, 3)``, or what `prepare` made of it.
            b: The other one; it may have another size, unless both are prepared.

        Returns:
            Grey levels, 0 where masked; uint8 ``(height, width)``.
        """
        a, b = self._prepared(a, b)
        unmasked = self.unmasked(_shape(a))
        return self._difference(a, b, self._light(a, b, unmasked), unmasked)

    def unmasked(self, shape: tuple[int, int]) -> Unmasked | None:
        """Return which pixels count at a size (height, width); None where all do.

        Raises:
            NearframeError: If none does.
        """
        if shape not in self._unmasked:
            self._unmasked[shape] = self._mask.unmasked(shape)
        return self._unmasked[shape]

    def _prepared(self, a: RgbImage | Grey, b: RgbImage | Grey) -> tuple[Grey, Grey]:
        for image in (a, b):
            _check_image(image)
        # Where no size is set: that of the one that is prepared already, or what both can fill.
        given = [_shape(image) for image in (a, b) if image.ndim == 2]
        smaller = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
        shape = self.resize_to or (given[0] if given else smaller)
        for found in given:
            if found != shape:
                raise NearframeError(
                    f"a prepared picture is {found[1]}x{found[0]}, but the comparison is at "
                    f"{shape[1]}x{shape[0]}; prepare both with the same settings and a resize_to"
                )
        return (
            a if a.ndim == 2 else self._prepare(a, shape),
            b if b.ndim == 2 else self._prepare(b, shape),
        )

    def _prepare(self, image: RgbImage | Grey, shape: tuple[int, int] | None) -> Grey:
        _check_image(image)
        self._mask.require_fits(_shape(image))
        if image.ndim == 3:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        grey = resized(image, shape or _shape(image))
        unmasked = self.unmasked(_shape(grey))
        if unmasked is not None:
            grey = np.where(unmasked, grey, np.uint8(0))
        for radius in self.blur_radii:
            grey = _blurred(grey, radius, unmasked)
        return grey

    def _light(self, a: Grey, b: Grey, unmasked: Unmasked | None) -> Light | None:
        if not self.light_compensation:
            return None
        return fit_light(a, b) if unmasked is None else fit_light(a[unmasked], b[unmasked])

    def _difference(self, a: Grey, b: Grey, light: Light | None, unmasked: Unmasked | None) -> Grey:
        # Resizing and blurring mix a pixel with others this far away.
        reach = 1 + sum(radius // 2 for radius in self.blur_radii)
        difference = (light or Light()).difference(a, b, unmasked=unmasked, reach=reach)
        return difference if unmasked is None else np.where(unmasked, difference, np.uint8(0))


def _area(regions: Sequence[Region]) -> float:
    return min(1.0, sum(region.area for region in regions))


def _blurred(grey: Grey, radius: int, unmasked: Unmasked | None) -> Grey:
    """Blur; next to what is masked, the mean is over the rest of the kernel only."""
    kernel = (radius, radius)
    if unmasked is None:
        return np.asarray(cv2.GaussianBlur(grey, kernel, 0), np.uint8)
    # Masked pixels are 0, so they add nothing to the sum, and the weights leave them out too.
    weights = cv2.GaussianBlur(unmasked.astype(np.float32), kernel, 0)
    sums = cv2.GaussianBlur(grey.astype(np.float32), kernel, 0)
    means = np.divide(sums, weights, out=np.zeros_like(sums), where=unmasked)
    return np.minimum(np.rint(means), 255).astype(np.uint8)


def _shape(image: npt.NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _check_shape(resize_to: tuple[int, int] | None) -> None:
    if resize_to is None:
        return
    if len(resize_to) != 2 or not all(1 <= side <= _MAX_SIDE for side in resize_to):
        raise NearframeError(
            f"`resize_to` takes height and width from 1 to {_MAX_SIDE} pixels, "
            f"not {' '.join(map(str, resize_to))}"
        )


def _check_image(image: npt.NDArray[np.uint8]) -> None:
    is_array = isinstance(image, np.ndarray)
    if is_array and image.dtype == np.uint8 and image.size:
        is_grey, is_rgb = image.ndim == 2, image.ndim == 3 and image.shape[2] == 3
        if is_grey or is_rgb:
            return
    given = f"{image.dtype} {image.shape}" if is_array else type(image).__name__
    raise NearframeError(
        f"expected an RGB image, uint8 (height, width, 3), or a prepared one, not {given}"
    )
