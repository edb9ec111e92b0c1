"""How often a window fits: its places below each other, numbered, which is the output size of the arithmetic."""

from __future__ import annotations

from minigrad.draw.play import BOLD, EDGE, Stage
from minigrad.draw.sliding import conv_steps
from minigrad.draw.svg import Sheet
from minigrad.geometry import Padding

CELL = 32


def placements(size: int, kernel_size: int, stride: int = 1, padding: Padding = 0, dilation: int = 1) -> Sheet:
    """The places of a window along one axis; arguments and errors as of `conv_steps`.

    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning, Relationships 1 to 6.

    >>> from minigrad.draw import placements
    >>> placements(5, 3, stride=2).title
    'The window fits 2 times: i = 5, k = 3, s = 2, p = 0'
    """
    steps = conv_steps((size,), kernel_size, stride, padding, dilation)
    count = len(steps.steps)
    title = f"The window fits {count} time{'s' * (count > 1)}: {steps.title.split(': ')[1]}"
    width = max(2 * EDGE + steps.source.columns * CELL + 30, 2 * EDGE + BOLD * len(title))
    sheet = Sheet(round(width), 66 + (CELL + 10) * (count + 1) + EDGE - 10, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    stage = Stage(sheet, CELL)
    stage.board(steps.source, EDGE + 30, 58)
    for j, step in enumerate(steps.steps):
        y = 66 + (CELL + 10) * (j + 1)
        sheet.text(EDGE + 10, y + CELL / 2 + 5, f"{j + 1}", size=14, mono=True)
        stage.window(step, EDGE + 30, y)
    return sheet
