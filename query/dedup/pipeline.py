"""The one road of a deduplication: frames in batches -> decisions -> whoever takes them."""

from collections.abc import Sequence
from typing import Protocol

from nearframe.common import Progress, shown

from .decider import Decider
from .frames import F, F_contra, FrameBatch, FrameSource
from .greedy import Decision


class DecisionSink(Protocol[F_contra]):
    """Takes frames with what becomes of them: for a plan, as written frames, to count them."""

    def add(self, batch: FrameBatch[F_contra], decisions: Sequence[Decision]) -> None:
        """Take the next frames, and one decision for each."""
        ...


def decide_all(
    source: FrameSource[F], decider: Decider[F], sink: DecisionSink[F], progress: Progress
) -> None:
    """Decide about all frames of a source, in order.

    Args:
        source: Yields the frames.
        decider: Decides about them.
        sink: Takes them with their decisions, batch by batch.
        progress: Told how many frames are done.
    """
    progress.start(shown(source.path), source.frame_count)
    for batch in source.batches():
        sink.add(batch, decider.add(batch))
        progress.advance(len(batch.frames) + len(batch.unreadable))
