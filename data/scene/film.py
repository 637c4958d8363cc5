"""Frames of the scene: the actors put into the yard, and light on all of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from scene.actors import Sprite, ball, bird, car, pedestrian
from scene.painter import CAMERA_M, HEIGHT, WIDTH, Array, Layers, pink_noise, unit
from scene.timeline import Moment, moment_at
from scene.yard import SHADOW_X, SHADOW_Z, build_yard

SEED = 7
SKYLIGHT, SUNLIGHT, CLOUD_COVER = 0.42, 1.10, 0.85
LAMPLIGHT = np.array([0.62, 0.45, 0.24], np.float32)


class Film:
    """The scene of one seed, from which frames are rendered in any order."""

    def __init__(self, seed: int = SEED) -> None:
        """Paint what stands still; `seed` decides textures, foliage and film grain."""
        self.yard = build_yard(seed)
        grain = pink_noise(np.random.default_rng(seed + 1), (HEIGHT, WIDTH), 0.3)
        self.grain = 1.3 * grain[..., None]
        columns, rows = np.linspace(-1, 1, WIDTH)[None, :], np.linspace(-1, 1, HEIGHT)[:, None]
        self.vignette = (1 - 0.1 * (columns**2 + rows**2))[..., None].astype(np.float32)
        self.render = lru_cache(maxsize=1)(self._render)

    def frame(self, number: int) -> NDArray[np.uint8]:
        """The frame with this 0-based number, `(360, 640, 3)`, RGB, read-only."""
        return self.render(moment_at(number))

    def _render(self, moment: Moment) -> NDArray[np.uint8]:
        layers = self.yard
        albedo, sun, ambient = layers.albedo.copy(), layers.sun.copy(), layers.ambient.copy()
        for sprite in cast(moment):
            add(sprite, albedo, sun, ambient)
        light = expose(albedo, sun, ambient, layers, moment) * self.vignette
        # A shoulder instead of a hard clip: bright plaster and sky keep their texture.
        tone = 255 * (light * 1.12 / (1 + 0.12 * light**2)).clip(0, 1) ** (1 / 2.2)
        pixels = np.asarray((tone + self.grain + 0.5).clip(0, 255), np.uint8)
        pixels.flags.writeable = False
        return pixels


def cast(moment: Moment) -> list[Sprite]:
    """The actors in sight, the farthest first."""
    sprites = []
    if moment.bird:
        sprites.append(bird(*moment.bird))
    if moment.pedestrian:
        x, stride = moment.pedestrian
        sprites.append(pedestrian(x, stride=stride))
    if moment.ball:
        sprites.append(ball(*moment.ball))
    if moment.car is not None:
        sprites.append(car(moment.car))
    return sprites


def add(sprite: Sprite, albedo: Array, sun: Array, ambient: Array) -> None:
    """Put an actor and its shadow into copies of the yard's layers."""
    if sprite.ground is not None:
        shadow = cast_shadow(sprite, sprite.ground)
        frame, part = overlap(shadow, sprite.left, sprite.top)
        sun[frame] *= 1 - 0.85 * shadow[part]
        ambient[frame] *= 1 - 0.3 * shadow[part]
    frame, part = overlap(sprite.image, sprite.left, sprite.top)
    colour, cover = sprite.image[part][..., :3], sprite.image[part][..., 3]
    albedo[frame] += cover[..., None] * (colour - albedo[frame])
    sun[frame] += cover * (0.72 - sun[frame])
    ambient[frame] += cover * (0.95 - ambient[frame])


def overlap(image: Array, left: int, top: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The same pixels as slices of the frame and as slices of an image placed in it."""
    low = (max(0, top), max(0, left))
    high = (
        max(low[0], min(HEIGHT, top + image.shape[0])),
        max(low[1], min(WIDTH, left + image.shape[1])),
    )
    return (
        (slice(low[0], high[0]), slice(low[1], high[1])),
        (slice(low[0] - top, high[0] - top), slice(low[1] - left, high[1] - left)),
    )


def cast_shadow(sprite: Sprite, ground: float) -> Array:
    """An actor's outline laid on the ground, away from the sun; begins where its image does.

    The outline is flattened: a point h pixels above the ground throws its shadow h * flat pixels
    up the picture and h * SHADOW_X pixels to the right.
    """
    flat = SHADOW_Z * CAMERA_M / sprite.z
    height, width = sprite.image.shape[:2]
    base = ground - sprite.top
    outline = Image.fromarray(np.asarray(sprite.image[..., 3] * 255, np.uint8))
    slant = SHADOW_X / flat
    shadow = outline.transform(
        (width + int(height * SHADOW_X), height),
        Image.Transform.AFFINE,
        (1, slant, -slant * base, 0, 1 / flat, base - base / flat),
        Image.Resampling.BILINEAR,
    )
    return unit(shadow.filter(ImageFilter.GaussianBlur(0.9)))


def expose(albedo: Array, sun: Array, ambient: Array, layers: Layers, moment: Moment) -> Array:
    """Linear light that reaches the camera, `(360, 640, 3)`; 1 is white."""
    # The cloud's shadow sweeps from left to right, with an edge half a frame wide.
    sweep = 1.5 * moment.cloud - np.linspace(0, 1, WIDTH, dtype=np.float32)
    edge = np.clip(sweep / 0.5, 0, 1)
    shaded = 1 - CLOUD_COVER * edge * edge * (3 - 2 * edge)
    daylight = (SKYLIGHT * (0.75 + 0.25 * shaded) * ambient + SUNLIGHT * shaded * sun)[..., None]
    lamplight = moment.lamp * layers.lamp[..., None] * LAMPLIGHT
    return np.asarray(albedo * (daylight + lamplight) + moment.lamp * layers.glow, np.float32)
