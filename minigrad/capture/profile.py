"""The steps of a plan: what each moves and computes, where its result lies, and how long it takes."""

import math
import time
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from minigrad.capture.graph import Launch, nbytes
from minigrad.capture.show import lines, same, type_text
from minigrad_ext.buffer import Buffer

# Of the sums of products: at which places of a launch stand what has one element for each sum of the forward form, and
# the weight, all of whose elements but those of its first axis, the channel, go into each.
PRODUCTS = {"conv": (0, 2), "conv_transpose": (1, 2), "conv_weight": (2, 0), "linear": (0, 2)}


class Step(NamedTuple):
    """A step of a plan: `name` is the line of the graph that it belongs to, `nbytes` what it reads and writes."""

    name: str
    op: str
    kernel: str
    phase: str
    result: str
    nbytes: int
    flops: int
    place: str


def flops(launch: Launch) -> int:
    """Additions and multiplications: two for each product that is summed; elsewhere one for each element written."""
    if launch.parts:
        return sum(map(flops, launch.parts))
    buffers, name = launch.buffers, launch.name
    if name in PRODUCTS:
        sums, weight = (buffers[place] for place in PRODUCTS[name])
        return 2 * sums.size * weight.size // max(weight.shape[0], 1)
    if name == "matmul":
        return 2 * buffers[0].size * buffers[1].shape[-1]
    return sum(buffer.size for buffer in launch.written)


def moved(launch: Launch) -> int:
    """Bytes read and written, what is repeated by a zero stride once."""
    return sum(map(distinct, {same(buffer): buffer for buffer in launch.read}.values())) + sum(
        map(distinct, launch.written))


def distinct(buffer: Buffer) -> int:
    repeated = math.prod([n for n, stride in zip(buffer.shape, buffer.strides, strict=True) if stride == 0])
    return nbytes(buffer) // max(repeated, 1)


def steps(graph: Any, places: dict[Any, int], numbers: dict[Any, int] | None = None) -> list[Step]:
    """The steps of the plan for a graph, in order; `places` are offsets in its arena."""
    outputs, found = {buffer.storage for buffer in graph.outputs}, []
    for line in lines(graph, numbers):
        for launch in line.step.launches:
            out = launch.written[0]
            place = (f"arena {places[out.storage]:,}" if out.storage in places else
                     "in place" if out.known or out.storage not in outputs else "result")
            found.append(Step(line.name, line.op, launch.name, line.phase, type_text(out), moved(launch),
                              flops(launch), place))
    return found


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], left: int) -> str:
    """Columns, the first `left` of which start at the left."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join("  ".join([cell.ljust(width) if at < left else cell.rjust(width) for at, (cell, width) in
                                enumerate(zip(row, widths, strict=True))]).rstrip() for row in (head, *rows))


class Profile:
    """Medians over calls, in seconds: of a `call`, and of each of its `steps` (`times`, in their order).

    Printed, it is a table of the steps, the longest first.
    """

    def __init__(self, steps: list[Step], times: list[float], call: float) -> None:
        self.steps, self.times, self.call = steps, times, call

    def __str__(self) -> str:
        total, rows = sum(self.times), []
        for spent, step in sorted(zip(self.times, self.steps, strict=True), key=lambda pair: -pair[0]):
            ns = max(spent * 1e9, 1)
            rows.append((step.name, step.op, step.result, step.phase, f"{spent * 1e6:.1f}", f"{spent / total:.0%}",
                         f"{step.flops / ns:.1f}", f"{step.nbytes / ns:.1f}"))
        return (f"{self.call * 1e6:,.1f} us a call, {total * 1e6:,.1f} us in its {len(rows)} steps\n"
                + table(("line", "op", "result", "phase", "us", "share", "GF/s", "GB/s"), rows, 4))

    __repr__ = __str__


def profile(compiled: Any, args: tuple, kwargs: dict, runs: int) -> Profile:
    """Calls it: twice for what first calls alone do, `runs` times as ever, and as often with a clock at each step."""
    clock = time.perf_counter
    calls = []
    for _ in range(2 + runs):
        begun = clock()
        compiled(*args, **kwargs)
        calls.append(clock() - begun)
    capture = compiled.captures[0]
    found: list[list[int]] = []
    capture.plan.clocked = found
    try:
        for _ in range(runs):
            compiled(*args, **kwargs)
    finally:
        capture.plan.clocked = None
    times = [median(each) / 1e9 for each in zip(*found, strict=True)]
    return Profile(steps(capture.graph, capture.memory.places), times, median(calls[2:]))
