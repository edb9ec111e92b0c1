"""A convolution and its transpose side by side: the engine's one idea as a picture.

Which cells a window touches is read from the Geometry that the kernels use; every number is the result of an op.
"""

from __future__ import annotations

from typing import Any

from minigrad.draw.svg import Sheet
from minigrad.geometry import Geometry, Sizes
from minigrad.ops.conv import conv, conv_transpose

CELL, GAP, TOP = 34, 46, 64


def touched(geometry: Geometry, o: tuple[int, int]) -> list[tuple[int, int]]:
    """The input positions, padding included, that the window of output `o` covers."""
    return [(o[0] * geometry.stride[0] + a * geometry.dilation[0] - geometry.low[0],
             o[1] * geometry.stride[1] + b * geometry.dilation[1] - geometry.low[1])
            for a in range(geometry.kernel[0]) for b in range(geometry.kernel[1])]


def _grid(sheet: Sheet, x: float, y: float, values: list[list[float]], fill: str, name: str,
          marked: list[tuple[int, int]], low: Sizes = (0, 0), high: Sizes = (0, 0), border: str = "0") -> float:
    """Cells with numbers, padding dashed around them with `border` inside, marked cells framed; the right edge."""
    rows, columns = len(values), len(values[0])
    for r in range(-low[0], rows + high[0]):
        for c in range(-low[1], columns + high[1]):
            left, top = x + (c + low[1]) * CELL, y + (r + low[0]) * CELL
            inside = 0 <= r < rows and 0 <= c < columns
            sheet.rect(left, top, CELL, CELL, fill=fill if inside else "", stroke="line", dashed=not inside)
            words = f"{values[r][c]:g}".replace("-", "\u2212") if inside else border
            sheet.text(left + CELL / 2, top + CELL / 2 + 5, words, fill="ink" if inside else "faint", mono=True)
    for r, c in marked:
        if -low[0] <= r < rows + high[0] and -low[1] <= c < columns + high[1]:
            sheet.rect(x + (c + low[1]) * CELL + 1.5, y + (r + low[0]) * CELL + 1.5, CELL - 3, CELL - 3,
                       stroke="accent", thick=2.5)
    right = x + (columns + low[1] + high[1]) * CELL
    sheet.text((x + right) / 2, y - 10, name, fill="faint")
    return right


def window_pair(x: Any, w: Any, g: Any, geometry: Geometry, at: tuple[int, int] = (0, 0)) -> Sheet:
    """Two rows: y = conv(x, w), and the transpose that takes a cotangent g of y back to x.

    x is (1, 1, H, W), w (1, 1, KH, KW) and g (1, 1, OH, OW); `at` is the output whose window is framed.
    ValueError for another number of axes, or where `at` is not an output.
    """
    if geometry.ndim != 2 or any(not 0 <= place < size for place, size in zip(at, geometry.output, strict=True)):
        raise ValueError(f"window_pair: at: got {at}, expected a place in an output of shape {geometry.output}, "
                         "two axes")
    y = conv(x, w, geometry=geometry)
    back = conv_transpose(g, w, geometry=geometry)
    numbers = [value.tolist()[0][0] for value in (x, w, y, g, back)]
    low, high = geometry.low[:2], geometry.high[:2]
    covered = touched(geometry, at)
    taps = [(a, b) for a in range(geometry.kernel[0]) for b in range(geometry.kernel[1])]
    padded = geometry.input[0] + low[0] + high[0], geometry.input[1] + low[1] + high[1]
    columns = padded[1] + geometry.kernel[1] + max(geometry.output[1], padded[1])
    height = max(padded[0], geometry.kernel[0], geometry.output[0]) * CELL
    sheet = Sheet(48 + columns * CELL + 2 * GAP + 24, TOP + 2 * height + 132, "A convolution and its transpose")

    def row(top: float, heading: str, parts: list) -> None:
        sheet.text(24, top - 32, heading, size=15, anchor="start", bold=True)
        x = 24.0
        for j, (values, fill, name, marked, lo, hi, border) in enumerate(parts):
            tall = (len(values) + lo[0] + hi[0]) * CELL
            right = _grid(sheet, x, top + (height - tall) / 2, values, fill, name, marked, lo, hi, border)
            if j < 2:
                sheet.text(right + GAP / 2, top + height / 2 + 7, "∗="[j], size=20, fill="faint")
            x = right + GAP

    none = (0, 0)
    row(TOP + 8, "forward: conv(x, w) reads a window of x for each y",
        [(numbers[0], "input", "x", covered, low, high, "0"), (numbers[1], "kernel", "w", taps, none, none, ""),
         (numbers[2], "output", "y", [at], none, none, "")])
    row(TOP + height + 84, "backward: conv_transpose(g, w) adds g times the same window back",
        [(numbers[3], "output", "g", [at], none, none, ""), (numbers[1], "kernel", "w", taps, none, none, ""),
         (numbers[4], "input", "gradient of x", covered, low, high, "·")])
    return sheet
