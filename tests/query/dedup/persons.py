"""Rendered pictures of a fixed camera in which persons stand, walk and take each other's place."""

from dataclasses import dataclass

import cv2
import numpy as np

HEIGHT, WIDTH = 360, 640
_SCALE = 4  # Drawn larger, so that edges are smooth.


@dataclass(frozen=True)
class Person:
    """How a person looks; all colours RGB."""

    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    top: tuple[int, int, int]
    legs: tuple[int, int, int]
    long_hair: bool
    skirt: bool
    build: float

    @classmethod
    def of(cls, seed: int) -> "Person":
        """Make one up."""
        generator = np.random.default_rng(seed)

        def colour(low: int, high: int) -> tuple[int, int, int]:
            red, green, blue = generator.integers(low, high, 3).tolist()
            return red, green, blue

        shade = generator.uniform(0.45, 1.0)
        return cls(
            skin=(int(235 * shade), int(195 * shade), int(165 * shade)),
            hair=colour(10, 110),
            top=colour(20, 240),
            legs=colour(20, 200),
            long_hair=bool(generator.random() < 0.5),
            skirt=bool(generator.random() < 0.5),
            build=float(generator.uniform(0.8, 1.25)),
        )


def room(seed: int = 0) -> np.ndarray:
    """Return a room with a floor, a door, shelves and a window, RGB uint8 ``(360, 640, 3)``."""
    generator = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), (176, 170, 160), np.float32)
    picture[230:] = (120, 105, 90)
    for x in range(0, WIDTH, 40):
        picture[230:, x : x + 2] = (98, 85, 74)
    picture[60:240, 40:120] = (96, 70, 52)
    picture[40:130, 430:570] = (214, 226, 236)
    picture[150:240, 200:330] = (82, 82, 92)
    for x in range(206, 326, 12):
        picture[156:190, x : x + 8] = generator.integers(40, 220, 3)
        picture[198:234, x : x + 8] = generator.integers(40, 220, 3)
    coarse = generator.normal(0, 6, (HEIGHT // 8, WIDTH // 8, 1)).astype(np.float32)
    picture += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)[..., None]
    return picture


def taken(ground: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return what a camera takes of it: a little noise, uint8."""
    noise = np.random.default_rng(seed).normal(0, 2, ground.shape)
    return np.clip(ground + noise, 0, 255).astype(np.uint8)


def with_person(
    ground: np.ndarray, person: Person, x: float, foot: float, height: float, step: float = 0.0
) -> np.ndarray:
    """Draw a person of so many pixels' height whose feet are at ``(x, foot)``.

    Args:
        ground: RGB, ``(360, 640, 3)``.
        person: Who.
        x: Of the feet's middle, pixels.
        foot: Their y.
        height: In pixels.
        step: How far the feet are apart, in heights: where in a stride the person is.
    """
    size = WIDTH * _SCALE, HEIGHT * _SCALE
    large = cv2.resize(ground.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    unit = height * _SCALE
    wide = unit * person.build

    def at(dx: float, up: float) -> tuple[int, int]:
        return round(x * _SCALE + dx * wide), round(foot * _SCALE - up * unit)

    def limb(start: tuple[float, float], end: tuple[float, float], colour, width: float) -> None:
        cv2.line(large, at(*start), at(*end), colour, max(1, round(width * wide)), cv2.LINE_AA)

    if person.skirt:
        limb((-0.04 - step / 2, 0.0), (-0.03, 0.3), person.skin, 0.05)
        limb((0.04 + step / 2, 0.0), (0.03, 0.3), person.skin, 0.05)
        corners = [at(-0.07, 0.5), at(0.07, 0.5), at(0.13, 0.22), at(-0.13, 0.22)]
        cv2.fillPoly(large, [np.array(corners)], person.legs, cv2.LINE_AA)
    else:
        limb((-0.05 - step / 2, 0.0), (-0.04, 0.5), person.legs, 0.08)
        limb((0.05 + step / 2, 0.0), (0.04, 0.5), person.legs, 0.08)
    if person.long_hair:
        limb((0.0, 0.93), (0.0, 0.76), person.hair, 0.15)
    corners = [at(-0.12, 0.82), at(0.12, 0.82), at(0.08, 0.48), at(-0.08, 0.48)]
    cv2.fillPoly(large, [np.array(corners)], person.top, cv2.LINE_AA)
    limb((-0.12, 0.79), (-0.14 - step / 3, 0.5), person.top, 0.05)
    limb((0.12, 0.79), (0.14 + step / 3, 0.5), person.top, 0.05)
    radius = max(1, round(0.065 * unit))
    cv2.circle(large, at(0.0, 0.93), radius, person.hair, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(large, at(0.0, 0.91), round(0.85 * radius), person.skin, cv2.FILLED, cv2.LINE_AA)
    return cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
