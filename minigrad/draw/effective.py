"""The effective receptive field as a map: how much the middle output depends on each input pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.arithmetic import effective_receptive_field, support
from minigrad.draw.play import BOLD, EDGE, SMALL
from minigrad.draw.svg import Sheet
from minigrad.errors import require

TOP, WIDE = 76, 420
ABOUT = "mean |gradient| over random inputs; framed: all that is read at all"


def effective(function: Callable, input_shape: tuple[int, ...], samples: int = 8, generator: Any = None) -> Sheet:
    """Mean |gradient| of the middle output on two axes, the darker the larger, and a frame around all that is read.

    `function` is a module, or takes (N, *input_shape); `samples` inputs are drawn with `generator`.
    ValueError for another number of axes, or where the output reads nothing.

    >>> from minigrad import nn
    >>> effective(nn.Conv2d(1, 1, 3, padding=1), (1, 7, 7)).title
    'The middle output reads 3x3 of 7x7 pixels'
    """
    require(len(input_shape) == 3, "effective", "input_shape", input_shape, "(channels, height, width)")
    values = effective_receptive_field(function, input_shape, samples=samples, generator=generator).tolist()
    rows, columns = support(function, input_shape)
    require(rows and columns, "effective", "function", "an output that reads no input", "one that does")
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    title = f"The middle output reads {height}x{width} of {input_shape[1]}x{input_shape[2]} pixels"
    cell = WIDE / max(input_shape[1:])
    sheet = Sheet(2 * EDGE + max(BOLD * len(title), SMALL * len(ABOUT), cell * input_shape[2]),
                  TOP + cell * input_shape[1] + EDGE, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    sheet.text(EDGE, 58, ABOUT, size=12, anchor="start", fill="faint")
    sheet.rect(EDGE, TOP, cell * input_shape[2], cell * input_shape[1], stroke="line")
    most = max(map(max, values)) or 1.0
    for r, row in enumerate(values):
        for c, value in enumerate(row):
            if value > 0.002 * most:
                sheet.rect(EDGE + c * cell, TOP + r * cell, cell, cell, fill="accent", opacity=round(value / most, 3))
    sheet.rect(EDGE + columns[0] * cell, TOP + rows[0] * cell, width * cell, height * cell, stroke="second", thick=2)
    return sheet
