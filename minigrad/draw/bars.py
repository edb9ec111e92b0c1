"""A horizontal bar chart on a logarithmic axis: for ratios, where 10 and 1000 both matter."""

from __future__ import annotations

import math
from collections.abc import Sequence

from minigrad.draw.svg import Sheet

ROW, RIGHT, TOP = 22, 90, 62


def bars(rows: Sequence[tuple[str, float]], title: str, unit: str = "", width: float = 860,
         left: float = 250) -> Sheet:
    """One bar for each (label, positive value), its number at its end; the axis starts at 1.

    `left` is the room for the labels, in pixels.  ValueError without rows, or for a value that is not positive.

    >>> from minigrad.draw import bars
    >>> "a tenfold" in bars([("a tenfold", 10.0)], "ratios", "times").svg()
    True
    """
    if not rows:
        raise ValueError("bars: rows: got none, expected at least one")
    if any(not value > 0 or math.isinf(value) for _, value in rows):
        raise ValueError("bars: rows: got a value that is not positive and finite, as a logarithmic axis needs")
    top = max(1, math.ceil(math.log10(max(value for _, value in rows))))
    scale = (width - left - RIGHT) / top
    sheet = Sheet(width, TOP + ROW * len(rows) + 34, title)
    sheet.text(16, 26, title, size=16, anchor="start", bold=True)
    bottom = TOP + ROW * len(rows)
    for power in range(top + 1):
        x = left + power * scale
        sheet.line(x, TOP - 8, x, bottom, "line")
        sheet.text(x, TOP - 14, f"{10 ** power:,}", size=11, fill="faint")
    for j, (label, value) in enumerate(rows):
        y = TOP + j * ROW
        length = max(math.log10(value) * scale, 0) if value >= 1 else 0
        sheet.rect(left, y + 3, length, ROW - 6, fill="accent", round=2)
        sheet.text(left - 8, y + ROW - 7, label, size=12, anchor="end", mono=True)
        sheet.text(left + length + 6, y + ROW - 7, f"{value:,.0f}" if value >= 10 else f"{value:.2g}", size=12,
                   anchor="start")
    sheet.text(width - RIGHT, bottom + 20, unit, size=11, anchor="end", fill="faint")
    return sheet
