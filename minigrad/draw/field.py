"""Receptive fields as pyramids: what a unit sees of each layer below it, down to the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad
from minigrad.draw.play import BOLD, EDGE
from minigrad.draw.steps import CELLS, links
from minigrad.draw.svg import Sheet
from minigrad.errors import require
from minigrad.geometry import Geometry
from minigrad.ops.conv import conv

ROW, TOP, SIDE, WIDE = 64, 74, 170, 960


def field(layers: Sequence[Any], units: int = 3) -> Sheet:
    """The units that the middle one of `units` in the last layer sees, along one axis and away from all borders.

    A layer, the first one next to the input, is (k, s, d), where stride and dilation may be left out, or anything with
    attributes k, s and d.  Each layer's units stand over the middle of what they read.
    ValueError without layers, for less than one unit, and for more units than make a picture.

    >>> from minigrad.draw import field
    >>> field([(3, 1, 1), (3, 1, 2), (3, 1, 4)]).title
    'A unit after 3 layers sees 15 of the input'
    """
    require(len(layers) > 0, "field", "layers", "none", "at least one")
    require(units >= 1, "field", "units", units, "at least 1")
    rows = [(layer.k, layer.s, layer.d) if hasattr(layer, "k") else (*layer, 1, 1)[:3] for layer in layers]
    # The smallest input that gives so many units, layer by layer from the top: the engine's transposed geometry.
    below: list[Geometry] = []
    size = units
    for k, s, d in reversed(rows):
        below.insert(0, Geometry.of_transpose("field", (1, size), (1, k), (1, s), 0, dilation=(1, d)))
        size = below[0].input[1]
        require(size <= CELLS, "field", "layers", f"an input of {size} units", f"at most {CELLS}, to be a picture")
    reads = []
    for g in below:
        found = links(lambda x, g=g: conv(x, minigrad.ones(1, 1, *g.kernel), geometry=g), (1, g.input[1]))    # type: ignore
        reads.append([[cell for _, cell in found[0, o]] for o in range(g.output[1])])
    seen = [{units // 2}]
    for read in reversed(reads):
        seen.insert(0, {cell for unit in seen[0] for cell in read[unit]})
    return _drawn(rows, reads, seen, size)


def _drawn(rows: list[tuple[int, ...]], reads: list[list[list[int]]], seen: list[set[int]], size: int) -> Sheet:
    title = f"A unit after {len(rows)} layer{'s' * (len(rows) > 1)} sees {len(seen[0])} of the input"
    span = max(seen[0]) - min(seen[0]) + 1
    if span != len(seen[0]):
        title += f", spread over {span}"
    pitch = max(4.0, min(34.0, WIDE / size))
    box = max(3.0, min(22.0, pitch - 4))
    width = max(2 * EDGE + size * pitch + SIDE, 2 * EDGE + BOLD * len(title))
    bottom = TOP + ROW * len(rows)
    sheet = Sheet(round(width), bottom + box + EDGE, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    places = [[EDGE + (n + 0.5) * pitch for n in range(size)]]
    for read in reads:
        places.append([sum(places[-1][cell] for cell in cells) / len(cells) for cells in read])
    for level, read in enumerate(reads):
        y = bottom - level * ROW
        for strong in (False, True):                            # the lines of the field over those beside it
            for unit, cells in enumerate(read):
                if (unit in seen[level + 1]) is strong:
                    for cell in cells:
                        sheet.line(places[level + 1][unit], y - ROW + box, places[level][cell], y,
                                   "second" if strong else "line", 1.4 if strong else 0.6)
    for level, xs in enumerate(places):
        y = bottom - level * ROW
        for unit, x in enumerate(xs):
            mark = unit in seen[level]
            fill = ("input" if not level else "output" if level == len(rows) else "kernel") if mark else "ground"
            sheet.rect(x - box / 2, y, box, box, fill=fill, stroke="accent" if mark else "line",
                       thick=1.8 if mark else 1, round=min(4, box / 4))
        words = "input" if not level else ", ".join(f"{name} = {value}" for name, value in
                                                   zip("ksd", rows[level - 1], strict=True) if name == "k" or value > 1)
        where = EDGE + size * pitch + 16
        sheet.text(where, y + box / 2 + 5, words, size=12, anchor="start", mono=True)
        count = f"sees {len(seen[level])}" if level < len(rows) else "1 unit"
        sheet.text(width - EDGE, y + box / 2 + 5, count, size=12, anchor="end", fill="faint")
    return sheet
