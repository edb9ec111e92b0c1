"""Curves over the epochs of a training: each named at its end, where the eye arrives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from minigrad.draw.axis import Axis
from minigrad.draw.svg import Sheet
from minigrad.errors import require

COLOURS = ("accent", "second", "third", "fourth", "fifth")
LEFT, TOP, WIDE, HIGH, BELOW, EDGE, LETTER, APART = 64, 62, 560, 260, 58, 24, 6.9, 16

Points = list[tuple[float, float]]


def curves(series: Mapping[str, Sequence[float]], x: Sequence[float] | None = None, title: str = "", y_label: str = "",
           x_label: str = "epoch", log: bool = False) -> Sheet:
    """One curve for each name, its values over `x`, which is 1, 2, 3, ... unless given.

    A curve has as many values as `x`, or fewer: then they are the first.  Where a value is not finite, as a loss that
    diverged, or with `log` not positive, the curve is interrupted.  With `log` the vertical axis is logarithmic.
    ValueError without a value that can be drawn, or for a curve that is longer than `x`.

    >>> from minigrad.draw import curves
    >>> sheet = curves({"train": [0.9, 0.4, 0.2], "test": [0.8, 0.5, 0.4]}, title="LeNet", y_label="loss")
    >>> "train" in sheet.svg() and sheet.title
    'LeNet'
    """
    longest = max([len(values) for values in series.values()], default=0)
    over = list(range(1, longest + 1)) if x is None else list(x)
    require(longest <= len(over), "curves", "x", f"{len(over)} numbers", f"{longest}, as many as the longest curve has")
    runs = {name: _runs(over, [float(value) for value in values], log) for name, values in series.items()}
    points = [point for parts in runs.values() for part in parts for point in part]
    require(points, "curves", "series", "nothing", f"at least one finite{' and positive' * log} value")
    down = (Axis.logarithmic if log else Axis.linear)([value for _, value in points])
    across = Axis.linear([place for place, _ in points], rounded=False, whole=all(float(n).is_integer() for n in over))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + across.at(point[0]) * WIDE, TOP + (1 - down.at(point[1])) * HIGH

    room = max(len(name) for name, parts in runs.items() if parts) * LETTER + 30
    tall = max(HIGH, APART * sum(map(bool, runs.values())))
    sheet = Sheet(round(LEFT + WIDE + room + EDGE / 2), TOP + tall + BELOW, title or y_label or "curves")
    sheet.text(EDGE, 30, title, size=16, anchor="start", bold=True)
    _axes(sheet, across, down, x_label, y_label)
    ends = []
    for j, (name, parts) in enumerate(runs.items()):
        colour = COLOURS[j % len(COLOURS)]
        for part in parts:
            sheet.path(_thinned([place(point) for point in part]), colour, 2, j >= len(COLOURS))
            if len(part) == 1:
                left, top = place(part[0])
                sheet.rect(left - 3, top - 3, 6, 6, fill=colour, round=3)
        if parts:
            ends.append((place(parts[-1][-1]), name, colour))
    _named(sheet, ends, TOP + tall)
    return sheet


def _runs(over: Sequence[float], values: Sequence[float], log: bool) -> list[Points]:
    """The pieces of a curve between values that cannot be drawn."""
    parts: list[Points] = [[]]
    for place, value in zip(over, values, strict=False):
        if math.isfinite(value) and (value > 0 or not log):
            parts[-1].append((place, value))
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _thinned(points: Points) -> Points:
    """No more than can be seen: of each pixel's column the first, the lowest, the highest and the last point."""
    if len(points) <= 2 * WIDE:
        return points
    columns: dict[int, list[tuple[int, tuple[float, float]]]] = {}
    for j, point in enumerate(points):
        columns.setdefault(int(point[0]), []).append((j, point))
    kept = {pick for column in columns.values() for pick in
            (column[0], min(column, key=lambda p: p[1][1]), max(column, key=lambda p: p[1][1]), column[-1])}
    return [point for _, point in sorted(kept)]


def _axes(sheet: Sheet, across: Axis, down: Axis, x_label: str, y_label: str) -> None:
    for value, words in down.ticks():
        y = TOP + (1 - down.at(value)) * HIGH
        sheet.line(LEFT, y, LEFT + WIDE, y, thick=0.6)
        sheet.text(LEFT - 8, y + 4, words, size=11, anchor="end", fill="faint")
    for value, words in across.ticks():
        x = LEFT + across.at(value) * WIDE
        sheet.line(x, TOP + HIGH, x, TOP + HIGH + 5)
        sheet.text(x, TOP + HIGH + 20, words, size=11, fill="faint")
    sheet.line(LEFT, TOP + HIGH, LEFT + WIDE, TOP + HIGH)
    sheet.text(LEFT + WIDE / 2, TOP + HIGH + 42, x_label, size=12)
    sheet.text(EDGE, TOP - 12, y_label, size=12, anchor="start", fill="faint")


def _named(sheet: Sheet, ends: list[tuple[tuple[float, float], str, str]], bottom: float) -> None:
    """Names beside the ends of their curves, moved apart where ends lie close, each led to its own."""
    ends = sorted(ends, key=lambda end: end[0][1])
    heights = [y for (_, y), _, _ in ends]
    for j in range(1, len(heights)):
        heights[j] = max(heights[j], heights[j - 1] + APART)
    limit = bottom
    for j in reversed(range(len(heights))):         # and back up, where the last would stand below the axis
        heights[j] = min(heights[j], limit)
        limit = heights[j] - APART
    right = LEFT + WIDE
    for ((x, y), name, colour), height in zip(ends, heights, strict=True):
        if x < right - 1:
            sheet.line(x, y, right, y, "faint", 0.8, True)
        sheet.path([(right, y), (right + 18, height)], colour, 0.8)
        sheet.text(right + 22, height + 4, name, size=12, anchor="start", fill=colour)
