"""What vectors were made with; only vectors of equal fingerprints can be compared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from nearframe.common import FingerprintMismatchError, NearframeError, shown
from nearframe.common.typed_json import require_path, typed_whole

from .preprocessing import Preprocessing

DIMENSION = 2048
"""Length of a vector: the channels that ResNet50's global average pool gives."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What a network was computed with.

    Attributes:
        runtime: ``torch`` or ``onnxruntime``.
        precision: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        exact: Whether the vectors are interchangeable with those in fp32 of the same weights, as
            far as that was measured.
    """

    runtime: str = "torch"
    precision: str = "fp32"
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Identity of an embedding.

    Attributes:
        weights: Name or path of the weights.
        sha256: Their SHA-256 in hexadecimal: of the file, or of the tensors where there is none.
        preprocessing: What was done to the pixels.
        dimension: Length of the vectors.
        arithmetic: What they were computed with; does not count when fingerprints are compared
            with ``==``.
    """

    weights: str
    sha256: str
    preprocessing: Preprocessing
    dimension: Annotated[int, Meta(ge=1, le=1 << 16)] = DIMENSION
    arithmetic: Arithmetic = field(default=Arithmetic(), compare=False)

    def describe(self) -> str:
        """Return one short line for messages; it differs where the vectors do."""
        pixels = self.preprocessing
        text = (
            f"weights {shown(self.weights)} (sha256 {self.sha256[:12]}), "
            f"{pixels.size}x{pixels.size} {pixels.fit}"
        )
        if pixels.decoding == "exact":
            text += ", exact decoding"
        if pixels != Preprocessing(size=pixels.size, fit=pixels.fit, decoding=pixels.decoding):
            text += f", {pixels.interpolation}, mean {pixels.mean}, deviation {pixels.std}"
        if self.dimension != DIMENSION:
            text += f", {self.dimension} dimensions"
        return f"{text}, {self.arithmetic.precision} in {self.arithmetic.runtime}"

    def require_same(self, other: "Fingerprint", *, mine: str, theirs: str, remedy: str) -> None:
        """Check that vectors of the two can be compared.

        The weights' name does not count: the same file may have two paths. Of the arithmetic, the
        runtime never counts, and the precision where vectors were measured to differ by it.

        Args:
            other: The fingerprint to compare with.
            mine: What carries this fingerprint, for the message.
            theirs: What carries the other.
            remedy: What the user can do when they differ.

        Raises:
            FingerprintMismatchError: If they differ; names both sides.
        """
        same = (self.sha256, self.preprocessing, self.dimension) == (
            other.sha256,
            other.preprocessing,
            other.dimension,
        )
        mine_in, theirs_in = self.arithmetic, other.arithmetic
        if mine_in.precision != theirs_in.precision:
            same = same and mine_in.exact and theirs_in.exact
        if not same:
            raise FingerprintMismatchError(
                f"{mine} has {self.describe()}, but {theirs} has {other.describe()}; "
                f"their cosines cannot be compared; {remedy}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            "weights": self.weights,
            "sha256": self.sha256,
            "preprocessing": self.preprocessing.to_json(),
            "dimension": self.dimension,
            "arithmetic": asdict(self.arithmetic),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Fingerprint":
        """Read what `to_json` wrote.

        Raises:
            NearframeError: If it is no fingerprint.
        """
        try:
            if isinstance(fields, Mapping) and "preprocessing" in fields:
                preprocessing = Preprocessing.from_json(fields["preprocessing"])
                fields = {**fields, "preprocessing": preprocessing.to_json()}
            # Indexes from before there was a choice have no arithmetic.
            found = typed_whole(cls, fields, arithmetic={})
            require_path(found.weights)
            return found
        except ValueError as error:
            raise NearframeError(
                f"not a fingerprint ({error}); expected weights, sha256, preprocessing and "
                "dimension"
            ) from error
