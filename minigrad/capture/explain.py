"""How a captured function becomes a plan, as text: what was traced, what each pass changed, what runs and where."""

import re
from typing import Any

from minigrad.capture.graph import nbytes
from minigrad.capture.profile import moved, steps, table
from minigrad.capture.show import lines, text
from minigrad_ext.buffer import whole

NUMBER = r"%\d+(?=[^.\w])"      # of a line


class Stage:
    """The lines of a graph after a pass, by name, with the number of its launches and the bytes that they move."""

    def __init__(self, name: str, found: list[Any], graph: Any) -> None:
        self.name, self.lines = name, {line.name: str(line) for line in found}
        self.launches, self.moved = len(graph.launches), sum(map(moved, graph.launches))

    def __str__(self) -> str:
        return f"{len(self.lines)} lines, {self.launches} launches of kernels that move {self.moved:,} bytes"

    def changes(self, before: "Stage") -> list[str]:
        """The lines that are no more, and those that are new, in order; none that only reads another line instead."""
        found = []
        for name in sorted({**before.lines, **self.lines}, key=lambda name: int(name[1:])):
            old, new = before.lines.get(name, ""), self.lines.get(name, "")
            if re.sub(NUMBER, "", old) != re.sub(NUMBER, "", new):
                found += [f"{sign} {line}" for sign, line in (("-", old), ("+", new)) if line]
        return found


class Explanation:
    """Printed, it tells how a function was captured: its `stages`, the `graph` that is left, the `steps` of its plan.

    Each line keeps its number from stage to stage.  `derivatives` are those of results that can be differentiated: each
    has a `graph`, which passes simplify when it is first needed.
    """

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.stages: list[Stage] = []
        self.traced = ""

    def watch(self, done: Any, graph: Any) -> None:
        """Notes what a pass (None: none yet) has left of the graph."""
        name = done.__name__ if done else "traced"
        self.stages.append(Stage(name, lines(graph, self.numbers), graph))
        self.traced = self.traced or text(graph, self.numbers)

    def finish(self, capture: Any) -> "Explanation":
        """Itself, with what the capture that was watched has become."""
        self.graph, self.memory, self.derivatives = capture.graph, capture.memory, capture.derivatives
        self.steps = steps(self.graph, self.memory.places, self.numbers)
        kept = self.graph.kept() - {buffer.storage for buffer in self.graph.inputs}
        self.results = sum(nbytes(whole(storage)) for storage in kept)
        return self

    def __str__(self) -> str:
        parts = [f"traced: {self.stages[0]}", self.traced]
        for before, stage in zip(self.stages, self.stages[1:], strict=False):
            changes = stage.changes(before)
            parts += ["", f"{stage.name}: {stage if changes else 'nothing to do'}", *changes]
        rows = [(step.name, step.op, step.kernel, step.result, f"{step.nbytes:,}", f"{step.flops:,}", step.place)
                for step in self.steps]
        return "\n".join([
            *parts, "", "what is left", text(self.graph, self.numbers),
            *[f"\nthe way back of a result, planned for itself\n{text(each.graph)}" for each in self.derivatives],
            "", "plan",
            table(("line", "op", "kernel", "result", "bytes", "flops", "lies in"), rows, 4), "",
            f"memory: an arena of {self.memory.nbytes:,} bytes, where {self.memory.bound:,} live at once; with "
            f"{self.results:,} of results {self.memory.nbytes + self.results:,} at most"])

    __repr__ = __str__
