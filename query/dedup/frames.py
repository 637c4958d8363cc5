"""Frames in order, with what is compared of them: what every source of a deduplication yields."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from nearframe.embeddings import Frame, Thumbnails, Unreadable, Vectors

from .pictures import Inspection


class OrderedFrame(Protocol):
    """A frame at its place in the order."""

    @property
    def key(self) -> Hashable:
        """What tells it from the others of its source."""
        ...

    @property
    def camera(self) -> str | None:
        """Which camera took it; None where nobody knows."""
        ...

    @property
    def seconds(self) -> float:
        """When; never falls within a camera. 0 where nobody asked."""
        ...

    @property
    def protected(self) -> bool:
        """Whether it only serves as a reference."""
        ...


F = TypeVar("F", bound=OrderedFrame)
F_co = TypeVar("F_co", bound=OrderedFrame, covariant=True)
F_contra = TypeVar("F_contra", bound=OrderedFrame, contravariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class FrameBatch(Generic[F_co]):
    """Some consecutive frames with what is compared of them.

    Attributes:
        frames: Those that could be read; protected ones come before all others of their source.
        vectors: float32, ``(len(frames), d)``, normalised; None where vectors are not compared, or
            are made by `embed`.
        inspections: What the pixels of each showed; None where nobody looked.
        unreadable: What lay between them and could not be read.
        thumbnails: uint16, ``(len(frames), 32, 32)``; None where there are no vectors, or where the
            frames were yielded before.
        images: Their pixels; None where files hold them.
        embed: Makes the vector of a batch of one frame, when it is needed; None where it is there,
            or where vectors are not compared.
    """

    frames: tuple[F_co, ...]
    vectors: Vectors | None = None
    inspections: tuple[Inspection, ...] | None = None
    unreadable: tuple[Unreadable, ...] = ()
    thumbnails: Thumbnails | None = None
    images: tuple[Frame, ...] | None = None
    embed: Callable[[], Vectors] | None = None

    def only(
        self, rows: Sequence[int], *, unreadable: tuple[Unreadable, ...]
    ) -> "FrameBatch[F_co]":
        """Return some of the frames with what is compared of them.

        Args:
            rows: Which, ascending.
            unreadable: What could not be read.
        """
        facts, images = self.inspections, self.images
        return replace(
            self,
            frames=tuple(self.frames[row] for row in rows),
            vectors=None if self.vectors is None else self.vectors[rows],
            inspections=None if facts is None else tuple(facts[row] for row in rows),
            unreadable=unreadable,
            thumbnails=None if self.thumbnails is None else self.thumbnails[rows],
            images=None if images is None else tuple(images[row] for row in rows),
        )


class FrameSource(Protocol[F_co]):
    """Yields frames in the order in which they are compared."""

    @property
    def path(self) -> str:
        """The folder, index or video."""
        ...

    @property
    def frame_count(self) -> int | None:
        """How many frames to expect, for a progress bar; None where nobody knows."""
        ...

    def batches(self) -> Iterator[FrameBatch[F_co]]:
        """Yield all frames."""
        ...
