"""A painter that turns places in metres into layers of pixels.

Places are `(x, y, z)`: x to the right of the camera's axis, y above the pavement, z away from the
camera. Colours are 8-bit sRGB; everything computed with them is linear light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float32]
Point = tuple[float, float, float]
Colour = tuple[int, int, int]

WIDTH, HEIGHT = 640, 360
HORIZON_PX, FOCAL_PX, CAMERA_M = 150.0, 500.0, 2.4
SUPERSAMPLING = 2


@dataclass(frozen=True)
class Layers:
    """What a frame is lit from; all arrays are float32, linear, one row per pixel row.

    Attributes:
        albedo: Colour under full white light, `(360, 640, 3)`, in [0, 1].
        sun: How much sunlight arrives, `(360, 640)`, 0 in shadow.
        ambient: How much skylight arrives, `(360, 640)`, about 1 in the open.
        lamp: How much of the gate lamp's light arrives, `(360, 640)`.
        glow: Light that the lamp and the lit windows send themselves, `(360, 640, 3)`.
    """

    albedo: Array
    sun: Array
    ambient: Array
    lamp: Array
    glow: Array


def linear(colour: Colour) -> Array:
    """An sRGB colour as linear light, `(3,)`, in [0, 1]."""
    return np.asarray((np.asarray(colour) / 255) ** 2.2, np.float32)


def unit(image: Image.Image) -> Array:
    """The pixels of an 8-bit image as float32 in [0, 1], `(h, w)` or `(h, w, channels)`."""
    return np.asarray(np.asarray(image) / 255, np.float32)


def project(point: Point) -> tuple[float, float]:
    """Where the camera sees a point, in pixels of the frame."""
    x, y, z = point
    return WIDTH / 2 + FOCAL_PX * x / z, HORIZON_PX + FOCAL_PX * (CAMERA_M - y) / z


def pink_noise(rng: np.random.Generator, shape: tuple[int, int], exponent: float = 1.0) -> Array:
    """Seamlessly repeating noise with amplitude 1/f**exponent, mean 0, standard deviation 1."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) / frequency**exponent, s=shape)
    return np.asarray(noise / noise.std(), np.float32)


def upright(x: tuple[float, float], y: tuple[float, float], z: float) -> list[Point]:
    """The corners of a rectangle that faces the camera."""
    return [(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)]


class Painter:
    """Paints the layers from back to front, at twice the size of the frame."""

    def __init__(self, rng: np.random.Generator) -> None:
        height, width = HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING
        self.rng = rng
        self.noise = pink_noise(rng, (height, width), 0.9)
        self.albedo = np.zeros((height, width, 3), np.float32)
        self.sun = np.zeros((height, width), np.float32)
        self.ambient = np.ones((height, width), np.float32)
        self.glow = np.zeros((height, width, 3), np.float32)

    def inside(
        self, outline: Sequence[tuple[float, float]]
    ) -> tuple[slice, slice, NDArray[np.bool_]]:
        """Rows, columns and mask of the pixels inside an outline given in pixels of the frame."""
        corners = np.asarray(outline) * SUPERSAMPLING
        limit = np.array([WIDTH, HEIGHT]) * SUPERSAMPLING
        low = np.clip(np.floor(corners.min(axis=0)), 0, limit).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0)) + 1, low, limit).astype(int)
        patch = Image.new("1", (max(1, high[0] - low[0]), max(1, high[1] - low[1])))
        ImageDraw.Draw(patch).polygon([(x, y) for x, y in (corners - low).tolist()], fill=1)
        rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
        return rows, columns, np.asarray(patch)[: high[1] - low[1], : high[0] - low[0]]

    def face(
        self,
        corners: Sequence[Point],
        colour: Colour,
        *,
        sun: float,
        ambient: float = 1.0,
        grain: float = 0.08,
    ) -> None:
        """Paint a flat face; `grain` is the contrast of its texture."""
        rows, columns, mask = self.inside([project(corner) for corner in corners])
        texture = 1 + grain * self.noise[rows, columns][mask]
        self.albedo[rows, columns][mask] = linear(colour) * texture[:, None]
        self.sun[rows, columns][mask] = sun
        self.ambient[rows, columns][mask] = ambient

    def shade(self, corners: Sequence[Point], *, sun: float = 1.0, ambient: float = 1.0) -> None:
        """Take light away from what is already painted."""
        rows, columns, mask = self.inside([project(corner) for corner in corners])
        self.sun[rows, columns][mask] *= sun
        self.ambient[rows, columns][mask] *= ambient

    def shine(self, corners: Sequence[Point], colour: Colour) -> None:
        """Let a face send out light of its own when the lamps are on."""
        rows, columns, mask = self.inside([project(corner) for corner in corners])
        self.glow[rows, columns][mask] = linear(colour)

    def foliage(
        self, centre: Point, radii: tuple[float, float], clumps: int, colour: Colour
    ) -> None:
        """Paint a crown or bush of leaf clumps, brighter towards the sun at its upper left."""
        for _ in range(clumps):
            angle, reach = self.rng.uniform(0, 2 * np.pi), self.rng.uniform() ** 0.6
            dx, dy = reach * np.cos(angle), reach * np.sin(angle)
            size = self.rng.uniform(0.05, 0.13)
            x, y = centre[0] + dx * radii[0], centre[1] + dy * radii[1]
            turns = np.sort(self.rng.uniform(0, 2 * np.pi, 7))
            leaf = [(x + size * np.cos(t), y + size * np.sin(t), centre[2]) for t in turns]
            light = float(np.clip(0.4 + 0.3 * dy - 0.25 * dx + self.rng.normal(0, 0.22), 0.02, 1))
            self.face(leaf, colour, sun=light, ambient=0.45 + 0.5 * light, grain=0.12)

    def layers(self, lamp: Array) -> Layers:
        """The finished layers at the size of the frame, with the reach of the lamp added."""
        glow = reduced(self.glow)
        fields = (reduced(self.albedo), reduced(self.sun), reduced(self.ambient))
        return Layers(*fields, lamp, glow + 0.6 * halo(glow))


def reduced(field: Array) -> Array:
    """The mean of each block of painted pixels: `(720, 1280, ...)` to `(360, 640, ...)`."""
    blocks = (HEIGHT, SUPERSAMPLING, WIDTH, SUPERSAMPLING, *field.shape[2:])
    return np.asarray(field.reshape(blocks).mean(axis=(1, 3)), np.float32)


def halo(glow: Array) -> Array:
    """The blur that a lens puts around lights, `(360, 640, 3)`."""
    image = Image.fromarray(np.asarray(np.clip(glow, 0, 1) * 255, np.uint8))
    return unit(image.filter(ImageFilter.GaussianBlur(7)))
