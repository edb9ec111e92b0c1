"""Line charts on two logarithmic axes, side by side with one scale: for how something changes with several sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from minigrad.draw.axis import Axis
from minigrad.draw.play import BOLD
from minigrad.draw.svg import Sheet

PANEL, LEFT, TOP, HEIGHT, BELOW, COLUMNS = 268, 52, 84, 190, 62, 3
LABEL = 26      # pixels that the label of a point needs


def lines(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], title: str, unit: str,
          styles: Mapping[str, tuple[str, bool]], limit: tuple[str, float] | None = None) -> Sheet:
    """One panel for each quantity, in it one line for each series of (quantity, value) points, all positive.

    `styles` gives each series its colour (a name of the palette) and whether it is dashed; `limit` is the name
    and height of a horizontal line.  ValueError without points, or for one that has no logarithm.

    >>> from minigrad.draw import lines
    >>> points = {"batch": {"minigrad": [(1, 10.0), (8, 60.0)]}}
    >>> "batch" in lines(points, "speed", "GF/s", {"minigrad": ("accent", False)}).svg()
    True
    """
    points = [point for series in panels.values() for line in series.values() for point in line]
    if not points:
        raise ValueError("lines: panels: got no points, expected at least one")
    if any(not 0 < number < math.inf for point in points for number in point):
        raise ValueError("lines: panels: got a number that is not positive and finite, as logarithmic axes need")
    values = [value for _, value in points] + ([limit[1]] if limit else [])
    down = Axis.logarithmic(values)
    rows = -(-len(panels) // COLUMNS)
    width = max(24 + min(len(panels), COLUMNS) * (PANEL + LEFT), round(32 + BOLD * len(title)))
    sheet = Sheet(width, TOP + rows * (HEIGHT + BELOW), title)
    sheet.text(16, 26, title, size=16, anchor="start", bold=True)
    x = 16.0
    for name, (colour, dashed) in styles.items():
        sheet.line(x, 48, x + 26, 48, colour, 2, dashed)
        sheet.text(x + 32, 52, name, size=12, anchor="start")
        x += 52 + 6.6 * len(name)

    for place, (quantity, series) in enumerate(panels.items()):
        left, top = LEFT + place % COLUMNS * (PANEL + LEFT), TOP + place // COLUMNS * (HEIGHT + BELOW)
        sizes = sorted({size for line in series.values() for size, _ in line})
        along = Axis.logarithmic(sizes)

        def across(size: float, left: float = left, along: Axis = along) -> float:
            return left + along.at(size) * (PANEL - 20)

        def up(value: float, top: float = top) -> float:
            return top + (1 - down.at(value)) * HEIGHT

        for tick, words in down.ticks():
            sheet.line(left - 4, up(tick), left + PANEL - 16, up(tick))
            sheet.text(left - 8, up(tick) + 4, words, size=11, anchor="end", fill="faint")
        free = -math.inf
        for size in sizes:
            if across(size) > free:
                sheet.text(across(size), top + HEIGHT + 18, f"{size:g}", size=11, fill="faint")
                free = across(size) + LABEL
        sheet.text(left + PANEL / 2 - 10, top + HEIGHT + 36, quantity, size=13, bold=True)
        sheet.text(left - 8, top - 8, unit, size=11, anchor="end", fill="faint")
        if limit:
            sheet.line(left - 4, up(limit[1]), left + PANEL - 16, up(limit[1]), "faint", 1.5, True)
            sheet.text(left + PANEL - 16, up(limit[1]) - 5, limit[0], size=11, anchor="end", fill="faint")
        for name, line in series.items():
            colour, dashed = styles[name]
            for (x1, y1), (x2, y2) in itertools.pairwise(line):
                sheet.line(across(x1), up(y1), across(x2), up(y2), colour, 2, dashed)
            for size, value in line:
                sheet.rect(across(size) - 2.5, up(value) - 2.5, 5, 5, fill=colour, round=2.5)
    return sheet
