"""Numbers as colours: tiles in a grid with one scale.

The colour says the sign, its strength the size, and 0 is the paper's own colour; so one picture is right on light paper
and on dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from minigrad.draw.play import EDGE
from minigrad.draw.png import Colour, uri
from minigrad.draw.svg import Sheet
from minigrad.errors import require

PLUS, MINUS, LOST = (31, 119, 237), (224, 102, 20), (191, 57, 137)
PIXELS = 1 << 21    # of a picture: 32 maps of 224×224 are fewer, many more would be waited for
LEVELS = 63         # of strength: more cannot be told apart, fewer make smaller files
BAR = 120

Rows = list[list[float]]


def bounded(op: str, name: str, count: int, rows: int, columns: int) -> None:
    """ValueError for more pixels than make a picture."""
    require(count * rows * columns <= PIXELS, op, name, f"{count} × {rows}×{columns} pixels",
            f"at most {PIXELS} of them, to be a picture")


def largest(tiles: Iterable[Rows]) -> float:
    """The largest finite |number|; 0 where there is none."""
    return max((abs(value) for rows in tiles for row in rows for value in row if math.isfinite(value)), default=0.0)


def coloured(rows: Rows, most: float) -> list[list[Colour]]:
    """Numbers from -most to most as colours; what is no number has a colour of its own.

    >>> coloured([[0.0, 2.0, -1.0]], 2.0)
    [[(31, 119, 237, 0), (31, 119, 237, 255), (224, 102, 20, 130)]]
    """
    def colour(value: float) -> Colour:
        if not math.isfinite(value):
            return (*LOST, 255)
        level = round(min(abs(value) / (most or 1.0), 1.0) * LEVELS)
        return (*(MINUS if value < 0 and level else PLUS), round(level / LEVELS * 255))
    return [[colour(value) for value in row] for row in rows]


def grid(sheet: Sheet, tiles: list[Rows], across: int, cell: float, x: float, y: float,
         apart: tuple[float, float]) -> list[tuple[float, float]]:
    """All tiles as one picture, `across` of them in a row, framed; where they stand.

    They are of one size, their pixels `cell` wide and at least `apart` pixels apart, to the right and downwards.
    """
    rows, columns = len(tiles[0]), len(tiles[0][0])
    right, down = (columns + math.ceil(apart[0] / cell), rows + math.ceil(apart[1] / cell))
    most = largest(tiles)
    spots = [(j // across * down, j % across * right) for j in range(len(tiles))]
    paper = [[(*PLUS, 0)] * (min(across, len(tiles)) * right - right + columns) for _ in range(spots[-1][0] + rows)]
    for (top, left), one in zip(spots, tiles, strict=True):
        for r, row in enumerate(coloured(one, most)):
            paper[top + r][left:left + columns] = row
    sheet.image(x, y, len(paper[0]) * cell, len(paper) * cell, uri(paper))
    places = [(x + left * cell, y + top * cell) for top, left in spots]
    sheet.rects([(left, top, columns * cell, rows * cell) for left, top in places], stroke="line")
    return places


def scale(sheet: Sheet, y: float, tiles: Iterable[Rows], x: float = EDGE) -> float:
    """The bar that says which colour is which number, its top at y; its right end."""
    known = list(tiles)
    most = largest(known)
    numbers = [value for rows in known for row in rows for value in row]
    signed = any(value < 0 for value in numbers)
    steps = [(j / LEVELS if not signed else 2 * j / LEVELS - 1) for j in range(LEVELS + 1)]
    ends = f"{'−' if signed else ''}{most if signed else 0:.3g}", f"{most:.3g}"
    sheet.text(x, y + 10, ends[0], size=11, anchor="start", fill="faint")
    left = x + 7 * len(ends[0]) + 6
    sheet.image(left, y, BAR, 12, uri(coloured([steps], 1.0)))
    sheet.rect(left, y, BAR, 12, stroke="line")
    sheet.text(left + BAR + 6, y + 10, ends[1], size=11, anchor="start", fill="faint")
    right = left + BAR + 12 + 7 * len(ends[1])
    lost = sum(not math.isfinite(value) for value in numbers)
    if lost:
        words = f"{lost} not finite"
        sheet.image(right + 10, y, 12, 12, uri(coloured([[math.nan]], 1.0)))
        sheet.text(right + 28, y + 10, words, size=11, anchor="start", fill="faint")
        right += 28 + 7 * len(words)
    return right


def some(count: int, limit: int, what: str) -> str:
    """How many of them are shown: 64 filters, or 32 of 64 filters.

    >>> some(64, 32, "filters"), some(1, 32, "filters")
    ('32 of 64 filters', '1 filter')
    """
    return f"{limit} of {count} {what}" if count > limit else f"{count} {what if count != 1 else what[:-1]}"
