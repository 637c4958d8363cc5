"""The edits of the copies with which weights are measured; each is a Pillow recipe.

Training has edits of its own: a measurement must not share its mistakes with what it measures.
"""

import io
import zlib
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

CopyEdit = Callable[[Image.Image, np.random.Generator], Image.Image]
"""Takes an RGB photo and a seeded generator; returns an RGB picture and leaves the photo alone."""

MAX_SIDE = 1024
"""Longer sides are scaled down to this before an edit, so that noise, blocks of JPEG and so on are
as coarse against the picture whatever the camera, and an edit takes milliseconds."""

_NOISE_ROWS = 64


def edit_copy(
    photo: Image.Image,
    edit: str,
    number: int,
    *,
    seed: int = 0,
    edits: Mapping[str, CopyEdit] | None = None,
) -> Image.Image:
    """Make one edited copy. The same arguments give the same pixels, in any order of calls.

    Args:
        photo: RGB; longer sides than `MAX_SIDE` are scaled down to it.
        edit: A name of `edits`.
        number: Of the photo, >= 0: each has random numbers of its own for each edit.
        seed: Another one (>= 0) gives other crops, colours and so on.
        edits: Name -> edit; `COPY_EDITS` by default.
    """
    rng = np.random.default_rng((_edit_number(edit), number, seed))
    return (COPY_EDITS if edits is None else edits)[edit](scaled_down(photo), rng)


def scaled_down(photo: Image.Image) -> Image.Image:
    """Return the photo, or a smaller one whose longer side is `MAX_SIDE`."""
    longest = max(photo.size)
    if longest <= MAX_SIDE:
        return photo
    width, height = (max(1, round(side * MAX_SIDE / longest)) for side in photo.size)
    return photo.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _edit_number(edit: str) -> int:
    """Number an edit by its place in `COPY_EDITS`, and others by their name."""
    names = list(COPY_EDITS)
    return names.index(edit) if edit in names else len(names) + zlib.crc32(edit.encode())


def _jpeg(quality: int) -> CopyEdit:
    def edit(photo: Image.Image, _: np.random.Generator) -> Image.Image:
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return edit


def _crop(area: float) -> CopyEdit:
    def edit(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = (max(1, round(side * area**0.5)) for side in photo.size)
        left = int(rng.integers(0, photo.width - width + 1))
        top = int(rng.integers(0, photo.height - height + 1))
        return photo.crop((left, top, left + width, top + height))

    return edit


def _third(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    width, height = (max(1, side // 3) for side in photo.size)
    return photo.resize((width, height), Image.Resampling.BILINEAR)


def _blur(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(min(photo.size) / 100))


def _brightness(factor: float) -> CopyEdit:
    return lambda photo, _: ImageEnhance.Brightness(photo).enhance(factor)


def _contrast(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageEnhance.Contrast(photo).enhance(0.5)


def _grey(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.grayscale(photo).convert("RGB")


def _channels(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return Image.merge("RGB", photo.split()[::-1])


def _hue(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    turn = 32 * int(rng.choice([-1, 1]))  # an eighth of the circle
    hue, saturation, value = photo.convert("HSV").split()
    turned = hue.point([(level + turn) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def _rotation(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    return photo.rotate(10 * float(rng.choice([-1, 1])), Image.Resampling.BILINEAR, expand=True)


def _mirror(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(photo)


def _padding(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    border = max(1, round(0.15 * min(photo.size)))
    shade = int(rng.choice([0, 128, 255]))
    return ImageOps.expand(photo, border, (shade, shade, shade))


def _noise(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    noisy = np.array(photo)
    # In strips: the noise is float64, eight times the size of the picture.
    for top in range(0, photo.height, _NOISE_ROWS):
        strip = noisy[top : top + _NOISE_ROWS]
        strip[:] = (strip.astype(np.float32) + rng.normal(0, 20, strip.shape)).clip(0, 255)
    return Image.fromarray(noisy)


def _overlay(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    edited = photo.copy()
    draw = ImageDraw.Draw(edited)
    width, height = photo.size
    for _ in range(2):
        left, top = rng.uniform(0, 0.75) * width, rng.uniform(0, 0.75) * height
        box = (left, top, left + 0.25 * width, top + 0.2 * height)
        red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
        draw.rectangle(box, fill=(red, green, blue))
    place = (0.05 * width, rng.uniform(0.1, 0.8) * height)
    _write(draw, place, "seen on the web", height / 9, "white", stroke_width=2)
    return edited


def _screenshot(photo: Image.Image, _: np.random.Generator) -> Image.Image:
    width, height = photo.size
    bar, side, foot = round(0.12 * height), round(0.06 * width), round(0.08 * height)
    screen = Image.new("RGB", (width + 2 * side, bar + height + foot), (245, 245, 245))
    screen.paste(photo, (side, bar))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, screen.width, bar * 2 // 3), fill=(60, 90, 150))
    _write(draw, (side, bar // 10), "Photos - 12:45", bar * 0.4, "white")
    below = (side, height + bar + foot // 5)
    _write(draw, below, "Like   Share   Comment", bar * 0.4, (90, 90, 90))
    return screen


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: float,
    fill: str | tuple[int, int, int],
    *,
    stroke_width: int = 0,
) -> None:
    # FreeType has no letters below one pixel.
    font = ImageFont.load_default(max(1.0, size))
    draw.text(place, text, font=font, fill=fill, stroke_width=stroke_width, stroke_fill="black")


COPY_EDITS: Mapping[str, CopyEdit] = {
    "jpeg20": _jpeg(20),
    "jpeg60": _jpeg(60),
    "third": _third,
    "crop70": _crop(0.7),
    "crop40": _crop(0.4),
    "blur": _blur,
    "bright0.6": _brightness(0.6),
    "bright1.5": _brightness(1.5),
    "contrast0.5": _contrast,
    "grey": _grey,
    "channels": _channels,
    "hue": _hue,
    "rotate10": _rotation,
    "mirror": _mirror,
    "padding": _padding,
    "noise": _noise,
    "overlay": _overlay,
    "screenshot": _screenshot,
}
"""Name -> edit. New ones go to the end: the place of an edit seeds its random numbers."""
