"""Why a function is not its matrix although its graph is linear: found by tracing it without numbers."""

from __future__ import annotations

from collections.abc import Callable

from minigrad.capture.trace import Tracer
from minigrad.node import Value
from minigrad.op import Linear
from minigrad_ext.buffer import Buffer, NumbersUnknown, unknown
from minigrad_ext.recorder import recording


class Reader(Tracer):
    """A tracer that lets numbers be looked at, where there are some: this function runs once."""

    def look(self, buffer: Buffer) -> None:
        """Nothing to say against it."""


def reason(fn: Callable, x: Value) -> str:
    """The first op that reads the numbers of the argument to choose by them, or that Python code does."""
    tracer, twin = Reader(), Value.result(unknown(x.buffer))
    twin.differentiable = True
    tracer.filled.add(twin.buffer.storage)
    try:
        with recording(tracer):
            fn(twin)
    except NumbersUnknown:
        return "Python code reads numbers that depend on the argument"
    except Exception:       # what it does cannot be traced, but what it did until then can tell
        pass
    finally:
        tracer.restore()
    reached = {twin.buffer.storage}
    for made in tracer.graph.instructions:
        inside = {slot for slot, operand in enumerate(made.operands) if operand.storage in reached}
        chosen = made.row.constants if isinstance(made.row, Linear) else ()
        if made.row is not None and inside and (made.row.kind == "constant" or not inside.isdisjoint(chosen)):
            return f"{made.row.name} chooses by the numbers of the argument"
        if inside:
            reached.add(made.result.storage)
    return "it passes its argument where no gradient does, rounds it, or changes from call to call"
