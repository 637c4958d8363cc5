"""The part of the scene that never moves: sky, house, garden, fence, pavement and street."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scene.painter import (
    CAMERA_M,
    FOCAL_PX,
    HEIGHT,
    HORIZON_PX,
    SUPERSAMPLING,
    WIDTH,
    Array,
    Colour,
    Layers,
    Painter,
    linear,
    pink_noise,
    project,
    upright,
)

FENCE_Z, KERB_Z, HOUSE_Z = 11.0, 8.6, 18.0
GATE_X = (0.0, 2.4)
SHADOW_X, SHADOW_Z = 0.8, 0.5  # where the shadow of a point one metre up falls


def paint_sky(painter: Painter) -> None:
    """A pale sky with thin clouds, and hazy woods on the horizon."""
    height, width = painter.sun.shape
    down = np.linspace(0, 2.4, height, dtype=np.float32)[:, None, None].clip(0, 1)
    sky = linear((136, 166, 198)) * (1 - down) + linear((216, 222, 224)) * down
    stretched = Image.fromarray(pink_noise(painter.rng, (height, width // 3), 1.7))
    clouds = np.asarray(stretched.resize((width, height)), np.float32)[..., None]
    cover = np.clip(0.30 * clouds + 0.18, 0, 0.75)
    painter.albedo[:] = sky * (1 - cover) + linear((232, 231, 228)) * cover
    painter.sun[:], painter.ambient[:] = 0.42, 1.28
    ridge = 13 + 5 * pink_noise(painter.rng, (2, WIDTH), 1.0)[0]
    for depth, colour in ((9.0, (146, 160, 166)), (0.0, (112, 126, 112))):
        top = HORIZON_PX + 4 - np.roll(ridge, int(40 * depth)) - depth
        rows = (np.arange(height) / SUPERSAMPLING)[:, None]
        woods = (rows > np.repeat(top, SUPERSAMPLING)[None, :]) & (rows < HORIZON_PX + 8)
        painter.albedo[woods] = linear(colour) * (1 + 0.1 * painter.noise[woods])[:, None]
        painter.sun[woods], painter.ambient[woods] = 0.5, 0.9


def paint_ground(painter: Painter) -> None:
    """Lawn, gravel drive, pavement slabs, kerb and asphalt, textured in perspective."""
    height, width = painter.sun.shape
    first = int((HORIZON_PX + 6) * SUPERSAMPLING)
    rows = (np.arange(first, height) + 0.5)[:, None] / SUPERSAMPLING
    z = np.broadcast_to(FOCAL_PX * CAMERA_M / (rows - HORIZON_PX), (height - first, width))
    x = ((np.arange(width) + 0.5) / SUPERSAMPLING - WIDTH / 2) * z / FOCAL_PX
    tile = pink_noise(painter.rng, (512, 512), 0.8)
    fine = tile[(z * 60).astype(int) % 512, (x * 60).astype(int) % 512] * np.minimum(1, 9 / z)
    coarse = tile[(z * 9).astype(int) % 512, (x * 9).astype(int) % 512]

    def cover(where: NDArray[np.bool_], colour: Colour, contrast: float) -> None:
        texture = 1 + contrast * (fine + 0.6 * coarse)
        painter.albedo[first:][where] = linear(colour) * np.clip(texture, 0.3, 1.9)[where][:, None]

    blobs = pink_noise(painter.rng, (512, 512), 1.5)
    leaves = blobs[(z * 32).astype(int) % 512, (x * 32).astype(int) % 512]
    near = 1.3 - np.hypot((x + 3.6) / 2.6, (z - 7.4) / 1.6)  # under a tree left of the picture
    painter.sun[first:] = 0.72 - 0.56 * np.clip(1.2 * near + 1.1 * leaves, 0, 1)
    painter.ambient[first:] = 1.0
    cover(z > FENCE_Z - 0.2, (112, 122, 78), 0.17)
    cover((z > FENCE_Z - 0.2) & (coarse + 0.5 * fine > 1.1), (136, 134, 92), 0.15)
    wobble = 0.08 * coarse
    cover((z > FENCE_Z - 0.2) & (abs(x - 1.2 + wobble) < 1.25), (164, 155, 140), 0.14)
    cover(z <= FENCE_Z - 0.2, (158, 153, 146), 0.07)
    joints = (np.abs(x % 0.8 - 0.4) > 0.388) | (np.abs((z - KERB_Z) % 0.8 - 0.4) > 0.38)
    cover((z <= FENCE_Z - 0.2) & joints, (112, 108, 102), 0.1)
    cover(z <= KERB_Z + 0.15, (176, 172, 165), 0.06)
    cover(z <= KERB_Z, (112, 109, 105), 0.08)
    cover(z <= KERB_Z - 0.12, (92, 92, 94), 0.15)
    cover((z <= KERB_Z - 0.12) & (abs(coarse + 0.25 * fine - 0.2) < 0.018), (70, 70, 71), 0.1)
    cover((abs(z - 6.0) < 0.06) & (x % 3 < 1.7), (196, 194, 186), 0.12)


def paint_house(painter: Painter) -> None:
    """A plastered two-storey house with a tiled roof, and a garage beside it."""
    left, right, back = -10.0, -2.6, HOUSE_Z + 7
    painter.shade(
        [
            (right, 0, HOUSE_Z),
            (right + 3, 0, HOUSE_Z + 2.5),
            (right + 3, 0, back),
            (right, 0, back),
        ],
        sun=0.1,
    )
    side = [
        (right, 0.0, HOUSE_Z),
        (right, 0.0, back),
        (right, 4.9, back),
        (right, 6.9, HOUSE_Z + 3.5),
        (right, 4.9, HOUSE_Z),
    ]
    painter.face(side, (178, 164, 142), sun=0.06, ambient=0.85)
    painter.face(upright((left, right), (0, 5.1), HOUSE_Z), (205, 190, 164), sun=0.78, grain=0.05)
    painter.face(upright((left, right), (0, 0.55), HOUSE_Z), (142, 136, 128), sun=0.7)
    painter.shade(upright((left, right), (4.6, 5.1), HOUSE_Z), sun=0.25, ambient=0.85)
    painter.face(upright((-7.6, -6.8), (6.4, 8.4), HOUSE_Z + 3), (140, 96, 80), sun=0.6)
    for row in range(24):
        low, high = row / 24, (row + 1) / 24
        tone = painter.rng.uniform(0.9, 1.06)
        quad = [
            (x, 4.9 + 2.6 * up, HOUSE_Z - 0.5 + 4 * up)
            for x, up in (
                (left - 0.4, low),
                (right + 0.4, low),
                (right + 0.4, high),
                (left - 0.4, high),
            )
        ]
        colour = (int(122 * tone), int(84 * tone), int(72 * tone))
        painter.face(quad, colour, sun=0.85, grain=0.14)
        painter.shade(
            [
                quad[0],
                quad[1],
                (quad[1][0], quad[1][1] + 0.035, quad[1][2]),
                (quad[0][0], quad[0][1] + 0.035, quad[0][2]),
            ],
            sun=0.5,
        )
    painter.face(
        upright((left - 0.4, right + 0.4), (4.75, 4.92), HOUSE_Z - 0.5), (196, 192, 184), sun=0.7
    )
    for x, y, lit in (
        (-9.2, 2.95, 0),
        (-6.7, 2.95, 1),
        (-4.2, 2.95, 0),
        (-9.2, 0.95, 0),
        (-4.2, 0.95, 1),
    ):
        paint_window(painter, x, y, lit=bool(lit))
    painter.face(upright((-7.25, -6.15), (0.1, 2.3), HOUSE_Z), (214, 208, 196), sun=0.7)
    painter.face(upright((-7.12, -6.28), (0.1, 2.18), HOUSE_Z), (92, 70, 56), sun=0.6)
    painter.face(upright((-1.4, 2.9), (0, 2.7), HOUSE_Z + 3), (190, 180, 160), sun=0.75, grain=0.05)
    painter.face(upright((-1.6, 3.1), (2.6, 2.85), HOUSE_Z + 2.8), (98, 94, 92), sun=0.7)
    for slat in range(8):
        y = 0.05 + 0.27 * slat
        painter.face(upright((-0.2, 2.4), (y, y + 0.25), HOUSE_Z + 3), (112, 124, 134), sun=0.6)
    painter.shade(upright((-1.4, 2.9), (2.25, 2.6), HOUSE_Z + 3), sun=0.3)


def paint_window(painter: Painter, x: float, y: float, *, lit: bool) -> None:
    """One window of the house, its lower left corner at (x, y)."""
    painter.face(
        upright((x - 0.1, x + 1.2), (y - 0.1, y + 1.4), HOUSE_Z), (218, 214, 204), sun=0.75
    )
    for pane in ((x, x + 0.52), (x + 0.58, x + 1.1)):
        painter.face(upright(pane, (y, y + 1.3), HOUSE_Z), (58, 66, 74), sun=0.35)
        painter.face(
            [
                (pane[0], y + 0.5, HOUSE_Z),
                (pane[1], y + 0.9, HOUSE_Z),
                (pane[1], y + 1.3, HOUSE_Z),
                (pane[0], y + 1.3, HOUSE_Z),
            ],
            (104, 118, 130),
            sun=0.35,
        )
        if lit:
            painter.shine(upright(pane, (y, y + 1.3), HOUSE_Z), (236, 186, 112))
    painter.shade(upright((x - 0.05, x + 1.15), (y + 1.2, y + 1.4), HOUSE_Z), sun=0.3)
    painter.face(
        upright((x - 0.2, x + 1.3), (y - 0.2, y - 0.1), HOUSE_Z), (180, 174, 164), sun=0.85
    )


def paint_garden(painter: Painter) -> None:
    """A tree, its shadow on the lawn, and bushes."""
    x, z = 6.3, 15.0
    for _ in range(160):
        angle, reach = painter.rng.uniform(0, 2 * np.pi), painter.rng.uniform() ** 0.5
        dx, dz = 2.9 * reach * np.cos(angle), 1.5 * reach * np.sin(angle)
        size = painter.rng.uniform(0.15, 0.4)
        spot = (x + 1.6 + dx, 0.0, z + 1.4 + dz)
        painter.shade(
            [
                (spot[0] + size * a, 0.0, spot[2] + size * b)
                for a, b in ((-1, 0), (0, -0.8), (1, 0), (0, 0.8))
            ],
            sun=0.55,
        )
    for centre in (-9.4, -8.3, -5.3, -4.1, -3.2):
        painter.foliage((centre, 0.4, HOUSE_Z - 0.6), (0.8, 0.6), 130, (92, 108, 66))
    painter.foliage((4.6, 0.7, HOUSE_Z + 1), (1.7, 1.0), 420, (86, 104, 70))
    painter.foliage((9.8, 0.9, HOUSE_Z), (2.6, 1.4), 900, (80, 98, 66))
    painter.face(
        [(x - 0.2, 0, z), (x + 0.2, 0, z), (x + 0.12, 3.4, z), (x - 0.1, 3.4, z)],
        (96, 82, 68),
        sun=0.45,
        grain=0.2,
    )
    crown = (
        (0.0, 3.7, 1.9, 1.1),
        (-1.3, 4.3, 1.3, 1.2),
        (1.4, 4.4, 1.4, 1.2),
        (0.2, 5.3, 1.7, 1.3),
        (-0.7, 4.7, 1.2, 1.0),
        (0.8, 4.1, 1.1, 0.9),
    )
    for dx, height, across, up in crown:
        painter.foliage((x + dx, height, z), (across, up), 520, (100, 108, 70))


def paint_fence(painter: Painter) -> None:
    """A picket fence, an iron gate between brick posts, and the lamp on the right post."""
    spans = ((-7.4, GATE_X[0] - 0.4), (GATE_X[1] + 0.4, 7.4))
    pickets = [float(x) for low, high in spans for x in np.arange(low, high - 0.08, 0.17)]
    for x in pickets:
        tip = (SHADOW_X * 1.05, SHADOW_Z * 1.05)
        painter.shade(
            [
                (x, 0, FENCE_Z),
                (x + 0.09, 0, FENCE_Z),
                (x + 0.09 + tip[0], 0, FENCE_Z + tip[1]),
                (x + tip[0], 0, FENCE_Z + tip[1]),
            ],
            sun=0.35,
        )
    for low, high in spans:
        painter.shade(
            [
                (low, 0, FENCE_Z - 0.22),
                (high, 0, FENCE_Z - 0.22),
                (high, 0, FENCE_Z),
                (low, 0, FENCE_Z),
            ],
            ambient=0.75,
        )
        for y in (0.28, 0.82):
            painter.face(upright((low, high), (y, y + 0.09), FENCE_Z), (128, 122, 112), sun=0.4)
    for x in pickets:
        tone = int(painter.rng.normal(0, 6))
        top = 1.08 + painter.rng.normal(0, 0.012)
        picket = [
            (x, 0.06, FENCE_Z),
            (x + 0.1, 0.06, FENCE_Z),
            (x + 0.1, top, FENCE_Z),
            (x + 0.05, top + 0.07, FENCE_Z),
            (x, top, FENCE_Z),
        ]
        painter.face(picket, (186 + tone, 182 + tone, 172 + tone), sun=0.7, grain=0.1)
    for x in np.arange(GATE_X[0] + 0.06, GATE_X[1], 0.15).tolist():
        painter.face(upright((x, x + 0.035), (0.08, 1.2), FENCE_Z), (52, 56, 56), sun=0.5)
    for y in (0.12, 0.62, 1.14):
        painter.face(upright(GATE_X, (y, y + 0.05), FENCE_Z), (52, 56, 56), sun=0.5)
    for x in (GATE_X[0] - 0.4, GATE_X[1]):
        paint_post(painter, x)
    lamp = upright((GATE_X[1] + 0.09, GATE_X[1] + 0.31), (1.64, 1.9), FENCE_Z)
    painter.face(lamp, (214, 210, 198), sun=0.7)
    painter.shine(lamp, (255, 226, 168))
    painter.face(
        upright((GATE_X[1] + 0.05, GATE_X[1] + 0.35), (1.9, 1.97), FENCE_Z), (58, 58, 58), sun=0.6
    )


def paint_post(painter: Painter, x: float) -> None:
    """A gate post of bricks with a stone cap, its left edge at x."""
    painter.face(upright((x, x + 0.4), (0, 1.5), FENCE_Z), (168, 158, 146), sun=0.6)
    for course in range(15):
        for brick in range(-1, 2):
            low = x + 0.2 * brick + (0.1 if course % 2 else 0.0)
            edges = (max(x, low + 0.008), min(x + 0.4, low + 0.192))
            if edges[0] < edges[1]:
                tone = int(painter.rng.normal(0, 9))
                painter.face(
                    upright(edges, (0.1 * course + 0.012, 0.1 * course + 0.1), FENCE_Z),
                    (146 + tone, 98 + tone, 82 + tone),
                    sun=0.7,
                )
    painter.face(upright((x - 0.05, x + 0.45), (1.5, 1.6), FENCE_Z), (172, 168, 160), sun=0.8)


def lamp_light() -> Array:
    """The reach of the lamp on the right gate post, `(360, 640)`, 1 beside it."""
    x, y = project((GATE_X[1] + 0.2, 1.75, FENCE_Z))
    columns, rows = np.arange(WIDTH)[None, :], np.arange(HEIGHT)[:, None]
    distance = np.hypot(columns - x, 1.3 * (rows - y - 18))
    return np.asarray(np.exp(-((distance / 62) ** 2)), np.float32)


def build_yard(seed: int) -> Layers:
    """Paint the whole yard; the same seed gives the same layers."""
    painter = Painter(np.random.default_rng(seed))
    for paint in (paint_sky, paint_ground, paint_house, paint_garden, paint_fence):
        paint(painter)
    return painter.layers(lamp_light())
