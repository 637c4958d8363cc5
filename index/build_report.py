"""What a build of an index did."""

from dataclasses import dataclass, field

from nearframe.common import short_repr
from nearframe.embeddings import Unreadable


@short_repr
@dataclass
class SourceReport:
    """What a build did with one source.

    Attributes:
        path: As the user gave it.
        kind: ``image``, ``folder`` or ``video``.
        embedded: Frames that were read and embedded now.
        unchanged: Frames that were in the index already.
    """

    path: str
    kind: str
    embedded: int = 0
    unchanged: int = 0


@short_repr
@dataclass
class BuildReport:
    """What a build did.

    Attributes:
        sources: Per source, in the order given.
        unreadable: What did not decode, earlier runs included where it is unchanged.
        not_retried: How many of those were not tried again, because they went past the limits.
        gone: Frames in the index whose file does not exist any more.
        pruned: Whether those were dropped.
        total: Frames in the index now.
    """

    sources: list[SourceReport] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    not_retried: int = 0
    gone: int = 0
    pruned: bool = False
    total: int = 0

    @property
    def embedded(self) -> int:
        """Frames that were read and embedded now."""
        return sum(source.embedded for source in self.sources)

    @property
    def unchanged(self) -> int:
        """Frames that were in the index already."""
        return sum(source.unchanged for source in self.sources)
