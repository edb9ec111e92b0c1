"""A matrix with its bands: every entry in the colour of its place in the kernel, blocks ruled where image rows end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from minigrad.draw.svg import Sheet
from minigrad.errors import require
from minigrad.matrix.form import Named, words
from minigrad.reference.nested import indices

if TYPE_CHECKING:
    from minigrad.matrix import Matrix

FILLS, STRONG = ("input", "kernel", "output"), ("accent", "second", "faint")    # of cells with text, and without
LETTER, TALL, EDGE, TOP, SIDE = 6.7, 26, 24, 92, 62     # pixels: of a letter at size 11, of a cell, around the matrix
WRITTEN, WIDEST, SMALL, MOST = 2_048, 1_400, 784, 20_000        # cells with text; pixels with and without; entries


def matrix(m: Matrix, title: str = "", letters: tuple[str, str] = ("x", "y")) -> Sheet:
    """The entries of a matrix of `minigrad.matrix`, coloured by band, with their names where there is room.

    Entries that are weights of one kernel row have one colour, any others by their diagonal; zeros stay empty.  Heavy
    lines stand where a row of the image ends, so that Toeplitz blocks can be seen as blocks.  `letters` name what the
    columns and the rows stand for, the matrix's input and its result.
    ValueError for a matrix of more than 20,000 entries, or without rows or columns.

    >>> import minigrad
    >>> from minigrad import draw
    >>> from minigrad.matrix import matrix_of
    >>> w = minigrad.ones(1, 1, 3)
    >>> A = matrix_of(lambda x: minigrad.nn.functional.conv1d(x, w), (1, 1, 5))
    >>> "w[2]" in draw.matrix(A, "a kernel of 3 on 5 places").svg()
    True
    """
    rows, columns = m.shape
    require(rows and columns, "draw.matrix", "m", f"shape {m.shape}", "at least one row and one column")
    require(m.nnz <= MOST, "draw.matrix", "m", f"{m.nnz} entries", f"at most {MOST}")
    named = [words(value) for row in m.rows for value in row.values()]
    wide = max(max(map(len, named), default=1) * LETTER + 8, TALL)
    written = rows * columns <= WRITTEN and columns * wide <= WIDEST
    wide, tall = (wide, TALL) if written else (max(min(12, SMALL / max(m.shape)), 1),) * 2
    below = TOP + rows * tall
    sheet = Sheet(max(2 * EDGE + SIDE + columns * wide, 560), below + 62, title or "matrix")
    if title:
        sheet.text(EDGE, 30, title, 16, "start", bold=True)
    left = EDGE + SIDE
    band_of = bands(m)
    if written:
        for o, row in enumerate(m.rows):
            for i, value in row.items():
                x, y = left + i * wide, TOP + o * tall
                sheet.rect(x, y, wide, tall, FILLS[band_of[o, i] % 3], "line")
                sheet.text(x + wide / 2, y + tall / 2 + 4, words(value).replace("-", "\u2212"), 11, mono=True)
    else:
        for band, fill in enumerate(STRONG):
            runs = _runs([place for place, number in band_of.items() if number % 3 == band])
            sheet.rects([(left + i * wide, TOP + o * tall, count * wide, tall) for o, i, count in runs], fill)
    for count, shape, letter, across in ((columns, m.input_shape, letters[0], True),
                                         (rows, m.output_shape, letters[1], False)):
        _rules(sheet, count, shape, letter, across, left, (wide, tall), (columns * wide, rows * tall))
    sheet.text(EDGE, below + 28, _about(m), 12, "start")
    sheet.text(EDGE, below + 46, m.structure().toeplitz or "not Toeplitz", 12, "start", "accent")
    return sheet


def _about(m: Matrix) -> str:
    found = m.structure()
    return f"{m.shape[0]} × {m.shape[1]}, {m.nnz} entries on {len(found.diagonals)} diagonals"


def bands(m: Matrix) -> dict[tuple[int, int], int]:
    """A number for the band of each entry: the kernel row of a weight, the diagonal of anything else."""
    keys = {(o, i): value.name.rpartition(",")[0] or value.name if isinstance(value, Named) else i - o
            for o, row in enumerate(m.rows) for i, value in row.items()}
    order = {key: j for j, key in enumerate(sorted(set(keys.values()), key=lambda key: (isinstance(key, int), key)))}
    return {place: order[key] for place, key in keys.items()}


def _runs(places: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(row, first column, count) of places that are neighbours in a row."""
    found: list[tuple[int, int, int]] = []
    for o, i in sorted(places):
        row, first, count = found[-1] if found else (-1, 0, 0)
        if (o, i) == (row, first + count):
            found[-1] = row, first, count + 1
        else:
            found.append((o, i, 1))
    return found


def _rules(sheet: Sheet, count: int, shape: tuple[int, ...], letter: str, across: bool, left: float,
           cell: tuple[float, float], size: tuple[float, float]) -> None:
    """Lines between the places of one side: light ones between places, heavy ones where a row of the image ends."""
    step, ends = cell[not across], (shape[-1] if len(shape) > 1 and shape[-1] < count else count)
    for j in range(count + 1):
        heavy = j % ends == 0
        if not heavy and step < TALL:
            continue
        at = (left if across else TOP) + j * step
        x1, y1, x2, y2 = (at, TOP, at, TOP + size[1]) if across else (left, at, left + size[0], at)
        strong = heavy and step >= TALL
        sheet.line(x1, y1, x2, y2, "ink" if strong else "line", 1.4 if strong else 0.7)
    leading = [n for n in shape[:-1] if n > 1] if ends < count else []
    names = [f"{letter}[{','.join(map(str, index))},:]" if index else letter for index in indices(leading)]
    room = max(map(len, names)) * LETTER + 8 if across else 14
    for j in range(0, len(names), math.ceil(room / (ends * step))):     # as many of them as there is room for
        middle = (left if across else TOP) + (j + 0.5) * ends * step
        x, y = (middle, TOP - 10.0) if across else (left - 8, middle + 4)
        sheet.text(x, y, names[j], 11, "middle" if across else "end", "faint", mono=True)
