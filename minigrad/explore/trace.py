"""A loop that is run and watched: after each line, what the variables hold and which cells were touched.

The text of the loop is run as it stands, under a trace function; nothing of what is shown is worked out beside it.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

from minigrad.draw.steps import number
from minigrad.explore.loops import FILE, Program, program
from minigrad.explore.operation import Board, Operation
from minigrad.explore.state import Window

Values = dict[str, float]


@dataclass(frozen=True)
class Event:
    """A line (from 0) that has just run, and the numbers that the variables hold after it."""

    line: int
    values: Values


@dataclass(frozen=True)
class Trace:
    """The result of a loop and its events, a list of them for each step."""

    program: Program
    result: Any
    steps: list[list[Event]]


def arguments(given: dict[str, Any], made: Program, window: Window) -> dict[str, Any]:
    """What the loop is called with: nested lists as deep as it indexes them, and numbers."""
    several = max(window.c or 1, window.f or 1) > 1
    found = {}
    for name in re.findall(r"\w+", made.text.partition("(")[2].partition(")")[0]):
        value = given[name]
        if not isinstance(value, int):
            kernels = name in "wv"
            sizes = tuple(value.shape[2:]) if window.axes == 2 else tuple(value.shape[3:])
            front = (tuple(value.shape[:2]) if kernels else tuple(value.shape[1:2])) if several else ()
            value = plain(value.reshape(*front, *sizes).tolist())
        found[name] = value
    return found


def plain(nested: Any) -> Any:
    """Whole numbers as such: 3, not 3.0."""
    if isinstance(nested, list):
        return [plain(part) for part in nested]
    return int(nested) if nested == nested // 1 and abs(nested) != float("inf") else nested


def run(operation: Operation, window: Window) -> Trace:
    """Runs the loop of a state on the operation's numbers.

    A step begins with the loop headers that lead to it: so the first one has what comes before all loops, the last one
    what comes after them.
    """
    made = program(window)
    function, events = made.function(), []
    given = arguments(operation.arguments, made, window)
    result: Any = None
    last = 0

    def watch(frame: FrameType, what: str, value: Any) -> Any:
        nonlocal last
        if what in ("line", "return"):
            if last:
                events.append(Event(last - 1, {name: held for name, held in frame.f_locals.items()
                                               if isinstance(held, (int, float))}))
            last = frame.f_lineno
        return watch

    before = sys.gettrace()
    sys.settrace(lambda frame, what, value: watch if frame.f_code.co_filename == FILE else None)
    try:
        result = function(**given)
    finally:
        sys.settrace(before)
    return Trace(made, result, divided(made, events))


def divided(made: Program, events: list[Event]) -> list[list[Event]]:
    """The events by steps."""
    code = made.text.splitlines()
    # The last of the loops from step to step, and all lines in front of it, lead to the next step.
    headers = range(1 + max(j for j, line in enumerate(code)
                            if line.strip().startswith(tuple(f"for {name} " for name in made.steps))))
    steps: list[list[Event]] = []
    leading: list[Event] = []
    for event in events:
        if event.line in headers or code[event.line].strip().startswith("return"):
            leading.append(event)
            continue
        if leading:
            steps.append(leading)
            leading = []
        steps[-1].append(event)
    steps[-1] += leading
    return steps


def moments(trace: Trace, operation: Operation, step: int) -> list[dict[str, Any]]:
    """The events of a step as the page shows them: the line, the variables, those that changed, the cells, and of a
    condition whether it held, of a loop whether it has come to its end."""
    found = []
    code = [line.strip() for line in trace.program.text.splitlines()]
    sizes = {name for name, value in operation.arguments.items() if isinstance(value, int)}
    before: Values = trace.steps[step - 1][-1].values if step else {}
    events = trace.steps[step]
    following = [*events[1:], *(trace.steps[step + 1][:1] if step + 1 < len(trace.steps) else [])]
    for j, event in enumerate(events):
        line = code[event.line]
        entered = j < len(following) and following[j].line == event.line + 1
        note = str(entered).lower() if line.startswith("if") else "done" * (line.startswith("for") and not entered)
        values = {name: value for name, value in event.values.items() if name not in sizes}
        found.append({
            "line": event.line, "note": note, "values": {name: number(value) for name, value in values.items()},
            "changed": [name for name, value in values.items() if before.get(name) != value],
            **cells(trace.program, operation, line, event.values)})
        before = event.values
    return found


def cells(made: Program, operation: Operation, line: str, values: Values) -> dict[str, int]:
    """The cell of each board that the line reads or writes; one that asks where a cell is counts too."""
    found = {}
    boards = (("source", operation.source), ("kernel", operation.kernel), ("target", operation.target))
    for (name, board), letter in zip(boards, made.letters, strict=True):
        # (An index with a remainder, asked for by ==, is no place of the input yet.)
        asks = line.startswith("if") and not (name == "source" and "==" in line)
        if board is None or not (f"{letter}[" in line or asks):
            continue
        place = place_of(getattr(made, name), values, board)
        if place is not None:
            found[name] = place
    return found


def place_of(names: tuple[str, ...], values: Values, board: Board) -> int | None:
    """The number of a cell on its board, None where there is none there."""
    *front, row, column = [sum(int(values.get(name, 0)) for name in part.split("+")) for part in names] or [0, 0]
    if not names or names[-1] not in values:
        return None
    _, maps, rows, columns = board.values.shape
    top, left = board.offset
    image = front[0] * board.across + front[1] % board.across if len(front) == 2 else front[0]
    row, column = row + top, column + left
    if not (0 <= image < maps and 0 <= row < rows and 0 <= column < columns):
        return None
    return (image * rows + row) * columns + column
