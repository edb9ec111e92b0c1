"""The weights of a convolution as pictures: what each filter looks for."""

from __future__ import annotations

from typing import Any

from minigrad.draw.play import BOLD, EDGE, SMALL
from minigrad.draw.svg import Sheet
from minigrad.draw.tiles import bounded, grid, scale, some
from minigrad.errors import require

SIDE, FILTERS, CHANNELS = 34, 64, 16        # room for names; what is shown, at most: of one channel, of several


def filters(weight: Any, title: str = "Filters") -> Sheet:
    """The weights of a convolution, (O, I, *kernel) over one to three axes: a tile for each pair of channels.

    Filters of one channel stand in a grid; of several channels each filter is a row.  Of a kernel over three axes there
    is a tile for each slice of the first.  All have one scale: blue above 0, orange below, the paper's colour at 0.
    Up to 64 filters of one channel are shown, else 16 of up to 16 channels.  ValueError for another number of axes, or
    for more than two million weights that would be shown.

    >>> import minigrad
    >>> from minigrad.draw import filters
    >>> sheet = filters(minigrad.ones(32, 64, 3, 3), "The second layer")
    >>> "16 of 32 filters, 16 of 64 channels" in sheet.svg()
    True
    """
    kernel = tuple(weight.shape[2:])
    require(1 <= len(kernel) <= 3 and weight.numel(), "filters", "weight", f"shape {tuple(weight.shape)}",
            "(out_channels, in_channels, *kernel) over one to three axes, none of them empty")
    outs, ins = weight.shape[:2]
    slices = kernel[0] if len(kernel) == 3 else 1
    rows, columns = (1, *kernel)[-2:]
    alone = ins * slices == 1
    shown, wide = min(outs, FILTERS if alone else CHANNELS), min(ins, CHANNELS)
    slices = min(slices, max(1, CHANNELS // wide))
    bounded("filters", "weight", shown * wide * slices, rows, columns)
    numbers = weight[:shown, :wide].reshape(shown, wide, -1, rows, columns)[:, :, :slices].tolist()
    tiles = [one for out in numbers for channel in out for one in channel]
    across = min(shown, 8 if shown <= 16 else 16) if alone else wide * slices
    cell = max(4.0, min(14.0, 48 // max(rows, columns)))
    about = some(outs, shown, "filters") + (f", {some(ins, wide, 'channels')}" if ins > 1 else "")
    about += f", kernel {'×'.join(map(str, kernel))}"
    sheet = Sheet(0, 0, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    sheet.text(EDGE, 56, about, size=12, anchor="start", fill="faint")
    left, top = (EDGE, 74) if alone else (EDGE + SIDE, 98)
    places = grid(sheet, tiles, across, cell, left, top, (9, 20 if alone else 9))
    for j, (x, y) in enumerate(places):
        if alone:
            sheet.text(x + columns * cell / 2, y + rows * cell + 13, f"{j}", size=10, fill="faint")
            continue
        if j < across and j % slices == 0:
            sheet.text(x + columns * cell / 2, top - 8, f"x{j // slices}", size=11, fill="faint", mono=True)
        if j % across == 0:
            sheet.text(left - 8, y + rows * cell / 2 + 4, f"y{j // across}", size=11, anchor="end", fill="faint",
                       mono=True)
    right, below = max(x for x, _ in places) + columns * cell, places[-1][1] + rows * cell + (14 if alone else 0)
    right = max(right, scale(sheet, below + 16, tiles), EDGE + max(BOLD * len(title), SMALL * len(about)))
    sheet.width, sheet.height = round(right + EDGE), round(below + 28 + EDGE)
    return sheet
