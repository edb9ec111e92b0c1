"""Results of a captured function that can be differentiated, as those of the function itself can.

When the function has been traced, its results still have their graphs.  So tracing goes on: a cotangent without numbers
is pulled back from a result to the arguments and the tensors from outside that it depends on.  The instructions which
that adds are taken out of the function's graph and become one of their own, with a plan of its own.  What it reads of
the function's memory is handed out by each replay, in fresh memory that the result's node holds: a graph is freed,
retained and checked for changes in place like any other.

The node is of an op for this one call (not a row of the table), as that of func.checkpoint is.  Derivatives of the
derivative, and forward mode, record the function again.
"""

import threading
from collections.abc import Callable
from typing import Any

from minigrad.autograd import enable_grad
from minigrad.capture.form import mapped
from minigrad.capture.graph import Graph, storages
from minigrad.capture.placed import Placed
from minigrad.capture.replay import Argument, Replay, State
from minigrad.functions.create import zeros_like
from minigrad.grad import pull_back, push_forward
from minigrad.node import GRAD, Meta, Node, Value, order, origin
from minigrad.op import OPS, Differentiable
from minigrad.ops.view import alias
from minigrad.random import get_rng_state, set_rng_state
from minigrad_ext.buffer import Buffer, NumbersUnknown, Storage, alike, empty, unknown, whole
from minigrad_ext.recorder import current


class Derivative:
    """How a cotangent of one result becomes those of the `ends`: the numbers of arguments, values from outside, and
    leaves that the function has made and returns, as -1 less their place there.

    `places` are those of the result among all that are returned.  The plan reads the inputs number `inputs` of the
    function's graph, the memory `saved` of it, and values from `outside`.  There is none where a rule looks at numbers.
    """

    def __init__(self, tracer: Any, returned: list[Value], place: int, twins: list[Value], leaves: list[int]) -> None:
        out = returned[place]
        self.places = [at for at, each in enumerate(returned) if each is out]
        self.meta, self.error = Meta(out.shape, out.dtype), ""
        self.replay: Replay | None = None
        self.lock = threading.Lock()
        self.values: Any = None
        self.inputs: list[int] = []
        self.saved: list[Storage] = []
        self.outside: list[Value] = []
        arguments = {id(twin): at for at, twin in enumerate(twins) if not twin.buffer.known}
        arguments |= {id(returned[at]): -1 - at for at in leaves}
        others = {origin(value): value for _, ref in tracer.outside.values() if (value := ref()) is not None
                  and value.differentiable and id(value.node) not in tracer.made
                  and value.buffer.storage not in tracer.graph.constants}
        nodes = [node for node in order([out.node], others) if node not in others]
        reached = dict.fromkeys(parent for node in nodes for parent in node.parents)
        targets = [others.get(end, end) for end in reached if id(end) in arguments or end in others]
        self.ends: list[Any] = [arguments.get(id(end), end) for end in targets]
        self.metas = [Meta(end.shape, end.dtype) for end in targets]
        if any(node.operands is None for node in nodes):
            self.ends = []                      # the function has freed the graph
        elif targets:
            hooks = {at: at.hooks for at in others if at in reached}
            for at in hooks:
                at.hooks = None                 # the walk calls them that this derivative is a part of
            try:
                self.trace(tracer, out, targets)
            finally:
                for at, kept in hooks.items():
                    at.hooks = kept

    def trace(self, tracer: Any, out: Value, targets: list[Value]) -> None:
        """Pulls a cotangent back, and takes what that adds out of the function's graph."""
        forward, effects = tracer.graph, len(tracer.effects)
        start, g = len(forward.instructions), Value.result(empty(out.shape, out.dtype.code))
        tracer.filled.add(g.buffer.storage)
        found = None
        try:
            found = pull_back([out], [g], targets, retain_graph=True, through=False)
        except NumbersUnknown:
            pass
        except RuntimeError as error:           # a value was changed in place
            self.error = str(error)
        tracer.flush()
        graph = self.graph = Graph()
        graph.instructions, graph.constants = forward.instructions[start:], set(forward.constants)
        graph.live = forward.live
        self.effects = tracer.effects[effects:]
        self.drawing = bool(self.effects) or any(launch.params in graph.live for launch in graph.launches)
        del forward.instructions[start:], tracer.effects[effects:]
        if found is not None:
            self.cut(graph, forward, tracer, g, [found[origin(end)] for end in targets])

    def cut(self, graph: Graph, forward: Graph, tracer: Any, g: Value, found: list[Value]) -> None:
        """Tells by where it lies what the graph reads: in arguments, in other memory of the function, or outside."""
        graph.inputs, graph.outputs, graph.returned = [g.buffer], [value.buffer for value in found], len(found)
        given = [*forward.inputs, *[slot.bound.buffer for slot in tracer.slots.values() if slot.bound is not None]]
        number = {buffer.storage: at for at, buffer in reversed(list(enumerate(given)))}
        made = {storage for launch in forward.launches for storage in storages(launch.written)}
        twins: dict[Storage, Buffer] = {}
        for storage in dict.fromkeys(buffer.storage for read in (*[launch.read for launch in graph.launches],
                                                                 graph.outputs) for buffer in read):
            if storage in number:
                self.inputs.append(number[storage])
            elif storage in made and (storage in graph.constants or not whole(storage).known):
                twins[storage] = unknown(whole(storage))
                self.saved.append(storage)
            elif whole(storage).known and storage not in graph.constants:
                self.outside.append(Value(whole(storage)))
        graph.put(twins)
        graph.inputs += [*[given[at] for at in self.inputs], *twins.values()]
        self.values, self.found = [g, *[Value(buffer) for buffer in graph.inputs[1:]]], found

    def placed(self) -> Replay:
        """The plan: made when it is first asked for."""
        found = Placed(self.graph)
        arguments = [Argument(value, False, at, False) for at, value in enumerate(self.values)]
        results = [found.result(out, buffer, self.values) for out, buffer in zip(self.found, self.graph.outputs,
                                                                                 strict=True)]
        return Replay(found.plan, arguments, results, len(results), [], found.fresh, found.written, found.changed,
                        self.effects, State(list, [], [], []))

    def pulled(self, g: Value, values: tuple) -> list[Value]:
        """The cotangents of the ends, from the result's and the memory that the plan reads."""
        with self.lock:
            if self.replay is None:
                self.replay = self.placed()
        return self.replay.run([g if alike(g.buffer, self.values[0].buffer) else OPS["copy"](g), *values])


class History:
    """What a replay adds to its results: nodes.  `held` are arguments of the form captured, `derivatives` its own, and
    `leaves` the places of results that want gradients and have no node."""

    def __init__(self, function: Callable, held: tuple, derivatives: list[Derivative], leaves: list[int]) -> None:
        self.function, self.held, self.derivatives, self.leaves, self.calls = function, held, derivatives, leaves, 0

    def attach(self, made: list[Value], saved: list[Value], bound: list[Buffer], tensors: list[Value],
               before: dict[str, int]) -> None:
        """Gives the results of a call their nodes."""
        self.calls += 1
        for place in self.leaves:
            made[place].differentiable = True
        for derivative in self.derivatives:
            n = len(derivative.saved)
            operands = (*derivative.metas, *derivative.outside, *[Value(bound[at]) for at in derivative.inputs],
                        *saved[:n])
            saved = saved[n:]
            parents = [origin(end) for end in called(derivative.ends, tensors, made)]
            parents += [None] * (len(operands) - len(parents))
            node = Node(Call(self, derivative, tensors, before), {}, tuple(parents), operands, None, derivative.meta)
            for place in derivative.places:
                made[place].node, made[place].differentiable = node, True


class Call(Differentiable):
    """The op that made one result of one call."""

    name = kind = "compile"
    part = False

    def __init__(self, history: History, derivative: Derivative, tensors: list[Value], before: dict[str, int]) -> None:
        self.history, self.derivative, self.tensors, self.before = history, derivative, tensors, before
        self.number = history.calls
        self.known: tuple[Any, bool, dict[int, Any]] = (None, False, {})

    def planned(self) -> bool:
        """Whether the plan can tell: it has no memory of its own for random numbers drawn on the way back."""
        derivative = self.derivative
        return (not GRAD.enabled and current() is None and derivative.values is not None
                and (self.number == self.history.calls or not derivative.drawing))

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        derivative = self.derivative
        if derivative.error:
            raise RuntimeError(derivative.error)
        cotangent, recorded, results = self.known
        if cotangent is not g or recorded != GRAD.enabled or slot not in results:   # one run serves all operands
            if self.planned():
                found = derivative.pulled(g, operands[len(derivative.metas) + len(derivative.outside):])
            else:
                ends, output = self.again()
                pulled = pull_back([output], [g], ends, create_graph=GRAD.enabled, retain_graph=True, through=False)
                found = [pulled[origin(end)] for end in ends]
            results = dict(enumerate(found))
        result = results.pop(slot)
        self.known = (g, GRAD.enabled, results) if results else (None, False, {})
        return result

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        ends, output = self.again()
        moving = [(x, t) for x, t in zip(ends, tangents, strict=False) if t is not None]
        (pushed,) = push_forward([output], *map(list, zip(*moving, strict=True)), create_graph=GRAD.enabled)
        return zeros_like(output) if pushed is None else pushed

    def again(self) -> tuple[list[Value], Value]:
        """The function's graph, made anew with the random numbers of this call: (ends, result)."""
        history, now = self.history, get_rng_state()
        inputs = [alias(x) if x.differentiable else x for x in self.tensors]
        for x, fresh in zip(self.tensors, inputs, strict=True):
            fresh.differentiable = x.differentiable
        given = iter(inputs)
        returned: list[Value] = []
        args, kwargs = mapped(history.held, lambda _: next(given))
        set_rng_state(self.before)
        try:
            with enable_grad():
                mapped(history.function(*args, **kwargs), returned.append)
        finally:
            set_rng_state(now)
        return called(self.derivative.ends, inputs, returned), returned[self.derivative.places[0]]


def called(ends: list[Any], arguments: list[Value], returned: list[Value]) -> list[Value]:
    """What the ends of a derivative are in one call."""
    return [end if type(end) is not int else arguments[end] if end >= 0 else returned[-1 - end] for end in ends]
