"""An explanation as one picture: both images, their difference, and what changed outlined."""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from nearframe.common import NearframeError, output_path, picture_mark, shown, writing_errors
from nearframe.common.drawing import PICTURE_FORMATS, picture_font, require_drawable, shortened
from nearframe.embeddings import RgbImage

from ..change.regions import Region
from ..dedup.explain import Explanation

Size = tuple[int, int]

# Pixels: the largest panel, the thinnest, the space between them, and the narrowest picture.
_PANEL, _THINNEST, _SPACE, _NARROWEST = (720, 540), 24, 20, 1000
_TITLE, _TEXT = 30, 19
_INK, _PALE_INK, _PAPER = (20, 20, 20), (90, 90, 90), (255, 255, 255)
_OUTLINE, _MOVED, _HALO = (255, 220, 0), (90, 190, 255), (20, 20, 20)
_MASKED = np.array([50, 70, 130], np.uint8)
# Enlarged more than this, pixels are shown as the squares they are.
_SMOOTH = 4


def check_picture_path(path: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Check that a picture can go to `path`, before the seconds that loading a network takes.

    Raises:
        NearframeError: If its suffix is none of `PICTURE_FORMATS`, there is no such folder, or it
            is one of the `inputs`.
    """
    path = Path(path)
    for image in map(Path, inputs):
        if path.exists() and image.exists() and path.samefile(image):
            raise NearframeError(
                f"{shown(path)} is one of the images to explain and would be lost; "
                "give another name with -o"
            )
    require_drawable(path, PICTURE_FORMATS)


def save_picture(explanation: Explanation, path: str | os.PathLike[str]) -> None:
    """Draw an explanation into a file, in place of an earlier one of its kind.

    Raises:
        OutputError: If the file cannot be written.
        NearframeError: As `check_picture_path`.
    """
    check_picture_path(path, explanation.a, explanation.b)
    picture = draw_picture(explanation)
    with writing_errors(path), output_path(path) as temporary:
        picture.save(temporary, PICTURE_FORMATS[Path(path).suffix.lower()], exif=picture_mark())


def draw_picture(explanation: Explanation) -> Image.Image:
    """Draw an explanation: its text, and four panels of up to 720x540 pixels each."""
    a, b = (Image.fromarray(image) for image in explanation.images)
    size_b = _fitting(b.size)
    count = len(explanation.change.regions)
    moved = "; blue only moved a little" if explanation.change.moved else ""
    masked = "; blue is masked" if explanation.unmasked is not None else ""
    threshold = explanation.detection.diff_threshold
    panels = [
        (f"A  {shown(explanation.a)}", _scaled(a, _fitting(a.size))),
        (f"B  {shown(explanation.b)}", _scaled(b, size_b)),
        (
            f"Difference: orange above {threshold} of 255{masked}",
            _scaled(Image.fromarray(_difference_colours(explanation)), size_b),
        ),
        (
            f"B with {count or 'no'} changed region{'s' * (count != 1)}{moved}",
            _outlined(_scaled(b, size_b), explanation),
        ),
    ]
    return _composed(explanation, panels)


def _composed(explanation: Explanation, panels: list[tuple[str, Image.Image]]) -> Image.Image:
    """Put the text above two rows of two panels with their captions."""
    title, text = picture_font(_TITLE), picture_font(_TEXT)
    column = max((_NARROWEST - 3 * _SPACE) // 2, max(panel.width for _, panel in panels))
    rows = [max(panel.height for _, panel in panels[i : i + 2]) for i in (0, 2)]
    line = round(_TEXT * 1.5)
    header = 2 * _TITLE + len(explanation.facts) * line
    width = 2 * column + 3 * _SPACE
    height = _SPACE + header + sum(line + row + _SPACE for row in rows)
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    verdict = explanation.verdict
    draw.text((_SPACE, _SPACE), verdict[0].upper() + verdict[1:], _INK, title)
    y = _SPACE + 3 * _TITLE // 2
    values_x = _SPACE + max(round(text.getlength(f"{label}   ")) for label, _ in explanation.facts)
    for label, value in explanation.facts:
        draw.text((_SPACE, y), label, _PALE_INK, text)
        draw.text((values_x, y), shortened(value, text, width - values_x - _SPACE), _INK, text)
        y += line
    y = _SPACE + header
    for number, (caption, panel) in enumerate(panels):
        x = _SPACE + number % 2 * (column + _SPACE)
        draw.text((x, y), shortened(caption, text, column), _INK, text)
        picture.paste(panel, (x, y + line))
        # A thin frame: a white image would melt into the paper.
        draw.rectangle(
            (x - 1, y + line - 1, x + panel.width, y + line + panel.height), outline=_PALE_INK
        )
        if number % 2:
            y += line + rows[number // 2] + _SPACE
    return picture


def _outlined(image: Image.Image, explanation: Explanation) -> Image.Image:
    """Dim what is masked, and draw the changed regions with their numbers."""
    if explanation.unmasked is not None:
        unmasked = Image.fromarray(explanation.unmasked).resize(image.size)
        image = Image.composite(image, Image.eval(image, lambda value: value // 3), unmasked)
    draw = ImageDraw.Draw(image)
    for region in explanation.change.moved:
        _draw_outline(draw, region, _MOVED)
    for number, region in enumerate(explanation.change.regions, 1):
        _draw_outline(draw, region, _OUTLINE)
        _draw_label(draw, str(number), region.left * image.width, region.top * image.height)
    return image


def _draw_outline(draw: ImageDraw.ImageDraw, region: Region, colour: tuple[int, int, int]) -> None:
    width, height = draw.im.size
    corners = [(x * width, y * height) for x, y in region.outline]
    closed = [*corners, *corners[:2]]
    draw.line(closed, _HALO, width=6, joint="curve")
    draw.line(closed, colour, width=3, joint="curve")


def _draw_label(draw: ImageDraw.ImageDraw, text: str, left: float, top: float) -> None:
    """Write a number above a region, or inside where there is no room above."""
    font = picture_font(_TEXT)
    width, height = font.getlength(text) + 8, round(1.3 * _TEXT)
    x = max(0, min(left, draw.im.size[0] - width))
    y = top - height - 4 if top >= height + 4 else top + 4
    draw.rectangle((x, y, x + width, y + height), _OUTLINE, _HALO)
    draw.text((x + 4, y + height / 2), text, _INK, font, anchor="lm")


def _difference_colours(explanation: Explanation) -> RgbImage:
    """Return the difference in grey, in orange where it counts, and in blue where masked.

    Returns:
        RGB uint8 ``(height, width, 3)``.
    """
    difference = explanation.difference.astype(np.float32)
    threshold = explanation.detection.diff_threshold
    # (h, w): up to a dim grey at the threshold, from orange to yellow above it.
    grey = np.minimum(120 * difference / max(threshold, 1), 120)
    colours = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    counts = difference > threshold
    strength = (difference - threshold) / (255 - threshold)
    colours[counts] = np.stack(
        [np.full_like(strength, 255), 130 + 125 * strength, 200 * strength**2], axis=2
    )[counts].astype(np.uint8)
    if explanation.unmasked is not None:
        colours[~explanation.unmasked] = _MASKED
    return colours


def _fitting(size: Size) -> Size:
    """Return the size at which an image fills a panel."""
    scale = min(_PANEL[0] / size[0], _PANEL[1] / size[1])
    width, height = (max(_THINNEST, round(side * scale)) for side in size)
    return width, height


def _scaled(image: Image.Image, size: Size) -> Image.Image:
    enlarged = max(size[0] / image.width, size[1] / image.height)
    smooth = Image.Resampling.BICUBIC if enlarged < _SMOOTH else Image.Resampling.NEAREST
    return image.resize(size, smooth, reducing_gap=3)
