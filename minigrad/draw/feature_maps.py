"""What a layer makes of an image: its channels as pictures."""

from __future__ import annotations

from typing import Any

from minigrad.draw.play import BOLD, EDGE, SMALL
from minigrad.draw.svg import Sheet
from minigrad.draw.tiles import PIXELS, bounded, grid, scale, some
from minigrad.errors import require

TOP, MAPS = 74, 32


def feature_maps(maps: Any, title: str = "Feature maps") -> Sheet:
    """The channels of activations (C, H, W), or (1, C, H, W): a tile for each, up to 32 and to two million
    pixels, all of them on one scale.

    Blue is above 0, orange below, 0 the paper's colour.  ValueError for another number of axes, without
    pixels, or for more than two million in one map.

    >>> import minigrad
    >>> from minigrad.draw import feature_maps
    >>> "32 of 64 maps of 7×7" in feature_maps(minigrad.rand(64, 7, 7), "After the pool").svg()
    True
    """
    if maps.ndim == 4 and maps.shape[0] == 1:
        maps = maps[0]
    require(maps.ndim == 3 and maps.numel(), "feature_maps", "maps", f"shape {tuple(maps.shape)}",
            "(channels, height, width), none of them empty")
    count, rows, columns = maps.shape
    bounded("feature_maps", "maps", 1, rows, columns)
    shown = min(MAPS, PIXELS // (rows * columns))
    tiles = maps[:shown].tolist()
    cell = max(1, min(12, (84 if len(tiles) <= 16 else 60) // max(rows, columns)))
    about = f"{some(count, shown, 'maps')} of {rows}×{columns}"
    sheet = Sheet(0, 0, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    sheet.text(EDGE, 56, about, size=12, anchor="start", fill="faint")
    places = grid(sheet, tiles, 8, cell, EDGE, TOP, (10, 24))
    for j, (x, y) in enumerate(places):
        sheet.text(x + columns * cell / 2, y + rows * cell + 13, f"{j}", size=10, fill="faint")
    right, below = max(x for x, _ in places) + columns * cell, places[-1][1] + rows * cell + 14
    right = max(right, scale(sheet, below + 16, tiles), EDGE + max(BOLD * len(title), SMALL * len(about)))
    sheet.width, sheet.height = round(right + EDGE), round(below + 28 + EDGE)
    return sheet
