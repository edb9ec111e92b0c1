"""The graph of nodes behind a value: what reverse mode walks, with its numbers, slopes and the order of the walk.

Every box is a value: its op, its number, and its gradient, the derivative of the last value in it.  The number in its
corner says when the walk back visits it: after all that use it.  On the lines, as `×slope`, stands what one op alone
multiplies a gradient by.  With tangents the same nodes are shown as forward mode walks them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from minigrad.autograd import grad
from minigrad.draw.svg import Sheet
from minigrad.dtypes import float64
from minigrad.errors import require
from minigrad.functions.create import ones, tensor
from minigrad.grad import push_forward
from minigrad.node import Node, Value, order, origin

EDGE, TOP, WIDTH, GAP, STUB, LIMIT = 24, 72, 144, 92, 44, 24
LEADING, PORT, ROW, LANE, PAD = 17, 22, 24, 8, 8       # pixels of a line, between ports and boxes, of a line passing


class Place(NamedTuple):
    """Where a node or leaf stands: its column; or where the line to a (node, slot) passes through one."""

    column: int
    what: Any


def tape(function: Callable[..., Mapping[str, Any]], title: str = "", tangents: Mapping[str, float] | None = None,
         **inputs: float) -> Sheet:
    """Draws what `function` of the named numbers records; it returns its values by name, the last being the result.

    The slopes, gradients and tangents are computed by the engine, in float64.  With `tangents` (of some inputs, by
    name; the others' are 0) the third line of a box is its tangent instead of its gradient, and the numbers in the
    corners count forwards.
    ValueError if the result needs no gradient, or for more than 24 boxes.
    Source: Baydin et al., "Automatic differentiation in machine learning: a survey", 2018.

    >>> from minigrad.draw import tape
    >>> sheet = tape(lambda a, b: {"p": (p := a * b), "y": p + a}, a=2.0, b=5.0)
    >>> "gradient 6" in sheet.svg()                         # dy/da = b + 1
    True
    """
    leaves = {name: tensor(float(number), dtype=float64).requires_grad_() for name, number in inputs.items()}
    named = {**leaves, **function(**leaves)}
    result = list(named.values())[-1]
    require(isinstance(result, Value) and result.node is not None, "tape", "function", "a result that no op made of "
            "the inputs", "one that depends on them")
    names = {origin(value): name for name, value in named.items()}
    numbers = {origin(value): f"{value.item():.4g}" for value in named.values()}
    walk = order([result.node])
    if tangents is None:
        word, walked = "gradient", walk
        found: Any = grad(result, list(named.values()), retain_graph=True, allow_unused=True)
    else:
        word, walked = "tangent", walk[::-1]
        found = push_forward(list(named.values()), [leaves[name] for name in tangents],
                             [tensor(float(t), dtype=float64) for t in tangents.values()])
    at = dict(zip(names, found, strict=True))
    turns = {node: turn for turn, node in enumerate(walked, 1)}
    behind = {parent for node in walk for parent in node.parents if parent is not None}
    boxes = [leaf for leaf in names if leaf in behind and leaf not in turns] + walk[::-1]
    require(len(boxes) <= LIMIT, "tape", "function", f"{len(boxes)} values", f"at most {LIMIT}, to be a picture")

    columns, lanes = layered(boxes, walk)
    tall = {node: (3 if node in names else 1) * LEADING + 14 for node in boxes}
    spots, height = spread(columns, tall)
    sheet = Sheet(max(2 * EDGE + len(columns) * (WIDTH + GAP) - GAP, 460), TOP + height + EDGE,
                  title or "The nodes behind a value")
    sheet.text(EDGE, 32, sheet.title, 16, "start", bold=True)
    sheet.text(EDGE, 52, f"in a corner: when the walk {'back' if tangents is None else 'forward'} visits a node", 12,
               "start", "faint")
    wires(sheet, lanes, spots)
    for place in itertools.chain(*columns):
        node = place.what
        if node in tall:
            x, y = spots[place][0], spots[place][1] - tall[node] / 2
            op = node.op.name if type(node) is Node else "input"
            fill = "output" if node is walk[0] else "input" if node in turns else "kernel"
            sheet.rect(x, y, WIDTH, tall[node], fill, "line", round=4)
            words = [(op, "ink")]
            if node in names:
                words = [(f"{names[node]} {op}", "ink"), (numbers[node], "ink"),
                         (f"{word} {0 if at[node] is None else at[node].item():.4g}", "accent")]
            for line, (text, colour) in enumerate(words, 1):
                sheet.text(x + PAD, y + LEADING * line + 1, text, 11, "start", colour, line == 1, mono=True)
            if node in turns:
                sheet.text(x + WIDTH - PAD, y + LEADING + 1, str(turns[node]), 11, "end", "faint")
    return sheet


Lanes = dict[tuple[Node, int], list[Place]]
Spots = dict[Place, tuple[float, float]]


def spread(columns: list[list[Place]], tall: Mapping[Any, float]) -> tuple[Spots, float]:
    """The middle of each place's left side, columns centred on one line; and the height of the highest."""
    heights = [sum(tall.get(place.what, LANE) + ROW for place in column) - ROW for column in columns]
    spots: Spots = {}
    for number, (column, height) in enumerate(zip(columns, heights, strict=True)):
        y = TOP + (max(heights) - height) / 2
        for place in column:
            size = tall.get(place.what, LANE)
            spots[place] = EDGE + number * (WIDTH + GAP), y + size / 2
            y += size + ROW
    return spots, max(heights)


def wires(sheet: Sheet, lanes: Lanes, spots: Spots) -> None:
    """The lines into each node, in the order of the heights they come from, and on each the slope."""
    for (node, slot), (first, *between, last) in lanes.items():
        ports = sorted((spots[lanes[node, other][-2]][1], other) for other in range(len(node.parents))
                       if (node, other) in lanes)
        (x0, y0), (x, y) = spots[first], spots[last]
        y += ([other for _, other in ports].index(slot) - (len(ports) - 1) / 2) * PORT
        path = [(x0 + WIDTH, y0), *[(spots[lane][0] + by, spots[lane][1]) for lane in between for by in (0, WIDTH)],
                (x - STUB, y), (x, y)]
        for (x1, y1), (x2, y2) in itertools.pairwise(path):
            sheet.line(x1, y1, x2, y2, "faint")
        sheet.text(x - 4, y - 4, slope(node, slot), 11, "end", "second", mono=True)


def slope(node: Node, slot: int) -> str:
    """What the op alone multiplies a gradient by on the way to an operand, as the op's own rule says."""
    operands, out = node.values()
    return f"×{node.op.vjp(slot, ones((), dtype=float64), operands, out, node.attrs).item():.4g}"


def layered(boxes: list[Any], walk: list[Node]) -> tuple[list[list[Place]], Lanes]:
    """Columns from the inputs to the result, and for each (node, slot) the places its line comes by, from its parent.

    A node stands right of all its operands; a place stands at the mean height of those its lines come from.
    """
    depth: dict[Any, int] = {}
    for node in boxes:
        parents = node.parents if type(node) is Node else ()
        depth[node] = 1 + max((depth[parent] for parent in parents if parent is not None), default=-1)
    columns: list[list[Place]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in boxes:
        columns[depth[node]].append(Place(depth[node], node))
    lanes: Lanes = {}
    before: dict[Place, list[Place]] = defaultdict(list)
    for node in walk[::-1]:
        for slot, parent in enumerate(node.parents):
            if parent is not None:
                between = [Place(column, (node, slot)) for column in range(depth[parent] + 1, depth[node])]
                path = lanes[node, slot] = [Place(depth[parent], parent), *between, Place(depth[node], node)]
                for place, lane in itertools.pairwise(path):
                    before[lane].append(place)
                for lane in between:
                    columns[lane.column].append(lane)
    height = {place: float(row) for row, place in enumerate(columns[0])}
    for column in columns[1:]:
        column.sort(key=lambda place: sum(height[other] for other in before[place]) / len(before[place]))
        height.update((place, row) for row, place in enumerate(column))
    return columns, lanes
