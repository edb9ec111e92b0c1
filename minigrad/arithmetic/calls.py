"""Which module computes what: a module's call without numbers, as its graph and the calls of modules that it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NamedTuple

from minigrad.autograd import no_grad
from minigrad.capture.compile import CaptureError, explained
from minigrad.capture.graph import Graph, Instruction
from minigrad.capture.trace import Tracer
from minigrad.functions.create import zeros
from minigrad.nn.module import Module
from minigrad.node import Value
from minigrad_ext.buffer import Buffer, NumbersUnknown, unknown
from minigrad_ext.recorder import current, recording


class Call:
    """One call of one module: its `name` in the whole, so many calls deep; `outer` is the call that it is part of.

    `outputs` are the memory that it gives, `own` the instructions made in it but not in calls of other modules.
    """

    def __init__(self, name: str, module: Module, outer: Call | None, begin: int) -> None:
        self.name, self.module, self.outer, self.begin = name, module, outer, begin
        self.depth: int = outer.depth + 1 if outer else 0
        self.own: list[Instruction] = []
        self.outputs: list[Buffer] = []

    @property
    def layer(self) -> str:
        """What kind of module it is."""
        return type(self.module).__name__


@contextmanager
def watched(model: Module) -> Iterator[list[Call]]:
    """The calls of a model's modules in the order in which they start, noted while a function is captured."""
    calls: list[Call] = []
    running: list[Call] = []
    tracers: list[Any] = []

    def instructions() -> list[Instruction] | None:
        tracer = current()
        if tracer is None:
            return None
        tracer.flush()
        if not running and tracers[-1:] != [tracer]:        # a function may be traced again; the last time counts
            tracers.append(tracer)
            calls.clear()
        return tracer.graph.instructions

    def settle(made: list[Instruction]) -> None:
        if running:
            running[-1].own += made[running[-1].begin:]
            running[-1].begin = len(made)

    def started(name: str, module: Module, _: Any) -> None:
        made = instructions()
        if made is not None:
            settle(made)
            running.append(Call(name or "model", module, running[-1] if running else None, len(made)))
            calls.append(running[-1])

    def finished(module: Module, _: Any, output: Any) -> None:
        made = instructions()
        if made is not None:
            settle(made)
            values = output if isinstance(output, tuple | list) else [output]
            running.pop().outputs = [x.buffer for x in values if isinstance(x, Value)]
            if running:
                running[-1].begin = len(made)

    with ExitStack() as undo:
        for name, module in model.named_modules():
            undo.enter_context(module.register_forward_pre_hook(partial(started, name)))
            undo.enter_context(module.register_forward_hook(finished))
        yield calls


class Traced(NamedTuple):
    """A call of a module: the graph that was recorded, its input, the calls of modules in it."""

    graph: Graph
    input: Buffer
    calls: list[Call]


def traced(op: str, model: Module, shape: tuple[int, ...], batch: int = 1, dtype: Any = None) -> Traced:
    """Calls a model in evaluation mode on (batch, *shape) without numbers: nothing is computed, nothing changes.

    The dtype is that of its parameters unless given.  CaptureError where its Python looks at numbers.
    """
    parameters = list(model.parameters())
    tracer = Tracer()
    x = Value.result(unknown(zeros(batch, *shape, dtype=dtype or (parameters[0].dtype if parameters else None)).buffer))
    tracer.filled.add(x.buffer.storage)
    with ExitStack() as undo:
        for module in model.modules():
            undo.callback(setattr, module, "training", module.training)
        calls = undo.enter_context(watched(model))
        undo.callback(tracer.restore)
        undo.enter_context(no_grad())
        undo.enter_context(recording(tracer))
        try:
            model.eval()(x)
        except NumbersUnknown as error:
            raise CaptureError(explained(model, error).replace("compile", op, 1)) from error
    return Traced(tracer.graph, x.buffer, calls)
