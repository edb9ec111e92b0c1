"""The block of sums of a micro-kernel: what is loaded along two sides, what is multiplied and added in between."""

from __future__ import annotations

from minigrad.draw.play import BOLD, EDGE
from minigrad.draw.svg import Sheet
from minigrad.errors import require

CELL, HEIGHT, GAP, TOP, SIDE, BELOW, MOST = 132, 30, 14, 78, 96, 34, 16


def registers(channels: int, vectors: int, lanes: int = 16, available: int = 32) -> Sheet:
    """A block of `channels` times `vectors` sums for one tap of a convolution, each sum a register of `lanes` numbers.

    Above stand the vectors of neighbouring inputs, at the left the weight of each channel; every sum takes one of
    each.  Of the `available` registers the sums take one each, the inputs too, and the weight at hand takes one.
    ValueError for sizes of less than 1, and for more than 16 channels or vectors.

    >>> from minigrad.draw import registers
    >>> registers(8, 2).title
    '8 x 2 sums: 10 loads for 16 multiply-adds'
    """
    for name, value in (("channels", channels), ("vectors", vectors)):
        require(1 <= value <= MOST, "registers", name, value, f"1 to {MOST}")
    for name, value in (("lanes", lanes), ("available", available)):
        require(value >= 1, "registers", name, value, "at least 1")
    sums, loads = channels * vectors, channels + vectors
    title = f"{channels} x {vectors} sums: {loads} loads for {sums} multiply-add{'s' * (sums > 1)}"
    taken = sums + vectors + 1
    note = (f"{sums} + {vectors} + 1 = {taken} registers of {available}" if taken <= available else
            f"{sums} + {vectors} + 1 = {taken} registers, and there are {available}")
    width = max(2 * EDGE + SIDE + GAP + vectors * CELL, 2 * EDGE + BOLD * len(title), 2 * EDGE + 7 * len(note))
    sheet = Sheet(round(width), TOP + HEIGHT + GAP + channels * HEIGHT + BELOW, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    left, top = EDGE + SIDE + GAP, TOP + HEIGHT + GAP

    def box(x: float, y: float, width: float, fill: str, words: str) -> None:
        sheet.rect(x, y, width, HEIGHT, fill=fill, stroke="line", round=3)
        sheet.text(x + width / 2, y + HEIGHT / 2 + 4, words, size=12, mono=True)

    sheet.text(left, TOP - 10, f"inputs, {lanes} in a register", size=12, anchor="start", fill="faint")
    sheet.text(EDGE, TOP + HEIGHT / 2 + 4, "weights", size=12, anchor="start", fill="faint")
    for v in range(vectors):
        box(left + v * CELL, TOP, CELL, "input", f"x[{v * lanes}…{(v + 1) * lanes - 1}]")
    for k in range(channels):
        y = top + k * HEIGHT
        box(EDGE, y, SIDE, "kernel", f"w[{k}]")
        for v in range(vectors):
            box(left + v * CELL, y, CELL, "output", f"y[{k}][{v * lanes}…{(v + 1) * lanes - 1}]")
    sheet.text(EDGE, top + channels * HEIGHT + 22, note, size=12, anchor="start", fill="faint")
    return sheet
