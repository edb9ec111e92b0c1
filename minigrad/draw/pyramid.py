"""Receptive fields of a module's layers, one below the other: what is read of the input grows from layer to layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from minigrad.arithmetic import receptive_field, summary
from minigrad.arithmetic.receptive import Field
from minigrad.draw.play import BOLD, EDGE, LETTER, SMALL
from minigrad.draw.svg import Sheet
from minigrad.errors import require

ROW, BAR, TOP, WIDE, MOST = 20, 12, 82, 560, 120
NEAR = 5        # pixels: outputs that stand nearer to each other are not marked


def pyramid(model: Any, input_shape: tuple[int, ...], axis: int = 0, title: str = "") -> Sheet:
    """What the middle output of each layer reads along one axis of the input, and where the outputs beside it stand.

    `model` is a Module, its branches united where they meet; `input_shape` is that of one input, (channels, *sizes).
    What lies outside of the input is padding and drawn dashed.  Layers that read what the one before them reads, as
    activations do, are left out.  Source and errors as of `arithmetic.receptive_field`; ValueError also for an axis
    that there is not, and for more than 120 rows.

    >>> from minigrad import nn
    >>> from minigrad.draw import pyramid
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3))
    >>> pyramid(net, (1, 16, 16)).title
    'Receptive fields in Sequential, of 16 positions'
    """
    sizes = input_shape[1:]
    require(0 <= axis < len(sizes), "pyramid", "axis", axis, f"an axis of the sizes {sizes}, from 0")
    size = sizes[axis]
    outputs = _outputs(model, input_shape, axis)
    rows: list[tuple[Field, int]] = []
    for found in receptive_field(model, input_shape):
        row = found._replace(size=found.size[axis], stride=found.stride[axis], offset=found.offset[axis])
        count = next(outputs[found.name], 1)
        if not rows or row[2:] != rows[-1][0][2:]:
            rows.append((row, count))
    require(len(rows) <= MOST, "pyramid", "model", f"{len(rows)} layers", f"at most {MOST}, to be a picture")
    title = title or f"Receptive fields in {type(model).__name__}, of {size} positions"
    spans = [_span(*row, size) for row in rows]
    first, last = min(0, *(a for a, _ in spans)), max(size, *(b for _, b in spans))
    unit = min(24.0, WIDE / (last - first))
    names = [f"{row.name} {row.layer}" for row, _ in rows]
    says = [_says(row, size) for row, _ in rows]
    left = EDGE + max(map(len, [*names, "input"])) * LETTER + 14
    right = left + (last - first) * unit
    width = max(right + 14 + max(map(len, says)) * SMALL + EDGE, 2 * EDGE + BOLD * len(title))
    bottom = TOP + ROW * len(rows)
    sheet = Sheet(round(width), bottom + ROW + EDGE + 8, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    sheet.text(EDGE, 56, "the middle output of each layer; dots: the middles of all that it has", 12, "start",
               fill="faint")
    x = left - first * unit             # of position 0

    for at in (0, size):
        sheet.line(x + at * unit, TOP - 8, x + at * unit, bottom + BAR + 4, "line")
    for j, ((row, count), (begin, end)) in enumerate(zip(rows, spans, strict=True)):
        y = TOP + j * ROW
        sheet.text(left - 14, y + BAR - 2, names[j], size=12, anchor="end", mono=True)
        inside = max(begin, 0), min(end, size)
        for a, b in ((begin, min(end, 0)), (max(begin, size), end)):
            if a < b:
                sheet.rect(x + a * unit, y, (b - a) * unit, BAR, stroke="second", dashed=True)
        if inside[0] < inside[1]:
            sheet.rect(x + inside[0] * unit, y, (inside[1] - inside[0]) * unit, BAR, "kernel", "second")
        if row.stride and row.stride * unit >= NEAR:
            for n in range(count):
                middle = row.offset + n * row.stride + Fraction(row.size, 2)
                sheet.rect(float(x + middle * unit) - 1.25, y + BAR / 2 - 1.25, 2.5, 2.5, "accent", round=1.25)
        sheet.text(right + 14, y + BAR - 2, says[j], size=12, anchor="start", fill="faint")
    sheet.rect(x, bottom + 4, size * unit, BAR, "input", "accent")
    sheet.text(left - 14, bottom + BAR + 2, "input", size=12, anchor="end", mono=True)
    sheet.text(x, bottom + BAR + 20, "0", size=11, fill="faint")
    sheet.text(x + size * unit, bottom + BAR + 20, f"{size}", size=11, fill="faint")
    return sheet


def _outputs(model: Any, input_shape: tuple[int, ...], axis: int) -> dict[str, Iterator[int]]:
    """How many outputs a layer has along the axis, call by call; 1 where the axis is gone."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in summary(model, input_shape).rows:
        output = row.output[0] if isinstance(row.output, list) else row.output
        found[row.name].append(output[axis + 1] if len(output) == len(input_shape) else 1)
    return defaultdict(lambda: iter(()), {name: iter(counts) for name, counts in found.items()})


def _span(row: Field, count: int, size: int) -> tuple[int, int]:
    """What the output nearest to the middle of the input reads, from and to, padding too."""
    if not row.stride:
        return row.offset, row.offset + row.size
    out = min(max(round((Fraction(size - row.size, 2) - row.offset) / row.stride), 0), count - 1)
    begin = int(row.offset + out * row.stride)
    return begin, begin + row.size


def _says(row: Field, size: int) -> str:
    if not row.stride:
        return "reads all" if row.size >= size else f"reads {row.size}, wherever it stands"
    return f"reads {row.size}" + f", every {row.stride}" * (row.stride != 1)
