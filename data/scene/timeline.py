"""What happens when: the state of the scene at each frame."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin

FPS, FRAME_COUNT = 30, 300


@dataclass(frozen=True)
class Moment:
    """All that can change in the picture; equal moments give equal frames.

    Attributes:
        car: Its middle in metres right of the picture's middle; None while it is out of sight.
        pedestrian: Place in metres and length of stride in [0, 1].
        bird: Place and height in metres.
        ball: Place and height in metres.
        cloud: How far the cloud's shadow has come, 0 for full sun, 1 for none.
        lamp: How bright the lamps are, in [0, 1].
    """

    car: float | None = None
    pedestrian: tuple[float, float] | None = None
    bird: tuple[float, float] | None = None
    ball: tuple[float, float] | None = None
    cloud: float = 0.0
    lamp: float = 0.0


def progress(time_s: float, start_s: float, end_s: float) -> float:
    """How much of a span of time is over, in [0, 1]."""
    return min(1.0, max(0.0, (time_s - start_s) / (end_s - start_s)))


def moment_at(number: int) -> Moment:
    """What the frame with this 0-based number shows; README.md has the same as a table."""
    time_s = number / FPS
    driven, flown = progress(time_s, 1.2, 3.6), progress(time_s, 4.8, 6.2)
    walked, rolled = progress(time_s, 4.2, 6.6), progress(time_s, 8.6, 9.6)
    return Moment(
        car=-7.2 + 14.4 * driven if 0 < driven < 1 else None,
        pedestrian=walk(walked) if walked > 0 else None,
        bird=(10.5 - 21.1 * flown, 6.0 + 0.5 * sin(5 * flown)) if 0 < flown < 1 else None,
        ball=bounce(rolled) if rolled > 0 else None,
        cloud=progress(time_s, 7.2, 8.2),
        lamp=progress(time_s, 7.9, 8.2),
    )


def walk(share: float) -> tuple[float, float]:
    """Place and stride of the pedestrian, who slows down at the gate."""
    slowing = max(0.0, share - 0.8)
    eased = (share - slowing**2 / 0.4) / 0.9
    return 6.8 - 3.8 * eased, min(1.0, 6 * (1 - share))


def bounce(share: float) -> tuple[float, float]:
    """Place and height of the ball, which bounces three times, lower each time."""
    height = 0.0
    for start, end, top in ((-0.25, 0.25, 0.9), (0.25, 0.6, 0.42), (0.6, 0.8, 0.14)):
        if start <= share < end:
            height = top * (1 - ((2 * share - start - end) / (end - start)) ** 2)
    return -6.1 + 6.6 * (1 - (1 - share) ** 1.6), height
