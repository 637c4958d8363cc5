"""RGB pixels of any size -> the square uint8 input of the network, once for every source."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

import numpy as np
from msgspec import Meta
from PIL import Image

from nearframe.common import FITS, Fit, NearframeError
from nearframe.common.typed_json import Finite, typed_whole

from .frame import RgbImage

Decoding = Literal["reduced", "exact"]
DECODINGS: tuple[Decoding, ...] = get_args(Decoding)

DEFAULT_SIZE = 224
# A network for larger pictures would take gigabytes for a batch.
_LARGEST = 4096
_Deviation = Annotated[float, Meta(ge=1e-6, le=1e6)]

# The recipe of torchvision's ImageNet weights: resize the shorter side to 256, keep 224.
_CROP_MARGIN = 256 / 224
# A JPEG is decoded to twice the size that is needed, or more. Cosines to the full decode were at
# least 0.9998 then, on JPEGs of 1920x1080 at 96 to 224 px; at the needed size itself, 0.998.
_SPARE = 2


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pixels become the network's input; a part of the fingerprint.

    Attributes:
        size: Side of the square input, in pixels.
        fit: ``stretch`` resizes the whole frame to the square, so that nothing is out of view;
            ``crop`` scales the shorter side to ``size * 256 / 224`` and keeps the centre, as in
            the ImageNet recipe.
        interpolation: ``bilinear``, antialiased (Pillow's filter widens with the reduction).
        mean: Per-channel mean subtracted after scaling to [0, 1].
        std: Per-channel divisor after that.
        decoding: Whether JPEGs that are far larger than the input may be decoded to a half, a
            quarter or an eighth of their size, which libjpeg does many times faster.
    """

    size: Annotated[int, Meta(ge=1, le=_LARGEST)] = DEFAULT_SIZE
    fit: Fit = "stretch"
    interpolation: Literal["bilinear"] = "bilinear"
    mean: tuple[Finite, Finite, Finite] = (0.485, 0.456, 0.406)
    std: tuple[_Deviation, _Deviation, _Deviation] = (0.229, 0.224, 0.225)
    decoding: Decoding = "reduced"

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise NearframeError(f"fit must be one of {', '.join(FITS)}, not {self.fit!r}")
        if self.decoding not in DECODINGS:
            raise NearframeError(
                f"decoding must be one of {', '.join(DECODINGS)}, not {self.decoding!r}"
            )

    def reduce(self, image: Image.Image) -> None:
        """Let an image file be decoded no larger than the input needs.

        Args:
            image: Just opened; of JPEGs that are large enough, it becomes smaller.
        """
        if self.decoding == "reduced":
            side = _SPARE * (self.size if self.fit == "stretch" else self._side)
            image.draft(None, (side, side))

    def resize(self, image: RgbImage | Image.Image) -> RgbImage:
        """Bring an image to the input size.

        Args:
            image: RGB, uint8, shape ``(height, width, 3)``, at least 1x1; or a Pillow image in
                RGB, which saves two copies of one that came from a file.

        Returns:
            uint8, shape ``(size, size, 3)``. Subtracting the mean is left to the backbone, which
            does it for a whole batch and on its own device.
        """
        if not isinstance(image, Image.Image):
            image = Image.fromarray(image)
        width, height = image.size
        box = (0.0, 0.0, float(width), float(height))
        if self.fit == "crop":
            box = self._centre(width, height)
        resized = image.resize((self.size, self.size), Image.Resampling.BILINEAR, box=box)
        return np.asarray(resized)

    @property
    def _side(self) -> int:
        """The shorter side of the whole image of which `crop` keeps the centre, in pixels."""
        return round(self.size * _CROP_MARGIN)

    def _centre(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return the part of the image that a resize and a centre crop would keep.

        As left, top, right, bottom in source pixels, aligned with the whole pixels of the resized
        image. Cutting first means that a picture of 10000x1 is never blown up to 2560000x256.
        """
        # In whole numbers: 49 * (256 / 49) is less than 256.
        side, short = self._side, min(width, height)
        wide, high = side * width // short, side * height // short
        left, top = round((wide - self.size) / 2), round((high - self.size) / 2)
        across, down = width / wide, height / high
        return (
            left * across,
            top * down,
            (left + self.size) * across,
            (top + self.size) * down,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Preprocessing":
        """Read what `to_json` wrote.

        Raises:
            NearframeError: If a field is missing or has no place here.
        """
        try:
            # Descriptions from before there was a choice have no `decoding`.
            return typed_whole(cls, fields, decoding="exact")
        except ValueError as error:
            raise NearframeError(
                f"not a description of preprocessing ({error}); it may come from a newer "
                "nearframe: upgrade"
            ) from error
