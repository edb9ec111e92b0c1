"""A captured graph: forward from top to bottom, and beside each line what computes its cotangents and moves parameters.

A row is a line of the forward pass.  To the right of it stand the lines that pull it, so that the backward pass climbs
beside what it transposes, and then the updates that read what these give.  Lines between boxes run in channels between
rows and gutters between columns, one lane for each value.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from minigrad.capture.show import Line, lines
from minigrad.draw.play import BOLD
from minigrad.draw.svg import Sheet

FILL = {"forward": "input", "backward": "kernel", "backward of backward": "deeper", "update": "output"}
STROKE = {"forward": "ink", "backward": "second", "backward of backward": "fifth", "update": "accent"}
LETTER, LEADING, PAD, LANE, TOP, EDGE = 6.7, 15, 8, 6, 76, 24     # pixels: of a letter at size 11, of a line of text


class Box:
    """A line of the graph at (row, column), with its words; `x`, `y` and so on are known when all have their places."""

    x = y = 0.0

    def __init__(self, line: Line, phase: str, row: int, column: int) -> None:
        self.line, self.phase, self.row, self.column = line, phase, row, column
        names = [name for name in line.outside if name.startswith("%")]
        names = [name[1:] for name in names if not any(name.startswith(f"{other}.") for other in names)]
        about = [note for note in line.notes if not note.startswith(("pulls", "transpose of", "writes", "numbers"))]
        pulls = [f"{note.partition(' %')[0]} {line.pulled.name}" for note in line.notes
                 if line.pulled and note.startswith(("pulls", "transpose of"))]
        ends = [*line.targets.replace("%", "").split(" -> ")[1:], *["returned"] * line.returned]
        self.words = [(f"{line.name} {line.op}", "ink"), (line.type, "ink"),
                      *[(words, "faint") for words in (", ".join(about), *pulls, *names) if words],
                      *[(f"→ {end}", "accent") for end in ends]]
        self.width = max(len(words) for words, _ in self.words) * LETTER + 2 * PAD
        self.height = len(self.words) * LEADING + PAD
        self.above: list[Any] = []      # what has a port at the top, and at the bottom
        self.below: list[Any] = []

    def port(self, ports: list[Any], key: Any) -> float:
        """Where a lane meets the top or bottom."""
        return self.x + self.width * (ports.index(key) + 1) / (len(ports) + 1)


def phases(found: list[Line]) -> dict[Line, str]:
    """The phase of each line, by how often it was pulled: what pulls the backward pass, or reads what does, is one of
    its own.
    """
    order: dict[Line, int] = {}
    for line in found:
        above = [order[other] for other in line.reads]
        if line.phase == "backward":
            order[line] = max([1, *above, order[line.pulled] + 1 if line.pulled in order else 1])
        else:
            order[line] = 0
    return {line: "backward of backward" if order[line] > 1 else line.phase for line in found}


def placed(found: list[Line]) -> dict[Line, Box]:
    """A box for each line: its row is that of what it pulls, or of what it reads."""
    row_of: dict[Line, int] = {}
    rows = 0
    for line in found:
        near = [] if line.phase == "forward" else [line.pulled, *line.reads[::-1]]
        row_of[line] = next((row_of[other] for other in near if other in row_of), rows)
        rows = max(rows, row_of[line] + 1)
    boxes, taken, phase_of = {}, [0] * rows, phases(found)
    for phase in FILL:
        first = max(taken, default=0)
        taken = [first] * rows
        for line in found:
            if phase_of[line] == phase:
                boxes[line] = Box(line, phase, row_of[line], taken[row_of[line]])
                taken[row_of[line]] += 1
    return boxes


class Route:
    """The way from the box `a` to the box `b`: through the channels above rows `out` and `into`, if it is not straight,
    and where these differ through the gutter left of column `gutter`."""

    def __init__(self, a: Box, b: Box) -> None:
        self.a, self.b = a, b
        self.straight = a.row == b.row and abs(a.column - b.column) == 1
        self.down = b.row > a.row
        self.out, self.into = a.row + self.down, b.row + (not self.down and b.row != a.row)
        self.gutter = b.column + (a.column > b.column)
        if not self.straight:
            side = a.below if self.down else a.above
            if a not in side:
                side.append(a)
            (b.below if self.into > b.row else b.above).append(self)


def graph(captured: Any, title: str = "") -> Sheet:
    """A picture of a captured graph, as `minigrad.compile(f).explain(...).graph` is one.

    >>> import minigrad
    >>> from minigrad import draw
    >>> captured = minigrad.compile(lambda x: x.exp().sum()).explain(minigrad.ones(3)).graph
    >>> "%0 exp" in draw.graph(captured).svg()
    True
    """
    found = lines(captured)
    read = {source for line in found for source in line.reads}
    boxes = placed([line for line in found if line in read or not line.is_view or line.returned or line.targets])
    routes = [Route(boxes[source], box) for line, box in boxes.items() for source in line.reads]
    channels: dict[int, list[Box]] = defaultdict(list)      # whose value has a lane in the channel above a row
    gutters: dict[int, list[Box]] = defaultdict(list)
    for route in routes:
        if not route.straight:
            places = [(channels, route.out), (channels, route.into)]
            for lanes, at in places + [(gutters, route.gutter)] * (route.out != route.into):
                if route.a not in lanes[at]:
                    lanes[at].append(route.a)
    lane_of_row, bottom = settle(list(boxes.values()), channels, TOP, "row", "height", "y")
    lane_of_column, right = settle(list(boxes.values()), gutters, EDGE, "column", "width", "x")
    sheet = Sheet(right + EDGE, bottom + EDGE, title or "captured graph")
    phases_of, views = {box.phase for box in boxes.values()}, any(box.line.is_view for box in boxes.values())
    edge = legend(sheet, title, [phase for phase in FILL if phase in phases_of] + ["view"] * views)
    sheet.width = max(sheet.width, edge + EDGE)
    for route in routes:
        a, b = route.a, route.b
        if route.straight:
            y = max(a.y, b.y) + LEADING / 2 + PAD / 2
            points = [(a.x + a.width, y), (b.x, y)] if b.column > a.column else [(a.x, y), (b.x + b.width, y)]
        else:
            begin = a.port(a.below if route.down else a.above, a), a.y + a.height * route.down
            low = route.into > b.row
            end = b.port(b.below if low else b.above, route), b.y + b.height * low
            y1, y2 = lane_of_row(route.out, a), lane_of_row(route.into, a)
            across = [] if route.out == route.into else [lane_of_column(route.gutter, a)] * 2
            xs = [begin[0], *across, end[0]]
            points = [begin, *zip(xs, [y1, y1, y2, y2][:2] if not across else [y1, y1, y2], strict=False),
                      (end[0], y2), end]
        saved = a.phase == "forward" != b.phase
        sheet.arrow(points, "faint" if saved else STROKE[b.phase], saved)
    for box in boxes.values():
        sheet.rect(box.x, box.y, box.width, box.height, "ground" if box.line.is_view else FILL[box.phase], "line",
                   dashed=box.line.is_view, round=4)
        for at, (words, fill) in enumerate(box.words):
            sheet.text(box.x + PAD, box.y + LEADING * (at + 1) - 2, words, 11, "start", fill, bold=at == 0, mono=True)
    return sheet


def settle(boxes: list[Box], lanes: dict[int, list[Box]], begin: float, place: str, size: str, coordinate: str) -> Any:
    """Gives boxes their coordinate along one axis: (where a value's lane before a row or column runs, the far end)."""
    largest: dict[int, float] = defaultdict(float)
    for box in boxes:
        largest[getattr(box, place)] = max(largest[getattr(box, place)], getattr(box, size))
    starts, at = {}, begin
    for number in range(max([*largest, *lanes], default=-1) + 1):
        starts[number] = at
        at += (len(lanes[number]) + 2) * LANE
        for box in boxes:
            if getattr(box, place) == number:
                setattr(box, coordinate, at)
                if size == "width":
                    box.width = largest[number]
        at += largest[number]
    return lambda number, box: starts[number] + (lanes[number].index(box) + 1.5) * LANE, at


def legend(sheet: Sheet, title: str, shown: list[str]) -> float:
    """The title, and what colours and dashes say; the right end."""
    sheet.text(EDGE, 28, title, 16, "start", bold=True)
    x = EDGE
    for words in shown:
        sheet.rect(x, 44, 14, 14, FILL.get(words, "ground"), "line", dashed=words == "view", round=3)
        sheet.text(x + 20, 56, words, 12, "start")
        x += 38 + round(6.6 * len(words))
    sheet.arrow([(x, 51), (x + 30, 51)], "faint", True)
    sheet.text(x + 38, 56, "kept for the way back", 12, "start")
    return max(x + 38 + 6.6 * 21, EDGE + BOLD * len(title))
