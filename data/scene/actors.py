"""What moves through the scene: a car, a pedestrian, a bird and a ball."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from scene.painter import FOCAL_PX, Array, Colour, project, unit

OVERSAMPLING = 4
CAR_Z, PEDESTRIAN_Z, BALL_Z, BIRD_Z = 7.5, 9.9, 9.3, 16.0
Spot = tuple[float, float]


@dataclass(frozen=True)
class Sprite:
    """A drawn actor.

    Attributes:
        image: Colour and coverage, `(h, w, 4)`, float32, linear, in [0, 1].
        left: Column of the frame where the image begins; may lie outside the frame.
        top: Row of the frame where it begins.
        ground: Row of the frame where the actor stands, None for one that flies.
        z: Distance from the camera in metres.
    """

    image: Array
    left: int
    top: int
    ground: float | None
    z: float


class Pen:
    """Draws one actor in metres, relative to the point (x, 0, z) under it."""

    def __init__(
        self, x: float, z: float, *, reach: float, height: float, base: float = 0.0
    ) -> None:
        """`reach` is the drawing's half width in metres; `base` its lowest height."""
        self.z, self.scale = z, FOCAL_PX / z
        self.origin = project((x, 0.0, z))
        self.left = int(np.floor(self.origin[0] - reach * self.scale))
        self.top = int(np.floor(self.origin[1] - (base + height) * self.scale))
        size = (int(2 * reach * self.scale) + 2, int((height + 0.15) * self.scale) + 2)
        self.image = Image.new("RGBA", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING))
        self.draw = ImageDraw.Draw(self.image)

    def pixel(self, spot: Spot) -> Spot:
        """Where a spot lies in the oversampled drawing."""
        return (
            (self.origin[0] + spot[0] * self.scale - self.left) * OVERSAMPLING,
            (self.origin[1] - spot[1] * self.scale - self.top) * OVERSAMPLING,
        )

    def shape(self, spots: Sequence[Spot], colour: Colour) -> None:
        """A filled polygon."""
        self.draw.polygon([self.pixel(spot) for spot in spots], fill=colour)

    def disc(self, centre: Spot, radius: float, colour: Colour) -> None:
        """A filled circle."""
        (x, y), r = self.pixel(centre), radius * self.scale * OVERSAMPLING
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def limb(self, joints: Sequence[Spot], width: float, colour: Colour) -> None:
        """A line with round joints."""
        thickness = max(1, round(width * self.scale * OVERSAMPLING))
        self.draw.line([self.pixel(joint) for joint in joints], fill=colour, width=thickness)
        for joint in joints:
            self.disc(joint, width / 2, colour)

    def sprite(self, *, flying: bool = False) -> Sprite:
        """The drawing, averaged down to the pixels of the frame."""
        pixels = unit(self.image.reduce(OVERSAMPLING))
        pixels[..., :3] **= 2.2
        return Sprite(pixels, self.left, self.top, None if flying else self.origin[1], self.z)


def smooth(corners: Sequence[Spot], rounds: int = 3) -> list[Spot]:
    """A polygon with its corners cut again and again, until it looks round (Chaikin)."""
    points = np.asarray(corners, float)
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        cut = (0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following)
        points = np.stack(cut, axis=1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in points]


def car(x: float) -> Sprite:
    """A small car that drives to the right, its middle at x metres."""
    pen = Pen(x, CAR_Z, reach=2.3, height=1.6)
    paint, dark, light = (124, 50, 46), (80, 32, 31), (170, 96, 88)
    cabin = [
        (-1.9, 0.7),
        (-1.5, 1.2),
        (-1.0, 1.47),
        (0.1, 1.5),
        (0.5, 1.38),
        (1.05, 0.98),
        (1.3, 0.7),
    ]
    body = [
        (-2.05, 0.3),
        (-2.08, 0.75),
        (-1.95, 0.98),
        (-1.5, 1.0),
        (1.0, 0.98),
        (1.75, 0.84),
        (2.05, 0.68),
        (2.1, 0.32),
        (1.9, 0.22),
        (-1.9, 0.22),
    ]
    pen.shape([(-1.6, 0.4), (1.6, 0.4), (1.5, 0.05), (-1.55, 0.05)], (30, 29, 30))
    pen.shape(smooth(cabin, 2), paint)
    pen.shape(smooth(body, 2), paint)
    pen.shape(
        [(-2.02, 0.5), (2.08, 0.5), (2.08, 0.33), (1.9, 0.22), (-1.9, 0.22), (-2.05, 0.33)], dark
    )
    pen.limb([(-1.95, 0.82), (1.6, 0.78)], 0.035, light)
    for glass in (
        [(-1.42, 0.98), (-1.2, 1.26), (-0.95, 1.38), (-0.42, 1.4), (-0.42, 0.98)],
        [(-0.32, 0.98), (-0.32, 1.4), (0.12, 1.4), (0.36, 1.29), (0.74, 0.98)],
    ):
        pen.shape(glass, (46, 54, 60))
        top = max(y for _, y in glass)
        pen.shape(
            [(gx + 0.1, y) if y < top else (gx, y) for gx, y in glass if y > 1.1], (108, 122, 132)
        )
    pen.disc((0.02, 1.13), 0.12, (60, 48, 42))
    for seam in (-0.37, 0.72, -1.3):
        pen.limb([(seam, 0.95), (seam - 0.02, 0.36)], 0.018, dark)
    pen.limb([(-0.22, 0.84), (-0.05, 0.84)], 0.04, dark)
    pen.shape([(1.86, 0.78), (2.05, 0.66), (2.06, 0.56), (1.84, 0.6)], (226, 220, 200))
    pen.shape([(-2.05, 0.86), (-1.92, 0.88), (-1.92, 0.66), (-2.07, 0.66)], (168, 34, 30))
    for hub in (-1.32, 1.3):
        wheel(pen, hub, turn=-x / 0.31)
    return pen.sprite()


def wheel(pen: Pen, hub: float, *, turn: float) -> None:
    """A wheel with five spokes, turned by `turn` radians."""
    pen.disc((hub, 0.36), 0.385, (30, 26, 26))
    pen.disc((hub, 0.31), 0.31, (38, 38, 39))
    pen.disc((hub, 0.31), 0.2, (92, 93, 95))
    for spoke in range(5):
        angle = turn + spoke * 2 * pi / 5
        pen.limb(
            [(hub, 0.31), (hub + 0.18 * cos(angle), 0.31 + 0.18 * sin(angle))],
            0.06,
            (176, 177, 178),
        )
    pen.disc((hub, 0.31), 0.06, (120, 120, 122))


def pedestrian(x: float, *, stride: float) -> Sprite:
    """Somebody who walks to the left; `stride`, in [0, 1], is how far the legs swing."""
    pen = Pen(x, PEDESTRIAN_Z, reach=1.1, height=1.85)
    phase = 2 * pi * x / 1.45
    rise = 0.025 * stride * cos(2 * phase)
    hip, neck = (0.0, 0.9 + rise), (-0.04, 1.45 + rise)
    jacket, trousers = (58, 84, 112), (62, 58, 56)
    for side, tone in ((pi, 0.72), (0.0, 1.0)):
        shade = [tuple(int(c * tone) for c in colour) for colour in (trousers, jacket)]
        leg, sleeve = [(c[0], c[1], c[2]) for c in shade]
        swing = stride * 0.5 * sin(phase + side)
        lift = 0.12 + stride * 0.75 * max(0.0, cos(phase + side))
        knee = (hip[0] - 0.43 * sin(swing + 0.06), hip[1] - 0.43 * cos(swing))
        foot = (knee[0] - 0.42 * sin(swing - lift + 0.1), knee[1] - 0.42 * cos(swing - lift))
        pen.limb([hip, knee, foot], 0.15, leg)
        pen.limb(
            [(foot[0] + 0.03, foot[1] - 0.04), (foot[0] - 0.15, foot[1] - 0.04)], 0.08, (48, 38, 32)
        )
        if side:
            arm(pen, neck, -swing, sleeve)
    torso = [(-0.2, 1.4), (-0.14, 1.5), (0.08, 1.5), (0.17, 1.38), (0.17, 0.85), (-0.17, 0.85)]
    pen.shape([(tx, ty + rise) for tx, ty in smooth(torso, 2)], jacket)
    pen.limb([(-0.14, 0.92 + rise), (-0.13, 1.35 + rise)], 0.04, (84, 112, 140))
    arm(pen, neck, stride * -0.5 * sin(phase), (50, 74, 100))
    pen.limb([(-0.03, 1.48 + rise), (-0.05, 1.58 + rise)], 0.1, (188, 148, 124))
    pen.disc((-0.06, 1.65 + rise), 0.115, (196, 156, 132))
    pen.shape(
        smooth(
            [
                (-0.14, 1.72 + rise),
                (-0.08, 1.8 + rise),
                (0.07, 1.76 + rise),
                (0.08, 1.58 + rise),
                (0.0, 1.6 + rise),
                (-0.02, 1.7 + rise),
            ]
        ),
        (64, 46, 36),
    )
    return pen.sprite()


def arm(pen: Pen, neck: Spot, swing: float, sleeve: Colour) -> None:
    """An arm that swings by `swing` radians from hanging down."""
    shoulder = (neck[0] + 0.04, neck[1] - 0.06)
    elbow = (shoulder[0] - 0.28 * sin(swing), shoulder[1] - 0.28 * cos(swing))
    hand = (elbow[0] - 0.26 * sin(swing + 0.35), elbow[1] - 0.26 * cos(swing + 0.35))
    pen.limb([shoulder, elbow, hand], 0.1, sleeve)
    pen.disc(hand, 0.055, (190, 150, 126))


def ball(x: float, y: float) -> Sprite:
    """A ball of 36 cm that rolls to the right, y metres above the pavement."""
    pen = Pen(x, BALL_Z, reach=0.5, height=1.6)
    centre, turn = (0.0, y + 0.18), -x / 0.18
    pen.disc(centre, 0.18, (112, 38, 32))
    pen.disc((-0.02, centre[1] + 0.02), 0.16, (176, 62, 50))
    across = (0.13 * cos(turn), 0.13 * sin(turn))
    band = [(across[0], centre[1] + across[1]), (-across[0], centre[1] - across[1])]
    pen.limb(band, 0.08, (222, 214, 198))
    return pen.sprite()


def bird(x: float, y: float) -> Sprite:
    """A dark bird that flies to the left and beats its wings about four times a second."""
    pen = Pen(x, BIRD_Z, reach=0.7, height=1.4, base=y - 0.7)
    beat = 0.2 + 0.8 * sin(x * 1.67)
    body = [(-0.36, 0.0), (-0.16, 0.07), (0.16, 0.04), (0.44, 0.05), (0.42, -0.04), (0.0, -0.07)]
    for tip, tone in ((0.2, (92, 92, 96)), (0.0, (64, 64, 68))):
        pen.shape(
            [
                (-0.16, y),
                (0.14, y),
                (0.22 + tip, y + 0.3 * beat),
                (0.3 + tip, y + 0.6 * beat),
                (0.02 + tip, y + 0.36 * beat),
            ],
            tone,
        )
    pen.shape([(bx, y + by) for bx, by in smooth(body, 1)], (58, 58, 62))
    return pen.sprite(flying=True)
