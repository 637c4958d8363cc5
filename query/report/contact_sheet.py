"""The answer to queries as one picture: the query at the left, the frames found beside it."""

import io
import os
from pathlib import Path

from PIL import Image, ImageDraw

from nearframe.common import output_path, picture_mark, shown, writing_errors
from nearframe.common.drawing import PICTURE_FORMATS, picture_font, require_drawable, shortened

from ..search.search import QueryMatches, SearchReport
from .matches import MatchPictures, describe_frame, key_of
from .thumbnails import SIDE, Thumbnail

# Pixels: the space between pictures, and the size of letters; then matches beside a query.
_SPACE, _TEXT, _LINE = 16, 13, 18
_PER_ROW = 6
_INK, _PALE_INK, _PAPER, _NOTHING = (20, 20, 20), (90, 90, 90), (255, 255, 255), (225, 228, 232)
# WebP ends at 16,383 pixels.
_HIGHEST = 16_000

Cell = tuple[Thumbnail, tuple[str, ...]]


def check_sheet_path(path: str | os.PathLike[str]) -> None:
    """Check that a contact sheet can go to `path`, before the long work of a search.

    Raises:
        NearframeError: If its suffix is none of `PICTURE_FORMATS`, or there is no such folder.
    """
    require_drawable(path, PICTURE_FORMATS)


def save_contact_sheet(report: SearchReport, path: str | os.PathLike[str]) -> None:
    """Draw queries and their matches into a file, in place of an earlier one of its kind.

    As many queries as fit into 16,000 pixels; the sheet says how many are left out.

    Raises:
        OutputError: If the file cannot be written.
        NearframeError: As `check_sheet_path`.
    """
    check_sheet_path(path)
    sheet = draw_contact_sheet(report)
    with writing_errors(path), output_path(path) as temporary:
        sheet.save(temporary, PICTURE_FORMATS[Path(path).suffix.lower()], exif=picture_mark())


def draw_contact_sheet(report: SearchReport) -> Image.Image:
    """Draw queries and their matches: one row per query, or more where it has many matches."""
    results = _fitting(report.results)
    rest = len(report.results) - len(results)
    pictures = MatchPictures.of(results)
    places = pictures.places()
    thumbnails = list(pictures.thumbnails())
    rows: list[list[Cell | None]] = []
    for result in results:
        query = thumbnails[places[os.fspath(result.query)]]
        cells: list[Cell] = [
            (
                thumbnails[places[key_of(match.frame)]],
                (
                    f"{rank}: {match.similarity:.6f}",
                    shown(Path(match.frame.source).name),
                    describe_frame(match.frame),
                ),
            )
            for rank, match in enumerate(result.matches, 1)
        ]
        caption = ("query", shown(Path(result.query).name), "" if cells else "no match")
        for first in range(0, max(1, len(cells)), _PER_ROW):
            left = None if first else (query, caption)
            rows.append([left, *cells[first : first + _PER_ROW]])
    return _composed(rows, f"and {rest:,} more queries" if rest else "")


def _fitting(results: tuple[QueryMatches, ...]) -> tuple[QueryMatches, ...]:
    """Return the first queries, as many as fit below each other."""
    height = 0
    for number, result in enumerate(results):
        height += -(-max(1, len(result.matches)) // _PER_ROW) * (SIDE + 3 * _LINE + _SPACE)
        if height > _HIGHEST and number:
            return results[:number]
    return results


def _composed(rows: list[list[Cell | None]], note: str) -> Image.Image:
    font = picture_font(_TEXT)
    heights = [max(_size(cell)[1] for cell in row if cell) for row in rows]
    width = _SPACE + max(map(len, rows)) * (SIDE + _SPACE)
    height = _SPACE + sum(heights) + len(rows) * (3 * _LINE + _SPACE) + bool(note) * 2 * _LINE
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    y = _SPACE
    for row, row_height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            if cell is None:
                continue
            x = _SPACE + column * (SIDE + _SPACE)
            thumbnail, lines = cell
            if thumbnail.webp is None:
                draw.rectangle((x, y, x + SIDE - 1, y + row_height - 1), _NOTHING)
                words = shortened(thumbnail.problem, font, SIDE - _SPACE)
                draw.text((x + SIDE / 2, y + row_height / 2), words, _PALE_INK, font, anchor="mm")
            else:
                # At the bottom: next to its caption, whatever the form of the others.
                picture = Image.open(io.BytesIO(thumbnail.webp))
                sheet.paste(picture, (x, y + row_height - picture.height))
            for number, line in enumerate(lines):
                ink = _PALE_INK if number else _INK
                words = shortened(line, font, SIDE)
                draw.text((x, y + row_height + 4 + number * _LINE), words, ink, font)
        y += row_height + 3 * _LINE + _SPACE
    if note:
        draw.text((_SPACE, y), note, _PALE_INK, font)
    return sheet


def _size(cell: Cell) -> tuple[int, int]:
    thumbnail = cell[0]
    return (SIDE, SIDE * 9 // 16) if thumbnail.webp is None else (thumbnail.width, thumbnail.height)
