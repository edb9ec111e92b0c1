"""Steps on a sheet: as an animation, or as stills beside each other.

Motion is CSS: it plays in browsers, also where the picture is an <img>, halts under the pointer, and does not begin for
readers who have asked their system for less of it; for them, and in programs that know no animation, the first step
stands.  (Chromium does not tell an <img> of that wish; a page that shows one does well to offer the strip beside it.)
Boards and the shape of a window are written once and then referred to, so that files stay small.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any

from minigrad.draw.svg import Sheet
from minigrad.errors import require

if TYPE_CHECKING:
    from minigrad.draw.steps import Board, Step, Steps

EDGE, GAP, TOP, LINE, LINES = 24, 46, 86, 18, 3
LETTER, BOLD, SMALL = 7.3, 9.8, 6.4     # the width of a letter: monospaced at size 12, bold at 16, plain at 12
WIDTH = 1000                            # of a row of stills, at most


def _cell(steps: Steps) -> int:
    """The size of a cell: enough for its words."""
    boards = [steps.source, steps.target]
    words = [word for board in boards for row in board.words for word in row]
    words += [word for step in steps.steps for row in step.words or () for word in row]
    longest = max(map(len, words))
    return max(36, 9 * longest + 10) if longest else 24


class Stage:
    """A sheet, and on it boards with cells of one size, as shared shapes."""

    def __init__(self, sheet: Sheet, cell: float) -> None:
        self.sheet, self.cell = sheet, cell

    def cells(self, board: Board) -> str:
        """The shape of a board without its words."""
        def draw() -> None:
            for r, row in enumerate(board.kinds):
                for c, kind in enumerate(row):
                    self.sheet.rect(c * self.cell, r * self.cell, self.cell, self.cell,
                                    fill=board.fill if kind == "cell" else "", stroke="line", dashed=kind == "pad")
        return self.sheet.shared(draw)

    def words(self, words: list[list[str]], kinds: list[list[str]]) -> str:
        """The shape of the words of a board; empty when it has none."""
        def draw() -> None:
            for r, row in enumerate(words):
                for c, word in enumerate(row):
                    if word:
                        self.sheet.text((c + 0.5) * self.cell, (r + 0.5) * self.cell + 4, word, size=14, mono=True,
                                        fill="ink" if kinds[r][c] == "cell" else "faint")
        return self.sheet.shared(draw) if any(map(any, words)) else ""

    def window(self, step: Step, x: float, y: float) -> None:
        """The window's cells and labels, on a board at (x, y)."""
        if not step.window:
            return
        top, left = min(step.window)[0], min(c for _, c in step.window)

        def draw() -> None:
            for r, c in step.window:
                self.sheet.rect((c - left) * self.cell + 1, (r - top) * self.cell + 1, self.cell - 2, self.cell - 2,
                                fill="kernel", stroke="second", thick=2)
            for (r, c), label in step.window.items():
                if label:
                    self.sheet.text((c - left + 1) * self.cell - 4, (r - top + 1) * self.cell - 3, label, size=10,
                                    anchor="end", mono=True, fill="ink")
        self.sheet.use(self.sheet.shared(draw), x + left * self.cell, y + top * self.cell)

    def point(self, place: tuple[int, int], x: float, y: float) -> None:
        """A frame around one cell of a board at (x, y)."""
        def draw() -> None:
            self.sheet.rect(1.5, 1.5, self.cell - 3, self.cell - 3, stroke="accent", thick=3)
        self.sheet.use(self.sheet.shared(draw), x + place[1] * self.cell, y + place[0] * self.cell)

    def board(self, board: Board, x: float, y: float) -> None:
        """A whole board."""
        for shape in (self.cells(board), self.words(board.words, board.kinds)):
            if shape:
                self.sheet.use(shape, x, y)

    def marks(self, step: Step, side: int, places: list[tuple[float, float]]) -> None:
        """All of a step that lies between a board's cells and its words; `side` is the board of its window."""
        self.window(step, *places[side])
        for side, place in step.points:
            self.point(place, *places[side])


def _lines(says: str, width: float) -> list[str]:
    """A line of words in as many as it needs; where these would be too many, its beginning and its end."""
    found = textwrap.wrap(says, int(width / LETTER), break_long_words=False)
    if len(found) > LINES:
        return [f"{says.split(' = ')[0]} = … = {says.split(' = ')[-1]}"]
    return found


def animation(steps: Steps) -> Sheet:
    """The steps one after the other; see `Steps.animation`."""
    cell = _cell(steps)
    boards = [board for board in (steps.source, steps.kernel, steps.target) if board is not None]
    widths = [max(board.columns * cell, SMALL * len(board.name)) for board in boards]
    table = _Table(steps)
    width = 2 * EDGE + sum(widths) + GAP * (len(boards) - 1) + (GAP + table.width if table.width else 0)
    width = max(width, 2 * EDGE + BOLD * len(steps.title), 340)
    tall = max([board.rows * cell for board in boards] + [table.height])
    said = [_lines(step.says, width - 2 * EDGE) for step in steps.steps]
    deep = max(map(len, said))
    sheet = Sheet(round(width), TOP + tall + EDGE + (deep * LINE + 6 if deep else 0), steps.title)
    sheet.text(EDGE, 34, steps.title, size=16, anchor="start", bold=True)
    stage = Stage(sheet, cell)
    x, places = float(EDGE), []
    for j, (board, room) in enumerate(zip(boards, widths, strict=True)):
        left, top = x + (room - board.columns * cell) / 2, TOP + (tall - board.rows * cell) / 2
        places.append((left, top))
        sheet.text(x + room / 2, top - 10, board.name, size=12, fill="faint")
        sheet.use(stage.cells(board), left, top)
        if j + 1 < len(boards):
            sign = "→" if len(boards) == 2 else "∗="[j]
            sheet.text(x + room + GAP / 2, TOP + tall / 2 + 7, sign, size=22, fill="faint")
        x += room + GAP
    table.draw(sheet, x, TOP + (tall - table.height) / 2)
    ends = [places[0], places[-1]]

    count = len(steps.steps)
    sheet.css += motion(count)
    for j, (step, lines) in enumerate(zip(steps.steps, said, strict=True)):
        with sheet.group(f"t{count}" + ("" if j else " first"), f"animation-delay:{j - count}s"):
            stage.marks(step, steps.side, ends)
            table.row(sheet, j, x, TOP + (tall - table.height) / 2)
            for n, line in enumerate(lines):
                sheet.text(EDGE, TOP + tall + 28 + n * LINE, line, size=12, anchor="start", mono=True)
    for board, place in zip(boards, places, strict=True):
        changing = board is steps.target and steps.steps[0].words is not None
        if changing:
            _changing(steps, stage, *place)
        elif words := stage.words(board.words, board.kinds):
            sheet.use(words, *place)
    return sheet


def _changing(steps: Steps, stage: Stage, x: float, y: float) -> None:
    """The words of the last board, where they change: each is written once, and seen for as long as it stands."""
    count, kinds = len(steps.steps), steps.target.kinds
    groups: dict[tuple[int, int], list[list[str]]] = {}         # of (first step, number of steps): a board of words
    for r, row in enumerate(kinds):
        for c in range(len(row)):
            begin = 0
            for word, run in groupby((step.words or [])[r][c] for step in steps.steps):
                length = len(list(run))
                groups.setdefault((begin, length), [[""] * len(row) for row in kinds])[r][c] = word
                begin += length
    for (begin, length), words in sorted(groups.items()):
        shape = stage.words(words, kinds)
        if shape and length == count:
            stage.sheet.use(shape, x, y)
        elif shape:
            rules = motion(count, length)
            stage.sheet.css += rules if rules not in stage.sheet.css else ""
            kind = f"w{count}-{length}" + ("" if begin else " first")
            with stage.sheet.group(kind, f"animation-delay:{begin - count}s"):
                stage.sheet.use(shape, x, y)


def motion(count: int, length: int = 0) -> str:
    """The rules by which one of `count` groups is seen at a time, a second each; with `length`, words for as long."""
    name = f"w{count}-{length}" if length else f"t{count}"
    end = (length or 1) * 1_000_000 // count / 10_000       # in percent, rounded down: two are never seen at once
    return (f"@keyframes {name}{{0%{{opacity:1}}{end:.4f}%,100%{{opacity:0}}}}"
            f".{name}{{opacity:0;animation:{name} {count}s step-end infinite}}.{name}.first{{opacity:1}}"
            f"svg:hover .{name}{{animation-play-state:paused}}"
            f"@media(prefers-reduced-motion:reduce){{.{name}{{animation:none}}}}")


def strip(steps: Steps, count: int) -> Sheet:
    """Up to `count` steps as stills; see `Steps.strip`."""
    require(count >= 1, "strip", "count", count, "at least 1")
    cell, total = _cell(steps), len(steps.steps)
    count = min(count, total)
    chosen = [steps.steps[round(j * (total - 1) / max(count - 1, 1))] for j in range(count)]
    boards = [steps.source, steps.target]
    wide = max(board.columns for board in boards) * cell
    tall = sum(board.rows for board in boards) * cell + GAP / 2
    across = max(1, min(count, int((WIDTH - 2 * EDGE + GAP / 2) // (wide + GAP / 2))))
    # Full rows where that takes no more than half the width: 9 stills are 3 rows of 3 rather than 5 + 4.
    full = max(n for n in range(1, across + 1) if count % n == 0)
    across = full if 2 * full >= across else -(-count // -(-count // across))
    down = -(-count // across)
    width = max(2 * EDGE + across * wide + (across - 1) * GAP / 2, 2 * EDGE + BOLD * len(steps.title))
    sheet = Sheet(round(width), 56 + down * (tall + GAP) - GAP + EDGE, steps.title)
    sheet.text(EDGE, 34, steps.title, size=16, anchor="start", bold=True)
    stage = Stage(sheet, cell)
    shapes = [(stage.cells(board), stage.words(board.words, board.kinds)) for board in boards]
    for j, step in enumerate(chosen):
        left, y = EDGE + j % across * (wide + GAP / 2), 56 + j // across * (tall + GAP)
        places = []
        for board, (cells, _) in zip(boards, shapes, strict=True):
            places.append((left + (wide - board.columns * cell) / 2, y))
            sheet.use(cells, *places[-1])
            y += board.rows * cell + GAP / 2
        stage.marks(step, steps.side, places)
        for side, (_, words) in enumerate(shapes):
            if side == 1 and step.words is not None:
                words = stage.words(step.words, steps.target.kinds)
            if words:
                sheet.use(words, *places[side])
    return sheet


class _Table:
    """The matrix of steps, a row for each, as small squares; nothing when there is none."""

    def __init__(self, steps: Steps) -> None:
        self.matrix: Any = steps.matrix or []
        columns = len(self.matrix[0]) if self.matrix else 0
        self.unit = max(3, min(16, 420 // max(len(self.matrix), columns, 1)))
        self.width: float = columns * self.unit
        self.height = len(self.matrix) * self.unit
        self.name = "matrix, transposed"
        self.width = max(self.width, SMALL * len(self.name)) if columns else 0

    def draw(self, sheet: Sheet, x: float, y: float) -> None:
        if not self.matrix:
            return
        columns = len(self.matrix[0])
        sheet.text(x + self.width / 2, y - 10, self.name, size=12, fill="faint")
        left = x + (self.width - columns * self.unit) / 2
        sheet.rect(left, y, columns * self.unit, self.height, stroke="line")
        for r, row in enumerate(self.matrix):
            for c, value in enumerate(row):
                if value:
                    sheet.rect(left + c * self.unit, y + r * self.unit, self.unit, self.unit, fill="kernel",
                               stroke="second", thick=0.7)

    def row(self, sheet: Sheet, j: int, x: float, y: float) -> None:
        if self.matrix:
            columns = len(self.matrix[0])
            left = x + (self.width - columns * self.unit) / 2
            sheet.rect(left - 1, y + j * self.unit, columns * self.unit + 2, self.unit, stroke="accent", thick=3)
