"""Which frame of a run of repeats stands for the others."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import IO

import numpy as np

from nearframe.common import temporary_errors, temporary_file
from nearframe.embeddings import DIMENSION, Vectors

from ..search.threshold import lowest_cosine
from .decider import ChangedArea, decide_in_order, engine_of
from .frames import FrameBatch
from .greedy import Admits, Decision
from .images import OrderedImage
from .quality import Quality, best_first, quality_of, reason_to_keep
from .rules import DedupRules

_TRIED = 3
"""Frames of a run that are tried, best first, before its first frame stands for it."""
_NOT_FOR_ALL = "first: not all of the run repeat a better one"


@dataclass(frozen=True, slots=True)
class Group:
    """A frame that is kept, and those that it stands for; all by their positions.

    Attributes:
        representative: The frame that is kept.
        decision: What came nearest to it among the frames kept before.
        repeats: The frames that are dropped, and by what they were judged.
        reason: Why it is kept, and not the next best of its repeats, in words; None where it is the
            first, or has none.
        reasons: Why it is kept and not this one, of each of its repeats.
    """

    representative: int
    decision: Decision
    repeats: dict[int, Decision]
    reason: str | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)


@contextmanager
def spooled_vectors(count: int) -> Iterator[Vectors]:
    """Give room for vectors, float32 ``(count, 2048)``, in a temporary file."""
    task = "note the vectors that are compared"
    with temporary_file(task) as file:
        with temporary_errors(task):
            _reserve(file, max(count, 1) * DIMENSION * np.dtype(np.float32).itemsize)
        yield np.memmap(file, np.float32, "w+", shape=(count, DIMENSION))


def _reserve(file: IO[bytes], size: int) -> None:
    """Take the room at once: a process that writes to mapped memory without any is killed."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise


class Representatives:
    """Chooses the frame of each run of repeats that represents it; use it as a context manager.

    That is the best picture, as `best_first` says; a protected one always represents its run.
    Another frame than the first is taken only where every frame of the run repeats it, too, and
    where another look at the frames that stay would drop none of them. The vectors that this takes
    lie in a temporary file.

    Args:
        rules: By which the runs were made, with which frame to keep.
        areas: Compares the pictures of two frames, given by their positions.
        admits: Tells of two frames, given by their positions, whether the later one may be dropped
            for the earlier one.
        count: How many frames there are at most.
    """

    def __init__(
        self,
        rules: DedupRules,
        areas: Callable[[int, int], ChangedArea],
        admits: Admits,
        count: int,
    ) -> None:
        self._rules = rules
        self._areas = areas
        self._pairs = engine_of(rules, areas)
        self._admits = admits
        self._images: list[OrderedImage] = []
        self._sharpness: list[float] = []
        self._qualities: dict[int, Quality] = {}
        self._vectors: Vectors | None = None
        self._stack = ExitStack()
        if rules.keep != "first" and rules.cosine is not None:
            self._vectors = self._stack.enter_context(spooled_vectors(count))

    def add(self, batch: FrameBatch[OrderedImage]) -> None:
        """Remember what is needed of the next frames."""
        if self._rules.keep == "first":
            return
        if self._vectors is not None and batch.vectors is not None:
            start = len(self._images)
            self._vectors[start : start + len(batch.vectors)] = batch.vectors
        self._images += batch.frames
        self._sharpness += [entry.sharpness for entry in batch.inspections or ()]

    def choose(self, decisions: Sequence[Decision]) -> list[Group]:
        """Return the frames that are kept, in order, with those that they stand for."""
        groups = _groups(decisions)
        if self._rules.keep == "first":
            return groups
        chosen = {group.representative: self._best(group) for group in groups}
        if any(first != best for first, best in chosen.items()):
            self._settle(chosen)
        changed = [self._explained(self._represented(group, chosen)) for group in groups]
        return sorted(changed, key=lambda group: group.representative)

    def _best(self, group: Group) -> int:
        first = group.representative
        if self._images[first].protected or not group.repeats:
            return first
        members = [first, *group.repeats]
        self._qualities.update((member, self._quality(member)) for member in members)
        better = self._ranked(members)
        for candidate in better[: min(_TRIED, better.index(first))]:
            others = (member for member in members if member != candidate)
            if all(self._judge(candidate, member).keep is False for member in others):
                return candidate
        return first

    def _quality(self, position: int) -> Quality:
        sharpness = self._sharpness[position] if self._rules.keep == "sharpest" else 0.0
        return quality_of(self._images[position].file, sharpness)

    def _ranked(self, members: Sequence[int]) -> list[int]:
        return best_first({member: self._qualities[member] for member in members}, self._rules.keep)

    def _explained(self, group: Group) -> Group:
        """Say why the frame that represents a run does."""
        if not group.repeats:
            return group
        kept = group.representative
        if self._images[kept].protected:
            return replace(group, reasons=dict.fromkeys(group.repeats, "protected"))
        ranked = self._ranked([kept, *group.repeats])
        poorer = ranked[ranked.index(kept) + 1 :]
        reasons = {
            member: reason_to_keep(self._qualities[kept], self._qualities[member], self._rules.keep)
            if member in poorer
            else _NOT_FOR_ALL
            for member in group.repeats
        }
        return replace(group, reason=reasons[next(m for m in ranked if m != kept)], reasons=reasons)

    def _settle(self, chosen: dict[int, int]) -> None:
        """Go back to first frames until another look at what is kept would drop nothing."""
        firsts = {representative: first for first, representative in chosen.items()}
        while True:
            kept = sorted(chosen.values())
            undone = False
            for position, decision in zip(kept, self._look_again(kept), strict=True):
                if decision.keep:
                    continue
                assert decision.nearest is not None
                for first in (firsts[position], firsts[kept[decision.nearest]]):
                    undone |= chosen[first] != first
                    chosen[first] = first
            if not undone:
                return
            firsts = {representative: first for first, representative in chosen.items()}

    def _look_again(self, kept: Sequence[int]) -> list[Decision]:
        dedup = engine_of(
            self._rules,
            lambda earlier, later: self._areas(kept[earlier], kept[later]),
            lambda earlier, later: self._admits(kept[earlier], kept[later]),
        )
        images = [self._images[position] for position in kept]
        vectors = None if self._vectors is None else self._vectors[list(kept)]
        return decide_in_order(dedup, self._rules, images, vectors)

    def _represented(self, group: Group, chosen: dict[int, int]) -> Group:
        first, decision = group.representative, group.decision
        representative = chosen[first]
        if decision.nearest is not None:
            nearest = chosen.get(decision.nearest, decision.nearest)
            if (nearest, representative) != (decision.nearest, first):
                decision = self._judge(nearest, representative)
                decision = Decision(True, nearest, decision.similarity, decision.change)
        if representative == first:
            return Group(first, decision, group.repeats)
        members = sorted({first, *group.repeats} - {representative})
        return Group(
            representative,
            decision,
            {member: self._judge(representative, member) for member in members},
        )

    def _judge(self, kept: int, other: int) -> Decision:
        """Tell whether a frame repeats one that is kept."""
        similarity = change = None
        alike = True
        if self._vectors is not None:
            assert self._rules.cosine is not None
            similarity = float(np.clip(self._vectors[kept] @ self._vectors[other], -1.0, 1.0))
            alike = similarity >= lowest_cosine(self._rules.cosine)
        if alike and self._rules.change is not None:
            first, second = min(kept, other), max(kept, other)
            changed, change = self._pairs.compare(first, second, similarity)
            alike = not changed
        alike = alike and self._admits(kept, other)
        return Decision(not alike, kept, similarity, change)

    def __enter__(self) -> "Representatives":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._vectors = None
        self._stack.close()


def _groups(decisions: Sequence[Decision]) -> list[Group]:
    groups: dict[int, Group] = {}
    # Of each frame, the kept one at the end of the chain of repeats.
    kept: list[int] = []
    for position, decision in enumerate(decisions):
        if decision.keep:
            groups[position] = Group(position, decision, {})
            kept.append(position)
        else:
            assert decision.nearest is not None
            kept.append(kept[decision.nearest])
            groups[kept[position]].repeats[position] = decision
    return list(groups.values())
