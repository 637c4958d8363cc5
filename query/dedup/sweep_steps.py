"""The thresholds that a sweep goes through: fixed steps on both sides of the value in use."""

import bisect

from .collected import ThresholdKind

SIMILARITIES = (
    *(-1.0, 0.0, 0.2, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.875, 0.9, 0.925, 0.95, 0.96),
    *(0.97, 0.975, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 1.0),
)
CHANGED_AREAS = (
    *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3),
    *(0.5, 1.0),
)

_ON_EACH_SIDE = 6
_WITHOUT_USUAL = {"similarity": 0.95, "change": 0.02}


def sweep_steps(kind: ThresholdKind, usual: float | None) -> list[float]:
    """Return the thresholds of a sweep, from the one that keeps most on.

    Args:
        kind: What they are.
        usual: The value in use, which is among them; None where there is none.
    """
    steps = SIMILARITIES if kind == "similarity" else CHANGED_AREAS
    middle = _WITHOUT_USUAL[kind] if usual is None else usual
    left, right = bisect.bisect_left(steps, middle), bisect.bisect_right(steps, middle)
    found = [
        *steps[max(0, left - _ON_EACH_SIDE) : left],
        middle,
        *steps[right : right + _ON_EACH_SIDE],
    ]
    return found[::-1] if kind == "similarity" else found
