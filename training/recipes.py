"""What pairs are made of and how they are compared; a run may change this between its phases."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """How the pairs of a batch are made and compared.

    Attributes:
        temperature: of InfoNCE, above 0.
        entropy_weight: of the spreading term, 0 or more.
        first_strength: strength of the first view's edits as a share of the second's; below 1 a
            mildly edited picture is compared with a strongly edited one, as an original is with
            its copy.
        greyscale: share of views in greyscale at full strength.
        smallest_crop: smallest share of the area that a crop keeps at full strength.
        near_misses: pairs per batch that show another pair's picture with one object changed, both
            edited only a little, so that such pictures are told apart.
        shuffled: pairs per batch, an even number, whose pictures are one scene cut into tiles, two
            by two in different orders: equal in colours and textures, different in layout.
    """

    temperature: float = 0.06
    entropy_weight: float = 1.0
    first_strength: float = 1.0
    greyscale: float = 0.12
    smallest_crop: float = 0.35
    near_misses: int = 0
    shuffled: int = 0

    @property
    def extra(self) -> int:
        """How many pairs of a batch come from a scene that gives another pair too."""
        return self.near_misses + self.shuffled // 2


ALIKE = Recipe()
"""Both views edited alike: what a network learns first."""

COPIES = Recipe(
    temperature=0.05,
    entropy_weight=5.0,
    first_strength=0.3,
    greyscale=0.2,
    smallest_crop=0.25,
    near_misses=3,
)
"""An original against its copy, spread wide for one threshold, with near misses."""

LAYOUTS = replace(COPIES, shuffled=8)
"""As `COPIES`, and pictures that only their layout tells apart, as heaps of the same fruit."""

FINAL = replace(COPIES, shuffled=4)
"""As `LAYOUTS`, and most of the batch copies again."""
