"""How many frames stay at which threshold, and the threshold that keeps about a wanted number."""

import os
import re
from dataclasses import dataclass, replace

from nearframe.embeddings import (
    Embedder,
    MakeEmbedder,
    NearframeError,
    Progress,
    Silent,
    Unreadable,
    shown,
)
from nearframe.index import Recall

from ..plans.plan import DedupPlan
from ..plans.rules import DedupRules
from .gathered import ThresholdKind, gathered
from .job import DedupOptions
from .planning import plan_job


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """How many frames stay at a threshold."""

    threshold: float
    kept: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """How many frames stay at a range of thresholds.

    Attributes:
        kind: What the thresholds are: cosines, or changed areas.
        points: From the threshold that keeps most on.
        total: How many frames there are.
        rules: What else was decided by; their threshold is the usual one.
        unreadable: Files that could not be read.
        recall: As of `DedupPlan`, the lowest of all thresholds.
    """

    kind: ThresholdKind
    points: tuple[SweepPoint, ...]
    total: int
    rules: DedupRules
    unreadable: tuple[Unreadable, ...]
    recall: Recall | None = None

    @property
    def usual(self) -> float | None:
        """The threshold that counts without a sweep; None where nothing has one."""
        rules = self.rules
        return rules.change.change_threshold if rules.change is not None else rules.threshold


@dataclass(frozen=True, slots=True)
class Target:
    """How many frames are to stay: a share of all, in (0, 1], or a number."""

    share: float | None = None
    frames: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read ``20%`` or ``500``.

        Raises:
            NearframeError: If it is neither.
        """
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%", text)
        if found and 0 < float(found[1]) <= 100:
            return cls(share=float(found[1]) / 100)
        if re.fullmatch(r"[0-9]+", text) and int(text) > 0:
            return cls(frames=int(text))
        raise NearframeError(
            f"{shown(text)} is no target; expected a percentage from 0 to 100, as in 20%, or a "
            "number of frames"
        )

    def of(self, total: int) -> int:
        """Return how many of `total` frames are wanted, at least 1."""
        wanted = self.frames if self.share is None else round(self.share * total)
        return max(1, min(wanted or 1, total))


def sweep_dedup(
    source: str | os.PathLike[str],
    options: DedupOptions | None = None,
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Count the frames that stay at a range of thresholds; embeds and decodes only once.

    The thresholds are cosines for ``embedding``, chosen so that the counts are evenly spread, and
    changed areas for ``change`` and ``hybrid``.

    Args:
        source: As of `plan_dedup`, and so are the others.
        options: Likewise.
        embedder: Likewise.
        progress: Likewise.

    Raises:
        SourceError: As of `plan_dedup`.
        NearframeError: As of `plan_dedup`.
    """
    with gathered(source, options or DedupOptions(), embedder, progress or Silent()) as everything:
        points = {value: everything.kept_at(value) for value in everything.thresholds()}
        return Sweep(
            everything.kind,
            tuple(SweepPoint(value, kept) for value, kept in points.items()),
            everything.total,
            everything.job.rules,
            everything.unreadable,
            everything.recall,
        )


def plan_for_target(
    source: str | os.PathLike[str],
    target: Target,
    options: DedupOptions | None = None,
    *,
    embedder: Embedder | MakeEmbedder | None = None,
    progress: Progress | None = None,
) -> DedupPlan:
    """Plan with the threshold that keeps about as many frames as wanted.

    It is the cosine for ``embedding`` and the changed area for ``change`` and ``hybrid``; what the
    options say of it does not count.

    Args:
        source: As of `plan_dedup`, and so are the others.
        target: How many frames are to stay.
        options: Likewise.
        embedder: Likewise.
        progress: Likewise.

    Raises:
        SourceError: As of `plan_dedup`.
        NearframeError: As of `plan_dedup`.
    """
    with gathered(source, options or DedupOptions(), embedder, progress or Silent()) as everything:
        rules = everything.rules_at(everything.threshold_for(target.of(everything.total)))
        if rules.method == "embedding":
            rules = replace(rules, threshold_origin="target")
        job = replace(everything.job, rules=rules, batches=everything.batches)
        return plan_job(job, Silent())
