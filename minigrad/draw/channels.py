"""A convolution over several feature maps: every kernel slides over its map, and what they give is summed."""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad.draw.play import BOLD, EDGE, Stage
from minigrad.draw.steps import board, image, weights
from minigrad.draw.svg import Sheet
from minigrad.errors import require
from minigrad.geometry import Geometry
from minigrad.ops.conv import conv

CELL, GAP, APART = 26, 34, 56


def channels(x: Any, w: Any) -> Sheet:
    """The maps of x, (1, C, H, W), through a kernel w, (K, C, KH, KW): one group of C sums for each of K outputs.

    All numbers are the engine's.  ValueError for shapes that no convolution has, or a batch of more than one.

    >>> import minigrad
    >>> from minigrad.draw import channels
    >>> channels(minigrad.ones(1, 2, 3, 3), minigrad.ones(3, 2, 2, 2)).title
    'A convolution from 2 feature maps to 3'
    """
    require(len(x.shape) == 4 and x.shape[0] == 1, "channels", "x", f"shape {x.shape}", "(1, C, H, W)")
    require(len(w.shape) == 4 and w.shape[1] == x.shape[1], "channels", "w", f"shape {w.shape}",
            f"(K, {x.shape[1]}, KH, KW)")
    outs, ins = w.shape[:2]
    geometry = Geometry.of_conv("channels", x.shape[2:], w.shape[2:])
    y = conv(x, w, geometry=geometry)
    parts = [[conv(x[:, c:c + 1], w[k:k + 1, c:c + 1], geometry=geometry) for c in range(ins)] for k in range(outs)]
    rows, columns = geometry.output
    high, wide = geometry.input
    group = ins * columns * CELL + (ins - 1) * GAP
    width = max(2 * EDGE + outs * group + (outs - 1) * APART, 2 * EDGE + ins * wide * CELL + (ins - 1) * APART)
    title = f"A convolution from {ins} feature maps to {outs}"
    width = round(max(width, 2 * EDGE + BOLD * len(title)))
    first = 80
    second = first + high * CELL + 100
    third = second + rows * CELL + 70
    sheet = Sheet(width, third + rows * CELL + EDGE, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    stage = Stage(sheet, CELL)
    left = (width - ins * wide * CELL - (ins - 1) * APART) / 2
    start = (width - outs * group - (outs - 1) * APART) / 2
    tops = [left + c * (wide * CELL + APART) for c in range(ins)]
    for k in range(outs):
        for c in range(ins):
            x1, x2 = tops[c] + wide * CELL / 2, start + k * (group + APART) + c * (columns * CELL + GAP)
            sheet.line(x1, first + high * CELL + 4, x2 + columns * CELL / 2, second - 26, "accent" if c % 2 else
                       "second", 1.2)
    for c in range(ins):
        sheet.text(tops[c] + wide * CELL / 2, first - 10, f"input map x{c + 1}", size=12, fill="faint")
        stage.board(board("", x[:, c:c + 1], "input", True), tops[c], first)
    for k in range(outs):
        at = start + k * (group + APART)
        for c in range(ins):
            spot = at + c * (columns * CELL + GAP)
            middle = spot + columns * CELL / 2
            sheet.text(middle, second - 10, f"x{c + 1} ∗ w[{k + 1}, {c + 1}]", size=12, fill="faint")
            stage.board(board("", parts[k][c], "kernel", True), spot, second)
            if c:
                sheet.text(spot - GAP / 2, second + rows * CELL / 2 + 7, "+", size=20, fill="faint")
        middle = at + group / 2
        sheet.text(middle, second + rows * CELL + 30, "=", size=20, fill="faint")
        sheet.text(middle, third - 10, f"output map y{k + 1}", size=12, fill="faint")
        stage.board(board("", y[:, k:k + 1], "output", True), middle - columns * CELL / 2, third)
    return sheet


def maps(ins: int, outs: int, size: int, kernel_size: int) -> tuple[Any, Any]:
    """Small whole numbers for `channels`: x and w."""
    x = image((ins, size * size), 4).reshape(1, ins, size, size)
    taps = weights((kernel_size, kernel_size)).reshape(-1)
    w = minigrad.stack([taps.roll(n) for n in range(outs * ins)]).reshape(outs, ins, kernel_size, kernel_size)
    return x, w
