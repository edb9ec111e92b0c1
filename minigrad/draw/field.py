"""Receptive fields as pyramids: what a unit sees of each layer below it, down to the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad
from minigrad.draw.play import BOLD, EDGE, LETTER, SMALL
from minigrad.draw.steps import CELLS, links, padded
from minigrad.draw.svg import Sheet
from minigrad.errors import require
from minigrad.geometry import Geometry
from minigrad.ops.conv import conv

ROW, TOP, WIDE = 64, 74, 960


def field(layers: Sequence[Any], units: int = 3, size: int | None = None, at: int | None = None) -> Sheet:
    """What one unit of the last layer sees, along one axis.

    A layer, the first one next to the input, is (k, s, d, p), of which all but k may be left out, or anything with such
    attributes, as an `arithmetic.Layer` is.  Each layer's units stand over the middle of what they read.

    Without `size` the picture is taken far away from all borders: `units` of the last layer stand side by side, and no
    padding is near.  With it the input has so many positions, and padding is drawn dashed where a layer reads it.  `at`
    is the unit that looks, counted from the left, the middle one unless given.
    ValueError without layers, for less than one unit, for a unit that there is not, for a size that leaves a layer
    nothing to read, and for more units than make a picture.

    >>> from minigrad.draw import field
    >>> field([(3, 1, 1), (3, 1, 2), (3, 1, 4)]).title
    'A unit after 3 layers sees 15 of the input'
    >>> field([(3, 1, 1, 1), (3, 1, 1, 1)], size=7, at=0).title
    'A unit after 2 layers sees 3 of the input, and padding'
    """
    require(len(layers) > 0, "field", "layers", "none", "at least one")
    require(units >= 1, "field", "units", units, "at least 1")
    rows = []
    for layer in layers:
        given = (layer.k, layer.s, layer.d, layer.p) if hasattr(layer, "k") else layer
        require(isinstance(given, tuple | list) and 1 <= len(given) <= 4, "field", "layers", repr(layer),
                "(k, s, d, p), of which all but k may be left out")
        rows.append((*given, *(1, 1, 0)[len(given) - 1:]))
    windows = _away(rows, units) if size is None else _bounded(rows, size)
    reads = []
    for g in windows:
        over = padded(g)
        found = links(lambda x, g=over: conv(x, minigrad.ones(1, 1, *g.kernel), geometry=g),    # type: ignore[misc]
                      (1, over.input[1]))
        reads.append([[cell - g.low[1] for _, cell in found[0, o]] for o in range(g.output[1])])
    last = windows[-1].output[1]
    at = last // 2 if at is None else at
    require(0 <= at < last, "field", "at", at, f"a unit from 0 to {last - 1}")
    seen = [{at}]
    for g, read in zip(reversed(windows), reversed(reads), strict=True):
        # Padding is read, but nothing lies below it.
        seen.insert(0, {cell for unit in seen[0] if 0 <= unit < g.output[1] for cell in read[unit]})
    return _drawn(rows, windows, reads, seen)


def _away(rows: list[tuple], units: int) -> list[Geometry]:
    """The smallest input that gives so many units, layer by layer from the top: the engine's transposed geometry."""
    found: list[Geometry] = []
    for k, s, d, _ in reversed(rows):
        found.insert(0, Geometry.of_transpose("field", (1, units), (1, k), (1, s), 0, dilation=(1, d)))
        units = found[0].input[1]
        require(units <= CELLS, "field", "layers", f"an input of {units} units", f"at most {CELLS}, to be a picture")
    return found


def _bounded(rows: list[tuple], size: int) -> list[Geometry]:
    """An input of so many positions, layer by layer from the bottom."""
    require(1 <= size <= CELLS, "field", "size", size, f"1 to {CELLS} positions, to be a picture")
    found: list[Geometry] = []
    for k, s, d, p in rows:
        padding = p if isinstance(p, str) else (0, (p, p) if isinstance(p, int) else tuple(p))
        found.append(Geometry.of_conv("field", (1, size), (1, k), (1, s), padding, (1, d)))
        size = found[-1].output[1]
    return found


def _places(windows: list[Geometry], reads: list[list[list[int]]]) -> list[dict[int, float]]:
    """Where units stand, padding too, level by level in positions of the input: over the middle of what they read."""
    jump, places = 1, [{n: float(n) for n in range(-windows[0].low[1], windows[0].input[1] + windows[0].high[1])}]
    for g, read, above in zip(windows, reads, [*windows[1:], None], strict=True):
        jump *= g.stride[1]
        first = sum(places[-1][cell] for cell in read[0]) / len(read[0])
        low, high = (above.low[1], above.high[1]) if above else (0, 0)
        places.append({n: first + n * jump for n in range(-low, g.output[1] + high)})
    return places


def _drawn(rows: list[tuple], windows: list[Geometry], reads: list[list[list[int]]], seen: list[set[int]]) -> Sheet:
    counts = [g.input[1] for g in windows] + [windows[-1].output[1]]
    inside = [{n for n in level if 0 <= n < count} for level, count in zip(seen, counts, strict=True)]
    title = f"A unit after {len(rows)} layer{'s' * (len(rows) > 1)} sees {len(inside[0])} of the input"
    span = max(seen[0], default=-1) - min(seen[0], default=0) + 1
    if span != len(seen[0]):
        title += f", spread over {span}"
    if any(map(set.__lt__, inside, seen)):
        title += ", and padding"
    places = _places(windows, reads)
    left = min(min(level.values()) for level in places)
    size = max(max(level.values()) for level in places) - left + 1
    pitch = max(4.0, min(34.0, WIDE / size))
    box = max(3.0, min(22.0, pitch - 4))
    xs = [{n: EDGE + (at - left + 0.5) * pitch for n, at in level.items()} for level in places]
    words = ["input", *[", ".join(f"{name} = {value}" for name, value, plain in zip("ksdp", row, (0, 1, 1, 0),
                                                                                    strict=True) if value != plain)
                        for row in [(*row[:3], row[3] if g.low[1] or g.high[1] else 0)
                                    for row, g in zip(rows, windows, strict=True)]]]
    sees = [f"sees {len(real)}" + f" + {len(level) - len(real)} padding" * (level != real)
            for real, level in zip(inside[:-1], seen[:-1], strict=True)] + ["1 unit"]
    where = EDGE + size * pitch + 16
    width = max(where + max(map(len, words)) * LETTER + 20 + max(map(len, sees)) * SMALL + EDGE,
                2 * EDGE + BOLD * len(title))
    bottom = TOP + ROW * len(rows)
    sheet = Sheet(round(width), bottom + box + EDGE, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    for level, read in enumerate(reads):
        y = bottom - level * ROW
        for strong in (False, True):                            # the lines of the field over those beside it
            for unit, cells in enumerate(read):
                if (unit in seen[level + 1]) is strong:
                    for cell in cells:
                        sheet.line(xs[level + 1][unit], y - ROW + box, xs[level][cell], y,
                                   "second" if strong else "line", 1.4 if strong else 0.6)
    for level, (units, count) in enumerate(zip(xs, counts, strict=True)):
        y = bottom - level * ROW
        for unit, x in units.items():
            mark, real = unit in seen[level], 0 <= unit < count
            fill = ("input" if not level else "output" if level == len(rows) else "kernel") if mark else "ground"
            sheet.rect(x - box / 2, y, box, box, fill=fill if real else "ground", stroke="accent" if mark else "line",
                       thick=1.8 if mark else 1, round=min(4, box / 4), dashed=not real)
        sheet.text(where, y + box / 2 + 5, words[level], size=12, anchor="start", mono=True)
        sheet.text(width - EDGE, y + box / 2 + 5, sees[level], size=12, anchor="end", fill="faint")
    return sheet
