"""Uniform bars around a picture: letterbox, pillarbox, or a frame in one colour.

A still of a film often comes with the bars of a player or of another screen around it, and the
index has the film without them.
"""

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from nearframe.embeddings import RgbImage, Thumbnails
from nearframe.embeddings.thumbnail import levels_of

# In levels of 255: how far a line of a bar lies from the bar's colour, on average over the line,
# above what its outermost lines do. A compressed bar is not quite flat.
_FLAT = 2.0
_NOISY = 8.0
# Of what is shown, the share of the first rows that differs from the bar, and by how much. Of 174
# photos of clothes with bars, 95 % have more, and none of their own plain margins.
_EDGE = 3
_ALONG = 0.8
_DIFFERS = 4.0
# Next to what is shown, JPEG rings in blocks of 8 pixels, or 16 where colour is halved.
_BLOCK = 16
_RINGING = 16.0
_SMEARED = 9
_STEP = 4.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Shares of a side: thinner bars hardly matter, and of what is left less is no picture.
_THINNEST = 0.01
_LEFT_OVER = 0.2
# Frames within frames that are looked for, and answers in all.
_NESTED = 3
_MOST = 12
# In levels of a thumbnail, whose cells are means.
_FLAT_CELLS = 6.0

# Rows that are looked at before it is known whether the bar goes on.
_AT_ONCE = 64

_Levels = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bars:
    """Widths of the bars at the four sides of a picture, in its pixels as it is shown."""

    left: int
    top: int
    right: int
    bottom: int

    def trimmed(self, picture: RgbImage) -> RgbImage:
        """Return the part of a picture ``(height, width, 3)`` within its bars, as a view."""
        height, width = picture.shape[:2]
        rest: RgbImage = picture[self.top : height - self.bottom, self.left : width - self.right]
        return rest

    def describe(self) -> str:
        """Say how wide they are: ``60 px at the top, 60 px at the bottom``."""
        sides = {"top": self.top, "bottom": self.bottom, "left": self.left, "right": self.right}
        return ", ".join(f"{width} px at the {side}" for side, width in sides.items() if width)

    def __add__(self, inner: "Bars") -> "Bars":
        """Return both, where `inner` are those of the picture within these."""
        return Bars(*(a + b for a, b in zip(astuple(self), astuple(inner), strict=True)))


def may_have_bars(thumbnail: Thumbnails) -> bool:
    """Whether an outermost line of a thumbnail, uint16 ``(32, 32)``, is of one brightness.

    It tells from what the network saw whether a picture is worth being looked at in full.
    """
    levels = levels_of(thumbnail)
    lines = (levels[0], levels[-1], levels[:, 0], levels[:, -1])
    return any(float(np.ptp(line)) <= _FLAT_CELLS for line in lines)


def possible_bars(picture: RgbImage) -> tuple[Bars, ...]:
    """Find what may be bars around a picture, of any colour.

    Pictures have plain margins of their own, dark scenes end in the dark, and titles stand on
    bars, so there may be several answers: each side as far as it is plain; both of two sides as
    the narrower or as the wider of them, since screens have equal bars; and one frame within
    another.

    Args:
        picture: RGB, uint8, shape ``(height, width, 3)``.

    Returns:
        Up to 12, the simplest first. None is thinner than 1 % of the side at all sides, and each
        leaves a fifth of the height and of the width: a picture of one colour has no bars.
    """
    height, width = picture.shape[:2]
    found: dict[Bars, None] = {}
    around = [Bars(0, 0, 0, 0)]
    for _ in range(_NESTED):
        within: list[Bars] = []
        for outer in around:
            rest = outer.trimmed(picture)
            options = [Bars(0, top, 0, bottom) for top, bottom in _ends(rest, height)]
            options += [Bars(left, 0, right, 0) for left, right in _ends(_turned(rest), width)]
            within += [outer + inner for inner in options]
        around = [bars for bars in dict.fromkeys(within) if bars not in found]
        around = [bars for bars in around if _leaves_enough(bars, picture)]
        found.update(dict.fromkeys(around))
    return tuple(found)[:_MOST]


def _leaves_enough(bars: Bars, picture: RgbImage) -> bool:
    rest = bars.trimmed(picture).shape
    return all(rest[axis] >= _LEFT_OVER * picture.shape[axis] for axis in (0, 1))


def _turned(picture: RgbImage) -> RgbImage:
    return np.swapaxes(picture, 0, 1)


def _ends(picture: RgbImage, side: int) -> list[tuple[int, int]]:
    """Return how many rows at the top and at the bottom may be bars of a picture `side` high."""
    if min(picture.shape[:2]) < 2:
        return []
    shortest = max(1.0, _THINNEST * side)
    # Within the bars at the sides: in a frame, nothing else begins behind the first rows.
    left, right = (_bar_rows(_turned(view)) for view in (picture, picture[:, ::-1]))
    if left + right < picture.shape[1]:
        picture = picture[:, left : picture.shape[1] - right]
    views = (picture, picture[::-1])
    first, last = (rows if rows >= shortest else 0 for rows in map(_bar_rows, views))
    narrow, wide = min(first, last), max(first, last)
    if wide == 0 or first + last >= len(picture):
        return []
    options: list[tuple[int, int]] = []
    # What compression smears past the edge of a bar makes it look narrower.
    if wide - narrow > shortest + 1:
        if all(_is_edge(view, rows) for view, rows in zip(views, (first, last), strict=True)):
            options.append((first, last))
        if narrow and _is_edge(views[0 if first == narrow else 1], narrow):
            options.append((narrow, narrow))
    if 2 * wide < len(picture) and all(_is_edge(view, wide) for view in views):
        options.append((wide, wide))
    return options


def _is_edge(picture: RgbImage, rows: int) -> bool:
    """Whether something begins behind the first rows along the whole width, as behind a bar.

    What stands on a plain ground of its own begins at one place and then at others.
    """
    if rows == 0:
        return True
    colour = np.median(picture[0], axis=0)
    apart = np.abs(picture[: rows + _EDGE] - colour).max(axis=2)
    limit = 2 * apart[0].mean() + _DIFFERS
    return float((apart[rows:].mean(axis=0) > limit).mean()) >= _ALONG


def _bar_rows(picture: RgbImage) -> int:
    """Return how many rows from the first on are of its colour."""
    colour = np.median(picture[0], axis=0).astype(np.int16)
    apart = _distances(picture, colour)
    noise = float(apart[0])
    if noise > _NOISY:
        return 0
    rows = _first_above(apart, noise + _FLAT)
    shown = _first_above(apart, noise + _RINGING)
    rows = shown if 0 < rows < shown <= rows + _BLOCK else rows
    if not 0 < rows < len(picture):
        return rows
    # JPEG smears colour over the edge, but not brightness.
    luma = picture[rows - 1 : rows + _SMEARED] @ _LUMA
    steps = np.diff(np.abs(luma - colour @ _LUMA).mean(axis=1))
    return rows + int(steps.argmax()) if steps.size and steps.max() >= _STEP else rows


def _distances(picture: RgbImage, colour: npt.NDArray[np.int16]) -> _Levels:
    """Return how far rows are from a colour: of the channel that is farthest, the row's mean.

    Float32, shape ``(n,)``: of all rows, or of the first until one is surely none of a bar.
    """
    parts: list[_Levels] = []
    for first in range(0, len(picture), _AT_ONCE):
        rows = picture[first : first + _AT_ONCE].astype(np.int16)
        parts.append(np.abs(rows - colour).max(axis=2).mean(axis=1, dtype=np.float32))
        if parts[-1].max() > _NOISY + _RINGING:
            break
    return np.concatenate(parts)


def _first_above(values: _Levels, limit: float) -> int:
    above = values > limit
    return int(above.argmax()) if above.any() else len(values)
