"""Which embedder an answer needs: the one given, or the one that existing vectors were made by."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from nearframe.common import Device, Precision, Runtime, shown

from .embedder import DEFAULT_BATCH_SIZE, Embedder
from .fingerprint import Arithmetic, Fingerprint
from .preprocessing import Preprocessing
from .weights import DEFAULT_WEIGHTS, default_preprocessing, name_of

MakeEmbedder = Callable[[Fingerprint | None], Embedder]
"""Makes an embedder when one is needed; receives the fingerprint that it should have, if any."""


def resolve_embedder(
    given: Embedder | MakeEmbedder | None, wanted: Fingerprint | None, *, holder: str
) -> Embedder:
    """Return the embedder whose vectors can be compared with some that exist.

    Args:
        given: An embedder, a function that makes one (loading takes seconds, so callers check
            everything else first), or None for the one that `wanted` names, as `shared_embedder`
            keeps it.
        wanted: Fingerprint of the vectors that exist; None where there are none yet.
        holder: What holds those vectors, for the message.

    Raises:
        FingerprintMismatchError: If the embedder has another fingerprint than `wanted`.
        WeightsError: If the weights cannot be found.
    """
    if given is None:
        given = shared_embedder
    embedder = given if isinstance(given, Embedder) else given(wanted)
    if wanted is not None:
        wanted.require_same(
            embedder.fingerprint,
            mine=holder,
            theirs="this run",
            remedy=_remedy(wanted, embedder.fingerprint),
        )
    return embedder


def _remedy(wanted: Fingerprint, made: Fingerprint) -> str:
    """Say what to do where a run has another fingerprint than the vectors that exist."""
    if wanted.weights != made.weights or wanted.sha256 == made.sha256:
        return "use the weights and the fit it was made with (the default), or make a new one"
    remedy = (
        f"the weights {shown(made.weights)} have changed since it was made: make it again from "
        "its sources under another name"
    )
    name = name_of(wanted.sha256)
    return remedy if name is None else f"{remedy}, or go on with weights {name}, which it has"


def embedder_for(
    fingerprint: Fingerprint | None,
    *,
    device: Device = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Embedder:
    """Make the embedder that a fingerprint names; with the default weights where it is None."""
    return Embedder(
        fingerprint.weights if fingerprint else DEFAULT_WEIGHTS,
        preprocessing=fingerprint.preprocessing if fingerprint else None,
        like=fingerprint.arithmetic if fingerprint else None,
        device=device,
        runtime=runtime,
        precision=precision,
        batch_size=batch_size,
    )


def shared_embedder(fingerprint: Fingerprint | None = None) -> Embedder:
    """Return the embedder that a fingerprint names, as `embedder_for`, loaded once per process.

    The two used last are kept, and may be used from many threads. Weights that are a file are read
    again once the file changes.
    """
    weights = fingerprint.weights if fingerprint else DEFAULT_WEIGHTS
    asked = _Asked(
        weights,
        _state(weights),
        fingerprint.preprocessing if fingerprint else default_preprocessing(weights),
        fingerprint.arithmetic if fingerprint else None,
    )
    with _loading:
        embedder = next((each for known, each in _kept if asked.is_met_by(known, each)), None)
        if embedder is None:
            embedder = Embedder(weights, preprocessing=asked.preprocessing, like=asked.arithmetic)
            _kept.append((asked, embedder))
            del _kept[:-_MOST_KEPT]
        else:
            _kept.sort(key=lambda each: each[1] is embedder)  # the one used last comes last
    return embedder


@dataclass(frozen=True, slots=True)
class _Asked:
    """What decides which network is loaded; `arithmetic` is None for the usual of this machine."""

    weights: str
    state: tuple[int, int] | None
    preprocessing: Preprocessing
    arithmetic: Arithmetic | None

    def is_met_by(self, known: "_Asked", embedder: Embedder) -> bool:
        """Whether an embedder that was loaded for another question answers this one, too."""
        if replace(known, arithmetic=self.arithmetic) != self:
            return False
        return self.arithmetic in (known.arithmetic, embedder.fingerprint.arithmetic)


_MOST_KEPT = 2
_kept: list[tuple[_Asked, Embedder]] = []
_loading = threading.Lock()


def _state(path: str) -> tuple[int, int] | None:
    """Return size and modification time of a file of weights; None for a name."""
    try:
        found = os.stat(path)  # noqa: PTH116  # a name may hold what no path can
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns
